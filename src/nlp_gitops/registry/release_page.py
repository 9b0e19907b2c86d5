"""What a release page says: for people first, with a mark by which we find our own releases."""

import json
import re
from collections.abc import Mapping
from typing import Any

from nlp_gitops.registry.store import Release

# The form is kept for ever: releases of years ago are found by it.
_MARK = re.compile(r"^<!-- model-registry archive=([0-9a-f]{64}) -->\s*\Z", re.MULTILINE)


def mark(archive_sha256: str) -> str:
    """Return the invisible last line that names a release's archive."""
    return f"<!-- model-registry archive={archive_sha256} -->"


def marked(text: str | None) -> str | None:
    """Return the archive that a release's text names; None if the release is not ours."""
    found = _MARK.search(text or "")
    return found[1] if found else None


def title(release: Release) -> str:
    """Return the release's title."""
    return f"{release.ref.name} {release.ref.version.tag}"


def body(release: Release, stage: str | None) -> str:
    """Return the release's text in Markdown: stage, lineage, quality, and how to check it."""
    manifest = json.loads(release.papers["manifest.json"])
    rows = [("stage", stage or "none"), ("task", manifest["task"]),
            ("data", manifest["dataset_version"]), ("prompt", manifest["prompt_version"]),
            ("source commit", manifest["source_commit"]), ("owner", manifest["owner"]),
            ("licence", manifest["license"]), *_quality(manifest["metrics"])]
    table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)
    return (f"{_cell(release.description)}\n\n| | |\n|---|---|\n{table}\n\n"
            "Check the files with `sha256sum -c SHA256SUMS`. Who did what and why: branch "
            f"`registry`, `models/{release.ref.name}/`.\n\n{mark(release.archives[0].sha256)}\n")


def _quality(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, f"{metrics[key]:.3f}") for name, key in (("macro-F1", "f1_macro"),
                                                            ("accuracy", "accuracy"))
            if isinstance(metrics.get(key), (int, float))]


def _cell(value: Any) -> str:
    """Return text that stays text in a Markdown table."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|@#" else char for char in text)
