"""What earlier reports said: one JSON line each, in a file here or on a branch of a remote.

Artifacts of GitHub Actions are deleted after 90 days; the branch `drift-history` stays. It holds
one file and a commit for each report, and is only ever pushed forward.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_gitops.core import files, git
from nlp_gitops.core.errors import Conflict

BRANCH = "drift-history"
FILE = "history.jsonl"
_SEEN = "refs/drift/history"
_TRIES = 3

Entry = Mapping[str, Any]


def entry(report: Mapping[str, Any]) -> Entry:
    """Return what is kept of a report: a line of about 1 KB."""
    windows = report.get("windows", {})
    current = windows.get("current", {})
    return {
        "created": report["created"], "model": report["model"], "version": report.get("version"),
        "from": current.get("from"), "to": current.get("to"), "rows": current.get("rows"),
        "verdict": report["verdict"],
        "signals": {name: {statistic: [_short(signal.get("value")), signal["verdict"]]
                           for statistic, signal in signals.items()}
                    for name, signals in report["slices"].items()}}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def before(entries: Sequence[Entry], report: Mapping[str, Any]) -> list[Entry]:
    """Return the entries of this model's earlier windows; a repeated report is not its own past."""
    start = (report.get("windows", {}).get("current", {}) or {}).get("from") or report["created"]
    return [item for item in entries if item["model"] == report["model"]
            and (item.get("to") or item["created"]) < start]


def alerted(entries: Sequence[Entry], model: str, start: str) -> frozenset[tuple[str, str]]:
    """Return (slice, statistic) of the alerts in the last report of before `start`."""
    past = [item for item in entries
            if item["model"] == model and (item.get("to") or item["created"]) < start]
    if not past:
        return frozenset()
    return frozenset((name, statistic) for name, signals in past[-1]["signals"].items()
                     for statistic, (_, verdict) in signals.items()
                     if verdict in ("ALERT", "CRITICAL"))


def parse(text: str) -> list[Entry]:
    """Return the entries of a history; a line that is none is left out."""
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
            if isinstance(value["model"], str) and isinstance(value["signals"], dict):
                found.append(value)
        except (ValueError, KeyError, TypeError):
            continue
    return found


def added(text: str, new: Entry) -> str:
    """Return the history with one more entry; the same window of a model is written once."""
    key = new["model"], new["from"], new["to"]
    kept = [line for line in text.splitlines() if not any(
        (item["model"], item["from"], item["to"]) == key and key[2] for item in parse(line))]
    return "\n".join([*kept, json.dumps(new, sort_keys=True)]) + "\n"


def read(root: Path, remote: str | None) -> str:
    """Return the history: of a remote's branch, or of reports/drift/ here. Empty if there is none.
    """
    if remote is None:
        path = _local(root)
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    if not _fetched(root, remote):
        return ""
    return git.git(root, "cat-file", "blob", f"{_SEEN}:{FILE}")


def append(root: Path, remote: str | None, new: Entry) -> None:
    """Add an entry. On a branch somebody else may push at the same time: then once more.

    Raises Conflict if the remote refuses.
    """
    if remote is None:
        files.write_atomic(_local(root), added(read(root, None), new))
        return
    for attempt in range(_TRIES):
        text = added(read(root, remote), new)
        commit = _commit(root, text, new)
        try:
            git.git(root, "push", "--quiet", "--no-verify", remote,
                    f"{commit}:refs/heads/{BRANCH}", env=git.token_environment())
            return
        except git.GitError as error:
            if attempt == _TRIES - 1:
                raise Conflict(f"{remote} does not take the branch {BRANCH}: {error}") from None


def _local(root: Path) -> Path:
    return root / "reports" / "drift" / FILE


def _fetched(root: Path, remote: str) -> bool:
    env = git.token_environment()
    if not git.git(root, "ls-remote", remote, f"refs/heads/{BRANCH}", env=env):
        if git.has_ref(root, _SEEN):
            git.git(root, "update-ref", "-d", _SEEN)
        return False
    git.git(root, "fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", remote,
            f"+refs/heads/{BRANCH}:{_SEEN}", env=env)
    return True


def _commit(root: Path, text: str, new: Entry) -> str:
    blob = git.git(root, "hash-object", "-w", "--stdin", stdin=text.encode())
    tree = git.git(root, "mktree", stdin=f"100644 blob {blob}\t{FILE}\n".encode())
    name, address = git.identity(root)
    parents = ["-p", git.git(root, "rev-parse", _SEEN)] if git.has_ref(root, _SEEN) else []
    return git.git(root, "commit-tree", tree, *parents, "-m",
                   f"{new['verdict']}: drift of {new['model']}", env={
                       "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address,
                       "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address})
