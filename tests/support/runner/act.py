"""Start `act` on a copy of a repository, with stand-ins for published actions."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .result import Result, parse

ACTIONS = Path(__file__).resolve().parent / "actions"
STAND_INS = {"actions/checkout", "actions/setup-python", "actions/cache",
             "actions/upload-artifact", "actions/download-artifact", "astral-sh/setup-uv",
             "actions/attest-build-provenance", "actions/dependency-review-action",
             "actions/upload-pages-artifact", "actions/deploy-pages"}
LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04")
USES = re.compile(r"\buses:\s*[\"']?([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([\w./-]+)")
# Now and then act itself falls over jobs that begin at the same moment (its issue 2199).
CRASH = "fatal error: concurrent map"
# What steps are written in, when they do not ask for another shell.
SHELLS = ("bash", "sh")
WRAPPER = """#!{bash}
# act gives a step a terminal, where programs page and colour their output, and loses what a
# failing step printed last; a hosted runner gives a pipe, and every job a home of its own.
if [ -t 1 ]; then
  if [ -n "$RUNNER_TEMP" ]; then export HOME="${{RUNNER_TEMP%/*}}/home"; mkdir -p "$HOME"; fi
  "{real}" "$@" < /dev/null 2>&1 | "{cat}"
  status=${{PIPESTATUS[0]}}
  if [ "$status" != 0 ]; then "{sleep}" 0.3; fi
  exit "$status"
fi
exec "{real}" "$@"
"""


def run_workflow(repo: Path, workflow: str, event: str, payload: dict[str, Any] | None = None, *,
                 workdir: Path, env: Mapping[str, str] = {}, secrets: Mapping[str, str] = {},
                 variables: Mapping[str, str] = {}, inputs: Mapping[str, str] = {},
                 job: str | None = None, timeout: int = 600) -> Result:
    """Run one workflow of a git repository as if an event had happened to it.

    Only what is committed takes part. Jobs push to and fetch from `HARNESS_ORIGIN`, a new bare
    copy below `workdir` unless `env` names another one. Runs in one `workdir` are numbered and
    share caches and artifacts. Of the caller's environment jobs get PATH and nothing else.
    """
    runs = workdir.resolve() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    number = len(list(runs.iterdir())) + 1
    folder = runs / str(number)
    for name in ("home", "bin", "act"):
        (folder / name).mkdir(parents=True)
    artifacts = runs.parent / "artifacts" / str(number)
    artifacts.mkdir(parents=True)
    process = {"HOME": str(folder / "home"), "LANG": "C.UTF-8", "ACT_DISABLE_VERSION_CHECK": "1",
               "PATH": wrap(folder / "bin", env.get("PATH", os.environ["PATH"]))}

    origin = folder / "origin.git"
    git("clone", "--quiet", "--bare", repo.resolve(), origin, env=process)
    branch = git("symbolic-ref", "--quiet", "--short", "HEAD", cwd=repo, env=process,
                 check=False) or "main"
    payload = complete(payload or {}, branch, inputs)
    commit = event_commit(repo, event, payload, process)
    git("fetch", "--quiet", repo.resolve(), commit, cwd=origin, env=process)
    copy = folder / "repo"
    git("clone", "--quiet", "--no-checkout", origin, copy, env=process)
    git("fetch", "--quiet", "origin", commit, cwd=copy, env=process)
    git("checkout", "--quiet", "--detach", commit, cwd=copy, env=process)
    prepare(copy)

    token = env.get("GITHUB_TOKEN", "token-of-this-run")
    settings = {
        "env": {"HARNESS_ORIGIN": str(origin), "HARNESS_CACHE": str(runs.parent / "cache"),
                "HARNESS_ARTIFACTS": str(artifacts.parent), "HARNESS_PYTHON": sys.executable,
                "HARNESS_UV": find("uv") or "", "GITHUB_RUN_ID": str(number),
                "GITHUB_RUN_NUMBER": str(number), **event_names(event, payload, branch),
                **{key: value for key, value in env.items()
                   if key not in ("PATH", "GITHUB_TOKEN")}},
        "secret": {"GITHUB_TOKEN": token, **secrets}, "var": variables, "input": {}}
    files = []
    for name, values in settings.items():
        # Named even when empty, because act would otherwise read .env, .secrets and so on of
        # the repository; as a file, because arguments are seen by every process.
        path = folder / f"{name}.yaml"
        path.write_text(json.dumps(dict(values), ensure_ascii=False), encoding="utf-8")
        files += [f"--{name}-file", path]
    (folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")

    path = Path(".github") / "workflows" / workflow
    document = yaml.safe_load((copy / path).read_text(encoding="utf-8"))
    callers = [str(each.get("name", name)) for name, each in document["jobs"].items()
               if "uses" in each]
    command = [
        find("act") or "act", event, "--json", "--verbose", "--directory", copy,
        "--workflows", copy / path, "--eventpath", folder / "event.json",
        *(f"--platform={label}=-self-hosted" for label in LABELS),
        "--no-skip-checkout", "--no-cache-server",
        "--action-offline-mode", "--action-cache-path", folder / "act",
        "--actor", payload["sender"]["login"], *files, *local_repositories(copy),
        *(["--job", job] if job else [])]
    code, output = execute(command, cwd=folder, env=process, timeout=timeout)
    if CRASH in output:
        code, output = execute(command, cwd=folder, env=process, timeout=timeout)
    return parse(output.splitlines(), callers, code, artifacts)


def find(program: str) -> str | None:
    """Return a program beside the interpreter, or on PATH."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else shutil.which(program)


