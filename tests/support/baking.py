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
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nlp_gitops.cli.main import CI_COMMANDS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "<<cookiecutter.project>>"
# What git needs to work the same on every machine, and nothing of the caller's Actions run.
CLEAN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
         "GIT_TEMPLATE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"}
FOREIGN = ("GITHUB_", "GIT_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "RUNNER_",
           "PYTEST_")
# Where the folder is that all workers of a run share; a test's own commands do not see it.
SHARED = "PYTEST_SHARED_FOLDER"


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
        sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash",
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


def locked_environment() -> Path:
    """Return a virtual environment with exactly what a generated project's lock file names."""
    return once("venv", lambda folder: install(
        folder, "--require-hashes", "-r", "requirements.txt", cwd=TEMPLATE))


def install(folder: Path, *packages: str | Path, beside: Path | None = None,
            cwd: Path | None = None) -> None:
    """Make a virtual environment with these packages, beside all that another one has.

    They are compiled once here, because commands, which write no bytecode, would all do it again:
    that took more than half of what training takes.
    """
    if beside:
        shutil.copytree(beside, folder, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
    else:
        run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    run("uv", "pip", "install", "--quiet", "--compile-bytecode",
        "--python", folder / "bin" / "python", *packages, cwd=cwd or folder.parent)
    (folder / ".ready").touch()


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
    """Run a command in a generated project: by its door `python tools/NAME.py`, if it has one."""
    words = ([f"tools/{name}.py"] if (TEMPLATE / "tools" / f"{name}.py").is_file()
             else ["-m", "nlp_gitops", *(["ci"] if name in CI_COMMANDS else []), name])
    return run(project / ".venv" / "bin" / "python", *words, *arguments, cwd=project,
               env=environment(**env), check=check)


def template_copy(folder: Path) -> Path:
    """Return a copy of this template in a repository of its own, so that it can move on."""
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in names.strip("\0").split("\0"):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "Template")
    return folder
