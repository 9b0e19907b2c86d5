"""The kill drill: SIGKILL at random points of push, promote, rollback and pull, again and again.

After every kill the registry is looked at, repaired if it says so, and compared with what was
acknowledged. The small drill runs with the tests, the full one in `tests/drills`.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from baking import environment, git, run, tool
from registry_kit import NAME, against_champion, artifacts, elsewhere, origin, verify


@dataclass
class Drill:
    """A team under fire. `acknowledged` are the ids of events whose command ended with 0."""

    project: Path
    chance: random.Random
    acknowledged: set[str] = field(default_factory=set)
    kills: int = 0
    repairs: int = 0
    made: int = 0
    seconds: float = 0.0

    def prepare(self) -> None:
        """Bring two versions to production, so that a rollback has somewhere to go."""
        for _ in range(2):
            self.acknowledge(self.command("push"))
            self.acknowledge(self.command("promote"))

    def command(self, kind: str) -> list[str]:
        """Return a command line of that kind, ready to run on the present state."""
        python = str(self.project / ".venv" / "bin" / "python")
        if kind == "push":
            self.made += 1
            folder = elsewhere(self.project, self.made)
            against_champion(self.project, folder / "evaluation" / "report.json")
            words = ["push_to_registry", "--from", str(folder)]
        elif kind == "promote":
            words = ["promote", "@staging", "--to", "production", "--evidence", str(self.report())]
        elif kind == "rollback":
            words = ["rollback", "--reason", "drill"]
        else:
            out = self.project / "pulled" / "x"
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.project / ".cache" / "models", ignore_errors=True)
            words = ["registry", "pull", f"{NAME}@production", "--out", str(out)]
        return [python, f"tools/{words[0]}.py", *words[1:], "--registry", "origin", "--json"]

    def report(self) -> Path:
        """Return a report about the version in staging, against the version in production."""
        state = json.loads(git(origin(self.project), "show", f"registry:models/{NAME}/state.json"))
        staged = next(item for item in state["versions"]
                      if item["version"] == state["stages"]["staging"])
        path = self.project.parent / f"made-{staged['tags']['n']}" / "evaluation" / "report.json"
        against_champion(self.project, path)
        return path

    def acknowledge(self, command: list[str]) -> None:
        """Run a command to its end and remember what it promised."""
        begun = time.monotonic()
        self.remember(run(*command, cwd=self.project).stdout)
        self.seconds = time.monotonic() - begun

    def remember(self, printed: str) -> None:
        """Note the events that a command printed as done."""
        self.acknowledged |= {event["id"] for event in json.loads(printed).get("events", ())}

    def strike(self, kind: str) -> None:
        """Start a command, and kill its whole process group at a random point.

        The first third, in which Python starts, is left out; nothing can be torn there.
        """
        if kind == "rollback" and not self.can_roll_back():
            kind = "promote"
        command, begun = self.command(kind), time.monotonic()
        process = subprocess.Popen(command, cwd=self.project, env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            printed, said = process.communicate(
                timeout=self.seconds * self.chance.uniform(0.3, 1.4))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.kills += 1
        else:
            # The machine may be busier or quieter than before.
            self.seconds = time.monotonic() - begun
            assert "Traceback" not in said, said
            assert process.returncode in (0, 1, 4), said
            if process.returncode == 0:
                self.remember(printed)
        self.check(kind)

    def can_roll_back(self) -> bool:
        """Say whether production has an earlier version that was not revoked."""
        state = json.loads(git(origin(self.project), "show", f"registry:models/{NAME}/state.json"))
        past = set(state["production"]) - {state["stages"]["production"], *state["revoked"]}
        return bool(past)

    def check(self, kind: str) -> None:
        """Repair if needed, and assert that nothing is lost, doubled or half visible."""
        self.age_leftovers()
        sick = tool(self.project, "registry", "doctor", "--registry", "origin", check=False)
        if sick.returncode:
            self.repairs += 1
            healed = tool(self.project, "registry", "doctor", "--repair", "--registry", "origin",
                          check=False)
            assert healed.returncode == 0, f"{kind}: {sick.stdout}{healed.stdout}{healed.stderr}"
        done = tool(self.project, "registry", "history", "--json", "--registry", "origin").stdout
        events = json.loads(done)
        assert [event["seq"] for event in events] == list(range(len(events), 0, -1))
        assert self.acknowledged <= {event["id"] for event in events}
        assert all(self.whole(events, event) for event in events)
        pulled = self.project / "pulled" / "x"
        assert not pulled.exists() or (pulled / "model" / "weights.bin").is_file()

    def whole(self, events: list[dict], event: dict) -> bool:
        """Say whether what one command pushes together is there together."""
        partner = {"register": "promote", "rollback": "revoke"}.get(event["action"])
        if event["action"] == "promote" and event["stage"] == "production" and event["replaces"]:
            partner = "archive"
        return partner is None or any(
            other["seq"] == event["seq"] + 1 and other["action"] == partner for other in events)

    def age_leftovers(self) -> None:
        """Make what the killed processes left look old; nobody else works here."""
        for folder in (origin(self.project), artifacts(self.project),
                       self.project / ".git" / "refs"):
            for path in folder.rglob("*"):
                left = path.suffix in (".lock", ".new") or path.name.startswith(
                    (".incoming-", "tmp_", "incoming-"))
                if left:
                    os.utime(path, (1, 1))

    def end(self) -> None:
        """Assert that in the end everything is whole, with nothing left lying about."""
        assert verify(self.project) == []
        assert not list(artifacts(self.project).rglob(".incoming-*"))
        assert not list(origin(self.project).rglob("*.lock"))


def drill(project: Path, kills: int, seed: int) -> Drill:
    """Strike until so many kills hit a running command; return the drill with its counts."""
    found = Drill(project, random.Random(seed))
    found.prepare()
    kinds = ("push", "promote", "rollback", "pull")
    number = 0
    while found.kills < kills:
        found.strike(kinds[number % len(kinds)])
        number += 1
        assert number < 10 * kills + 40, "the commands end before they can be killed"
    found.end()
    return found
