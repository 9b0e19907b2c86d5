"""The documentation site: its links hold, its reference is whole, its commands run."""

import re
import shutil
import sys
from urllib.parse import unquote

import pytest
from baking import ROOT, TEMPLATE, bake, run, with_venv
from playwright.sync_api import sync_playwright
from site_kit import BROWSER, faults, opened
from walker import sections, walk

sys.path.insert(0, str(ROOT / "scripts"))

from site_pages import ROOT_PAGES, lay_out  # noqa: E402

WALKED = ("tutorial", "drills", "how-to-models", "how-to-gates", "how-to-github", "how-to-leave",
          "updating")
# Sections that need no training; tests/heavy/test_walks.py follows whole pages.
QUICK = {"drills": ("Bump a prompt wrongly", "Let personal data into the data"),
         "how-to-gates": ("Add a slice",)}

# Of tools that the comparison names by two numbers.
VERSIONS = {"3.17", "0.121"}


def page(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def zensical(folder):
    return run("zensical", "build", "--strict", cwd=folder, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the configuration, all pages, and the site as built from them."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy2(ROOT / "mkdocs.yml", folder)
    lay_out(folder / "build" / "pages")
    done = zensical(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_navigation_leads_to_every_page(site):
    text = (site / "mkdocs.yml").read_text()
    pages = {path.relative_to(site / "build" / "pages").as_posix()
             for path in (site / "build" / "pages").rglob("*.md")}
    linked = set(re.findall(r": (\S+\.md)$", text, re.MULTILINE))

    assert linked <= pages
    # Pages of a project are linked by project/index.md in any case.
    assert {name for name in pages - linked if not name.startswith("project/")} == set()
    assert (site / "build" / "docs" / "project" / "index.html").is_file()


@pytest.mark.parametrize("link", ["nowhere.md", "drills.md#nowhere"])
def test_a_dead_link_fails_the_build(site, tmp_path, link):
    shutil.copy2(site / "mkdocs.yml", tmp_path)
    shutil.copytree(site / "build" / "pages", tmp_path / "build" / "pages")
    with open(tmp_path / "build" / "pages" / "index.md", "a") as stream:
        stream.write(f"\n[dead]({link})\n")

    assert zensical(tmp_path).returncode != 0


def test_no_page_asks_another_host_for_anything(site):
    pages = list((site / "build" / "docs").rglob("*.html"))
    loads = [tag for path in pages for tag in re.findall(
        r"<(?:script|link|img|iframe)\b[^>]*", path.read_text(encoding="utf-8"))]

    assert len(loads) > len(pages)
    assert [tag for tag in loads if re.search(r"(?:src|href)=.?(?:https?:)?//", tag)] == []


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH: apt-get install chromium")
def test_pages_keep_nobody_out_and_fit_a_phone(site):
    found = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for name, scheme, width in (("tutorial", "light", 1280), ("tutorial", "dark", 1280),
                                    ("comparison", "dark", 400)):
            with opened(browser, site / "build" / "docs" / f"{name}.html", color_scheme=scheme,
                        viewport={"width": width, "height": 800}) as (html, _):
                html.wait_for_timeout(300)
                found[name, scheme] = (faults(html), html.evaluate(
                    "document.documentElement.scrollWidth > innerWidth"))
        browser.close()

    assert set(map(str, found.values())) == {"([], False)"}, found


def test_the_reference_has_every_command_file_and_code(site):
    reference = site / "build" / "pages" / "reference"
    commands = (reference / "commands.md").read_text(encoding="utf-8")
    tools = {path.name for path in (TEMPLATE / "tools").glob("*.py")}
    assert set(re.findall(r"^## (\S+\.py)$", commands, re.MULTILINE)) == tools
    for line in ("usage: python tools/registry.py pull ", "--expect-current vX.Y.Z",
                 "| `make rollback` |"):
        assert line in commands

    files = (reference / "files.md").read_text(encoding="utf-8")
    # The manifest's stands with the ledger.
    assert files.count("\n## ") == len(list((TEMPLATE / "schemas").glob("*.json"))) - 1
    assert "| `registry.may_skip` |" in files and "| **`gates[].why`** |" in files

    codes = (reference / "codes.md").read_text(encoding="utf-8")
    used = {code for path in (TEMPLATE / "nlp_gitops").rglob("*.py") for code in
            re.findall(r'"([DPR]\d{3})"', path.read_text(encoding="utf-8"))}
    assert set(re.findall(r"^\| ([DPR]\d{3}) \|", codes, re.MULTILINE)) == used

    ledger = (reference / "ledger.md").read_text(encoding="utf-8")
    assert "| `previous_stage` |" in ledger
    assert "| **`artifacts[].size`** | integer from 0 | bytes |" in ledger


@pytest.mark.parametrize("name", WALKED)
def test_every_block_of_commands_is_run_or_says_why_not(name):
    text = page(name)
    blocks = [block for _, found in sections(text) for block in found]

    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(blocks)
    for block in blocks:
        if block.language == "sh":
            assert not block.title or block.title.startswith("Not run by a test: "), block.title
        else:
            assert block.title or block.language == "text", block.content


def test_messages_are_those_of_the_tools():
    source = "".join(path.read_text(encoding="utf-8") for folder in ("nlp_gitops", "tools", "nlp")
                     for path in (TEMPLATE / folder).rglob("*.py"))
    source += (TEMPLATE / "Makefile").read_text(encoding="utf-8")
    # Sentences are broken into literals, and hold placeholders.
    source = re.sub(r'"\s*\n?\s*f?"', "", source)
    told = [line for heading, part in re.findall(r"^## ([^\n]+)\n(.+?)(?=^## |\Z)",
                                                 page("troubleshooting"), re.M | re.S)
            if heading not in ("Generating", "GitHub")
            for line in re.findall(r"^\| `([^`]+)`", part, re.MULTILINE)]

    assert len(told) > 30
    for message in told:
        for piece in message.split("…"):
            words = re.sub(r"^error [DP]\d{3}: ", "", piece).strip(" ;:()")
            assert words in source, f"{words!r} of {message!r}"


def test_figures_beside_others_are_those_of_the_measurements():
    measured = page("benchmarks") + (TEMPLATE / "docs" / "gates.md").read_text(encoding="utf-8")
    ledger = page("explanation").partition("## Why evidence")[0]
    figures = re.findall(r"(?<![\w.])(?:\d+\.\d+|\d{1,3},\d{3})(?![\w.])",
                         page("comparison") + ledger)

    assert len(figures) > 20
    assert sorted(set(figures) - set(re.findall(r"[\d.,]*\d", measured)) - VERSIONS) == []


def documents():
    return [*(ROOT / "docs").glob("*.md"), *(TEMPLATE / "docs").glob("*.md"),
            *(ROOT / name for name in (*ROOT_PAGES, "README.md"))]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_lead_somewhere_on_github_too(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = unquote(target).partition("#")
        found = path.parent / name if name else path
        if "://" not in target:
            assert found.is_file(), target
        if "://" not in target and anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
                              for text in headings}, target


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A bake in which quick sections are followed; each leaves it as it was, or does not mind."""
    return with_venv(bake(tmp_path_factory.mktemp("walk") / "out"), venv)


@pytest.mark.parametrize("name", QUICK)
def test_what_takes_no_training_is_followed_in_every_test_run(project, name):
    assert walk(project, page(name), QUICK[name])
