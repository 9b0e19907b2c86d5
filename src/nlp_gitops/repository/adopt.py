"""Adopting a repository: what the real cruft generates, brought in without overwriting anything."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nlp_gitops.core import files
from nlp_gitops.core.errors import Conflict, NotMeasured, UsageError
from nlp_gitops.core.git import GitError, environment, git, has_ref
from nlp_gitops.registry.transaction import root_files, write_root
from nlp_gitops.repository.advice import advise

LINK = ".cruft.json"
PROJECT = "project"
SETTINGS = "project.yaml"
LEDGER = "registry"
# Below the git folder: the template's own files of the names that were left alone, to merge from.
KEPT = "nlp-gitops"
MADE, THERE = "made", "there already"
# The template's hook then makes no repository and says nothing about what to type next.
FILES_ALONE = "NLP_GITOPS_FILES_ALONE"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What a shell shows of an error: the exception's name is for programmers.
_EXCEPTION = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Repository|Template):? *")


@dataclass(frozen=True)
class Generated:
    """A generated project, its answers, and what links it to the template."""

    folder: Path
    link: Mapping[str, object]

    @property
    def commit(self) -> str:
        """Return the template's commit."""
        return str(self.link["commit"])

    @property
    def names(self) -> list[str]:
        """Return the generated files; no repository, and not the link."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*")
                 if path.is_file())
        return sorted(path.as_posix() for path in found
                      if path.parts[0] not in (".git", LINK))


def cruft() -> list[str]:
    """Return the command that runs cruft; raise UsageError where there is none."""
    if importlib.util.find_spec("cruft"):
        return [sys.executable, "-m", "cruft"]
    found = shutil.which("cruft")
    if found is None:
        raise UsageError("cruft is not installed, and links a repository to its template; type: "
                         "pipx install cruft")
    return [found]


def require_template(template: str, ask: bool) -> None:
    """Raise UsageError unless this is a repository with a commit that git can read."""
    try:
        git(Path.cwd(), "ls-remote", "--exit-code", "--", template, "HEAD", env=_prompts(ask))
    except GitError as error:
        reason = str(error).removeprefix("git ls-remote: ")
        if error.code == 2:
            reason = "it has no commit yet"
        raise UsageError(f"template {template}: git cannot read it: {reason}; name the template's "
                         "folder or its URL") from None


def default_answers(folder: Path, answers: Mapping[str, str], ask: bool) -> dict[str, str]:
    """Return the answers, and the folder's name as that of the project if nobody gave another."""
    given = answers.get(PROJECT)
    if given is not None and not _NAME.fullmatch(given):
        raise UsageError(f"project={given}: use lower case letters, digits and '-', at most 63; "
                         "for example project=review-sentiment")
    if given is not None:
        return dict(answers)
    fitting = re.sub(r"[^a-z0-9]+", "-", folder.name.lower())[:63].strip("-")
    if fitting != folder.name and not ask:
        raise UsageError(f"the folder's name {folder.name!r} cannot be the project's; name one: "
                         f"project={fitting or 'review-sentiment'}")
    return {**({PROJECT: fitting} if fitting else {}), **answers}


def generate(template: str, answers: Mapping[str, str], output: Path, ask: bool,
             chatter: IO[str] | None) -> Generated:
    """Let cruft generate into `output`; ask the template's questions if `ask`.

    Questions are printed to `chatter`; None is standard output.
    """
    command = [*cruft(), "create", template, "--output-dir", str(output),
               "--extra-context", json.dumps(dict(answers)), *([] if ask else ["--no-input"])]
    sys.stdout.flush()
    done = subprocess.run(
        command, text=True, errors="replace", stderr=subprocess.PIPE,
        stdin=None if ask else subprocess.DEVNULL, stdout=chatter if ask else subprocess.DEVNULL,
        env={**environment(), **_prompts(ask), FILES_ALONE: "1",
             "TYPER_STANDARD_TRACEBACK": "1", "_TYPER_STANDARD_TRACEBACK": "1"})
    if done.returncode:
        raise UsageError(_reason(done.stderr))
    folders = [path for path in output.iterdir() if path.is_dir()]
    if len(folders) != 1 or not (folders[0] / LINK).is_file():
        raise NotMeasured(f"template {template}: cruft made no project of it")
    if not (folders[0] / "project.yaml").is_file():
        raise UsageError(f"template {template}: its projects have no project.yaml, so it is "
                         "not one of nlp-gitops")
    found = Generated(folders[0], json.loads((folders[0] / LINK).read_text(encoding="utf-8")))
    _require_known(answers, found)
    return found


