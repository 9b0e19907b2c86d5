"""Driving the GitHub store, in the generated project's environment, against the stand-in."""

import json
import os
import subprocess
from pathlib import Path

from baking import environment
from github_standin.world import TOKEN

DRIVER = Path(__file__).parent / "github_driver.py"
REPOSITORY = "acme/reviews"
ASSETS = {"m.tar", "manifest.json", "metrics.json", "MODEL_CARD.md", "SHA256SUMS"}


def start(venv, **env):
    """Start a driver in the generated project's environment; it ends with its input."""
    return subprocess.Popen([venv / "bin" / "python", DRIVER], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, env=environment(**env))


def ask(process, hub, calls, **env):
    """Give a driver its next calls."""
    env = {"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN, "PATH": os.environ["PATH"],
           "NETRC": os.devnull, **env}
    process.stdin.write(json.dumps({"env": env, "calls": calls}) + "\n")
    process.stdin.flush()


def releases(hub):
    return list(hub.repositories[REPOSITORY].releases.values())


def published(hub, tag="m@v1.0.0"):
    """Return the one published release of a tag; all of its assets are whole."""
    found, = (item for item in releases(hub) if not item.draft and item.tag_name == tag)
    assert {item.name for item in found.assets.values()} == ASSETS
    assert {item.state for item in found.assets.values()} == {"uploaded"}
    return found


def writes(hub):
    return [item for item in hub.requests if item[0] != "GET"]
