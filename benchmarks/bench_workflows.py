"""What each job of ci.yml takes under the real runner on the starter data: wall by job, CPU in all.

Jobs set themselves up as on a hosted runner, with a warm uv cache, and run beside each other.
"""

import re
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import flow_kit  # noqa: E402
from baking import git  # noqa: E402
from github_events import event  # noqa: E402
from runner import Result  # noqa: E402

_STEP = re.compile(r"^\[([^]]+)\] +✅ +Success - Main (.*) \[([0-9.]+)(ms|s|m)", re.MULTILINE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
SETUP = "Set up Python and packages"


def main() -> None:
    """Print a table for each kind of change."""
    with tempfile.TemporaryDirectory() as name:
        unused = Path(name) / "unused"
        unused.mkdir()
        (unused / ".ready").touch()
        with flow_kit.team(Path(name), unused) as team:
            _table("first push", lambda: team.act("ci.yml", "push", {
                "ref": "refs/heads/main", "before": "0" * 40,
                "after": git(team.project, "rev-parse", "main")}, lend=False))
            base = git(team.project, "rev-parse", "main")
            with open(team.project / "nlp" / "preprocess.py", "a", encoding="utf-8") as stream:
                stream.write("\n\nBENCHMARK = True\n")
            team.push("Touch nlp/", "change")
            _table("pull request that touches nlp/", lambda: _pull_request(team, base))
            base = git(team.project, "rev-parse", "HEAD")
            team.edit("README.md", "## ", "### ")
            team.push("Papers", "change")
            _table("pull request that touches only papers", lambda: _pull_request(team, base))


def _pull_request(team: flow_kit.Team, base: str) -> Result:
    head = git(team.project, "rev-parse", "HEAD")
    return team.act("ci.yml", "pull_request", event(
        "pull_request", number=1,
        repository={"full_name": flow_kit.REPO, "default_branch": "main"},
        pull_request={"number": 1, "merge_commit_sha": head, "base": {"ref": "main", "sha": base},
                      "head": {"ref": "change", "sha": head}}), lend=False)


def _table(title: str, step: object) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = step()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.exit_code == 0, result.log[-2000:]
    wall, setup = Counter(), Counter()
    names = {step.name for step in result.steps}
    for job, name, number, unit in _STEP.findall(result.log):
        if name in names:
            wall[job] += float(number) * _UNITS[unit]
            if name == SETUP:
                setup[job] += float(number) * _UNITS[unit]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\n{title}: {sum(wall.values()):.1f} s of jobs, {cpu:.1f} s CPU")
    for job, seconds in wall.items():
        print(f"  {job:<26} {seconds:7.1f} s, set-up {setup[job]:5.1f} s")