def git(*arguments: str | Path, env: Mapping[str, str], cwd: Path | None = None,
        check: bool = True) -> str:
    """Run git without any configuration of the user."""
    done = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=dict(env), text=True,
                          capture_output=True)
    if check and done.returncode:
        raise ValueError(f"git {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout.strip()


def wrap(folder: Path, path: str) -> str:
    """Write wrappers and return a PATH that finds them, and no package of the tests."""
    # Jobs have to install what they use: the environment of the tests would hide that.
    own = Path(sys.executable).parent
    kept = [each for each in path.split(os.pathsep)
            if sys.prefix == sys.base_prefix or Path(each) != own]
    tools = {name: shutil.which(name, path=path) for name in ("bash", "cat", "sleep")}
    for name in SHELLS:
        text = WRAPPER.format(real=shutil.which(name, path=path), **tools)
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    node = shutil.which("node", path=path)
    if node:
        (folder / "node").symlink_to(node)
    return os.pathsep.join([str(folder), *kept])


def complete(payload: dict[str, Any], branch: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return the payload with what every event of the real service has."""
    filled = {**payload,
              "repository": {"full_name": "someone/project", "default_branch": branch,
                             **payload.get("repository", {})},
              "sender": {"login": "someone", **payload.get("sender", {})}}
    if inputs:
        filled["inputs"] = {**payload.get("inputs", {}), **inputs}
    return filled


def event_commit(repo: Path, event: str, payload: dict[str, Any], env: Mapping[str, str]) -> str:
    """Return the commit that GITHUB_SHA is for this event."""
    pull = payload.get("pull_request", {})
    named = {"push": payload.get("after"),
             "pull_request": pull.get("merge_commit_sha"),
             "pull_request_target": pull.get("base", {}).get("sha")}.get(event)
    return git("rev-parse", "--verify", f"{named or payload.get('ref') or 'HEAD'}^{{commit}}",
               cwd=repo, env=env)


def event_names(event: str, payload: dict[str, Any], branch: str) -> dict[str, str]:
    """Return the variables that act would otherwise guess from the copy it runs in."""
    names = {"GITHUB_REPOSITORY": payload["repository"]["full_name"]}
    if not event.startswith(("pull_request", "deployment", "release")):
        ref = payload.get("ref") or branch
        names["GITHUB_REF"] = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    return names


def prepare(copy: Path) -> None:
    """Take out of the workflows the one setting that act does not know."""
    for path in (copy / ".github" / "workflows").glob("*.y*ml"):
        text = path.read_text(encoding="utf-8")
        for start, end in sorted(queue_settings(yaml.compose(text)), reverse=True):
            text = text[:start] + re.sub(r"^\s*,", "", text[end:])
        path.write_text(text, encoding="utf-8")


def queue_settings(node: yaml.Node | None) -> Iterable[tuple[int, int]]:
    """Yield where the text of each `queue` of a `concurrency` begins and ends."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == "concurrency" and isinstance(value, yaml.MappingNode):
            yield from ((name.start_mark.index, setting.end_mark.index)
                        for name, setting in value.value if name.value == "queue")
        else:
            yield from queue_settings(value)


def local_repositories(copy: Path) -> list[str]:
    """Return the arguments that replace every published action the repository names."""
    found = {match for path in (copy / ".github").rglob("*.y*ml")
             for match in USES.findall(path.read_text(encoding="utf-8"))}
    arguments = []
    for name, below, ref in sorted(found):
        folder = name.split("/")[1] if name in STAND_INS and not below else "missing"
        arguments += ["--local-repository", f"{name}@{ref}={ACTIONS / folder}"]
    return arguments


def heed_hang_ups() -> None:
    """Undo what `nohup` does: steps end when act is gone because they are hung up."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def execute(command: list[str | Path], cwd: Path, env: Mapping[str, str],
            timeout: int) -> tuple[int, str]:
    """Run a command in a session of its own; end all of it when time is up."""
    process = subprocess.Popen(list(map(str, command)), cwd=cwd, env=dict(env), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True, errors="replace",
                               preexec_fn=heed_hang_ups)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        raise TimeoutError(f"no end after {timeout} s\n{output[-3000:]}") from None
    return process.returncode, output
