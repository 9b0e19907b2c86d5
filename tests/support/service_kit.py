"""Two registered versions, an environment to serve them, and load that counts every failure."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter

from baking import commit, copy_of, environment, packed, tool

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
V0, V1 = "review-sentiment@v1.0.0", "review-sentiment@v1.0.1"


def two_versions(folder, venv):
    """Return a bake with one version in production and a newer one in staging."""
    def make(out):
        project = packed(out, venv)
        tool(project, "push_to_registry")
        tool(project, "promote", V0, "--to", "production")
        path = project / "project.yaml"
        path.write_text(path.read_text().replace("c: 4.0", "c: 3.5"))
        commit(project, "Regularise a little more")
        for name in ("train", "eval_gate", "pack_model", "push_to_registry"):
            tool(project, name)

    return copy_of("two-versions", make, folder / "out")


def register(project, **env):
    for name in ("train", "eval_gate", "pack_model", "push_to_registry"):
        tool(project, name, **env)


class Production:
    """The environment `production` of a project, on a port of its own."""

    def __init__(self, project):
        self.project = project
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]

    def deploy(self, *arguments, check=True, **env):
        return tool(self.project, "deploy", "--environment", "production", *arguments,
                    check=check, **env)

    def begin(self, *arguments):
        command = [self.project / ".venv" / "bin" / "python", "tools/deploy.py", "--environment",
                   "production", *arguments]
        return subprocess.Popen(list(map(str, command)), cwd=self.project, env=environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def state(self):
        return json.loads((self.project / ".deploy" / "production" / "state.json").read_text())

    def logged(self):
        """Return the lines of the prediction log."""
        files = (self.project / ".deploy" / "production" / "predictions").glob("dt=*/*.jsonl")
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def signal(self, slot, number):
        path = self.project / ".deploy" / "production" / f"{slot}.pid"
        os.kill(json.loads(path.read_text())["pid"], number)


class Load:
    """Requests on new connections, from several threads; every answer but a 200 is a failure."""

    def __init__(self, port, connections=3, pause=0.0):
        self.port, self.pause, self.failed, self.versions = port, pause, Counter(), Counter()
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        while not self.stop.is_set():
            try:
                status, body = ask(self.port)
                result = json.loads(body)["version"] if status == 200 else f"status {status}"
            except (OSError, http.client.HTTPException) as error:
                status, result = 0, repr(error)
            with self.lock:
                (self.versions if status == 200 else self.failed)[result] += 1
            time.sleep(self.pause)

    def forget(self):
        with self.lock:
            self.versions.clear()

    def wait_for_answers(self, number):
        until(lambda: sum(self.versions.values()) >= number)

    def wait_for(self, version, number=20):
        until(lambda: self.versions[version] >= number)


def ask(port, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/predict", json.dumps({"text": "The kettle works great."}),
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until(condition, seconds=60):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)
