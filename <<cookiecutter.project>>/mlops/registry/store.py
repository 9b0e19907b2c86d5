"""Archives in a content-addressed folder: a file's name is its sha256, so it cannot go wrong."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import CheckFailed, NotMeasured, UsageError
from mlops.files import sha256_file


@dataclass(frozen=True)
class FolderStore:
    """`<folder>/sha256/ab/<digest>`. Without a folder every use raises UsageError with `hint`."""

    folder: Path | None
    hint: str = ""

    def path(self, sha256: str) -> Path:
        """Return where content of this digest lies."""
        if self.folder is None:
            raise UsageError(self.hint)
        return self.folder / "sha256" / sha256[:2] / sha256

    def put(self, source: Path, sha256: str) -> None:
        """Copy a file in: temporary name, sync, rename. What is there already stays."""
        target = self.path(sha256)
        if target.is_file() and sha256_file(target) == sha256:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
        try:
            with os.fdopen(handle, "wb") as stream, open(source, "rb") as content:
                shutil.copyfileobj(content, stream, 1 << 20)
                stream.flush()
                os.fsync(stream.fileno())
            if sha256_file(Path(draft)) != sha256:
                raise CheckFailed(f"{source}: changed while it was copied; pack it again")
            os.chmod(draft, 0o444)
            os.replace(draft, target)
        except BaseException:
            os.unlink(draft)
            raise

    def verify(self, sha256: str) -> None:
        """Raise unless the content is there and has its digest."""
        path = self.path(sha256)
        if not path.is_file():
            raise NotMeasured(f"{path}: the archive is missing from the artifact folder")
        if sha256_file(path) != sha256:
            raise CheckFailed(f"{path}: the archive was altered (wrong sha256)")
