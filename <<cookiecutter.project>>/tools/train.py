"""Train a model on the train split and log the run under runs/.

examples:
  python tools/train.py
  python tools/train.py --model review-sentiment --json
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops.cli import emit, parser, run
from mlops.project import load_project


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--model", help="a model of project.yaml (default: the first)")
    arguments.add_argument("--json", action="store_true", help="print the run as JSON")
    options = arguments.parse_args(argv)
    project = load_project()
    settings = project.model(options.model)
    from mlops.training import train

    result = train(project, settings)
    if options.json:
        emit(dict(result.details))
        return 0
    print(f"run      {result.name}")
    for name, value in result.metrics.items():
        print(f"{name:<16} {value:.3f}")
    print(f"written to {result.path.relative_to(project.root)}/")
    print("next: python tools/eval_gate.py")
    return 0


if __name__ == "__main__":
    run(main)
