"""Renew the cards: docs/cards/NAME.md of each packed model, and data/README.md.

What people wrote stays; only keys of the front matter and the parts between two comments change.
Packing puts the same text into MODEL_CARD.md of the version.

examples:
  python tools/card.py
  python tools/card.py --model review-sentiment
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlops import data_card, model_card
from mlops.cli import emit, parser, run
from mlops.errors import NotMeasured
from mlops.files import write_atomic
from mlops.packaging import load_package
from mlops.project import load_project


def main(argv: Sequence[str] | None) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--model", help="a model of project.yaml (default: all that are packed)")
    arguments.add_argument("--json", action="store_true", help="print JSON")
    options = arguments.parse_args(argv)
    project = load_project()
    names = [project.model(options.model).name] if options.model else list(project.models)
    packed = [load_package(folder) for name in names
              if (folder := project.root / "dist" / name).is_dir()]
    if not packed:
        raise NotMeasured(f"{project.root / 'dist'}: no packed model, and a card tells what was "
                          "measured; type: python tools/pack_model.py")
    texts = {path: model_card.render(path, package.manifest, json.loads(package.report))
             for package in packed
             for path in [model_card.source(project.root, package.manifest["name"])]}
    written = {str(data_card.write(project)): []}
    for path, text in texts.items():
        write_atomic(path, text)
        written[str(path)] = model_card.unwritten(text)
    if options.json:
        emit({"cards": [{"file": path, "unwritten": rest} for path, rest in written.items()]})
        return 0
    for path, rest in written.items():
        print(f"wrote {path}" + (f"; still to be written: {', '.join(rest)}" if rest else ""))
    return 0


if __name__ == "__main__":
    run(main)
