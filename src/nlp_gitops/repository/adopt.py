"""Bringing what a generated repository has into one that is there, without overwriting anything."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import files
from nlp_gitops.core.errors import Conflict, UsageError
from nlp_gitops.core.git import GitError, git, has_ref
from nlp_gitops.registry.objects import root_files, write_root
from nlp_gitops.repository.advice import advise
from nlp_gitops.repository.generate import LINK, Generated

SETTINGS = "project.yaml"
LEDGER = "registry"
# Below the git folder: the template's own files of the names that were left alone, to merge from.
KEPT = "nlp-gitops"
MADE, THERE = "made", "there already"


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
        elif not _same(root / name, generated.folder / name):
            left[name] = advise(name, root, generated.folder)
    return Plan(root, generated, tuple(write), left, tuple(_remarks(root, write, left)))


def apply(plan: Plan, repository: bool) -> dict[str, str]:
    """Write the plan, all of it or nothing; return what became of repository and ledger."""
    done = {"repository": THERE if repository else MADE}
    with _taken_back(plan.root) as made:
        if not repository:
            made.append(plan.root / ".git")
            git(plan.root, "init", "--quiet", "--initial-branch=main")
        # Settings and link come last: without them a broken attempt can be repeated.
        for name in sorted(plan.write, key=lambda name: name == SETTINGS):
            source = plan.generated.folder / name
            _place(plan.root / name, source.read_bytes(), source.stat().st_mode, made)
        _keep_templates(plan)
        done["branch"] = _begin_ledger(plan.root)
        _place(plan.root / LINK, _link(plan).encode(), 0o644, made)
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


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


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


def _place(path: Path, data: bytes, mode: int, made: list[Path]) -> None:
    """Write a new file whole; raise Conflict if somebody else did in the meantime."""
    made += [folder for folder in reversed(path.parents) if not folder.exists()]
    if os.path.lexists(path):
        raise Conflict(f"{path}: came while this ran; nothing was changed, so type it again")
    made.append(path)
    files.write_atomic(path, data)
    if mode & 0o111:
        path.chmod(0o755)


@contextmanager
def _taken_back(root: Path) -> Iterator[list[Path]]:
    """Give a list for what is made; take it all back if something fails."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            if path == root / ".git":
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _keep_templates(plan: Plan) -> None:
    for name in plan.left:
        files.write_atomic(kept_folder(plan.root) / name,
                           (plan.generated.folder / name).read_bytes())


def _begin_ledger(root: Path) -> str:
    """Make the ledger's branch, as generation does, unless this repository or its remote has it."""
    remote = git(root, "for-each-ref", "--format=%(refname)", f"refs/remotes/*/{LEDGER}")
    if has_ref(root, f"refs/heads/{LEDGER}") or remote:
        return THERE
    git(root, "branch", LEDGER, write_root(root, root_files(), int(time.time())))
    return MADE


def _link(plan: Plan) -> str:
    """Return .cruft.json: what was left alone is left alone by updates too."""
    skip = [".git", *plan.left]
    return json.dumps({**plan.generated.link, "skip": skip}, ensure_ascii=False, indent=2) + "\n"
