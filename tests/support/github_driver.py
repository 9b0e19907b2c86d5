"""Calls the GitHub store in the generated project's environment, as its commands do.

Each line of standard input is a JSON object: the environment, and calls as [METHOD, ARGUMENTS...].
Each is answered by a line with the results, the exit code and line of a user's error, and the
process's peak memory in KiB.
"""

import json
import os
import re
import sys
from pathlib import Path

from nlp_gitops.core.errors import UserError
from nlp_gitops.core.files import sha256_bytes, sha256_file
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry import github_audit, github_settings
from nlp_gitops.registry.github_settings import wanted
from nlp_gitops.registry.github_store import GitHubStore
from nlp_gitops.registry.store import Asset, Release

REPOSITORY = "acme/reviews"


def asset(path: str) -> Asset:
    """Describe a file; its name is that of the path."""
    file = Path(path)
    return Asset(file.name, file.stat().st_size, sha256_file(file))


def release(version: str, path: str) -> Release:
    """Return a version of the model `m` with one archive, and papers as the ledger has them."""
    archive = asset(path)
    manifest = json.dumps({
        "task": "text-classification", "dataset_version": "reviews-v1.2.0", "owner": "drill",
        "prompt_version": "n/a", "source_commit": "0" * 40, "license": "MIT",
        "metrics": {"f1_macro": 0.8125, "accuracy": 0.9}}).encode()
    papers = {"manifest.json": manifest, "metrics.json": b"{}\n", "MODEL_CARD.md": b"# m\n"}
    digests = {name: sha256_bytes(data) for name, data in papers.items()}
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(
        {**digests, archive.name: archive.sha256}.items()))
    return Release(ModelRef.parse(f"m@{version}"), sha256_bytes(manifest), (archive,),
                   {**papers, "SHA256SUMS": sums.encode()}, "the <b>first</b> one")


def call(store: GitHubStore, method: str, *words: object) -> object:
    """Do one call."""
    if method == "keep":
        return store.keep("m", {asset(str(path)): Path(str(path)) for path in words})
    if method == "keep as":
        size, path = words
        return store.keep("m", {Asset("m.tar", int(str(size)), "0" * 64): Path(str(path))})
    if method in ("publish", "faults"):
        version, path, stage = words
        return getattr(store, method)(release(str(version), str(path)), stage)
    if method in ("check", "fetch"):
        version, path, *target = words
        return getattr(store, method)(ModelRef.parse(f"m@{version}"), asset(str(path)),
                                      *map(Path, target))
    if method == "apply":
        return github_settings.apply(store.connection, wanted(*words))
    if method == "audit":
        return [[item.grade, item.as_text()]
                for item in github_audit.audit(store.connection, wanted(*words))]
    if method == "orphans":
        return [vars(item) for item in store.orphans(words)]
    older_than, *known = words
    return [store.delete(item, float(str(older_than))) for item in store.orphans(known)]


def answer(asked: dict) -> dict:
    """Do calls one after the other; a user's error ends them."""
    os.environ.update(asked["env"])
    store = GitHubStore("github.example.org", REPOSITORY, pause=0.01, patience=20)
    results: list[object] = []
    code, said = 0, ""
    try:
        for words in asked["calls"]:
            results.append(call(store, *words))
    except UserError as error:
        code, said = error.exit_code, str(error)
    # Unlike getrusage, this does not count what the parent held before it started us.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {"results": results, "code": code, "said": said, "peak": int(peak[1])}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
