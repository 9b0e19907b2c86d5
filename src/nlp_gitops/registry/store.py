"""What the registry asks of a place for archives. Two kinds fill it: a folder, and GitHub releases.

The ledger decides what is registered; a store only keeps bytes and shows stages. Every call can be
repeated: what is there already with the right digest stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nlp_gitops.core.names import ModelRef


@dataclass(frozen=True)
class Asset:
    """One file of a version; `size` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Release:
    """A registered version as a store sees it: its archives, and the small files of the ledger.

    `papers` are manifest.json, metrics.json, report.json, MODEL_CARD.md and SHA256SUMS, the very
    bytes of the ledger.
    """

    ref: ModelRef
    manifest_sha256: str
    archives: tuple[Asset, ...]
    papers: Mapping[str, bytes]
    description: str


@dataclass(frozen=True)
class Attestation:
    """What a build said about an archive. `read` returns the signed bundle, empty if it is broken.

    `home` is the web address of the repository whose workflow must have signed it.
    """

    read: Callable[[], bytes]
    home: str


class Hidden(Exception):
    """The place does not show attestations to us; the message says why."""


class Store(Protocol):
    """Where archives lie. Errors: NotMeasured for what cannot be had, CheckFailed for altered."""

    def keep(self, name: str, archives: Mapping[Asset, Path]) -> None:
        """Bring the archives of a model in, before the event that names them is pushed."""

    def publish(self, release: Release, stage: str | None) -> None:
        """Show a version that the ledger holds, in its stage. Finishes what a crash left."""

    def check(self, ref: ModelRef, archive: Asset) -> None:
        """Raise unless the archive is there and has its size and digest."""

    def local(self, archive: Asset) -> Path | None:
        """Return where an archive lies on this machine; None if it must be fetched."""

    def fetch(self, ref: ModelRef, archive: Asset, target: Path) -> None:
        """Stream an archive into a new file; the caller compares its digest."""

    def faults(self, release: Release, stage: str | None) -> list[str]:
        """Return what differs from the ledger, one line each; nothing is mended."""

    def attestations(self, archive: Asset) -> list[Attestation]:
        """Return what builds attested about an archive; raise Hidden if we must not see it."""
