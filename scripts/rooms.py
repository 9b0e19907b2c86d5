"""Draw which room of the package imports which: docs/pictures/rooms.svg, from the code itself.

`make pictures` writes it, `make lint` compares: `python scripts/rooms.py --check`.
"""

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "nlp_gitops"
PICTURE = ROOT / "docs" / "pictures" / "rooms.svg"
CELL, LEFT, TOP = 26, 100, 84
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .line { stroke: #d1d9e0 }
  .uses { fill: #0969da }
  .self { fill: #d1d9e0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .line, .self { stroke: #3d444d }
    .uses { fill: #4493f8 } .self { fill: #3d444d }
  }
"""


def rooms() -> list[str]:
    """Return the rooms from the highest layer down, as the contract in pyproject.toml has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [room.strip() for layer in layers for room in layer.split("|")]


def imports(room: str) -> set[str]:
    """Return the rooms that a room's modules import, wherever in a module."""
    found = set()
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module == "nlp_gitops":
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nlp_gitops."):
                found.add(str(node.module).split(".")[1])
    return found - {room}


def picture() -> str:
    """Return the SVG: a row a room, a dot under each room that it imports."""
    names = rooms()
    width, height = LEFT + CELL * (len(names) + 1), TOP + CELL * len(names) + 8
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'role="img" aria-label="Which room imports which">', f"<style>{STYLE}</style>"]
    for index, name in enumerate(names):
        place = f"translate({LEFT + CELL * index + 18} {TOP - 8})"
        parts.append(f'<text transform="{place} rotate(-60)">{name}</text>')
    for row, name in enumerate(names):
        x, y = LEFT + CELL * row, TOP + CELL * row
        uses = imports(name)
        parts += [f'<line class="line" x1="0" x2="{width}" y1="{y}" y2="{y}"/>',
                  f'<text x="0" y="{y + 18}">{name}</text>',
                  f'<rect class="self" x="{x + 6}" y="{y + 6}" width="14" height="14"/>']
        parts += [f'<circle class="uses" cx="{LEFT + CELL * column + 13}" cy="{y + 13}" r="6">'
                  f"<title>{name} imports {other}</title></circle>"
                  for column, other in enumerate(names) if other in uses]
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Write the picture, or say that it is not what the code gives."""
    drawn = picture()
    if sys.argv[1:] != ["--check"]:
        PICTURE.write_text(drawn, encoding="utf-8")
        return 0
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
        return 0
    print("docs/pictures/rooms.svg: not what src/ gives; type: python scripts/rooms.py",
          file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
