"""What a run ran on (Python, packages, lock file, BLAS), and what was not committed then."""

import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from nlp_gitops import __version__
from nlp_gitops.core import files
from nlp_gitops.core.git import git, git_bytes
from nlp_gitops.core.package_files import source_digest

LOCK = "requirements.txt"
PATCH_LIMIT = 1_000_000
PATCH_NAME = "uncommitted.patch"


def environment(root: Path) -> dict[str, Any]:
    """Return everything that can make the same code, data and seed give another model.

    `lock_sha256` is None in a repository without a lock file.
    """
    lock = root / LOCK
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": _blas(),
        "packages": _packages(),
        "nlp_gitops": {"version": __version__, "source_sha256": source_digest()},
        "lock_sha256": files.sha256_file(lock) if lock.is_file() else None,
    }


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (what, then, now) for each difference of two environments; `–` where one lacks it."""
    before, after = flat(then), flat(now)
    return [(key, _shown(before.get(key)), _shown(after.get(key)))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)]


def flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment in one level: packages become `package NAME`."""
    rest = {key: value for key, value in found.items() if key not in ("packages", "nlp_gitops")}
    machinery = {f"nlp_gitops {key}": value
                 for key, value in (found.get("nlp_gitops") or {}).items()}
    packages = {f"package {name}": version for name, version in found.get("packages", {}).items()}
    return {**rest, **machinery, **packages}


@cache
def _packages() -> dict[str, str]:
    # Commands that only read runs do without it, and start sooner.
    from importlib import metadata

    # `item.name` and `item.version` would each read and parse the file again.
    known = [item.metadata for item in metadata.distributions()]
    return dict(sorted((about["Name"].lower().replace("_", "-"), about["Version"])
                       for about in known if about["Name"]))


def _blas() -> str | None:
    # Commands that only read runs do without it.
    from threadpoolctl import threadpool_info

    # The library picks its code by the kind of processor, and sums round differently in each.
    found = {" ".join(str(item[key]) for key in ("internal_api", "version", "architecture")
                      if item.get(key))
             for item in threadpool_info() if item.get("user_api") == "blas"}
    return ", ".join(sorted(found)) or None


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


@dataclass(frozen=True)
class Changes:
    """The difference to HEAD. `patch` is None above PATCH_LIMIT bytes; the digest is of all."""

    sha256: str
    size: int
    patch: bytes | None


def uncommitted(repo: Path) -> Changes:
    """Return how the work tree differs from HEAD. Index, work tree and objects stay untouched."""
    top = Path(git(repo, "rev-parse", "--show-toplevel"))
    objects, index = (top / git(top, "rev-parse", "--git-path", name)
                      for name in ("objects", "index"))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "index"
        # Only a copy of the real index knows which files are unchanged without reading them.
        if index.is_file():
            draft.write_bytes(index.read_bytes())
        apart = {"GIT_INDEX_FILE": str(draft), "GIT_OBJECT_DIRECTORY": folder,
                 "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(
                     filter(None, (str(objects),
                                   os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES"))))}
        git(top, "add", "--all", env=apart)
        patch = git_bytes(top, "diff", "--cached", "--binary", "--full-index", "--no-color",
                          "--no-ext-diff", "--no-textconv", "HEAD", env=apart)
    return Changes(sha256(patch).hexdigest(), len(patch),
                   patch if len(patch) <= PATCH_LIMIT else None)
