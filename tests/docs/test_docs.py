"""Documents that must not drift from the code."""

import re
import struct

from baking import ROOT, TEMPLATE

from nlp_gitops.core.package_files import reference_pages


def test_every_finding_code_is_documented():
    used = set()
    for path in (ROOT / "src" / "nlp_gitops").rglob("*.py"):
        used |= set(re.findall(r'"([DP]\d{3})"', path.read_text(encoding="utf-8")))
    listed = set(re.findall(r"^\| ([DP]\d{3}) \|", reference_pages()["findings"], re.MULTILINE))

    assert len(used) > 50 and used == listed


def test_a_reference_page_begins_with_its_title_which_no_other_has():
    pages = {path.stem: path.read_text(encoding="utf-8")
             for path in (ROOT / "docs" / "reference").iterdir()}
    titles = [re.match(r"# (\S.*)\n\n\S", text) for text in pages.values()]

    assert pages == reference_pages() and all(titles)
    assert len({title[1] for title in titles}) == len(pages) >= 10
    assert all(len(re.findall(r"^# ", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M))
               == 1 for text in pages.values())


def test_a_page_of_docs_that_code_names_is_in_a_generated_project():
    kinds = (".py", ".json", ".toml", ".yaml", ".yml", ".html", ".css", ".txt", ".conf", "")
    found = {(page, path.relative_to(ROOT).as_posix())
             for folder in (ROOT / "src", ROOT / "hooks", TEMPLATE) for path in folder.rglob("*")
             if path.is_file() and path.suffix in kinds
             for page in re.findall(r"(?<![\w/])docs/[a-z-]+\.md(?! of )",
                                    path.read_text("utf-8"))}

    assert {page for page, _ in found} >= {"docs/runbook.md", "docs/incident-playbook.md"}
    assert {(page, name) for page, name in found if not (TEMPLATE / page).is_file()} == set()


def test_a_path_that_a_generated_document_names_is_there():
    texts = {path.relative_to(TEMPLATE).as_posix(): path.read_text(encoding="utf-8")
             for path in TEMPLATE.rglob("*.md")}
    named = {(path, name) for name, text in texts.items() for path in re.findall(
        r"`((?:\.github|data|deploy|docs|nlp|prompts|tests|tools|vendor)/[\w./-]*)`", text)}

    assert len({path for path, _ in named}) > 15
    assert {(path, name) for path, name in named
            if "NAME" not in path and not (TEMPLATE / path).exists()} == set()


def test_the_pictures_of_the_readme_are_those_that_the_script_takes():
    shown = re.findall(r"!\[([^]]+)\]\(docs/pictures/([^)]+)\)", (ROOT / "README.md").read_text())
    script = (ROOT / "scripts" / "pictures.py").read_text()

    assert len(shown) == 2 and all(len(text) > 40 for text, _ in shown)
    assert {name for _, name in shown} == {
        path.name for path in (ROOT / "docs" / "pictures").glob("*.png")}
    for _, name in shown:
        data = (ROOT / "docs" / "pictures" / name).read_bytes()
        assert f'"{name}": PROJECT' in script and len(data) < 200_000
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == (1200, 900)
