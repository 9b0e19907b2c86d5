"""Registries for the page's tests, written without training, and a real browser to look with."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from baking import ROOT, git, run
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(ROOT))

from benchmarks.ledger_maker import Maker  # noqa: E402

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
               None)
HOSTILE = ("</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
           "\u202e<!--")


def papers(text: str) -> dict[str, bytes]:
    """Return a version's papers, with this text wherever one may be written freely."""
    manifest = {
        "name": "m", "version": "v1.0.0", "description": text, "task": "text-classification",
        "language": "en", "license": "internal", "owner": text, "dataset_version": text,
        "dataset_sha256": {"test": "7e57" * 16}, "prompt_version": "n/a", "run": text,
        "source_commit": "c" * 40, "source_dirty": False, "labels": ["bad", text],
        "params": {text: text}, "tags": {}, "model_sha256": "0" * 64,
        "artifacts": [{"name": "m.tar", "size": 10240, "sha256": "a" * 64}]}
    gate = {"id": "quality", "metric": "f1_macro", "slice": None, "value": 0.9,
            "interval": [0.88, 0.92], "bound": 0.8, "side": "min", "n": 600, "verdict": "PASS",
            "why": text, "reason": text}
    report = {"schema": "nlp-gitops/report/1", "verdict": "PASS", "headline": text, "model": "m",
              "created": "2026-01-05T10:15:00+00:00", "metrics": {"f1_macro": 0.9, "rows": 600},
              "gates": [gate, {**gate, "slice": text}],
              "slices": [{"name": text, "n": 99, "value": 0.85, "interval": [0.8, 0.9],
                          "bound": 0.7}], "lineage": {}}
    return {"manifest.json": json.dumps(manifest).encode(), "MODEL_CARD.md": b"# m\n",
            "metrics.json": json.dumps(report["metrics"]).encode(),
            "report.json": json.dumps(report).encode()}


class Numbered(Maker):
    """A ledger whose versions differ: each has a lower macro-F1 than the one before."""

    def _report(self, version, champion):
        report = json.loads(super()._report(version, champion))
        value = round(0.9 - version.seq / 1000, 4)
        report["metrics"]["f1_macro"] = report["gates"][0]["value"] = value
        return json.dumps(report).encode()


def ledger(bare: Path, events: int, names: tuple[str, ...], text: str = "usual words") -> None:
    """Write a ledger into a new bare repository."""
    bare.parent.mkdir(exist_ok=True)
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", bare, cwd=bare.parent)
    Numbered(bare, names, papers(text)).write(events)


def forge(bare: Path, **fields: object) -> None:
    """Push an event that the registry would not write, with these fields."""
    event = {"schema": "nlp-gitops/event/1", "model": "m", "seq": 99, "action": "promote",
             "version": "v1.0.0", "stage": "staging", "actor": "somebody",
             "at": "2026-03-01T12:00:00Z", "id": "0" * 32, **fields}
    tree, parent = git(bare, "rev-parse", "registry^{tree}", "registry").split()
    commit = git(bare, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit-tree", tree,
                 "-p", parent, "-m", f"an event\n\n{json.dumps(event)}")
    git(bare, "update-ref", "refs/heads/registry", commit)


@dataclass
class Seen:
    """What a browser met: messages of the console, and requests that left the page's folder."""

    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, path: Path, fragment: str = "", **options: object
           ) -> Iterator[tuple[Page, Seen]]:
    """Open a page from its file; yield it and what the browser met."""
    context = browser.new_context(**options)
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    page.on("request", lambda request: request.url.startswith((path.parent.as_uri(), "data:"))
            or seen.outside.append(request.url))
    try:
        page.goto(path.as_uri() + fragment)
        yield page, seen
    finally:
        context.close()


def faults(page: Page) -> list[tuple[str, str]]:
    """Return what axe finds serious or critical."""
    found = Axe().run(page).response["violations"]
    return [(item["id"], item["nodes"][0]["html"]) for item in found
            if item["impact"] in ("serious", "critical")]
