"""Refresh the generated project's lock files, from its rendered pyproject.toml."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project>>"
LOCKS = ("requirements.txt", "deploy/requirements.txt")


def main() -> int:
    """Bake, lock there, and bring the lock files back."""
    with tempfile.TemporaryDirectory() as folder:
        bake = [sys.executable, "-m", "cookiecutter", "--no-input", str(ROOT), "-o", folder]
        subprocess.run(bake, check=True, stdout=subprocess.DEVNULL)
        project = Path(folder) / "review-sentiment"
        subprocess.run(["make", "lock"], cwd=project, check=True)
        for name in LOCKS:
            shutil.copyfile(project / name, TEMPLATE / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
