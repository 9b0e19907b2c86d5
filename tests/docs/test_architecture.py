"""The page about the package's rooms names what is there, and all of it."""

import importlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "nlp_gitops"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_table_has_every_room_in_the_order_that_is_held():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    held = [{room.strip() for room in layer.split("|")} for layer in layers]
    told = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    for layer in held:
        assert {told.pop(0) for _ in layer} == layer
    assert not told


def test_every_module_and_name_on_the_page_is_there():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    named = [name.split(".") for name in re.findall(r"`(\w+(?:\.\w+)+)`", PAGE)]
    named = [parts for parts in named if parts[0] in rooms and parts[-1] not in ("py", "md")]
    files = [name for name in re.findall(r"`(\w+/\w+\.py)`", PAGE) if name.split("/")[0] in rooms]

    assert len(named) > 30 and len(files) > 8
    for room, module, *names in named:
        found = importlib.import_module(f"nlp_gitops.{room}" if not (
            PACKAGE / room / f"{module}.py").is_file() else f"nlp_gitops.{room}.{module}")
        for name in names or [module]:
            assert found.__name__.endswith(f".{name}") or hasattr(found, name), (room, module, name)
    for name in files:
        assert (PACKAGE / name).is_file(), name


def test_where_to_begin_reading_is_a_file_of_that_room():
    for room, files in re.findall(r"^\| `(\w+)` \| .* \| ((?:`[\w.]+`(?:, )?)+) \|$", PAGE,
                                  re.MULTILINE):
        for name in re.findall(r"`([\w.]+)`", files):
            assert (PACKAGE / room / name).is_file(), (room, name)
