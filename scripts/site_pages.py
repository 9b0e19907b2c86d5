"""Lay out the documentation site's pages in build/pages: called by `make docs`.

Pages keep their links as GitHub wants them; here they are turned to where the site has the page.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from reference import ROOT, TEMPLATE, pages

ROOT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PROJECT_LINK = "%3C%3Ccookiecutter.project%3E%3E/docs/"


def lay_out(folder: Path) -> None:
    """Write every page anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "project").mkdir(parents=True)
    (folder / "reference").mkdir()
    by_hand = {path.name: _text(path) for path in (ROOT / "docs" / "reference").glob("*.md")}
    made = pages()
    if twice := sorted(by_hand.keys() & made.keys()):
        raise SystemExit(f"error: docs/reference/{twice[0]} is also made by scripts/reference.py")
    for name, text in {**by_hand, **made}.items():
        _write(folder / "reference" / name, text)
    for path in (ROOT / "docs").glob("*.md"):
        _write(folder / path.name, _text(path).replace(f"../{PROJECT_LINK}", "project/"))
    for name in ("site.css", "site.js"):
        shutil.copyfile(ROOT / "docs" / name, folder / name)
    for name in ROOT_PAGES:
        text = _text(ROOT / name).replace("](docs/", "](").replace(PROJECT_LINK, "project/")
        _write(folder / name.lower(), text)
    of_project = {path.name: _text(path) for path in sorted((TEMPLATE / "docs").glob("*.md"))}
    for name, text in {**of_project, "index.md": contents(of_project)}.items():
        _write(folder / "project" / name, text)


def contents(texts: Mapping[str, str]) -> str:
    """Return a page that links pages by their headings, so that a new one can be found."""
    links = [f"- [{text.partition(chr(10))[0].lstrip('# ')}]({name})"
             for name, text in texts.items()]
    return "\n".join(["# In your project", "", "These pages are in `docs/` of a generated project.",
                      "", *links, ""])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    for name in ROOT_PAGES:
        text = re.sub(rf"\]\((?:\.\./)?{name}", f"]({name.lower()}", text)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    lay_out(ROOT / "build" / "pages")
