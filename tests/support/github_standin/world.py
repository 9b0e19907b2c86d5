"""What the stand-in holds: repositories with releases, attestations, issues and settings."""

import itertools
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

TOKEN = "stand-in-token"


@dataclass
class Asset:
    """An uploaded file; its content lies in `path`."""

    id: int
    name: str
    path: Path
    size: int
    digest: str
    state: str = "uploaded"
    made: str = ""


@dataclass(frozen=True)
class Attested:
    """An attestation: where its bundle is stored, of what kind it is, and the bundle if listed."""

    stored: Asset
    kind: str
    inline: Any = None


@dataclass
class Release:
    """A release or draft; `assets` by id."""

    id: int
    tag_name: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    target: str
    made: str
    changed: str
    published: str | None = None
    immutable: bool = False
    assets: dict[int, Asset] = field(default_factory=dict)


@dataclass
class Repository:
    """One repository. `lacks` names features that its plan has not: rulesets, reviewers.

    `hidden` are settings that the token must not see, each with GitHub's answer: 403 or 404.
    """

    name: str
    folder: Path
    bare: Path | None = None
    tags: dict[str, str] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)
    latest: int | None = None
    immutable: bool = False
    lacks: set[str] = field(default_factory=set)
    hidden: dict[str, int] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    shared_variables: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    may_open_pulls: bool = False
    # States of workflows by file; those that are not named here do not show.
    workflows: dict[str, str] = field(default_factory=dict)
    # Checks that a branch protection of the old kind requires, by branch.
    required: dict[str, list[str]] = field(default_factory=dict)
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    dispatches: list[dict[str, Any]] = field(default_factory=list)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    # When workflow runs were asked for, by their id; every other run was asked for just now.
    runs: dict[int, str] = field(default_factory=dict)
    # Of builds, newest first, by the digest that they are about.
    attestations: dict[str, list[Attested]] = field(default_factory=dict)
    # How many of the newest releases a listing does not show yet.
    unlisted: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1001))

    def next_id(self) -> int:
        """Return an id that nothing else has."""
        return next(self._ids)

    def tag(self, name: str) -> tuple[str, str] | None:
        """Return (object id, type) of a tag: of the bare repository, or one that a test set."""
        if self.bare is None:
            oid = self.tags.get(name)
            return (oid, "tag") if oid else None
        done = subprocess.run(
            ["git", "-C", str(self.bare), "for-each-ref",
             "--format=%(refname) %(objectname) %(objecttype)", f"refs/tags/{name}"],
            capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            ref, oid, kind = line.split()
            if ref == f"refs/tags/{name}":
                return oid, kind
        return None


def now() -> str:
    """Return the time in the API's form."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
