"""The GitHub Actions run that this process is part of: its event, its page, outputs and summary."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import UsageError


def in_workflow() -> bool:
    """Say whether this is a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def run_url() -> str | None:
    """Return the page of this workflow run; None outside of one."""
    parts = [os.environ.get(key) for key in
             ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else None


def event() -> dict[str, Any]:
    """Return what started this workflow; raise UsageError outside of one."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise UsageError("no event here: this command line is for workflows; see --help")
    return json.loads(Path(path).read_text(encoding="utf-8"))


def outputs(values: Mapping[str, str]) -> None:
    """Hand values to later steps, inside a workflow only. A value must be one line."""
    path = os.environ.get("GITHUB_OUTPUT")
    if in_workflow() and path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.writelines(f"{key}={value}\n" for key, value in values.items())


def summarize(text: str) -> None:
    """Append Markdown to the job's summary, inside a workflow only."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(text.rstrip("\n") + "\n\n")
