"""Build the package's wheel from src/ and put it, with its hash, into the template.

The wheel is the same to the byte for the same source: entries in order, fixed times and modes. It
is stored, not deflated, so that git finds what two wheels share and keeps the difference alone.

  python scripts/build_wheel.py            # renew vendor/ and the lines that lock it
  python scripts/build_wheel.py --check    # exit 1 if they are not what src/ gives
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "<<cookiecutter.project>>"
VENDOR = PROJECT / "vendor"
LOCKS = (PROJECT / "requirements.txt", PROJECT / "deploy" / "requirements.txt")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAME = r"nlp_gitops-[^\s/]+\.whl"
_LOCKED = re.compile(rf"^\./vendor/{_NAME}.*(?:\\\n\s+)?--hash=sha256:[0-9a-f]+.*$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Build, and write or compare."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = built(Path(folder))
        if "--check" in arguments:
            return 0 if is_current(wheel) else 1
        put(wheel)
    return 0


def built(folder: Path) -> Path:
    """Build the wheel into a folder; return its path."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT,
        capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"})
    if done.returncode:
        sys.exit(f"error: the wheel cannot be built: {done.stderr[-1000:]}")
    [deflated] = folder.glob("*.whl")
    stored = folder / f"{deflated.name}.stored"
    with zipfile.ZipFile(deflated) as old, zipfile.ZipFile(stored, "w") as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o100644 << 16
            new.writestr(info, old.read(name), zipfile.ZIP_STORED)
    stored.replace(deflated)
    return deflated


def is_current(wheel: Path) -> bool:
    """Say whether vendor/ holds this wheel and no other, and every lock names its hash."""
    there = list(VENDOR.glob("*.whl"))
    same = [path.name for path in there] == [wheel.name] and (
        there[0].read_bytes() == wheel.read_bytes())
    line = lock_line(wheel)
    locked = all(line in lock.read_text(encoding="utf-8") for lock in LOCKS)
    if not same:
        print(f"error: {VENDOR.name}/ is not what src/ gives; type: make package", file=sys.stderr)
    elif not locked:
        print("error: a lock file has another hash of the wheel; type: make package",
              file=sys.stderr)
    return same and locked


def put(wheel: Path) -> None:
    """Replace the wheel in vendor/, and what names it."""
    VENDOR.mkdir(exist_ok=True)
    for old in VENDOR.glob("*.whl"):
        old.unlink()
    (VENDOR / wheel.name).write_bytes(wheel.read_bytes())
    for lock in LOCKS:
        text = lock.read_text(encoding="utf-8")
        lock.write_text(_LOCKED.sub(lambda _: lock_line(wheel), text), encoding="utf-8")
    for path in (PROJECT / "pyproject.toml",):
        path.write_text(re.sub(rf"vendor/{_NAME}", f"vendor/{wheel.name}",
                               path.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{(VENDOR / wheel.name).relative_to(ROOT)}: {wheel.stat().st_size:,} bytes, "
          f"sha256 {sha256(wheel)}")


def lock_line(wheel: Path) -> str:
    """Return the line of a lock file, as uv writes it."""
    return f"./vendor/{wheel.name} \\\n    --hash=sha256:{sha256(wheel)}"


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
