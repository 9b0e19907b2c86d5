"""The demo: generate a project, import real reviews, and run it from data to rollback.

Called by `make demo`. Everything lands in build/; nothing outside it is touched.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fetch_reviews import Unavailable, fetch

from nlp_gitops.core import git

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PROJECT = BUILD / "review-sentiment"

GATES = """\
# Bounds for the demo's data: sentences out of their context, rated by strangers. A linear model
# reaches a macro-F1 of about .61 when whole reviews are kept in one split, and about .63 when
# they are not: the difference is leakage.
gates_version: 1

slices:
  short_text: {chars: {lt: 60}}
  long_text: {chars: {ge: 150}}
  domain: {by: domain}

gates:
  - id: quality
    metric: f1_macro
    min: 0.57
    why: What TF-IDF and logistic regression reach here, less twice the sampling error.

  - id: slices
    metric: f1_macro
    slices: [short_text, long_text, domain]
    min: 0.40
    why: Above guessing the commonest label in every domain; editorials are the hardest.

  - id: no-worse
    metric: f1_macro
    max_drop: 0.02
    why: A new version that is plainly worse than the present one helps nobody.

  - id: latency
    metric: latency_ms_p95
    max: 150
    why: The service answers inside a web page's budget of 200 ms.
"""


def main() -> int:
    """Run the demo; return 0, or the exit code of the first step that failed."""
    begin = time.monotonic()
    say("1/6  generate a project into build/")
    shutil.rmtree(PROJECT, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    run([sys.executable, "-m", "cookiecutter", "--no-input", str(ROOT), "-o", str(BUILD)],
        quiet=True)
    say("2/6  set up its environment from its locked requirements")
    run(["make", "setup"])
    ready = time.monotonic()
    say("3/6  fetch and import human-rated reviews")
    real = import_reviews()
    say("4/6  data checks, training, gate, registry, production")
    run(["make", "pipeline"])
    say("5/6  a second version, promoted, and rolled back")
    change("c: 4.0", "c: 2.0", "Regularise more")
    for step in ("train", "gate", "pack", "register", "promote"):
        run(["make", "--silent", step])
    run(["make", "--silent", "rollback"], REASON="demo: practise it before you need it")
    say("6/6  what the registry knows")
    run(["make", "--silent", "show"])
    run(["make", "--silent", "history"])
    summary(real, ready - begin, time.monotonic() - ready)
    return 0


def import_reviews() -> bool:
    """Import the real rows with the demo's gates; say so and keep the starter data if not had."""
    table = BUILD / "reviews.jsonl"
    try:
        if not table.is_file():
            print(f"{fetch(table):,} rows fetched", flush=True)
    except Unavailable as error:
        print(f"the review snippets cannot be had ({error}); going on with the starter data")
        return False
    run([".venv/bin/python", "tools/import_dataset.py", str(table), "--text", "text",
         "--label", "label", "--domain", "domain", "--group", "group",
         "--labels", "negative,neutral,positive", "--name", "rated-snippets", "--license", "MIT",
         "--description", "Review, tweet and news snippets rated for sentiment by people.",
         "--provenance", "vaderSentiment 3.3.2 (Hutto and Gilbert, ICWSM 2014)"])
    (PROJECT / "gates.yaml").write_text(GATES, encoding="utf-8")
    commit("Import human-rated snippets, with gates of their own")
    return True


def change(old: str, new: str, message: str) -> None:
    """Edit project.yaml and commit."""
    path = PROJECT / "project.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    commit(message)


def commit(message: str) -> None:
    """Commit everything in the generated project, with an identity if git has none."""
    fallback = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
                for part, value in (("NAME", "demo"), ("EMAIL", "demo@localhost"))}
    known = subprocess.run(["git", "config", "user.email"], cwd=PROJECT, capture_output=True)
    run(["git", "add", "--all"])
    run(["git", "commit", "--quiet", "--no-gpg-sign", "-m", message],
        **({} if known.returncode == 0 else fallback))


def summary(real: bool, setup: float, pipeline: float) -> None:
    """Say what ran, how good the model is, where the reports are, and what to type next."""
    report = json.loads((PROJECT / "reports" / "report.json").read_text(encoding="utf-8"))
    data = "23.5k human-rated snippets" if real else "the 6,000 synthetic starter rows"
    where = PROJECT.relative_to(ROOT)
    print(f"\n{'=' * 72}\nDone, on {data}.\n")
    print(f"  macro-F1 of the last run  {report['metrics']['f1_macro']:.3f} "
          f"on {report['metrics']['rows']:,} test rows")
    for gate in report["gates"]:
        if gate["slice"]:
            print(f"    {gate['slice']:<24}{gate['value']:.3f} on {gate['n']:,} rows")
    print(f"""
  setup {setup:.0f} s (with downloads), everything else {pipeline:.0f} s
  report    {where}/reports/report.html (and .md, .json)
  pictures  {where}/runs/*/artifacts/confusion_matrix.png
  registry  {where}/.registry/ (a bare git repository and a folder of archives)

Next:
  cd {where} && make help
  your own data:  python tools/import_dataset.py FILE --text COL --label COL
""")


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n=== {text}", flush=True)


def run(command: list[str], quiet: bool = False, **env: str) -> None:
    """Run a step inside the project; end the demo with its exit code if it fails."""
    folder = PROJECT if PROJECT.is_dir() else ROOT
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # make passes its own flags on to children, and git its repository to hooks; a demo that one of
    # them started is no part of it.
    inherited = {key: value for key, value in git.environment().items()
                 if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env={**inherited, "PATH": path, **env},
                          stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode:
        print(f"error: {' '.join(command[:3])} failed; see above", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
