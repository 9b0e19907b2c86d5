"""The index of an audit file: who ran what, when and why, from what, and how to check it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nlp_gitops.audit.story import Period, Source, Story
from nlp_gitops.core import package_files
from nlp_gitops.registry.model_card import measured
from nlp_gitops.reporting.markup import Child, document, el

STYLE = "audit/page.css"
MAX_RULES = 300
OUTSIDE = (
    "Reviews of the pull request, approvals of an environment and logs of a workflow's run: they "
    "lie with the platform; the links of the events lead there.",
    "The rows of the data and the model's archive: only their digests are here. "
    "`registry.py pull` fetches the archive, and its digest must be the one above.",
    "What the service answered: prediction logs and drift reports lie where project.yaml says.",
    "That the people named are who they say: a name is what the platform or git said at the time. "
    "A signed tag, where there is one, ties it to a key.",
)


def page(story: Story, digests: Mapping[str, str]) -> str:
    """Return the page; `digests` are the sha256 of every other file, by name."""
    return document(
        f"Audit of {story.ref}", package_files.text(STYLE),
        el("h1", f"Audit of {story.ref}"),
        el("p", "Everything here was derived from the registry's ledger up to commit ",
           el("code", story.head), ", and from the source commit.", class_="note"),
        el("main", el("dl", (el("div", el("dt", name), el("dd", content))
                             for name, content in _answers(story))),
           _section("What happened to this version", _events(story)),
           _section("Evidence", [_report(story, seq) for seq in _distinct(story.reports)]),
           _section("The source commit", _source(story.source, story)),
           _section("How to check this file", _checks(story)),
           _section("What is not in here", el("ul", (el("li", text) for text in OUTSIDE))),
           _section("Files and their digests", _table(
               ("file", "sha256"), ((el("a", name, href=name), el("code", digest))
                                    for name, digest in digests.items())))))


def _answers(story: Story) -> Iterator[tuple[str, Child]]:
    """Yield the questions of an auditor, answered."""
    manifest = story.manifest
    yield "In production", [el("div", _period(period)) for period in story.periods] or (
        "Never, up to this commit of the ledger.")
    stage = story.state.stage_of(story.ref.version.tag)
    yield "Now", (f"in {stage}" if stage else "in no stage") + (
        ", revoked: it must not come back" if story.ref.version.tag in story.state.revoked else "")
    yield "What", [manifest["description"], el(
        "small", f"{manifest['task']}, {manifest['language']}; labels "
        f"{', '.join(manifest['labels'])}; licence {manifest['license']}; owner "
        f"{manifest['owner']}"), el("small", f"archive {manifest['artifacts'][0]['name']}, sha256 ",
                                    el("code", manifest["artifacts"][0]["sha256"]))]
    yield "Data", [manifest["dataset_version"], el("small", _data(manifest)), (
        el("small", f"{split}: sha256 ", el("code", digest))
        for split, digest in _splits(manifest["dataset_sha256"]))]
    yield "Prompt", _prompt(manifest)
    yield "Made from", _origin(story)
    yield "Evidence", [", ".join(f"{name} {value:.3f}" for _, name, value in measured(
        manifest["metrics"])), f" on {manifest['metrics']['rows']:,} test rows",
        (el("div", _evidence(story, seq)) for seq in _distinct(story.reports))]


def _period(period: Period) -> Child:
    event, end = period.since, period.until
    return [el("strong", f"{event.at} to {end.at}" if end else f"since {event.at}, still there"),
            f", put there by {event.actor} ({event.action}, event {event.seq})"
            + (f": {event.reason}" if event.reason else ""),
            (f"; ended by {end.actor}, who put {end.version} there ({end.action})"
             + (f": {end.reason}" if end.reason else "")) if end else None]


def _data(manifest: Mapping[str, Any]) -> str:
    rows = manifest.get("dataset_rows") or {}
    return "; ".join([*(f"{split}: {number:,} rows" for split, number in rows.items()),
                      f"licence {manifest.get('dataset_license') or 'not stated'}"])


def _splits(digests: Any) -> list[tuple[str, str]]:
    return list(digests.items()) if isinstance(digests, dict) else [("all rows", str(digests))]


def _prompt(manifest: Mapping[str, Any]) -> Child:
    prompt, asked = manifest.get("prompt"), manifest.get("provider")
    if manifest["prompt_version"] == "n/a":
        return "none: this model has no prompt"
    return [manifest["prompt_version"],
            el("small", "sha256 of what the model is told: ", el("code", prompt["sha256"]))
            if prompt else None,
            el("small", f"answered by {asked['provider']} {asked['model']}") if asked else None]


def _origin(story: Story) -> Child:
    manifest, source = story.manifest, story.source
    return [el("code", manifest["source_commit"]),
            " with changes that were not committed" if manifest.get("source_dirty") else None,
            el("small", f"“{source.subject}”, {source.author}, {source.time}") if source else None,
            el("small", f"run {manifest['run']}")]


def _evidence(story: Story, seq: int) -> Child:
    """Return a report with its verdict and digest, and all events that rest on it."""
    name = f"events/{seq}-report.json"
    resting = [event for event in story.events
               if story.reports.get(event.seq) == story.reports[seq]]
    evidence = resting[0].evidence or {}
    return [el("strong", str(evidence.get("verdict"))), " in ", el("a", name, href=name), ", for ",
            ", ".join(f"event {event.seq} ({event.stage})" for event in resting),
            el("small", "sha256 ", el("code", str(evidence.get("sha256"))))]


def _events(story: Story) -> Child:
    return _table(("#", "when", "who", "what", "why", "report", "workflow run"), (
        (str(event.seq), event.at, el("bdi", event.actor), event.subject,
         el("bdi", event.reason or "–"),
         str(event.evidence.get("verdict")) if event.evidence else "–", _link(event.run_url))
        for event in story.events))


def _link(url: str | None) -> Child:
    """Return a link where it leads to the web; other addresses stay text."""
    return el("a", url, href=url) if url and url.startswith("https://") else url or "–"


def _distinct(reports: Mapping[int, bytes]) -> list[int]:
    """Return the first event of each different report."""
    first: dict[bytes, int] = {}
    for seq, data in reports.items():
        first.setdefault(data, seq)
    return list(first.values())


def _report(story: Story, seq: int) -> Child:
    report = json.loads(story.reports[seq])
    gates = report.get("gates") or []
    lineage = report.get("lineage") or {}
    return el(
        "details", el("summary", f"Report of event {seq}: {report.get('verdict')}, "
                      f"{len(gates)} rules, compared with "
                      f"{lineage.get('champion') or 'no version'}"),
        _table(("rule", "metric", "slice", "value", "bound", "champion", "rows", "verdict",
                "why"), (
            (str(gate.get("id")), str(gate.get("metric")), str(gate.get("slice") or "–"),
             _number(gate.get("value")), _number(gate.get("bound")), _number(gate.get("champion")),
             _number(gate.get("n")), _verdict(gate), str(gate.get("why") or "–"))
            for gate in gates[:MAX_RULES])),
        el("p", f"and {len(gates) - MAX_RULES} more rules") if len(gates) > MAX_RULES else None,
        open=len(gates) <= 30)


def _verdict(gate: Mapping[str, Any]) -> str:
    waiver = gate.get("waiver")
    return str(gate.get("verdict")) + (
        f", waived by {waiver['approver']} until {waiver['until']}: {waiver['reason']}"
        if waiver else "")


def _source(source: Source | None, story: Story) -> Child:
    if source is None:
        return el("p", f"The commit {story.manifest['source_commit']} was not in the clone that "
                  "wrote this file.")
    return [el("p", el("code", source.commit), f" “{source.subject}” by {source.author}, "
               f"{source.time}. These files of it are here, proved by its hash:"),
            _table(("file", "is it what the manifest names?"), (
                (el("a", path, href=f"source/{path}"),
                 {True: "yes, by digest or pinned test split", False: "no, another one",
                  None: "–"}[source.agrees.get(path)]) for path in source.files))]


def _checks(story: Story) -> Child:
    return [
        el("p", "With this project's tools, without network or repository; every alteration is "
           "one line:"),
        el("pre", f"nlp-gitops audit --verify {story.ref.name}-{story.ref.version.tag}.tar"),
        el("p", "Who rewrites the whole file can also rewrite its digests, but not the ledger of "
           "others. So compare its commit with the team's own registry, or with any older clone:"),
        el("pre", "git fetch origin registry\ngit merge-base --is-ancestor "
           f"{story.head} FETCH_HEAD && echo yes"),
        el("p", "With plain tools, in the unpacked folder:"),
        el("pre", "sha256sum -c SHA256SUMS\ngit init ledger\n"
           "git -C ledger bundle unbundle \"$PWD/proof/ledger.bundle\"\n"
           f"git -C ledger log {story.head}"),
        el("p", "Git's object ids are SHA-1, with git's own detection of collisions. Besides, the "
           "ledger names manifests, reports and archives by SHA-256.", class_="note")]


def _number(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, (int, float)) else "–"


def _section(title: str, content: Child) -> Markup:
    return el("section", el("h2", title), content or el("p", "none"))


def _table(header: Sequence[str], rows: Iterator[Sequence[Child]]) -> Markup:
    kinds = {"why": "long", "what": "long", "file": "long", "sha256": "long", "when": "when"}
    return el("div", el(
        "table", el("thead", el("tr", (el("th", name, scope="col") for name in header))),
        el("tbody", (el("tr", (el("td", content, class_=kinds.get(name))
                               for name, content in zip(header, row, strict=True)))
                     for row in rows))), class_="scroll", tabindex="0", role="region",
              aria_label=", ".join(header))
