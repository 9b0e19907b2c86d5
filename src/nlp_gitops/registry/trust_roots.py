"""The roots of trust of Sigstore instances: whose certificates, logs and timestamps count.

Imports `sigstore`, so only what needs it imports this module.
"""

import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigstore.errors import Error, TUFError
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.registry.timestamped_bundle import Authorities, authorities

# These packages log what they then raise; without a handler Python prints it.
for _name in ("sigstore", "tuf", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Trust:
    """Roots of both kinds: with a transparency log, and with timestamps alone.

    GitHub's instance for private repositories has no log. `is_fresh` says that the roots are not
    just those that came with the package.
    """

    logged: tuple[Verifier, ...] = ()
    timestamped: tuple[Authorities, ...] = ()
    is_fresh: bool = True


def of_sigstore() -> Trust:
    """Return the root of Sigstore's public instance, refreshed if the network lets us.

    Raises NotMeasured if not even the one that came with the package can be used.
    """
    try:
        return Trust((Verifier.production(),))
    except (TUFError, OSError):
        pass
    try:
        return Trust((Verifier.production(offline=True),), is_fresh=False)
    except (Error, OSError) as error:
        raise NotMeasured(f"no root of trust for attestations ({error}); name one as "
                          "registry.attestation_root in project.yaml") from None


def of_file(path: Path) -> Trust:
    """Return the roots of a file: one trusted_root.json, or one in each line.

    Raises NotMeasured without the file, UsageError for other content.
    """
    if not path.is_file():
        raise NotMeasured(f"{path}: no such file; project.yaml names it as "
                          "registry.attestation_root")
    try:
        values = _values(path.read_text(encoding="utf-8"))
        return Trust(tuple(_verifier(value) for value in values if value.get("tlogs")),
                     tuple(authorities(value) for value in values if not value.get("tlogs")))
    except (Error, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UsageError(f"{path}: holds no trusted roots ({reason}); write it with: "
                         "gh attestation trusted-root") from None


def _values(text: str) -> list[dict[str, Any]]:
    try:
        return [json.loads(text)]
    except ValueError:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not found:
        raise ValueError("it is empty")
    return found


def _verifier(value: dict[str, Any]) -> Verifier:
    # sigstore reads roots from files alone.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        json.dump({"ctlogs": [], **value}, file)
        file.flush()
        return Verifier(trusted_root=TrustedRoot.from_file(file.name))
