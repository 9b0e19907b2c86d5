"""A real Dask cluster on this machine: the same numbers and answers, also when a worker dies."""

import json
import random

import pytest
from baking import TEMPLATE, bake, environment, run, with_venv

pytestmark = pytest.mark.heavy

FILES, LINES = 24, 4000
SCRIPT = """
import os, signal, sys, threading, time
from nlp_gitops.drift import embedder, logs, inputs
from nlp_gitops.drift.columns import Layout
from nlp_gitops.drift.profile import to_bytes

if __name__ == "__main__":
    from distributed import Client, LocalCluster

    frame = embedder.fit([f"the {a} is {b}" for a in ("kettle", "lamp", "novel")
                          for b in ("good", "bad", "old")])
    layout = Layout(("bad", "good"), (), (("domain", ("a", "b")),), frame.sha256, frame.size)
    work = inputs.Work(layout, frame, keep=50)
    alone = inputs.read_all(["log"], work)
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            pids = list(client.run(os.getpid).values())
            threading.Timer(float(sys.argv[1]), os.kill, (pids[0], signal.SIGKILL)).start()
            begun = time.monotonic()
            spread = inputs.read_all(["log"], work, None, logs.over(client))
            took = time.monotonic() - begun
            time.sleep(max(float(sys.argv[1]) - took + 1, 0))
            left = list(client.run(os.getpid).values())
    assert to_bytes(spread.profile) == to_bytes(alone.profile)
    assert spread.sample == alone.sample and spread.faults == alone.faults
    print(int(spread.profile.total()[0]), took > float(sys.argv[1]), pids[0] in left)
"""

SCORING = """
import os, signal, sys, threading, time
from pathlib import Path
from nlp_gitops.serving import scoring
from nlp_gitops.drift import logs
from nlp.classifiers import TfidfLogistic

if __name__ == "__main__":
    from distributed import Client, LocalCluster

    model = TfidfLogistic(min_df=1)
    model.train(["the kettle is good", "the lamp is bad"] * 5, ["good", "bad"] * 5)
    Path("model").mkdir()
    model.save(Path("model"))
    scoring.PART_BYTES = 200_000
    parts = scoring.plan([str(Path("log").resolve())])

    def task(name):
        return scoring.Task(str(Path("model").resolve()), "nlp.classifiers:TfidfLogistic",
                            str(Path().resolve()), str(Path(name).resolve()))

    def answers(name):
        return [(Path(name) / part.name).read_bytes() for part in parts]

    alone = scoring.score(task("alone"), "a" * 64, parts, map)
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            pids = list(client.run(os.getpid).values())
            threading.Timer(float(sys.argv[1]), os.kill, (pids[0], signal.SIGKILL)).start()
            begun = time.monotonic()
            spread = scoring.score(task("spread"), "a" * 64, parts, logs.over(client))
            took = time.monotonic() - begun
            for part in parts[::2]:
                (Path("spread") / part.name).unlink()
            again = scoring.score(task("spread"), "a" * 64, parts, logs.over(client))
            left = list(client.run(os.getpid).values())
    assert answers("spread") == answers("alone")
    assert again["texts"] == spread["texts"] == alone["texts"]
    assert (spread["resumed"], again["resumed"]) == (0, len(parts) // 2)
    print(alone["texts"], took > float(sys.argv[1]), pids[0] in left)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A bake with the locked packages and distributed, and a log of many files."""
    folder = bake(tmp_path_factory.mktemp("dask") / "out")
    venv = folder.parent / "venv"
    run("uv", "venv", "--quiet", venv, cwd=folder)
    python = venv / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, "-r",
        TEMPLATE / "requirements.txt", cwd=folder)
    run("uv", "pip", "install", "--quiet", "--python", python, "distributed", cwd=folder)
    (venv / ".ready").touch()
    drawn = random.Random(0)
    (folder / "log").mkdir()
    for number in range(FILES):
        with open(folder / "log" / f"{number}.jsonl", "w") as stream:
            for line in range(LINES):
                stream.write(json.dumps({
                    "request_id": f"{number}-{line}", "label": drawn.choice(("bad", "good")),
                    "at": f"2026-03-{1 + number:02}T10:00:00+00:00", "score": drawn.random(),
                    "fields": {"domain": drawn.choice("abc")}, "latency_ms": 2,
                    "text": f"the {drawn.choice(('kettle', 'lamp'))} is {drawn.choice('xyz')} "
                    * 20}) + "\n")
            stream.write("{\n")
    (folder / "spread.py").write_text(SCRIPT)
    (folder / "scoring.py").write_text(SCORING)
    return with_venv(folder, venv)


@pytest.mark.parametrize("script", ["spread.py", "scoring.py"])
def test_a_cluster_that_loses_a_worker_gives_the_same_numbers(project, script):
    done = run(project / ".venv" / "bin" / "python", script, "0.7", cwd=project,
               env=environment(PYTHONPATH=str(project)))

    rows, killed_on_the_way, still_there = done.stdout.split()[-3:]
    assert int(rows) == FILES * LINES
    assert killed_on_the_way == "True" and still_there == "False"


def test_the_command_scores_on_a_cluster_what_it_scores_alone(project):
    python = project / ".venv" / "bin" / "python"
    for command in ("train", "eval_gate", "pack_model", "push_to_registry"):
        run(python, f"tools/{command}.py", *(["--stage", "Staging"] * (
            command == "push_to_registry")), cwd=project)

    for engine in ("one", "dask"):
        done = run(python, "tools/score.py", "log", "--out", engine, "--engine", engine, "--model",
                   "review-sentiment@v1.0.0", cwd=project, check=False)
        # Every file has a line that is none.
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]

    written = {engine: {path.name: path.read_bytes() for path in
                        (project / engine).glob("part-*.jsonl")} for engine in ("one", "dask")}
    assert written["one"] == written["dask"] and len(written["dask"]) == FILES
