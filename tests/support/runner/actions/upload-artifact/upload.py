"""Copy what `path` names into the artifacts folder, laid out as the real service does."""

import glob
import os
import shutil
import sys
from pathlib import Path


def without_wildcards(pattern: str) -> Path:
    """Return the part of a pattern before its first wildcard."""
    parts = Path(pattern).parts
    fixed = [index for index, part in enumerate(parts) if glob.has_magic(part)]
    return Path(*parts[:fixed[0]] if fixed else parts)


def matches(pattern: str) -> set[Path]:
    """Return the files below everything that a pattern matches."""
    found: set[Path] = set()
    for name in glob.glob(pattern, recursive=True, include_hidden=True):
        path = Path(name)
        found |= {file for file in path.rglob("*") if file.is_file()} if path.is_dir() else {path}
    return found


def main() -> int:
    home = Path(os.environ["HARNESS_ARTIFACTS"]) / os.environ["GITHUB_RUN_ID"]
    lines = [line.strip() for line in os.environ["PATHS"].splitlines() if line.strip()]
    wanted = [os.path.abspath(os.path.expanduser(line)) for line in lines if line[0] != "!"]
    unwanted = [os.path.abspath(os.path.expanduser(line[1:])) for line in lines if line[0] == "!"]
    root = Path(os.path.commonpath([without_wildcards(line) for line in wanted]))
    root = root.parent if root.is_file() else root
    files = set().union(*map(matches, wanted)) - set().union(*map(matches, unwanted))
    if os.environ["HIDDEN"] != "true":
        files = {file for file in files
                 if not any(part.startswith(".") for part in file.relative_to(root).parts)}
    if not files:
        kind = os.environ["IF_NO_FILES_FOUND"]
        prefix = {"ignore": "", "error": "::error::"}.get(kind, "::warning::")
        print(f"{prefix}no files were found with the path: {', '.join(lines)}")
        return int(kind == "error")
    artifact = home / os.environ["NAME"]
    if artifact.exists() and os.environ["OVERWRITE"] != "true":
        print(f"::error::an artifact named {artifact.name} already exists in this run")
        return 1
    shutil.rmtree(artifact, ignore_errors=True)
    for file in sorted(files):
        target = artifact / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Contents only: the real service loses the rights of files too.
        shutil.copyfile(file, target)
    print(f"artifact {artifact.name}: {len(files)} files")
    return 0


sys.exit(main())
