"""The runbook, walked as on call does: every command runs, and what it says comes out."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import suppress

import pytest
from baking import TEMPLATE, commit, git, tool
from registry_kit import NAME, artifacts, origin, team
from service_kit import NGINX, ask
from walker import missing, run_script, sections, steps

from nlp_gitops.deploy.processes import free_port

RUNBOOK = (TEMPLATE / "docs" / "runbook.md").read_text(encoding="utf-8")
# What is taught is not what is tested here, so little is enough.
GATES = """\
gates_version: 1
gates:
  - {id: quality, metric: f1_macro, min: 0.3, why: a drill needs some bound}
"""
ROWS = 300


class Host:
    """A team's work tree on the host that serves; `env` is what the reader has exported."""

    def __init__(self, project):
        self.project = project
        self.env = {"REGISTRY": "origin"}

    def run(self, script):
        return run_script(self.project, script, self.env)

    def edit(self, name, old, new):
        path = self.project / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        commit(self.project, f"Change {name}")
        git(self.project, "push", "--quiet", "origin", "main")

    def state(self):
        return json.loads((self.project / ".deploy" / "production" / "state.json").read_text())

    def look(self):
        """Read ports as a person reads them from --status."""
        state = self.state()
        ports = {name: str(slot["port"]) for name, slot in state["slots"].items()}
        new = ports.pop(state["serving"], "0")
        self.env |= {"NEW": new, "OLD": next(iter(ports.values()), "0"),
                     "PORT": str(state["port"])}

    def kill(self, slot):
        path = self.project / ".deploy" / "production" / f"{slot}.pid"
        with suppress(ProcessLookupError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)


@pytest.fixture
def host(tmp_path, venv):
    """Two versions were in production, the newer one is, and both processes are warm."""
    project = team(tmp_path / "team", venv)
    found = Host(project)
    train = project / "data" / "train.jsonl"
    train.write_text("".join(line + "\n" for line in train.read_text().splitlines()[:ROWS]))
    (project / "gates.yaml").write_text(GATES)
    port = free_port()
    for strength in ("c: 4.0", "c: 3.5"):
        found.edit("project.yaml", "c: 4.0", strength)
        found.run("make train gate pack register promote\n"
                  "python tools/deploy.py --environment production --stage production "
                  f"--registry origin --port {port}")
    yield found
    tool(project, "deploy", "--environment", "production", "--stop")


def seen_by_prometheus(host):
    """Start Prometheus as its file says, only faster; return how many targets are up by job."""
    folder = host.project / "deploy" / "monitoring"
    hurried = folder / "hurried.yml"
    hurried.write_text((folder / "prometheus.yml").read_text().replace("15s", "1s"))
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        ["prometheus", f"--config.file={hurried}", f"--web.listen-address={url[7:]}",
         f"--storage.tsdb.path={host.project / 'reports' / 'prometheus'}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends, found = time.monotonic() + 60, {}
        while sum(found.values()) < 3 and time.monotonic() < ends:
            time.sleep(0.5)
            with suppress(OSError):
                query = f"{url}/api/v1/query?query=sum+by(job)(up)"
                rows = json.load(urllib.request.urlopen(query, timeout=5))["data"]["result"]
                found = {row["metric"]["job"]: int(row["value"][1]) for row in rows}
        return found
    finally:
        process.kill()
        process.wait()


# What has to have happened before a block can be of use.

def freeze(host):
    host.edit("project.yaml", "  # frozen: why ", "  frozen: errors since v1.3.0, incident 7 #")


def mended(host):
    host.edit("project.yaml", "  frozen: errors since v1.3.0, incident 7 #", "  # frozen: why ")
    host.edit("project.yaml", "c: 3.5", "c: 3.0")


def taken_back(host):
    if "  frozen:" in (host.project / "project.yaml").read_text():
        mended(host)
    host.env["VERSION"] = f"{NAME}@v1.0.1"


def new_host(host):
    tool(host.project, "deploy", "--environment", "production", "--stop")


def lost_archive(host):
    host.env["VERSION"] = f"{NAME}@v1.0.0"
    manifest = json.loads(git(origin(host.project), "show",
                              f"{host.env['VERSION']}:models/{NAME}/v1.0.0/manifest.json"))
    host.env["COMMIT"] = manifest["source_commit"]
    digest = manifest["artifacts"][0]["sha256"]
    (artifacts(host.project) / "sha256" / digest[:2] / digest).unlink()


def lost_registry(host):
    bare = origin(host.project)
    for name in ("refs/heads/registry", *git(bare, "for-each-ref", "--format=%(refname)",
                                             "refs/tags").split()):
        git(bare, "update-ref", "-d", name)


def leak(host):
    host.env["LEAKED"] = "sk-0a1b2"


def callers(host):
    for _ in range(5):
        assert ask(int(host.env["PORT"]))[0] == 200


def two_slots(host):
    tool(host.project, "rollback", "--reason", "drill", "--registry", "origin")
    host.run("make deploy")


def all_dead(host):
    for slot in ("blue", "green"):
        host.kill(slot)
    nginx = host.project / ".deploy" / "production" / "nginx" / "nginx.pid"
    os.kill(int(nginx.read_text()), signal.SIGTERM)


def one_dead(host):
    state = host.state()
    host.kill(next(name for name in state["slots"] if name != state["serving"]))


BEFORE = {("Freeze", 0): freeze, ("Roll forward", 0): mended, ("Roll forward", 1): taken_back,
          ("Rebuild", 0): new_host, ("Rebuild", 1): lost_archive, ("Lost registry", 0):
          lost_registry, ("Leaked secret", 0): leak, ("Drift alert", 0): callers,
          ("ErrorBudgetBurn", 0): two_slots,
          ("EnvironmentDown", 0): all_dead, ("ProcessDown", 0): one_dead}


def commands():
    """Return {(heading, number): step} for each block of commands."""
    return {(heading, number): step for heading, blocks in sections(RUNBOOK)
            for number, step in enumerate(steps(blocks))}


@pytest.mark.skipif(not NGINX, reason="nginx is not installed: apt-get install nginx")
@pytest.mark.heavy
def test_every_command_of_the_runbook_runs_and_says_what_the_runbook_says(host):
    todo = commands()
    assert set(BEFORE) <= set(todo)
    for key, step in todo.items():
        BEFORE.get(key, lambda _: None)(host)
        host.look()
        output = host.run(step.script)
        lost = missing(step.expected, output)
        assert lost is None, f"{key}: {lost!r} is not in\n{output}"
    if shutil.which("prometheus"):
        assert seen_by_prometheus(host) == {"service": 2, "environment": 1}
