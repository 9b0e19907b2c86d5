"""What deploys and canaries left: their reports, read back for an incident."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy.place import PORTS
from nlp_gitops.deploy.report import CANARY_SCHEMA, DEPLOY_SCHEMA, EXIT_CODES

MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Deploy:
    """One deploy. `detected` is when a canary was refused, `restored` when it had no traffic."""

    environment: str
    rehearsal: bool
    verdict: str
    why: str
    candidate: str | None
    champion: str | None
    serving: str | None
    began: datetime
    ended: datetime
    looked_seconds: float | None
    back_seconds: float | None

    @property
    def failed(self) -> bool:
        """Say whether it did not do what it was for."""
        return self.verdict != "PASS"


def find(folders: Iterable[Path]) -> list[Deploy]:
    """Return every deploy that left a report in these folders, in the order in which they ended."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*.json"):
            deploy = _read(path)
            if deploy:
                found.add(deploy)
    return sorted(found, key=lambda deploy: (deploy.ended, deploy.began, deploy.verdict))


def _read(path: Path) -> Deploy | None:
    if path.stat().st_size > MOST_BYTES:
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return _deploy(value) if value.get("schema") in (DEPLOY_SCHEMA, CANARY_SCHEMA) else None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, UsageError):
        # Other reports lie here too, and a half one tells nothing.
        return None


def _deploy(value: Mapping[str, Any]) -> Deploy:
    canary = value.get("canary") or {}
    # Both `ended` and the ledger know whole seconds only; a rounded begin would seem too early.
    ended = datetime.fromisoformat(value["ended"])
    began = ended - timedelta(seconds=int(value["seconds"]))
    if value["environment"] not in PORTS or value["verdict"] not in EXIT_CODES:
        raise ValueError("no deploy of this project")
    candidate, champion, serving = (_version(value[key])
                                    for key in ("candidate", "champion", "serving"))
    return Deploy(
        value["environment"], bool(value["rehearsal"]), value["verdict"], str(value["why"]),
        candidate, champion, serving, began, ended, canary.get("seconds"),
        canary.get("back_seconds"))


def _version(text: str | None) -> str | None:
    return str(ModelRef.parse(text)) if text is not None else None
