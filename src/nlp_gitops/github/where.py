"""Where this run is: the repository on GitHub, the page of the run, outputs and the summary."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.project import Project
from nlp_gitops.registry.github_client import Connection
from nlp_gitops.registry.remotes import github_repository


def in_workflow() -> bool:
    """Say whether this is a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def connection(project: Project, remote: str = "origin") -> Connection:
    """Return the repository of this workflow, or that of a remote; raise UsageError if none is."""
    if in_workflow():
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return Connection(urlsplit(server).netloc, os.environ["GITHUB_REPOSITORY"])
    found = github_repository(project, remote)
    if found is None:
        raise UsageError(f"the remote {remote} is not on GitHub; see registry.github_host in "
                         "project.yaml")
    return Connection(*found)


def run_url() -> str | None:
    """Return the page of this workflow run; None outside of one."""
    if not in_workflow():
        return None
    return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(
        **os.environ)


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
