"""Copy artifacts of one run into the workspace."""

import fnmatch
import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    run = Path(os.environ["HARNESS_ARTIFACTS"]) / os.environ["RUN_ID"]
    target = Path(os.environ["TARGET"]).expanduser().resolve()
    name = os.environ["NAME"]
    known = sorted(path.name for path in run.iterdir()) if run.is_dir() else []
    if name and name not in known:
        print(f"::error::no artifact named {name}; there are: {', '.join(known) or 'none'}")
        return 1
    chosen = [name] if name else fnmatch.filter(known, os.environ["PATTERN"] or "*")
    flat = bool(name) or os.environ["MERGE"] == "true"
    target.mkdir(parents=True, exist_ok=True)
    for each in chosen:
        shutil.copytree(run / each, target if flat else target / each, dirs_exist_ok=True)
    print(f"downloaded {', '.join(chosen) or 'nothing'}")
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as output:
        print(f"download-path={target}", file=output)
    return 0


sys.exit(main())
