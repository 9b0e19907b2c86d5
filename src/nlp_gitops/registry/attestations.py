"""What attestations of archives come to: faults, and notes on those that could not be checked."""

import importlib.util
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.diagnosis import Fault
from nlp_gitops.registry.store import Asset, Attestation, Hidden, Store

# What the extra `attest` brings.
_PACKAGES = ("sigstore", "cramjam")
_INSTALL = "the package {} is not installed; type: pip install " + " ".join(_PACKAGES)
_NO_ROOT = ("no root of trust here is for their kind; type: gh attestation trusted-root > "
            ".github/trusted_root.jsonl, and name that file as registry.attestation_root in "
            "project.yaml")


class Builds:
    """Checks the attestations of one archive after the other.

    `root` is a file of trusted roots; None is Sigstore's own. Packages and roots are loaded when
    there is the first attestation.
    """

    def __init__(self, store: Store, root: Path | None) -> None:
        self._store = store
        self._root = root
        self._unchecked: Counter[str] = Counter()
        self._hidden = ""

    def faults(self, ref: ModelRef, archive: Asset) -> Iterator[Fault]:
        """Yield a fault for each attestation of an archive that is bad; none need be there.

        Raises NotMeasured if attestations or roots cannot be had, UsageError for a wrong file.
        """
        for item in self._listed(archive):
            wrong = self._wrong(item, archive)
            if wrong:
                yield Fault("R031", f"attestation of {ref}", f"{archive.name}: {wrong}",
                            f"look at {item.home}/attestations; if no build of yours made it, "
                            "find out who could, and delete it there")

    def notes(self) -> tuple[str, ...]:
        """Return what could not be checked, one line for each reason."""
        found = [f"{number} attestation{'s were' if number > 1 else ' was'} not checked: {why}"
                 for why, number in self._unchecked.items()]
        if self._hidden:
            found.append(f"attestations were not looked at: {self._hidden}")
        return tuple(found)

    def _listed(self, archive: Asset) -> list[Attestation]:
        if self._hidden:
            return []
        try:
            return self._store.attestations(archive)
        except Hidden as error:
            # The right to see them is the same for all archives.
            self._hidden = str(error)
            return []

    def _wrong(self, item: Attestation, archive: Asset) -> str | None:
        """Return what is wrong with an attestation; None if nothing is, or nobody can say."""
        missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            self._unchecked[_INSTALL.format(missing[0])] += 1
            return None
        from nlp_gitops.registry import bundle_check

        try:
            bundle_check.check(item.read(), archive.sha256, item.home, self._trust)
        except bundle_check.Unfit:
            self._unchecked[_NO_ROOT] += 1
        except bundle_check.Bad as error:
            # Parts of it were written by whoever made the attestation.
            return "".join(letter if letter.isprintable() else " " for letter in str(error))
        return None

    @cached_property
    def _trust(self) -> Any:
        from nlp_gitops.registry import trust_roots

        return trust_roots.of_file(self._root) if self._root else trust_roots.of_sigstore()
