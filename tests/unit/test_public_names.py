"""Who imports whom: the package never a team's code, a team's code only names that are public."""

import ast
from pathlib import Path

import pytest
from small import HERE, ROOT

SOURCE = ROOT / "src" / "nlp_gitops"
# docs/reference/model.md lists them; they change by SemVer.
PUBLIC = ("nlp_gitops.llm", "nlp_gitops.model", "nlp_gitops.model.fast_linear",
          "nlp_gitops.privacy", "nlp_gitops.core.project", "nlp_gitops.serving.application",
          "nlp_gitops.testing")


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= ({f"{node.module}.{alias.name}" for alias in node.names}
                      if node.module == "nlp_gitops" else {node.module})
    return found


def test_the_package_never_imports_a_teams_code():
    found = {path.relative_to(SOURCE).as_posix(): sorted(
        name for name in imported(path) if name.partition(".")[0] in ("nlp", "tools"))
        for path in SOURCE.rglob("*.py")}

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", ["nlp", "tests"])
def test_what_a_team_owns_imports_public_names_alone(folder):
    found = {name for path in (HERE / folder).glob("*.py") for name in imported(path)
             if name.partition(".")[0] == "nlp_gitops"}

    assert found <= set(PUBLIC)


def test_every_public_name_is_in_the_reference_page():
    page = (ROOT / "docs" / "reference" / "model.md").read_text(encoding="utf-8")

    assert [name for name in PUBLIC if f"`{name}`" not in page] == []


def test_a_door_knows_the_dispatcher_and_nothing_else():
    found = {name for path in (HERE / "tools").glob("*.py") for name in imported(path)}

    assert found == {"door", "sys", "pathlib", "nlp_gitops.cli.main"}
