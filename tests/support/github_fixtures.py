"""Fixtures for tests of the GitHub store: the stand-in, and a driver that calls the store."""

import json
import os

import pytest
from github_kit import REPOSITORY, ask, start
from github_standin.server import running


@pytest.fixture
def hub(tmp_path):
    """GitHub with one repository, whose tags are pushed; nothing may misfit GitHub's models."""
    with running(tmp_path / "hub") as found:
        found.add(REPOSITORY).tags.update({"m@v1.0.0": "1" * 40, "m@v1.1.0": "2" * 40})
        yield found
    assert found.protests == []


@pytest.fixture(scope="module")
def worker(venv):
    with start(venv) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def store(hub, worker):
    """Calls of the store, which must succeed, or else are returned as (exit code, line)."""
    def call(*calls, check=True, process=worker, **env):
        ask(process, hub, calls, **env)
        answer = json.loads(process.stdout.readline())
        assert answer["code"] == 0 or not check, answer["said"]
        return answer if check else (answer["code"], answer["said"])

    return call


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "m.tar"
    path.write_bytes(os.urandom(3_000_000))
    return str(path)
