"""One open issue per kind of alert, and what it says; closed when it is over."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.github import comments
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.reporting.markdown import escape

MOST_LINES = 100
_OWNER = re.compile(r"[A-Za-z0-9-]+(/[A-Za-z0-9._-]+)?")
# What each verdict means for the issue.
DRIFT = {"OK": False, "WARN": None, "ALERT": True, "CRITICAL": True, "INSUFFICIENT": None,
         "NOT_MEASURED": None}


@dataclass(frozen=True)
class Finding:
    """`alert` True opens or updates the issue, False closes it, None leaves it as it is."""

    title: str
    text: str
    alert: bool | None


def drift(report: Any) -> Finding:
    """Read a drift report."""
    verdict = report.get("verdict") if isinstance(report, Mapping) else None
    if verdict not in DRIFT:
        raise UsageError("this is no drift report: its verdict is none of " + ", ".join(DRIFT))
    rows = [_row(name, signal, value) for name, signals in _items(report.get("slices"))
            for signal, value in _items(signals)]
    # The verdicts that matter come first: an issue is cut at its end.
    rows.sort(key=lambda row: not any(f"| {loud} |" in row for loud in ("CRITICAL", "ALERT")))
    lines = [escape(str(report.get("why", ""))), ""]
    if rows:
        lines += ["| slice | signal | value | bound | verdict |", "|---|---|---|---|---|",
                  *rows[:MOST_LINES]]
    owners = [name for name in _listed(report.get("owners")) if _OWNER.fullmatch(name)]
    lines += ["", "What to do: `nlp-gitops help drift`. "
              + " ".join(f"@{name}" for name in owners)] if DRIFT[verdict] else []
    return Finding(f"Drift: {verdict}", "\n".join(lines), DRIFT[verdict])


def registry(report: Any) -> Finding:
    """Read what `registry.py verify --json` writes."""
    faults = report.get("faults") if isinstance(report, Mapping) else None
    if not isinstance(faults, Sequence) or isinstance(faults, str):
        raise UsageError("this is no list of faults; write it with: registry.py verify --json")
    if not faults:
        return Finding("The registry is what its ledger says", "", False)
    lines = [f"- **{escape(str(item.get('code')))}** {escape(str(item.get('subject')))}: "
             f"{escape(str(item.get('message')))} → {escape(str(item.get('hint')))}"
             for item in faults if isinstance(item, Mapping)]
    more = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    said = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    note = ("Nothing was changed: the ledger alone decides which version is in which stage.\n\n")
    return Finding(f"The registry has {said}", note + "\n".join([*lines[:MOST_LINES], *more]), True)


KINDS: Mapping[str, Callable[[Any], Finding]] = {"drift": drift, "registry": registry}


def _listed(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _row(name: str, signal: str, value: Any) -> str:
    found = value if isinstance(value, Mapping) else {}
    cells = (name, signal, found.get("value"), found.get("bound"), found.get("verdict"))
    return "| " + " | ".join(escape(_shown(cell)) for cell in cells) + " |"


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def raised(connection: Connection, kind: str, title: str, text: str) -> tuple[int, bool]:
    """Open the issue of this kind or update the open one; return its number, and if it is new."""
    connection.need_token()
    with speaking(connection.host, f"issue about {kind}"):
        old = connection.ask(lambda: _open(connection, kind))
        connection.pace()
        if old is None:
            made = connection.repo.create_issue(title, body=comments.cut(text),
                                                labels=[_label(kind)])
            return made.number, True
        connection.ask(lambda: old.edit(title=title, body=comments.cut(text)))
        return old.number, False


def lowered(connection: Connection, kind: str, text: str) -> int | None:
    """Close the open issue of this kind with a last word; return its number, None without one."""
    connection.need_token()
    with speaking(connection.host, f"issue about {kind}"):
        old = connection.ask(lambda: _open(connection, kind))
        if old is None:
            return None
        connection.pace()
        old.create_comment(text)
        connection.ask(lambda: old.edit(state="closed"))
        return old.number


def _label(kind: str) -> str:
    return f"alert:{kind}"


def _open(connection: Connection, kind: str) -> Any | None:
    """Return the oldest open issue of this kind. Only who may label here can make one."""
    found = connection.repo.get_issues(state="open", labels=[_label(kind)])
    return min((item for item in found if item.pull_request is None),
               key=lambda item: item.number, default=None)
