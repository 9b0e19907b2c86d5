"""What a change touches: whether code has to be checked, and under which key its gate is kept.

Only the standard library: it runs before any package is installed.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

from nlp_gitops.core.git import environment

# Files that nothing is computed from.
PAPERS = ("docs/*", "*.md", "LICENSE*", "CODEOWNERS", ".github/CODEOWNERS", ".editorconfig",
          ".github/ISSUE_TEMPLATE/*", ".github/dependabot.yml")
# What training and gates read. The champion is read too: it stands in the ledger.
# `vendor` is the machinery, and `nlp_gitops` where it was unpacked by `nlp-gitops eject`.
INPUTS = ("data", "prompts", "nlp", "vendor", "nlp_gitops", "tools", "tests/behaviour.yaml",
          "tests/injection.yaml", "tests/cassettes", "gates.yaml", "project.yaml",
          "requirements.txt")
LEDGER = "refs/remotes/origin/registry"
_NO_COMMIT = "0" * 40


@dataclass(frozen=True)
class Changes:
    """`code` says whether anything but papers changed; `key` names the state of all inputs."""

    code: bool
    key: str


def changes(root: Path, base: str | None) -> Changes:
    """Return what changed since `base`; without one, everything did."""
    files = None if base is None else changed_files(root, base)
    return Changes(files is None or not only_papers(files), key(root))


def only_papers(files: Iterable[str]) -> bool:
    """Say whether nothing is computed from any of the files."""
    return all(any(fnmatch(name, pattern) for pattern in PAPERS) and not _is_prompt(name)
               for name in files)


def _is_prompt(name: str) -> bool:
    return name.startswith("prompts/") and not name.endswith("README.md")


def changed_files(root: Path, base: str) -> list[str] | None:
    """Return the files that differ from the merge base with `base`; None if there is none."""
    done = _git(root, "diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD")
    return None if done is None else [name for name in done.split("\0") if name]


def event_base() -> str | None:
    """Return the commit that this workflow's event changes, if it says one."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    base = event.get("pull_request", {}).get("base", {}).get("sha") or event.get("before")
    return base if isinstance(base, str) and base != _NO_COMMIT else None


def key(root: Path, today: date | None = None) -> str:
    """Return the digest of everything that a gate's verdict depends on."""
    digest = hashlib.sha256()
    listed = _git(root, "ls-tree", "-r", "-z", "HEAD", "--", *INPUTS)
    digest.update((listed or "").encode("utf-8", "surrogateescape"))
    digest.update("\n".join(_champions(root)).encode())
    gates = root / "gates.yaml"
    if gates.is_file() and "until:" in gates.read_text(encoding="utf-8"):
        # A waiver ends on a day, so a verdict with waivers holds for one day.
        digest.update(str(today or date.today()).encode())
    return f"gate-{digest.hexdigest()[:40]}"


def _champions(root: Path) -> list[str]:
    """Return the version in production of each model, from the ledger that was fetched."""
    names = (_git(root, "ls-tree", "--name-only", "-z", f"{LEDGER}:models") or "").split("\0")
    found = []
    for name in filter(None, names):
        text = _git(root, "show", f"{LEDGER}:models/{name}/state.json") or "{}"
        try:
            version = json.loads(text).get("stages", {}).get("production")
        except (ValueError, AttributeError):
            # An altered ledger is for the gate to tell; here it only is another state.
            version = text
        found.append(f"{name}@{version}")
    return found


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True,
                          env=environment())
    return None if done.returncode else done.stdout.decode("utf-8", "surrogateescape")
