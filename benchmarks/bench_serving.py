"""The service under wrk, beside a plain FastAPI route and the bare model; and the canary's judge.

Needs wrk on PATH for the first table. BENCH_PYTHON names an interpreter that has the packages of a
generated project, so that nothing is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import cost, machine

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).parent
PORT = 8977
SECONDS = 6
REQUEST = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies, number = {}, 0
for line in io.lines("bodies.jsonl") do bodies[#bodies + 1] = line end
request = function()
  number = number % #bodies + 1
  return wrk.format(nil, "/predict", nil, bodies[number])
end
"""
PLAIN = """\
import sys
sys.path.insert(0, ".")
from fastapi import FastAPI
from pydantic import BaseModel
from mlops.project import load_project
from mlops.serving.release import find, load

project = load_project()
_, model = load(project, find(project, None, "local"), "local", "plain")
app = FastAPI()

class Asked(BaseModel):
    text: str

@app.post("/predict")
async def predict(asked: Asked):
    found = model.predict([asked.text])[0]
    return {"label": found.label, "score": found.scores[found.label]}
"""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        project = _bake(Path(folder))
        print(f"\n## Service ({machine()})\n", flush=True)
        if shutil.which("wrk"):
            _load_table(project)
        else:
            print("wrk is not on PATH; the load table is left out.\n")
        subprocess.run([project / ".venv" / "bin" / "python", HERE / "canary_inside.py"],
                       check=True, env={**os.environ, "PYTHONPATH": str(project)})


def _bake(folder: Path) -> Path:
    """Generate a project with a version in production; return its folder."""
    cost([sys.executable, "-m", "cookiecutter", "--no-input", ROOT, "-o", folder], folder,
         {"HOME": str(folder)})
    project = folder / "review-sentiment"
    python = os.environ.get("BENCH_PYTHON")
    if python:
        (project / ".venv").symlink_to(Path(python).parent.parent)
        (project / ".venv" / ".ready").touch()
    done = cost(["make", "setup", "train", "gate", "pack", "register", "promote"], project)
    if done.code:
        sys.exit(f"error: {project} could not be made ready")
    _write_requests(project)
    return project


def _write_requests(project: Path) -> None:
    rows = (project / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [re.sub(r'.*"text": ("(?:[^"\\]|\\.)*").*', r'{"text": \1}', row) for row in rows]
    (project / "bodies.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    (project / "request.lua").write_text(REQUEST)
    (project / "plain.py").write_text(PLAIN)


def _load_table(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    print("| | connections | requests/s | p50 ms | p99 ms | failed |\n"
          "|---|---:|---:|---:|---:|---:|")
    servers = {
        "this service, log, masking and metrics on": [
            python, "tools/serve.py", "--port", PORT, "--log", "logs", "--registry", "local"],
        "plain FastAPI route": [
            python, "-m", "uvicorn", "plain:app", "--port", PORT, "--log-level", "warning"]}
    for name, command in servers.items():
        with _running(list(map(str, command)), project):
            for connections in (1, 16):
                print(f"| {name} | {connections} | {_wrk(project, connections)} |", flush=True)
    print()


@contextmanager
def _running(command: list[str], project: Path) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while not _answers():
            if process.poll() is not None or time.monotonic() > ends:
                sys.exit(f"error: {command} does not answer")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers() -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/openapi.json", timeout=2).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def _wrk(project: Path, connections: int) -> str:
    """Return rate, p50, p99 and failures as cells of a table."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", "request.lua",
               f"http://127.0.0.1:{PORT}"]
    said = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return (f"{rate:,.0f} | {_milliseconds(said, '50')} | {_milliseconds(said, '99')} "
            f"| {failed[1] if failed else 0}")


def _milliseconds(said: str, percentile: str) -> str:
    value, unit = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", said).groups()
    return f"{float(value) * {'us': 0.001, 'ms': 1.0, 's': 1000.0}[unit]:.1f}"


if __name__ == "__main__":
    main()
