"""Running the real cruft: what a template gives for these answers, in a folder of its own."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nlp_gitops.core import git
from nlp_gitops.core.errors import NotMeasured, UsageError

LINK = ".cruft.json"
PROJECT = "project"
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
        git.git(Path.cwd(), "ls-remote", "--exit-code", "--", template, "HEAD",
                env=_prompts(ask))
    except git.GitError as error:
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
        env={**git.environment(), **_prompts(ask), FILES_ALONE: "1",
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
