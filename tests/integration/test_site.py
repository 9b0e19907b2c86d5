"""The registry page in a real browser: what it shows, how it is used, what it never does."""

import json
import re

import pytest
from baking import bake, git, tool, with_venv
from playwright.sync_api import sync_playwright
from site_kit import BROWSER, HOSTILE, faults, forge, ledger, opened

pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on PATH; install it: apt-get install chromium")]
DRIFT = [{"created": f"2026-0{month}-02T05:41:00Z", "model": "m", "version": "v1.0.0",
          "from": f"2026-0{month}-01T00:00:00Z", "to": f"2026-0{month}-02T00:00:00Z", "rows": 900,
          "verdict": verdict, "signals": {"all": {"embedding": [value, verdict]}}}
         for month, value, verdict in ((1, 0.01, "OK"), (2, 0.02, "OK"), (3, 0.3, "ALERT"))]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def baked(tmp_path_factory, venv):
    return with_venv(bake(tmp_path_factory.mktemp("site") / "out"), venv)


@pytest.fixture(scope="module")
def usual(baked):
    """The page of two models with 18 versions, 72 events and three drift reports."""
    ledger(baked / ".registry" / "registry.git", 72, ("m", "second"))
    (baked / "reports" / "drift").mkdir(parents=True)
    (baked / "reports" / "drift" / "history.jsonl").write_text(
        "".join(f"{json.dumps(entry)}\n" for entry in DRIFT) + 'no JSON\n{"model": "m"}\n'
        + json.dumps({**DRIFT[0], "verdict": HOSTILE}) + "\n")
    tool(baked, "site")
    return baked / "site" / "index.html"


@pytest.fixture(scope="module")
def hostile(baked, usual):
    """The page of a ledger with hostile text in every place that people or forgers can fill."""
    bare = baked / "hostile.git"
    ledger(bare, 12, ("m",), HOSTILE)
    forge(bare, actor=HOSTILE, reason=HOSTILE, run_url="javascript:document.title='owned'")
    forge(bare, model=HOSTILE, version=HOSTILE, stage=HOSTILE, action=HOSTILE, at=HOSTILE,
          evidence={"verdict": HOSTILE, "sha256": HOSTILE}, previous_stage=HOSTILE)
    forge(bare, model="../../x", version="v9.9.9", action="register", stage=None)
    git(baked, "remote", "add", "hostile", str(bare))
    tool(baked, "site", "--registry", "hostile", "--out", "hostile")
    return baked / "hostile" / "index.html"


@pytest.fixture(scope="module")
def empty(baked, usual):
    """The page of a registry that does not exist yet."""
    git(baked, "init", "--quiet", "--bare", "empty.git")
    git(baked, "remote", "add", "empty", "empty.git")
    tool(baked, "site", "--registry", "empty", "--out", "empty")
    return baked / "empty" / "index.html"


@pytest.mark.parametrize("name, scheme, looked_at", [
    ("usual", "light", 400), ("usual", "dark", 1280), ("hostile", "light", 400),
    pytest.param("hostile", "dark", 1280, marks=pytest.mark.heavy),
    pytest.param("empty", "light", 400, marks=pytest.mark.heavy),
    ("empty", "dark", 1280)])