def _prompts(ask: bool) -> dict[str, str]:
    """Let git ask for a password where somebody is there to type it."""
    return {"GIT_TERMINAL_PROMPT": "1" if ask else "0"}


def _require_known(answers: Mapping[str, str], found: Generated) -> None:
    """cookiecutter passes over a key that no question has, and a typing error with it."""
    context = found.link["context"]
    asked = context["cookiecutter"] if isinstance(context, dict) else {}
    known = [key for key in asked if not key.startswith("_")]
    for key in answers:
        if key not in known:
            raise UsageError(f"{key}=…: the template asks no such question; there are "
                             + ", ".join(known))


def _reason(stderr: str) -> str:
    """Return why cruft failed: what a hook of the template said, else its last words."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if said:
        return "; ".join(said)
    if any(line in ("Aborted!", "Aborted.") or line.startswith("EOFError") for line in lines[-2:]):
        return ("the questions were not answered; answer them, or give answers as KEY=VALUE with "
                "--no-input")
    last = _EXCEPTION.sub("", lines[-1]) if lines else "it said nothing"
    return f"cruft: {last or lines[-1]}"


@dataclass(frozen=True)
class Plan:
    """Files to write, and those to leave alone with a line of advice for each."""

    root: Path
    generated: Generated
    write: tuple[str, ...]
    left: Mapping[str, str]
    remarks: tuple[str, ...]


def is_repository(here: Path) -> bool:
    """Say whether a repository begins here; raise where none can be adopted."""
    if os.path.lexists(here / SETTINGS):
        raise Conflict(f"{here / SETTINGS}: there already, so this repository was adopted before; "
                       "a newer template comes by: cruft update")
    if os.path.lexists(here / LINK):
        raise Conflict(f"{here / LINK}: there already; this repository follows a template, and "
                       "cruft follows one only")
    try:
        top = Path(git(here, "rev-parse", "--show-toplevel")).resolve()
    except GitError as error:
        if "not a git repository" not in error.stderr:
            raise UsageError(f"{here}: {error}") from None
        if any(here.iterdir()):
            raise UsageError(f"{here}: not a git repository, and not empty; type: git init -b main "
                             "&& git add -A && git commit -m 'Start'") from None
        return False
    if top != here.resolve():
        raise UsageError(f"{here}: a folder of the repository {top}; workflows, tags and the "
                         f"branch {LEDGER} belong to a whole repository, so type this in {top}, or "
                         "in a repository of its own")
    return True


def plan(root: Path, generated: Generated) -> Plan:
    """Return what to write and what to leave alone. Nothing is changed."""
    write, left = [], {}
    for name in generated.names:
        state = _state(root, name)
        if state == "absent":
            write.append(name)
        elif state != "there":
            left[name] = state
        elif (root / name).read_bytes() != (generated.folder / name).read_bytes():
            left[name] = advise(name, root, generated.folder)
    return Plan(root, generated, tuple(write), left, tuple(_remarks(root, write, left)))


def apply(plan: Plan, repository: bool) -> dict[str, str]:
    """Write the plan, all of it or nothing; return what became of repository and ledger."""
    done = {"repository": THERE if repository else MADE}
    with ExitStack() as undo:
        if not repository:
            undo.callback(shutil.rmtree, plan.root / ".git", ignore_errors=True)
            git(plan.root, "init", "--quiet", "--initial-branch=main")
        # Settings and link come last: without them a broken attempt can be repeated.
        for name in sorted(plan.write, key=lambda name: name == SETTINGS):
            source = plan.generated.folder / name
            _place(plan.root / name, source.read_bytes(), source.stat().st_mode, undo)
        for name in plan.left:
            files.write_atomic(kept_folder(plan.root) / name,
                               (plan.generated.folder / name).read_bytes())
        done["branch"] = _begin_ledger(plan.root)
        # What was left alone is left alone by updates too.
        link = {**plan.generated.link, "skip": [".git", *plan.left]}
        text = json.dumps(link, ensure_ascii=False, indent=2) + "\n"
        _place(plan.root / LINK, text.encode(), 0o644, undo)
        undo.pop_all()
    return done


def kept_folder(root: Path) -> Path:
    """Return where the template's own files of the names that were left alone lie."""
    return root / git(root, "rev-parse", "--git-path", KEPT)


