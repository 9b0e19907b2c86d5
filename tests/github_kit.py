"""Driving the GitHub store, in the generated project's environment, against the stand-in."""

import json
import os
import subprocess

from conftest import ROOT, TEMPLATE, environment
from github_standin.world import TOKEN

DRIVER = ROOT / "tests" / "github_driver.py"
REPOSITORY = "acme/reviews"


def start(venv, path=str(TEMPLATE)):
    """Start a driver in the generated project's environment; it ends with its input."""
    return subprocess.Popen([venv / "bin" / "python", DRIVER], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, env=environment(PYTHONPATH=path))


def ask(process, hub, calls, **env):
    """Give a driver its next calls."""
    env = {"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN, "PATH": os.environ["PATH"], **env}
    process.stdin.write(json.dumps({"env": env, "calls": calls}) + "\n")
    process.stdin.flush()