def test_the_page_loads_quietly_fits_the_window_and_keeps_nobody_out(
        request, browser, name, scheme, looked_at):
    path = request.getfixturevalue(name)

    with opened(browser, path, color_scheme=scheme) as (page, seen):
        for details in page.locator("summary").all():
            details.click()
        widths = []
        for width in (360, 400, 1280, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            widths.append(page.evaluate("document.documentElement.scrollWidth"))
        page.set_viewport_size({"width": looked_at, "height": 800})
        found = faults(page)

    assert seen.console == [] and seen.outside == []
    assert widths == [360, 400, 1280, 2560]
    assert found == []


def test_axe_and_the_policy_do_see_a_planted_fault(browser, usual):
    bad = usual.with_name("bad.html")
    bad.write_text(usual.read_text().replace('<label>Search', '<div>Search').replace(
        "<h1>", "<img src='https://localhost/x.png'><h1>"))

    with opened(browser, bad) as (page, seen):
        found = {rule for rule, _ in faults(page)}

    assert {"image-alt", "label"} <= found
    assert any("Content Security Policy" in line for line in seen.console)


def test_it_says_which_version_is_in_which_stage_also_without_scripts(browser, baked, usual):
    stages = json.loads(tool(baked, "registry", "show", "--json").stdout)["m"]["stages"]

    with opened(browser, usual, java_script_enabled=False) as (page, _):
        shown = dict(zip(page.locator("#part-m dt").all_inner_texts(),
                         page.locator("#part-m dd > a").all_inner_texts(), strict=True))
        assert page.locator("#part-events noscript").count() == 1

    assert shown == stages and list(shown)[0] == "production"


def test_metrics_are_drawn_with_bounds_and_told_in_a_table(browser, usual):
    with opened(browser, usual) as (page, _):
        chart = page.locator("#part-m .charts svg").first
        label = chart.get_attribute("aria-label")
        titles = chart.locator("title").all_text_contents()
        bounds = chart.locator(".bound").count()
        page.locator("#part-m summary").click()
        newest = page.locator("#part-m details tbody tr").first.inner_text()

    assert label == "macro-F1 over 9 versions, newest 0.867"
    assert titles[0] == "v1.0.0: 0.899, bound 0.8" and bounds == 9
    assert "v1.0.8" in newest and "0.867" in newest and "PASS" in newest


def test_the_search_finds_events_by_all_its_words_and_the_keyboard_reaches_older_ones(
        browser, usual):
    with opened(browser, usual) as (page, _):
        rows, found = page.locator("#rows tr"), page.locator("#found")
        assert found.inner_text() == "50 of 72 events shown."
        page.locator("#search").focus()
        page.keyboard.press("Shift+End")
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.id") != "more":
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert rows.count() == 72

        page.locator("#search").focus()
        page.keyboard.type("SECOND@v1.0.3 promote")

        assert found.inner_text() == "2 of 2 events shown, of 72."
        assert all("second@v1.0.3" in text and "promote" in text for text in rows.all_inner_texts())
        page.keyboard.type(" nothing like it")
        assert rows.count() == 0 and found.inner_text() == "0 of 0 events shown, of 72."


def test_two_versions_are_compared_by_keyboard_and_by_address(browser, usual):
    with opened(browser, usual) as (page, _):
        page.locator("#one").focus()
        page.keyboard.type("m@v1.0.2")
        page.keyboard.press("Tab")
        page.keyboard.type("m@v1.0.1")
        page.keyboard.press("Tab")
        chosen = page.locator("#one").input_value(), page.locator("#other").input_value()
        address = page.url
        by_keyboard = page.locator("#compared").inner_text()
    with opened(browser, usual, "#" + address.partition("#")[2]) as (page, _):
        by_address = page.locator("#compared").inner_text()
        at = page.evaluate("document.activeElement.id")
        page.locator("#changes").uncheck()
        everything = page.locator("#compared").inner_text()

    assert chosen == ("m@v1.0.2", "m@v1.0.1")
    assert address.endswith("#m@v1.0.2..m@v1.0.1")
    assert by_keyboard == by_address and at == "versions-title"
    assert re.search(r"macro-F1\s+0\.891\s+0\.895\s+−0\.004", by_keyboard)
    assert "license" not in by_keyboard and re.search(r"license\s+internal\s+internal\s+same",
                                                      everything)


def test_a_link_in_the_time_line_opens_the_lineage_of_a_version(browser, usual):
    with opened(browser, usual) as (page, _):
        page.locator("#rows a", has_text="second@v1.0.8").first.click()
        page.wait_for_function("document.activeElement.id === 'versions-title'")
        shown = page.locator("#compared").inner_text()

    assert "c" * 40 in shown and "7e57" * 16 in shown and "registered" in shown


def test_drift_is_a_trend_and_lines_that_are_none_are_left_out(browser, usual):
    with opened(browser, usual) as (page, _):
        label = page.locator("#part-drift svg").get_attribute("aria-label")
        missed = page.locator("#part-drift circle.missed title").all_text_contents()
        rows = page.locator("#part-drift tbody tr").all_inner_texts()

    assert label == "embedding over 3 reports, newest 0.3"
    assert missed == ["2026-03-02: 0.3"]
    assert len(rows) == 3 and "ALERT" in rows[0]


def test_hostile_text_is_shown_as_text_and_nothing_else(browser, hostile):
    with opened(browser, hostile) as (page, seen):
        page.wait_for_selector("#rows tr")
        title, text = page.title(), page.locator("#rows").inner_text()
        targets = page.locator("a").evaluate_all("found => found.map(item => item.protocol)")
        made = page.evaluate("document.querySelectorAll('img, body script:not(#data)').length")

    assert title == "Registry of review-sentiment" and seen.console == []
    assert text.count("</script><script>document.title='owned'</script>") > 3
    assert set(targets) <= {"file:"} and made == 1
    assert sorted(path.name for path in hostile.parent.iterdir()) == [
        "index.html", "m@v1.0.0.html", "m@v1.0.1.html", "m@v1.0.2.html"]


def test_without_registry_runs_and_drift_the_page_says_so(browser, empty):
    with opened(browser, empty) as (page, _):
        text = page.locator("main").inner_text()

    assert "No version is registered yet" in text and "No run lies in runs/ here" in text
    assert "No drift report is kept yet" in text and "There is no event yet" in text


def test_versions_on_github_link_to_releases_commits_and_the_ledger(browser, baked, usual):
    # git reads the bare repository where the address says GitHub.
    bare = baked / ".registry" / "registry.git"
    git(baked, "remote", "add", "origin", "https://github.com/team/reviews.git")
    git(baked, "config", f"url.{bare}.insteadOf", "https://github.com/team/reviews.git")
    done = json.loads(tool(baked, "site", "--registry", "origin", "--out", "github",
                           "--json").stdout)

    with opened(browser, baked / "github" / "index.html", "#m@v1.0.1") as (page, seen):
        targets = page.locator("#compared a, #rows a").evaluate_all(
            "found => found.map(item => item.href)")

    base, head = "https://github.com/team/reviews", git(bare, "rev-parse", "registry")
    assert done == {"page": "github/index.html", "models": 2, "versions": 18, "events": 72,
                    "runs": 0, "drift_reports": 0}
    assert {f"{base}/releases/tag/m%40v1.0.1", f"{base}/commit/{'c' * 40}",
            f"{base}/blob/{head}/models/m/v1.0.1/manifest.json"} <= set(targets)
    assert any(target.startswith(f"{base}/blob/{head}/models/second/events/") for target in targets)
    assert seen.outside == []


@pytest.mark.parametrize("fields", [{"reason": ["no text"]}, {"evidence": "no mapping"}])
def test_a_ledger_that_is_none_ends_in_one_line_and_writes_nothing(baked, usual, fields):
    name = f"broken-{next(iter(fields))}"
    bare = baked / f"{name}.git"
    git(baked, "clone", "--quiet", "--mirror", ".registry/registry.git", bare.name)
    forge(bare, **fields)
    git(baked, "remote", "add", name, str(bare))

    done = tool(baked, "site", "--registry", name, "--out", name, check=False)

    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "event 99 of 'm' is not as the registry writes events" in done.stderr
    assert not (baked / name).exists()
