"""What a team gets, and what the package costs the template's git: beside commit 8bff1f5.

There the machinery was copied into every generated repository.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import cost, machine, median

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "8bff1f5"
CHANGES = 20
# No lines that a person reads: rows, locks, and the machinery itself.
_UNREAD = re.compile(r"data/.*\.jsonl|(deploy/)?requirements\.txt|vendor/.*")


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", work / "before", BEFORE],
                       cwd=ROOT, check=True)
        try:
            _generated(work)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", work / "before"], cwd=ROOT,
                           check=True)
        _growth(work)


def _generated(work: Path) -> None:
    projects = {title: _bake(template, work / f"bake-{number}") for number, (title, template)
                in enumerate(((BEFORE, work / "before"), ("now", ROOT)))}
    print(f"\n## A generated repository ({machine()}; medians of three runs)\n")
    print("| what | " + " | ".join(projects) + " | goal |\n|---|---:|---:|---:|")
    rows = {"files": (lambda project: len(list(_files(project))), "100"),
            "lines without rows, locks and wheel": (_lines, "6,000"),
            "of them Python": (lambda project: _lines(project, ".py"), "")}
    for title, (count, goal) in rows.items():
        print(f"| {title} | " + " | ".join(f"{count(project):,}" for project in projects.values())
              + f" | {goal} |")
    for project in projects.values():
        cost(["make", "setup"], project)
    for title, command, goal in (
            ("`make check`, wall s", ["make", "check"], "15"),
            ("flake8, wall s", [".venv/bin/python", "-m", "flake8"], "4"),
            ("`registry.py show`, wall s",
             [".venv/bin/python", "tools/registry.py", "show", "--registry", "local"], "")):
        figures = []
        for project in projects.values():
            cost(command, project)
            figures.append(median([cost(command, project) for _ in range(3)]).wall)
        print(f"| {title} | " + " | ".join(f"{figure:.2f}" for figure in figures)
              + f" | {goal} |", flush=True)


def _bake(template: Path, out: Path) -> Path:
    out.mkdir()
    cost([sys.executable, "-m", "cookiecutter", "--no-input", template, "-o", out], out,
         {"HOME": str(out)})
    return out / "review-sentiment"


def _files(project: Path) -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=project, check=True, capture_output=True,
                            text=True).stdout
    return (project / name for name in listed.splitlines())


def _lines(project: Path, suffix: str = "") -> int:
    return sum(path.read_bytes().count(b"\n") for path in _files(project)
               if path.name.endswith(suffix)
               and not _UNREAD.fullmatch(path.relative_to(project).as_posix()))


def _growth(work: Path) -> None:
    """Print how much the template's packed git grows with small changes of src/ and their wheels.
    """
    copy = work / "template"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, copy], check=True)
    [wheel] = (copy / "<<cookiecutter.project>>" / "vendor").glob("*.whl")
    files = sorted((copy / "src" / "nlp_gitops").rglob("*.py"),
                   key=lambda path: path.stat().st_size)
    chosen = files[::max(1, len(files) // CHANGES)][:CHANGES]
    sizes = [_packed(copy)]
    for number, path in enumerate(chosen):
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(f"\n\ndef change_{number}(value: int) -> int:\n"
                         f'    """Return a value plus {number}."""\n    return value + {number}\n')
        subprocess.run([sys.executable, "scripts/build_wheel.py"], cwd=copy, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost",
                        "commit", "--quiet", "--all", "-m", f"Change {number}"], cwd=copy,
                       check=True)
    sizes.append(_packed(copy))
    print(f"\n## The wheel in git\n\n- size: {wheel.stat().st_size / 1e6:.2f} MB, stored; "
          f"{_deflated(wheel, work) / 1e6:.2f} MB if it were deflated")
    print(f"- growth of the packed repository for each of {len(chosen)} small changes of src/ with "
          f"their wheels: {(sizes[1] - sizes[0]) / len(chosen) / 1e3:.1f} KB (goal: 100)")


def _packed(repository: Path) -> int:
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=repository, check=True)
    return sum(path.stat().st_size for path in (repository / ".git" / "objects").rglob("*.pack"))


def _deflated(wheel: Path, work: Path) -> int:
    shutil.unpack_archive(wheel, work / "unpacked", "zip")
    archive = shutil.make_archive(str(work / "deflated"), "zip", work / "unpacked")
    return Path(archive).stat().st_size


if __name__ == "__main__":
    main()
