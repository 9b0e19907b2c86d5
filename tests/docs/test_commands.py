"""Commands that documents and messages name: each exists, with its subcommand and its options."""

import re
import sys
from functools import cache

from baking import ROOT, TEMPLATE

from nlp_gitops.cli.main import CI_COMMANDS, COMMANDS
from nlp_gitops.core.package_files import reference_pages

sys.path.insert(0, str(ROOT / "scripts"))

from reference import parsers  # noqa: E402

# These are read in a checkout of the template, whose Makefile has targets of its own.
OF_TEMPLATE = ("README.md", "CONTRIBUTING.md", "docs/index.md", "docs/benchmarks.md",
               "docs/design-decisions.md")
ELSEWHERE = re.compile(r"`make [a-z-]+`(?= (?:of|in) the template)")
# What follows the name of the package in sentences.
PROSE = {"from", "is", "that"}

_BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
_COMMAND = re.compile(r"(?:\bnlp-gitops|-m nlp_gitops) (?:(ci) )?([a-z][\w-]*)([^|;&#>]*)")
_SCRIPT = re.compile(r"(?<![\w/])(tools/)?([a-z_]+)\.py\b([^|;&#>]*)")
_MAKE = re.compile(r"(?<![\w-])make((?: (?:[a-z][a-z-]*|-{1,2}[a-z][a-z-]*|"
                   r"[A-Z_]+=(?:'[^']*'|\"[^\"]*\"|\S*)))+)")


def documents():
    """Return {name: text} of every document of the template and of a generated project."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *TEMPLATE.rglob("*.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def sources():
    """Return {name: text} of the files in which messages, help texts and comments stand."""
    paths = [*(ROOT / "src").rglob("*.*"), *(ROOT / "hooks").glob("*.py"), *TEMPLATE.rglob("*")]
    kinds = (".py", ".json", ".toml", ".yaml", ".yml", ".txt", ".conf", "")
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
            for path in paths if path.is_file() and path.suffix in kinds
            and path.name != "requirements.txt"}


def code(text):
    """Yield what a document shows as code: lines of blocks, and spans between backticks."""
    for block in _BLOCK.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    rest = _BLOCK.sub("", text)
    yield from re.findall(r"^    (\S.*)$", rest, re.MULTILINE)
    for span in re.findall(r"(?<!`)`([^`]+)`", rest):
        yield " ".join(span.split())


def shown():
    """Yield (name of a document, piece of code in it)."""
    for name, text in documents().items():
        for piece in code(ELSEWHERE.sub("", text)):
            yield name, piece


def targets(folder):
    return set(re.findall(r"^([a-z-]+):", (folder / "Makefile").read_text(), re.MULTILINE))


@cache
def options(name):
    """Return the options of a command and of its subcommands, and the names of these."""
    found = list(parsers(name, name))
    words = {word for parser in found for action in parser._actions
             for word in action.option_strings}
    first = next((action for action in found[0]._actions if not action.option_strings), None)
    return words, {*(first.choices or ())} if first else set()


def faults_of(name, rest):
    """Yield what of the words after a command it does not know."""
    words, subcommands = options(name)
    for word in re.findall(r"(?<![^\s\[])--[A-Za-z][\w-]*", rest):
        # A bound of any metric, such as --min_f1_macro.
        if word.replace("_", "-") not in words and not (
                name == "eval_gate" and re.match("--(min|max)_", word)):
            yield word
    first = re.match(r" ([a-z][a-z-]*)(?!\S)", rest)
    if subcommands and first and first[1] not in subcommands:
        yield first[1]


def known(ci, name):
    return name in (CI_COMMANDS if ci else COMMANDS) or name == "ci"


def test_every_command_of_the_package_that_a_document_names_exists():
    used = [(page, match) for page, piece in shown() for match in _COMMAND.finditer(piece)]

    assert len(used) > 40
    assert [(page, match[0]) for page, match in used
            if not known(match[1], match[2].replace("-", "_")) and match[2] not in PROSE] == []


def test_every_script_that_a_document_names_is_a_door():
    doors = {path.stem for path in (TEMPLATE / "tools").glob("*.py")}
    used = [(page, match) for page, piece in shown() for match in _SCRIPT.finditer(piece)
            if match[1] or match[2] in {*COMMANDS, *CI_COMMANDS}]

    assert len(used) > 100
    assert [(page, match[0]) for page, match in used if match[2] not in doors] == []


def test_a_command_that_a_document_names_knows_the_options_beside_it():
    used = [(page, match[2].replace("-", "_"), match[3]) for page, piece in shown()
            for pattern in (_COMMAND, _SCRIPT) for match in pattern.finditer(piece)]
    used = [(page, name, rest) for page, name, rest in used if name in {*COMMANDS, *CI_COMMANDS}]

    assert sum("--" in rest for _, _, rest in used) > 80
    assert [(page, name, word) for page, name, rest in used
            for word in faults_of(name, rest)] == []


def test_every_target_that_a_document_names_is_in_the_makefile_that_its_readers_have():
    project, template = targets(TEMPLATE), targets(ROOT)
    used = [(page, word) for page, piece in shown() for match in _MAKE.finditer(piece)
            for word in re.findall(r"(?<!\S)[a-z][a-z-]*", re.sub(r"'[^']*'", "", match[1]))]

    assert len(used) > 100
    assert [(page, word) for page, word in used
            if word not in project | (template if page in OF_TEMPLATE else set())] == []


def test_messages_help_texts_and_comments_name_commands_that_exist():
    doors = {path.stem for path in (TEMPLATE / "tools").glob("*.py")}
    lost = []
    for name, text in sources().items():
        lost += [(name, match[0]) for match in re.finditer(
                 r"(?:\bnlp-gitops|-m nlp_gitops) (?:(ci) )?([a-z][a-z-]*)", text)
                 if not known(match[1], match[2].replace("-", "_")) and match[2] not in PROSE]
        lost += [(name, match[0]) for match in re.finditer(r"\btools/([a-z_]+)\.py", text)
                 if match[1] not in doors]
        lost += [(name, match[0]) for match in re.finditer(r"(?:type: |`)make ([a-z-]+)", text)
                 if match[1] not in targets(TEMPLATE)]

    assert lost == []


def test_every_topic_that_is_named_has_a_page():
    named = {match[1]: name for name, text in {**documents(), **sources()}.items()
             for match in re.finditer(r"nlp-gitops help ([a-z]+)(?! reference pages)\b", text)}

    assert {"drift", "gates", "model", "prompts", "registry", "tracking", "workflows"} <= set(named)
    assert {topic: name for topic, name in named.items() if topic not in reference_pages()} == {}
