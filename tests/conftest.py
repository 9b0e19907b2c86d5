"""What the tests share: baking projects, an environment for them, and git."""

import atexit
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project>>"
# What git needs to work the same on every machine, and nothing of the caller's Actions run.
CLEAN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
         "PYTHONDONTWRITEBYTECODE": "1"}
FOREIGN = ("GITHUB_", "GIT_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "RUNNER_",
           "PYTEST_")
# Where the folder is that all workers of a run share; a test's own commands do not see it.
SHARED = "PYTEST_SHARED_FOLDER"

# Modules that train models or run workflows come last, so that a plain fault shows in seconds. Of
# these the long ones come first, and what ends the run is small: so all workers end together.
SLOW = ("test_deploy", "test_ci", "test_flow_promotion", "test_lifecycle", "test_flow_schedules",
        "test_serve", "test_flow_messages", "test_flow_commands", "test_machinery", "test_runbook",
        "test_import", "test_report_page", "test_trackers", "test_registry_kills",
        "test_registry_archives", "test_registry_faults", "test_registry_hook",
        "test_registry_tampering")
# Their tests share a site, one team or two trained versions; those of a promotion follow each
# other.
TOGETHER = ("test_documentation", "test_site", "test_serve", "test_deploy", "test_flow_messages",
            "test_flow_commands", "test_flow_schedules", "test_flow_promotion")


def pytest_configure() -> None:
    """Make the shared folder before there are workers.

    A git hook that runs the tests names its repository; no git of theirs may find that one.
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    shared()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast modules first."""
    def rank(item: pytest.Item) -> int:
        name = item.path.stem
        return SLOW.index(name) + 1 if name in SLOW else 0

    items.sort(key=rank)


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start one worker more than there are cores.

    With one for each, cores idle a third of the time: tests wait for servers to start, for the
    looks of a canary, and in pauses between requests.
    """
    return (yield) + 1


class Together(LoadScopeScheduling):
    """Hands out single tests, and whole modules whose tests share a long preparation."""

    def _split_scope(self, nodeid: str) -> str:
        module = Path(nodeid.partition("::")[0]).stem
        return module if module in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Replace xdist's `loadgroup`, whose marks its version 3.8 cannot see in pytest 9.2."""
    return Together(config, log)


def environment(**more: str) -> dict[str, str]:
    """Return an environment without anything of the test's own git, make or workflow run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    return {**kept, **CLEAN, **more}


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None,
        check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run a command; with `check`, fail the test with its output if it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True,
                          capture_output=True, env=dict(env or environment()), timeout=timeout,
                          preexec_fn=heed_interrupts)
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} -> {done.returncode}\n"
                    f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs: a person's commands can be interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def cookiecutter(output: Path, *arguments: str,
                 env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter on this template without questions."""
    home = output.parent / "cookiecutter-home"
    home.mkdir(exist_ok=True)
    output.mkdir(exist_ok=True)
    return run(sys.executable, "-m", "cookiecutter", "--no-input", ROOT, "-o", output, *arguments,
               cwd=output.parent, env={**(env or environment()), "HOME": str(home)}, check=False)


def shared() -> Path:
    """Return the folder of what is made once; the process that makes it removes it at its end."""
    if SHARED not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="nlp-gitops-")
        atexit.register(shutil.rmtree, os.environ[SHARED], ignore_errors=True)
    return Path(os.environ[SHARED])


def once(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first worker to ask for it makes for all; nobody changes it."""
    folder = shared() / name
    ready = folder.with_suffix(".ready")
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            ready.touch()
    return folder


def generate(output: Path, **answers: str) -> Path:
    """Generate a project and return its folder; fail the test if generation fails."""
    done = cookiecutter(output, *(f"{key}={value}" for key, value in answers.items()))
    assert done.returncode == 0, done.stdout + done.stderr
    return output / answers.get("project", "review-sentiment")


def bake(output: Path, **answers: str) -> Path:
    """Return a project's folder: a copy of the one that is generated with these answers.

    It is compiled, because commands write no bytecode here; the code may change in a copy.
    """
    digest = hashlib.sha256(repr(answers).encode()).hexdigest()[:16]
    return copy_of(f"bake-{digest}", lambda out: run(
        sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "mlops",
        "nlp", cwd=generate(out, **answers)), output)


def copy_of(name: str, make: Callable[[Path], object], output: Path) -> Path:
    """Copy what is made once, a folder with one project; return the project in the copy."""
    made = once(name, lambda folder: make(folder / "out")) / "out"
    shutil.copytree(made, output, symlinks=True, dirs_exist_ok=True)
    project, = made.iterdir()
    return output / project.name


def git(repo: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    return run("git", *arguments, cwd=repo).stdout.strip()


def commit(repo: Path, message: str) -> str:
    """Commit everything as a person; return the commit."""
    git(repo, "add", "--all")
    git(repo, "-c", "user.name=person", "-c", "user.email=person@localhost", "commit", "--quiet",
        "-m", message)
    return git(repo, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def venv() -> Path:
    """A new virtual environment with exactly what a generated project's lock file names."""
    return once("venv", lambda folder: install(
        folder, "--require-hashes", "-r", TEMPLATE / "requirements.txt"))


def install(folder: Path, *packages: str | Path, beside: Path | None = None) -> None:
    """Make a virtual environment with these packages, beside all that another one has.

    They are compiled once here, because commands, which write no bytecode, would all do it again:
    that took more than half of what training takes.
    """
    if beside:
        shutil.copytree(beside, folder, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
    else:
        run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    run("uv", "pip", "install", "--quiet", "--compile-bytecode",
        "--python", folder / "bin" / "python", *packages, cwd=folder.parent)
    (folder / ".ready").touch()


@pytest.fixture
def project(tmp_path: Path, venv: Path) -> Path:
    """A fresh bake whose environment is set up."""
    return baked(tmp_path / "out", venv)


def baked(output: Path, venv: Path) -> Path:
    """Return a bake whose environment is set up."""
    return with_venv(bake(output), venv)


def with_venv(folder: Path, venv: Path) -> Path:
    """Give a bake the shared environment, as if `make setup` had run in it."""
    (folder / ".venv").unlink(missing_ok=True)
    (folder / ".venv").symlink_to(venv)
    os.utime(venv / ".ready")
    return folder


def trained(output: Path, venv: Path) -> Path:
    """Return a copy of a bake with one run."""
    return copy_of("trained", lambda out: tool(baked(out, venv), "train"), output)


def packed(output: Path, venv: Path) -> Path:
    """Return a copy of a bake whose run passed the gate, without a champion, and is packed."""
    def make(out: Path) -> None:
        project = trained(out, venv)
        tool(project, "eval_gate")
        tool(project, "pack_model")

    return copy_of("packed", make, output)


def tool(project: Path, name: str, *arguments: str, check: bool = True,
         **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python tools/NAME.py` in a generated project."""
    return run(project / ".venv" / "bin" / "python", f"tools/{name}.py", *arguments, cwd=project,
               env=environment(**env), check=check)


@pytest.fixture
def template(tmp_path):
    """A copy of the template in a repository of its own, so that it can move on."""
    folder = tmp_path / "template"
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in names.strip("\0").split("\0"):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "Template")
    return folder
