"""Say what the commits of this branch touch: code or only papers, and the key of the gate's inputs.

In a workflow the base comes from the event, and the answers also become outputs of the step. It
needs no installed package.

examples:
  python tools/changed.py
  python tools/changed.py --base origin/main
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mlops.actions.changes import changes, event_base


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="compare with this commit (default: the event's, or main)")
    options = parser.parse_args()
    in_workflow = os.environ.get("GITHUB_ACTIONS") == "true"
    found = changes(ROOT, options.base or (event_base() if in_workflow else "main"))
    lines = [f"code={str(found.code).lower()}", f"key={found.key}"]
    print("\n".join(lines))
    if in_workflow and "GITHUB_OUTPUT" in os.environ:
        with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
