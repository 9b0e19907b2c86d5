"""`nlp-gitops NAME …`: every command of the package, by its name.

The doors in a repository's tools/ lead here too, so that `python tools/train.py` and
`nlp-gitops train` are one and the same.
"""

import importlib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops import __version__
from nlp_gitops.cli import frame
from nlp_gitops.core.errors import UsageError


@dataclass(frozen=True)
class Command:
    """One command: the part of the work that it belongs to, and what it does in a line."""

    group: str
    summary: str


COMMANDS = {
    "check_schema": Command("data and prompts", "check data/dataset.yaml and its rows"),
    "import_dataset": Command("data and prompts", "make a dataset version of files of rows"),
    "check_prompts": Command("data and prompts", "check the prompt files"),
    "prompt_lab": Command("data and prompts", "versions of a prompt side by side"),
    "train": Command("models", "train a model and log the run"),
    "runs": Command("models", "list, show and compare runs"),
    "eval_gate": Command("models", "judge a run by gates.yaml"),
    "report": Command("models", "show a gate's report again, or in another format"),
    "pack_model": Command("models", "archive, manifest and model card in dist/"),
    "card": Command("models", "renew the model cards and the data card"),
    "push_to_registry": Command("registry", "register the packed model in a stage"),
    "promote": Command("registry", "move a version to a stage"),
    "rollback": Command("registry", "production back to the last good version"),
    "registry": Command("registry", "show, history, at, pull, verify, doctor, init-remote …"),
    "summary": Command("registry", "stages and newest events as Markdown"),
    "site": Command("registry", "the registry as a page: site/index.html"),
    "audit": Command("registry", "one file for an auditor about one version"),
    "serve": Command("production", "answer requests with a version"),
    "deploy": Command("production", "put what the registry says behind nginx here"),
    "canary": Command("production", "judge a candidate on live traffic"),
    "score": Command("production", "label files of texts"),
    "feedback": Command("production", "take labels in that came later"),
    "drift_report": Command("production", "compare live traffic with a reference"),
    "drill": Command("production", "practise a rollback or an incident"),
    "incident": Command("production", "whom to call, what is known, the post-mortem"),
    "init": Command("repository", "adopt an existing repository"),
    "eject": Command("repository", "unpack this package into the repository"),
    "help": Command("repository", "print a reference page: gates, registry, drift …"),
}
# Only workflows call these.
CI_COMMANDS = ("alert", "asked", "changed", "comment", "notify", "onward", "promotion",
               "update_template")
# They work where no repository was generated yet, or where its wheel is at fault.
_ANYWHERE = ("init", "help", "changed")


def main(argv: Sequence[str] | None = None) -> None:
    """Run what the command line says, and leave the process with its exit code."""
    frame.run(_program, list(sys.argv[1:] if argv is None else argv))


def door(name: str) -> None:
    """Run one command for a file in tools/, with the arguments of the process."""
    frame.run(lambda arguments: run_command(name, arguments, f"{name}.py"), sys.argv[1:])


def _program(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0 if arguments else 2
    if arguments[0] in ("--version", "-V"):
        print(version())
        return 0
    word, *rest = arguments
    if word == "ci":
        name = rest[0].replace("-", "_") if rest else ""
        if name not in CI_COMMANDS:
            raise UsageError(f"ci {name}: no such command; there are "
                             + ", ".join(item.replace("_", "-") for item in CI_COMMANDS))
        return run_command(name, rest[1:], f"nlp-gitops ci {rest[0]}")
    name = word.replace("-", "_")
    if name not in COMMANDS:
        raise UsageError(f"{word}: no such command; type: nlp-gitops --help")
    return run_command(name, rest, f"nlp-gitops {word}")


def run_command(name: str, arguments: Sequence[str], program: str) -> int:
    """Run a command by the name of its module; return its exit code."""
    frame.program = program
    if name not in _ANYWHERE and not {"-h", "--help"} & {*arguments}:
        from nlp_gitops.core.installation import require_whole

        require_whole(Path.cwd())
    module = importlib.import_module(f"nlp_gitops.cli.{name}")
    command: Callable[[Sequence[str]], int] = module.main
    return command(hyphenated(arguments))


def hyphenated(arguments: Sequence[str]) -> list[str]:
    """Write the names of flags with `-`, which may be typed with `_` as well."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = [re.sub(r"^--[A-Za-z][\w-]*", lambda flag: flag[0].replace("_", "-"), word)
             for word in arguments[:end]]
    return [*flags, *arguments[end:]]


def version() -> str:
    """Return the version and the digest of the package's source, as manifests record them."""
    from nlp_gitops.core.package_files import source_digest

    return f"nlp-gitops {__version__} (source sha256 {source_digest()})"


def overview() -> str:
    """Return the help that lists every command, by the part of the work."""
    lines = ["usage: nlp-gitops COMMAND [OPTIONS]", "", "Gates, registry, rollout and drift for an "
             "NLP team's repository.", ""]
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        lines.append(f"{group}:")
        lines += [f"  {name.replace('_', '-'):<18} {command.summary}"
                  for name, command in COMMANDS.items() if command.group == group]
        lines.append("")
    return "\n".join([*lines, "nlp-gitops COMMAND --help shows options and examples; "
                      "nlp-gitops help lists reference pages;", "nlp-gitops --version prints the "
                      "version and the digest of the source."])
