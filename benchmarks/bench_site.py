"""The registry page at 1,000 and 10,000 events, to build and to open; and an audit file of each.

BENCH_PYTHON names an interpreter that has a project's packages, so that nothing is installed.
"""

import gzip
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.bench_registry import MODELS, NAME, PAPERS, USUAL, packed_project
from benchmarks.ledger_maker import Maker
from benchmarks.measure import cost, machine
from nlp_gitops.registry.events import VersionState

SIZES = (1_000, 10_000)
RUNS = 5


class Measured(Maker):
    """A ledger whose versions have figures of their own, as measured ones have."""

    def _report(self, version: VersionState, champion: str | None) -> bytes:
        report = json.loads(super()._report(version, champion))
        shift = version.seq * 0.0137 % 0.05
        report["metrics"] = {name: value - shift for name, value in report["metrics"].items()}
        for item in (*report["gates"], *report["slices"]):
            item["value"] = item["value"] and item["value"] - shift
            item["interval"] = item["interval"] and [end - shift for end in item["interval"]]
        return json.dumps(report).encode()


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-site-") as folder, sync_playwright() as driver:
        work = Path(folder)
        project, python = packed_project(work)
        papers = {name: (project / "dist" / NAME / name).read_bytes() for name in PAPERS}
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"),
                                         args=["--no-sandbox"])
        print(f"\n## Registry page ({machine()}; page times are medians of {RUNS})\n")
        print("| events | build wall s | CPU s | peak MiB | page MB | gzip MB | open ms "
              "| search ms | compare ms |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
        audits = []
        for events in SIZES:
            bare = work / f"{events}.git"
            subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare],
                           check=True)
            Measured(bare, MODELS, papers).write(events)
            subprocess.run(["git", "remote", "remove", "origin"], cwd=project, capture_output=True)
            subprocess.run(["git", "remote", "add", "origin", bare], cwd=project, check=True)
            used = cost([python, "-m", "nlp_gitops", "site", "--registry", "origin"], project,
                        USUAL)
            index = project / "site" / "index.html"
            data = index.read_bytes()
            opened, searched, compared = in_browser(browser.new_page(), index)
            print(f"| {events:,} | {used.wall:.2f} | {used.cpu:.2f} | {used.peak:.0f} "
                  f"| {len(data) / 1e6:.2f} | {len(gzip.compress(data)) / 1e6:.2f} | {opened:.0f} "
                  f"| {searched:.0f} | {compared:.0f} |", flush=True)
            audits.append(audit(project, python, events))
        browser.close()
        print("\n| events | write wall s | CPU s | peak MiB | file MB | verify wall s | CPU s "
              "| peak MiB |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
        print("\n".join(audits))


def audit(project: Path, python: Path, events: int) -> str:
    """Return the row of an audit file of one version: what writing and checking it takes."""
    path = project / "audit.tar"
    written, checked = (
        cost([python, "-m", "nlp_gitops", "audit", *words], project, USUAL) for words in (
            (f"{NAME}@v1.0.0", "--registry", "origin", "--out", path), ("--verify", path)))
    assert written.code == checked.code == 0, "the audit file is not whole"
    return (f"| {events:,} | {written.wall:.2f} | {written.cpu:.2f} | {written.peak:.0f} "
            f"| {path.stat().st_size / 1e6:.2f} | {checked.wall:.2f} | {checked.cpu:.2f} "
            f"| {checked.peak:.0f} |")


def in_browser(page: Page, index: Path) -> tuple[float, float, float]:
    """Return milliseconds to open the page, to search, and to compare, until painted."""
    opened, searched, compared = [], [], []
    for number in range(RUNS):
        begin = time.perf_counter()
        page.goto(index.as_uri())
        page.evaluate(_PAINTED)
        opened.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        page.fill("#search", f"production v1.0.{number}")
        page.evaluate(_PAINTED)
        searched.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        page.select_option("#other", index=number + 2)
        page.evaluate(_PAINTED)
        compared.append(time.perf_counter() - begin)
    return tuple(1000 * statistics.median(times) for times in (opened, searched, compared))


_PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
