"""A team whose registry is on GitHub: git in a bare repository, the API in the stand-in."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from baking import git, tool
from github_standin.server import StandIn
from github_standin.world import TOKEN, Release, Repository
from registry_kit import NAME, against_champion, copied, origin

REPOSITORY = "acme/reviews"
URL = f"https://github.com/{REPOSITORY}.git"
# Commands that find it pause for moments only.
HURRY = str(Path(__file__).parent / "hurry")


@dataclass(frozen=True)
class Life:
    """A project, and the GitHub that its origin is on."""

    project: Path
    hub: StandIn

    @property
    def repository(self) -> Repository:
        """Return the repository as the stand-in has it."""
        return self.hub.repositories[REPOSITORY]

    @property
    def bare(self) -> Path:
        """Return the bare repository behind it."""
        return origin(self.project)

    def on(self, name: str, *arguments: str, check: bool = True,
           **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the project on its origin."""
        env = {"GITHUB_API_URL": self.hub.url, "GITHUB_TOKEN": TOKEN,
               "PYTHONPATH": HURRY, **env}
        return tool(self.project, name, *arguments, "--registry", "origin", check=check, **env)

    def register(self, number: int, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Register a model made elsewhere."""
        folder = self.project.parent / f"made-{number}"
        against_champion(self.project, folder / "evaluation" / "report.json")
        return self.on("push_to_registry", "--from", str(folder), "--json", check=check)

    def promote(self, version: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Bring a version to production."""
        return self.on("promote", f"{NAME}@{version}", "--to", "Production", "--direct",
                       check=check)

    def doctor(self, *options: str, code: int | None = None, **env: str) -> dict:
        """Return what doctor says as JSON; `code` is the exit code that it must have."""
        done = self.on("registry", "doctor", "--json", *options, check=False, **env)
        assert done.stderr == "" and done.returncode in (0, 1), done.stderr
        assert code is None or done.returncode == code, done.stdout
        return json.loads(done.stdout)

    def released(self, version: str) -> Release:
        """Return a version's published release."""
        found, = (item for item in self.repository.releases.values()
                  if not item.draft and item.tag_name == f"{NAME}@{version}")
        return found


def on_github(prepared: Path, folder: Path) -> Path:
    """Copy a team; its origin gets an address on GitHub under which git finds the repository."""
    return at_github(copied(prepared, folder))


def at_github(project: Path) -> Path:
    """Give origin an address on GitHub; git finds the bare repository under it."""
    git(project, "config", f"url.{origin(project)}.insteadOf", URL)
    git(project, "remote", "set-url", "origin", URL)
    return project
