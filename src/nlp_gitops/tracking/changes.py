"""What is not committed: one patch against HEAD, with untracked files, and its digest."""

import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nlp_gitops.core.git import git, git_bytes

PATCH_LIMIT = 1_000_000
PATCH_NAME = "uncommitted.patch"


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