def ignored(plan: Plan) -> list[str]:
    """Return the written files that git will not take up, as `file (rule)`."""
    names = "\0".join((*plan.write, LINK))
    try:
        found = git(plan.root, "check-ignore", "--verbose", "-z", "--stdin", stdin=names.encode())
    except GitError as error:
        if error.code != 1:
            raise
        return []
    words = found.strip("\0").split("\0")
    return [f"{name} ({source}:{line}: {rule})" for source, line, rule, name
            in zip(*(words[start::4] for start in range(4)))]


def _state(root: Path, name: str) -> str:
    """Say whether a file can be written: absent, there, or why not."""
    for folder in reversed(Path(name).parents[:-1]):
        path = root / folder
        if path.is_symlink():
            return f"{folder} is a link; nothing is written through it"
        if path.exists() and not path.is_dir():
            return f"{folder} is a file here, and a folder in the template"
    if (root / name).is_symlink():
        return f"yours is a link to {os.readlink(root / name)}"
    if (root / name).is_dir():
        return "a folder here, and a file in the template"
    return "there" if (root / name).exists() else "absent"


def _remarks(root: Path, write: list[str], left: Mapping[str, str]) -> Iterator[str]:
    """Give what a person should know about files of theirs that nothing was done to."""
    rows = [name for name in write if name.startswith("data/") and name.endswith(".jsonl")]
    if rows and (root / "data").is_dir() and any((root / "data").iterdir()):
        yield (f"data/ has files of yours; the template's rows lie beside them ({', '.join(rows)}) "
               "until you type: python tools/import_dataset.py FILE")
    tests = [name for name in write if name.startswith("tests/test_")]
    if tests and (root / "tests").is_dir():
        yield (f"tests/ has tests of yours; {len(tests)} came beside them, which need the packages "
               "of requirements.txt where yours run")
    if ".flake8" in write and (root / ".git").exists() and git(root, "ls-files", "--", "*.py"):
        yield ("make lint reads your Python files too; name folders under exclude in .flake8 that "
               "are not clean")
    old = [name for name in ("setup.py", "setup.cfg") if (root / name).is_file()]
    if old and "pyproject.toml" in write:
        yield (f"pyproject.toml is new, and setuptools reads it before {old[0]}: move your "
               "packages and dependencies into it, or your own package installs empty")


def _place(path: Path, data: bytes, mode: int, undo: ExitStack) -> None:
    """Write a new file whole; raise Conflict if somebody else did in the meantime."""
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir()
            undo.callback(folder.rmdir)
    if os.path.lexists(path):
        raise Conflict(f"{path}: came while this ran; nothing was changed, so type it again")
    undo.callback(path.unlink, missing_ok=True)
    files.write_atomic(path, data)
    if mode & 0o111:
        path.chmod(0o755)


def _begin_ledger(root: Path) -> str:
    """Make the ledger's branch, as generation does, unless this repository or its remote has it."""
    remote = git(root, "for-each-ref", "--format=%(refname)", f"refs/remotes/*/{LEDGER}")
    if has_ref(root, f"refs/heads/{LEDGER}") or remote:
        return THERE
    git(root, "branch", LEDGER, write_root(root, root_files(), int(time.time())))
    return MADE
