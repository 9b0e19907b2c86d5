"""The report page in a real browser: nothing is refused, nothing is wider than the window."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from baking import tool

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
               None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=3000")
WIDTHS = (360, 400, 1280)
LONG = "WordWithoutAnySpace" * 12
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202eright \x00 😀"

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on PATH; install it: apt-get install chromium")


def report(labels: list[str], text: str, gates: int) -> dict:
    """Return a report of many gates, slices and labels, with this text wherever data puts one."""
    side = range(len(labels))
    counts = [[30 if row == column else (row * column) % 3 for column in side] for row in side]
    figures = {"n": 99, "value": 0.644, "interval": [0.55, 0.73], "bound": 0.7, "champion": 0.804,
               "delta": -0.16, "delta_interval": [-0.24, -0.07]}
    row = {"id": text, "text": text, "label": text, "champion": text, "prediction": text}
    return {
        "schema": "nlp-gitops/report/1", "verdict": "FAIL", "headline": text, "model": "small",
        "run": text, "created": "2026-01-05T10:15:00+00:00",
        "metrics": {"f1_macro": 0.8, "latency_ms_p95": 2.0, "rows": 600, text: 1.0},
        "champion": {"version": text, "status": "COMPARED", "metrics": {"f1_macro": 0.81}},
        "gates": [{**figures, "id": f"g{number}", "metric": "f1_macro", "slice": text,
                   "side": "min", "max_drop": 0.03, "mde": 0.05, "rows_needed": 300,
                   "verdict": "FAIL", "why": text, "reason": text,
                   "waiver": {"reason": text, "approver": text, "until": "2026-02-01"}}
                  for number in range(gates)],
        "slices": [{**figures, "name": f"{text} {number}"} for number in range(gates)],
        "per_class": {label: {"precision": 0.123, "recall": 0.456, "f1": 0.789, "support": 1000}
                      for label in labels},
        "confusion": {"labels": labels, "counts": counts, "champion_counts": counts[::-1]},
        "calibration": {"bins": [{"from": 0.5, "to": 1.0, "confidence": 0.8, "accuracy": 0.7,
                                  "n": 600}]},
        "latency": {"requests": 300, "edges": [0.0, 1.0, 2.0, 9.0], "counts": [100, 150, 50],
                    "champion_counts": [90, 160, 50], "ratio_p50": 1.0, "ratio_p95": 1.1},
        "changed_rows": {"broken": [row] * 10, "fixed": [row], "broken_total": 99,
                         "fixed_total": 1},
        "behaviour": [{"suite": text, "kind": "INV", "name": text, "n": 9, "failed": 1,
                       "examples": [text]}],
        "hints": [text], "lineage": {"commit": "0" * 40, "owner": text}}


REPORTS = {
    "usual": report(["negative", "neutral", "positive"], "usual words", 8),
    "hostile": report([HOSTILE, "x"], HOSTILE, 3),
    "long": report([LONG + str(number) for number in range(12)], LONG, 4),
    "right-to-left": report(["مرحبا", "بالعالم"], "مرحبا بالعالم هذا نص عربي", 3),
    "150 labels": report([f"intent_{number}_long_name" for number in range(150)], "text", 3),
    "one label": report(["only"], "text", 1),
    "empty": {"schema": "nlp-gitops/report/1"},
}


@pytest.fixture
def render(project: Path):
    """Return a function that writes a report's page and returns its path."""
    def write(name: str) -> Path:
        source = project / "some-report.json"
        source.write_text(json.dumps(REPORTS[name]))
        tool(project, "report", source.name, "--format", "html", "--out", "page.html")
        return project / "page.html"
    return write


def browse(page: Path, *flags: str) -> tuple[str, list[str]]:
    """Open a page; return the document after loading, and what was said on the console."""
    profile = page.parent / "browser-profile"
    shutil.rmtree(profile, ignore_errors=True)
    done = subprocess.run(
        [BROWSER, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def in_frames(page: Path) -> Path:
    """Write a page that shows this one at each width and puts what it measured in its title."""
    framed = page.with_name("frames.html")
    frames = "".join(f'<iframe width="{width}" height="800" style="border:0" '
                     f'srcdoc="{html.escape(page.read_text(encoding="utf-8"))}"></iframe>'
                     for width in WIDTHS)
    framed.write_text(
        f"<!doctype html><meta charset=utf-8><title>not measured</title>{frames}"
        "<script>onload = () => { const pages = [...document.querySelectorAll('iframe')].map("
        "frame => frame.contentDocument); document.title = pages.map(page => "
        "page.documentElement.scrollWidth).join() + ' ' + pages.map(page => page.title).join() }"
        "</script>", encoding="utf-8")
    return framed


@pytest.mark.parametrize("name", [
    name if name in ("usual", "hostile", "right-to-left")
    else pytest.param(name, marks=pytest.mark.heavy) for name in REPORTS])
def test_the_page_fits_the_window_and_the_browser_complains_about_nothing(render, name):
    page = render(name)

    whole, console = browse(page)
    measured, _ = browse(in_frames(page))

    assert console == []
    assert "<h1>" in whole and "</footer>" in whole
    title = re.search("<title>(.*?)</title>", measured)[1]
    assert title.split()[0] == ",".join(map(str, WIDTHS))
    assert "owned" not in title


def test_the_browser_would_complain_about_a_script_or_a_style_of_anyone_else(render):
    page = render("usual")
    page.write_text(page.read_text(encoding="utf-8").replace(
        "</footer>", "</footer><script>document.title = 'owned'</script>"
        "<p style='color: red'>x</p><img src='https://localhost/x.png'>"), encoding="utf-8")

    whole, console = browse(page)

    assert len([line for line in console if "Content Security Policy" in line]) == 3
    assert "<title>owned" not in whole
