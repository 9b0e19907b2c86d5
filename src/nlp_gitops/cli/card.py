"""Renew the cards: docs/cards/NAME.md of each packed model, and data/README.md.

What people wrote stays; only keys of the front matter and the parts between two comments change.
Packing puts the same text into MODEL_CARD.md of the version. A card tells of the model in dist/,
whichever version is in production; the command says which one that is.

examples:
  nlp-gitops card
  nlp-gitops card --model review-sentiment
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.gates import data_card
from nlp_gitops.registry import champion, model_card
from nlp_gitops.registry.packaging import Package, load_package


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("--model", help="a model of project.yaml (default: all that are packed)")
    options = arguments.parse_args(argv)
    project = load_project()
    names = [project.model(options.model).name] if options.model else list(project.models)
    packed = [load_package(folder) for name in names
              if (folder := project.root / "dist" / name).is_dir()]
    if not packed:
        raise NotMeasured(f"{project.root / 'dist'}: no packed model, and a card tells what was "
                          "measured; type: python tools/pack_model.py")
    cards = [_card(project, package, options.registry) for package in packed]
    found: list[dict[str, Any]] = [{"file": str(data_card.write(project)), "unwritten": []}]
    for path, text, about in cards:
        write_atomic(path, text)
        found.append({"file": str(path), "unwritten": model_card.unwritten(text), **about})
    show(options, {"cards": found}, *(
        f"wrote {card['file']}" + (_about(card) if "run" in card else "") for card in found))
    return 0


def _card(project: Project, package: Package,
          registry: str | None) -> tuple[Path, str, dict[str, str | None]]:
    """Return a model card's file and text, and what it is about."""
    manifest = package.manifest
    path = model_card.source(project.root, manifest["name"])
    version, holder = champion.standing(project, manifest["name"], package.archive_sha256, registry)
    return path, model_card.render(path, manifest, json.loads(package.report)), {
        "run": manifest["run"], "version": str(version) if version else None,
        "production": str(holder) if holder else None}


def _about(card: Mapping[str, Any]) -> str:
    rest = card["unwritten"]
    return (f" about run {card['run']} ({card['version'] or 'not registered'}; in production: "
            f"{card['production'] or 'none'})"
            + (f"; still to be written: {', '.join(rest)}" if rest else ""))
