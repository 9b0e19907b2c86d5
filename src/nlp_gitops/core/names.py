"""Names: models, versions, references and runs. One pattern for each, checked wherever one enters.

A model name is lower case letters, digits and `-`, at most 63 characters. It is part of git tags
(`NAME@v1.2.0`), file names and URLs, and it is a subset of what the tag reader `gto` accepts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nlp_gitops.core.errors import UsageError

# What a model says that has no answer. Never a label of the data, so never right.
ABSTAIN = "abstain"
MODEL_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_SEMVER = re.compile(r"v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, order=True, slots=True)
class Version:
    """A semantic version `MAJOR.MINOR.PATCH`, ordered as SemVer orders."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `1.2.0` or `v1.2.0`; raise UsageError for anything else."""
        match = _SEMVER.fullmatch(text)
        if not match:
            raise UsageError(f"{text!r} is not a version; write it like v1.2.0")
        return cls(*map(int, match.groups()))

    def bumped(self, part: str) -> "Version":
        """Return the next version after a `major`, `minor` or `patch` change."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """Return `v1.2.0`."""
        return f"v{self}"


@dataclass(frozen=True, slots=True)
class ModelRef:
    """One model version: `NAME@vX.Y.Z`."""

    name: str
    version: Version

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Read `NAME@vX.Y.Z`; raise UsageError for anything else."""
        name, at, version = text.partition("@")
        if not at:
            name = text if MODEL_NAME.fullmatch(text) else "NAME"
            raise UsageError(f"{text!r} names no version; write it like {name}@v1.2.0")
        return cls(check_model_name(name), Version.parse(version))

    def __str__(self) -> str:
        return f"{self.name}@{self.version.tag}"


def check_model_name(name: str) -> str:
    """Return the name, or raise UsageError that says what a name looks like."""
    if not MODEL_NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a model name; use lower case letters, digits and '-', "
                         "for example review-sentiment")
    return name


def parse_tags(texts: Iterable[str]) -> dict[str, str]:
    """Read `KEY=VALUE` texts; raise UsageError for any that is none, or given twice."""
    tags: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--tag {text!r}: write KEY=VALUE")
        if key in tags:
            raise UsageError(f"--tag {key} is given twice")
        tags[key] = value
    return check_tags(tags)


def check_tags(tags: Any) -> dict[str, str]:
    """Return free tags, or raise UsageError that says what they look like."""
    if not isinstance(tags, dict):
        raise UsageError("tags must be texts by their keys, such as {\"team\": \"search\"}")
    for key, value in tags.items():
        if not (_TAG_KEY.fullmatch(key) and isinstance(value, str) and 0 < len(value) <= 200):
            raise UsageError(f"tag {key!r}: write KEY=VALUE, with a key of at most 40 letters, "
                             "digits, '.', '_' and '-', and a value of 1 to 200 characters")
    return tags


def run_name(at: datetime, model: str, dataset: str, prompt: str, commit: str) -> str:
    """Return `YYYYMMDD-HHMMSSZ_<model>_d<dataset>_p<prompt>_<sha7>`; `at` is in UTC.

    `prompt` is a version, or `n/a` for a model without a prompt.
    """
    shown = "na" if prompt == "n/a" else prompt
    return f"{at:%Y%m%d-%H%M%SZ}_{model}_d{dataset}_p{shown}_{commit[:7]}"
