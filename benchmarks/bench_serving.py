"""The service under load, beside a plain FastAPI route, BentoML and LitServe; and the judge.

Load comes from autocannon, which npm fetches, and at a rate from `load.mjs` itself. The frameworks
get environments of their own, made by uv. BENCH_PYTHON names an interpreter that has the packages
of a generated project.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.baked import bake
from benchmarks.measure import cost, machine

HERE = Path(__file__).parent
PORT = 8977
SECONDS = 8
GENERATOR = "autocannon@9.0.0"
FRAMEWORKS = {"bentoml": "bentoml==1.4.40", "litserve": "litserve==0.2.19"}
# What the model and its loading need beside a framework, in the versions of the project's lock.
NEEDED = ("scikit-learn", "numpy", "scipy", "skops", "pyyaml", "jsonschema", "packaging")
BENTO = """\
import bentoml
from serving_peers import by_sklearn

@bentoml.service(workers=1)
class Service:
    @bentoml.api(route="/predict")
    def predict(self, text: str) -> dict:
        return by_sklearn(text)
"""

LITSERVE = """\
import sys
import litserve
from serving_peers import by_sklearn

class Api(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["text"]

    def predict(self, text):
        return by_sklearn(text)

    def encode_response(self, output):
        return output

if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path="/predict"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
"""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        project = _in_production(Path(folder))
        print(f"\n## Service ({machine()})\n", flush=True)
        _load_table(project)
        subprocess.run([project / ".venv" / "bin" / "python", HERE / "canary_inside.py"],
                       check=True, env={**os.environ, "PYTHONPATH": str(project)})


def _in_production(folder: Path) -> Path:
    """Generate a project with a version in production; return its folder."""
    project = bake(folder)
    python = os.environ.get("BENCH_PYTHON")
    if python:
        (project / ".venv").symlink_to(Path(python).parent.parent)
        (project / ".venv" / ".ready").touch()
    done = cost(["make", "setup", "train", "gate", "pack", "register", "promote"], project)
    if done.code:
        sys.exit(f"error: {project} could not be made ready")
    _run(project, ".venv/bin/python", "tools/registry.py", "pull", "review-sentiment", "--out",
         "build/model")
    rows = (project / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    (project / "bodies.jsonl").write_text("".join(
        json.dumps({"text": json.loads(row)["text"]}) + "\n" for row in rows), encoding="utf-8")
    for name in ("load.mjs", "serving_peers.py"):
        shutil.copy(HERE / name, project / name)
    (project / "bento_service.py").write_text(BENTO)
    (project / "lit_service.py").write_text(LITSERVE)
    _run(project, "npm", "install", "--silent", "--no-audit", "--no-fund", GENERATOR)
    lock = (project / "requirements.txt").read_text()
    pins = [re.search(rf"(?m)^{name}==[^ ;]+", lock)[0] for name in NEEDED]
    for name, package in FRAMEWORKS.items():
        _run(project, "uv", "venv", "--quiet", "--python", sys.executable, name)
        _run(project, "uv", "pip", "install", "--quiet", "--python", f"{name}/bin/python",
             package, *pins)
    return project


def _run(project: Path, *command: str) -> None:
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)


def _load_table(project: Path) -> None:
    print("| | connections | requests/s | p50 ms | p95 ms | p99 ms | failed |\n"
          "|---|---:|---:|---:|---:|---:|---:|", flush=True)
    servers = {
        "this service: log, masking, HMAC, metrics": [
            ".venv/bin/python", "tools/serve.py", "--port", str(PORT), "--log", "logs"],
        "plain FastAPI route, scikit-learn": [
            ".venv/bin/python", "serving_peers.py", str(PORT)],
        "LitServe, scikit-learn": [
            "litserve/bin/python", "lit_service.py", str(PORT)],
        "BentoML, scikit-learn": [
            "bentoml/bin/bentoml", "serve", "bento_service:Service", "--port", str(PORT)]}
    with open(project / "project.yaml", "a", encoding="utf-8") as settings:
        settings.write("\nservice: {log_text: keyed}\n")
    bare = subprocess.run([".venv/bin/python", HERE / "serving_inside.py"], cwd=project, check=True,
                          capture_output=True, text=True).stdout
    half = float(re.search(r"at half its rate \| \| ([\d,]+)", bare)[1].replace(",", ""))
    for name, command in servers.items():
        with _running(command, project):
            _load(project, 16, 0, 2)
            rates = [_row(project, name, connections) for connections in (1, 16)]
            if name.startswith("this"):
                _row(project, "this service, random arrivals, half the bare call's rate", 16, half)
                _row(project, "this service, random arrivals, half its own rate", 16, rates[1] / 2)
    print(bare, flush=True)


def _row(project: Path, name: str, connections: int, rate: float = 0) -> float:
    found = _load(project, connections, rate, SECONDS)
    print(f"| {name} | {connections} | {found['rate']:,.0f} | {found['p50']:.1f} | "
          f"{found['p95']:.1f} | {found['p99']:.1f} | {found['failed']} |", flush=True)
    return found["rate"]


def _load(project: Path, connections: int, rate: float, seconds: int) -> dict[str, float]:
    done = subprocess.run(["node", "load.mjs", f"http://127.0.0.1:{PORT}", str(connections),
                           str(seconds), str(int(rate))], cwd=project, capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


@contextmanager
def _running(command: list[str], project: Path) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, "PRIVACY_KEY": "k" * 32})
    try:
        ends = time.monotonic() + 90
        while not _answers():
            if process.poll() is not None or time.monotonic() > ends:
                sys.exit(f"error: {command} does not answer")
            time.sleep(0.2)
        yield
    finally:
        # The frameworks have processes of their own.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        time.sleep(1)


def _answers() -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/predict", b'{"text": "ready?"}',
                                     {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=2).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


if __name__ == "__main__":
    main()
