"""Archives in a content-addressed folder: a file's name is its sha256, so it cannot go wrong."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core.errors import CheckFailed, NotMeasured, UsageError
from nlp_gitops.core.files import sha256_file
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.store import Asset, Attestation, Release

_PIECE = 1 << 20
_DRAFT = ".incoming-"


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

    def keep(self, name: str, archives: Mapping[Asset, Path]) -> None:
        """Copy archives in: temporary name, sync, rename. What is there already stays."""
        for archive, source in archives.items():
            target = self.path(archive.sha256)
            if target.is_file() and sha256_file(target) == archive.sha256:
                continue
            try:
                self._copy(source, archive, target)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise NotMeasured(f"{self.folder}: no space left for {source.name} "
                                      f"({archive.size:,} bytes); nothing was registered") from None
                raise NotMeasured(f"{error.filename or self.folder}: {error.strerror}; "
                                  "nothing was registered") from None

    def _copy(self, source: Path, archive: Asset, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=_DRAFT)
        try:
            with os.fdopen(handle, "wb") as stream, open(source, "rb") as content:
                digest = hashlib.sha256()
                while piece := content.read(_PIECE):
                    digest.update(piece)
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            if digest.hexdigest() != archive.sha256:
                raise CheckFailed(f"{source}: changed while it was copied; pack it again")
            os.chmod(draft, 0o444)
            os.replace(draft, target)
        except BaseException:
            os.unlink(draft)
            raise

    def publish(self, release: Release, stage: str | None) -> None:
        """Do nothing: an archive in the folder is public as soon as it is whole."""

    def check(self, ref: ModelRef, archive: Asset) -> None:
        """Raise unless the content is there and has its digest."""
        path = self.path(archive.sha256)
        if not path.is_file():
            raise NotMeasured(f"{path}: the archive of {ref} is missing from the artifact folder")
        if sha256_file(path) != archive.sha256:
            raise CheckFailed(f"{path}: the archive of {ref} was altered (wrong sha256)")

    def local(self, archive: Asset) -> Path | None:
        """Return where an archive lies; None without a folder, which `fetch` then explains."""
        return self.path(archive.sha256) if self.folder else None

    def fetch(self, ref: ModelRef, archive: Asset, target: Path) -> None:
        """Copy an archive into a new file."""
        path = self.path(archive.sha256)
        if not path.is_file():
            raise NotMeasured(f"{path}: the archive of {ref} is missing from the artifact folder")
        with open(path, "rb") as content, open(target, "xb") as stream:
            shutil.copyfileobj(content, stream, _PIECE)

    def faults(self, release: Release, stage: str | None) -> list[str]:
        """Return what is missing or altered."""
        found = []
        for archive in release.archives:
            try:
                self.check(release.ref, archive)
            except (CheckFailed, NotMeasured) as error:
                found.append(str(error))
        return found

    def attestations(self, archive: Asset) -> list[Attestation]:
        """Return none: a folder keeps archives alone."""
        return []

    def leftovers(self) -> list[Path]:
        """Return files that interrupted copies left behind."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(self.folder.glob(f"sha256/*/{_DRAFT}*"))
