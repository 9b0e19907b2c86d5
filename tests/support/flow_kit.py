"""A team on GitHub: a bake whose origin has GitHub's address, the stand-in API, and a real runner.

git reaches a bare repository beside the bake under the address https://github.com/acme/reviews.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baking import baked, commit, environment, git, run, tool
from github_standin.server import StandIn, running
from github_standin.world import TOKEN, Repository
from registry_kit import elsewhere
from runner import Result, run_workflow

REPO = "acme/reviews"
NAME = "review-sentiment"
# What a stranger may write wherever people write.
HOSTILE = "$(id) `id` \n::error::x\n<b>@org/team</b> [l](http://x) | #1"
URL = f"https://github.com/{REPO}.git"
# How this machine reaches packages: a job needs that, and nothing else of the environment.
PACKAGES = {"UV_CACHE_DIR": os.path.expanduser("~/.cache/uv"),
            **{key: value for key, value in os.environ.items()
               if key.startswith(("UV_", "PIP_", "SSL_")) or key.lower().endswith("_proxy")}}


@dataclass(frozen=True)
class Team:
    """`project` is a person's clone, `bare` what GitHub holds, `github` its API."""

    project: Path
    bare: Path
    github: StandIn
    work: Path
    venv: Path

    @property
    def repository(self) -> Repository:
        """Return what the API holds."""
        return self.github.repositories[REPO]

    def push(self, message: str, branch: str = "main") -> str:
        """Commit everything and push it; return the commit."""
        oid = commit(self.project, message)
        git(self.project, "push", "--quiet", "origin", f"HEAD:{branch}")
        return oid

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file, which must hold the old text."""
        path = self.project / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def tool(self, name: str, *arguments: str, check: bool = True, **env: str) -> Any:
        """Run a command as a person with a token."""
        return tool(self.project, name, *arguments, check=check, GITHUB_TOKEN=TOKEN,
                    GITHUB_API_URL=self.github.url, **env)

    def stages(self) -> dict[str, str]:
        """Return which version is in which stage."""
        shown = json.loads(self.tool("registry", "show", "--json", "--registry", "origin").stdout)
        return shown[NAME]["stages"] if shown else {}

    def released(self, version: str) -> Any:
        """Return the published release of a version, or None."""
        return next((item for item in self.repository.releases.values()
                     if item.tag_name == f"{NAME}@{version}" and not item.draft), None)

    def tags(self) -> list[str]:
        """Return GitHub's tags."""
        return git(self.bare, "tag", "--list").split()

    def act(self, workflow: str, event: str, payload: Mapping[str, Any] = {},
            lend: bool = True, **more: Any) -> Result:
        """Run a workflow of `main`, or of the payload's commit, on the real runner.

        With `lend` jobs find their packages installed, which saves most of their time.
        """
        env = {**PACKAGES, "PATH": environment()["PATH"], "HARNESS_ORIGIN": URL,
               **({"HARNESS_VENV": str(self.venv)} if lend else {}),
               "GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": TOKEN,
               "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{self.bare}.insteadOf",
               "GIT_CONFIG_VALUE_0": URL, **more.pop("env", {})}
        repository = {"full_name": REPO, "default_branch": "main", **payload.get("repository", {})}
        return run_workflow(more.pop("repo", self.project), workflow, event,
                            {**payload, "repository": repository}, workdir=self.work / "act",
                            env=env, timeout=900, **more)

    def push_event(self, before: str | None = None) -> Result:
        """Run ci.yml for what main holds now, as GitHub would after a push."""
        return self.act("ci.yml", "push", {
            "ref": "refs/heads/main", "before": before or "0" * 40,
            "after": git(self.project, "rev-parse", "main")})


@contextmanager
def team(folder: Path, venv: Path,
         made: Callable[[Path, Path], Path] = baked) -> Iterator[Team]:
    """Push what is made as a team does, and run GitHub's stand-in beside it."""
    project = made(folder / "out", venv)
    bare = folder / "github.git"
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", bare, cwd=folder)
    # GitHub hands out any commit that it has.
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(project, "config", f"url.{bare}.insteadOf", URL)
    git(project, "remote", "add", "origin", URL)
    git(project, "push", "--quiet", "--set-upstream", "origin", "main", "registry")
    with running(folder / "api") as github:
        github.add(REPO, bare)
        yield Team(project, bare, github, folder, venv)
        assert github.protests == []


@contextmanager
def team_in_staging(folder: Path, venv: Path) -> Iterator[Team]:
    """Yield a team with one version in staging, made elsewhere, which costs no training."""
    with team(folder, venv) as found:
        made = elsewhere(found.project, 0)
        found.tool("push_to_registry", "--from", str(made), "--registry", "origin")
        yield found


def in_workflow(folder: Path, payload: dict | None = None, **more: str) -> dict:
    """Return what a job's environment adds, and the files that it writes to."""
    folder.mkdir(exist_ok=True)
    (folder / "event.json").write_text(json.dumps(payload or {}))
    for name in ("summary", "output"):
        (folder / name).touch()
    return {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": REPO, "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_OUTPUT": str(folder / "output"), **more}
