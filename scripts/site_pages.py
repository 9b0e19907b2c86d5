"""Lay out the documentation site's pages in build/pages: called by `make docs`.

Pages keep their links as GitHub wants them; here they are turned to where the site has the page.
"""

import re
import shutil

from reference import ROOT, TEMPLATE, pages

PAGES = ROOT / "build" / "pages"
ROOT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PROJECT_LINK = "%3C%3Ccookiecutter.project%3E%3E/docs/"


def main() -> None:
    """Write every page anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for path in (ROOT / "docs").glob("*.md"):
        _write(path.name, path.read_text(encoding="utf-8")
               .replace(f"../{PROJECT_LINK}", "project/"))
    for name in ROOT_PAGES:
        _write(name.lower(), (ROOT / name).read_text(encoding="utf-8")
               .replace("](docs/", "](").replace(PROJECT_LINK, "project/"))
    for path in (TEMPLATE / "docs").glob("*.md"):
        _write(f"project/{path.name}", path.read_text(encoding="utf-8"))
    for name, text in pages().items():
        _write(f"reference/{name}", text)


def _write(name: str, text: str) -> None:
    for root_page in ROOT_PAGES:
        text = re.sub(rf"\]\((?:\.\./)?{root_page}", f"]({root_page.lower()}", text)
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
