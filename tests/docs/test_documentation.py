"""The documentation site: its links hold, its reference is whole, its commands run."""

import re
import shutil
import sys
from urllib.parse import unquote

import pytest
from baking import ROOT, TEMPLATE, bake, run, with_venv
from playwright.sync_api import sync_playwright
from site_kit import BROWSER, faults, opened
from walker import READER, sections, walk

from nlp_gitops.cli.main import CI_COMMANDS, COMMANDS
from nlp_gitops.core import package_files

sys.path.insert(0, str(ROOT / "scripts"))

from site_pages import ROOT_PAGES, lay_out  # noqa: E402

# They share the site that is built, and a bake.
pytestmark = pytest.mark.xdist_group("documentation")

PACKAGE = ROOT / "src" / "nlp_gitops"
WALKED = ("tutorial", "drills", "how-to-models", "how-to-gates", "how-to-github", "how-to-adopt",
          "how-to-leave", "updating")
# Sections that need no training; tests/drills/test_walks.py follows whole pages.
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
    assert {f"reference/{path.name}" for path in (ROOT / "docs" / "reference").iterdir()} <= linked
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
    headings = re.findall(r"^##+ (.+)$", commands, re.MULTILINE)
    assert headings == [*(name.replace("_", "-") for name in COMMANDS), "ci",
                        *(f"ci {name.replace('_', '-')}" for name in CI_COMMANDS), "make"]
    doors = {path.stem for path in (TEMPLATE / "tools").glob("*.py")} - {"door"}
    assert set(re.findall(r"^Door: `python tools/(\w+)\.py`\.$", commands, re.M)) == doors
    for line in ("usage: nlp-gitops registry pull ", "usage: nlp-gitops ci update-template ",
                 "--expect-current vX.Y.Z", "| `make rollback` |"):
        assert line in commands

    files = (reference / "files.md").read_text(encoding="utf-8")
    # The manifest's stands with the ledger.
    assert files.count("\n## ") == len(package_files.names("schemas")) - 1
    assert "| `registry.may_skip` |" in files and "| **`gates[].why`** |" in files

    codes = (reference / "codes.md").read_text(encoding="utf-8")
    used = {code for path in PACKAGE.rglob("*.py") for code in
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
    source = "".join(path.read_text(encoding="utf-8")
                     for folder in (PACKAGE, TEMPLATE / "tools", TEMPLATE / "nlp")
                     for path in folder.rglob("*.py"))
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
    measured = page("benchmarks") + page("reference/gates")
    ledger = page("explanation").partition("## Why evidence")[0]
    figures = re.findall(r"(?<![\w.])(?:\d+\.\d+|\d{1,3},\d{3})(?![\w.])",
                         page("comparison") + ledger)

    assert len(figures) > 20
    assert sorted(set(figures) - set(re.findall(r"[\d.,]*\d", measured)) - VERSIONS) == []


def documents():
    return [*(ROOT / "docs").rglob("*.md"), *(TEMPLATE / "docs").rglob("*.md"),
            *(ROOT / name for name in (*ROOT_PAGES, "README.md"))]


@pytest.mark.parametrize("path", documents(),
                         ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere_on_github_too(path):
    assert dead_links(path) == []


@pytest.mark.parametrize("answers", [{}, {"task": "prompt-classification"}, {"kubernetes": "yes"}],
                         ids=["text", "prompt", "kubernetes"])
def test_links_of_a_generated_project_lead_to_its_own_files(tmp_path, answers):
    folder = bake(tmp_path / "out", **answers)
    pages = list(folder.rglob("*.md"))

    assert {"README.md", "docs/runbook.md", "data/README.md"} <= {
        path.relative_to(folder).as_posix() for path in pages}
    assert {str(path.relative_to(folder)): dead_links(path, folder) for path in pages
            if dead_links(path, folder)} == {}


def dead_links(path, within=ROOT):
    """Return the links of a page that lead to no file inside a folder, or to no heading of it."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = unquote(target).partition("#")
        found = (path.parent / name if name else path).resolve()
        if "://" not in target and not (found.is_file() and found.is_relative_to(within.resolve())
                                        and (not anchor or anchor in anchors(found))):
            dead.append(target)
    return dead


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.fixture(scope="module")
def project(tmp_path_factory, venv):
    """A bake in which quick sections are followed; none minds what another one leaves."""
    return with_venv(bake(tmp_path_factory.mktemp("walk") / "out"), venv)


@pytest.mark.parametrize("name", QUICK)
def test_what_takes_no_training_is_followed_in_every_test_run(project, name):
    assert walk(project, page(name), QUICK[name], **READER)
