"""What the registry's tests share: tiny packed models, and clones with a registry beside them."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nlp_gitops.core import files
from nlp_gitops.core.names import ModelRef, Version
from nlp_gitops.core.project import RegistrySettings
from nlp_gitops.registry import operations
from nlp_gitops.registry.events import State
from nlp_gitops.registry.folder_store import FolderStore
from nlp_gitops.registry.ledger import Ledger
from nlp_gitops.registry.operations import Registry
from nlp_gitops.registry.packaging import MANIFEST_SCHEMA, artifact, write_archive, write_package

TEST_SHA256 = "7e57" * 16
ANY_BRANCH = RegistrySettings(protected_branch=None)
METRICS = {"f1_macro": 0.9, "accuracy": 0.9, "rows": 30, "latency_ms_p95": 2.0}


def git(folder, *arguments, **more):
    """Run git and return what it prints."""
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, text=True,
                          capture_output=True, **more).stdout.strip()


def origin(folder):
    """Make a bare repository with a branch `main`; return its path."""
    bare = folder / "origin.git"
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(bare))
    clone = cloned(folder / "first", str(bare))
    git(clone, "commit", "--quiet", "--allow-empty", "-m", "Start")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return bare


def cloned(folder, url, name="tests"):
    """Make a clone of its own for one writer; return its folder."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main", ".")
    git(folder, "remote", "add", "origin", url)
    git(folder, "config", "user.name", name)
    git(folder, "config", "user.email", f"{name}@localhost")
    return folder


def connected(clone, artifacts, settings=ANY_BRANCH, sign=None):
    """Return the registry of a clone's origin, with archives in a folder."""
    return Registry(Ledger(clone, "origin"), FolderStore(artifacts), settings, sign)


def registry_in(folder, settings=ANY_BRANCH, sign=None):
    """Return a new, empty registry: bare repository, one clone, folder of archives."""
    clone = cloned(folder / "clone", str(origin(folder)))
    return connected(clone, folder / "artifacts", settings, sign)


def copied(registry, folder):
    """Return a copy, in a folder, of a registry as `registry_in` makes them."""
    shutil.copytree(registry.store.folder.parent, folder, dirs_exist_ok=True, copy_function=_copy)
    git(folder / "clone", "remote", "set-url", "origin", str(folder / "origin.git"))
    return connected(folder / "clone", folder / "artifacts", registry.settings, registry.sign)


def _copy(source, target):
    """Copy a file; git never writes into an object's file, so that both may have the same one."""
    (os.link if "objects" in Path(source).parts else shutil.copy2)(source, target)


def gate_report(model_sha256, champion=None, verdict="PASS", test_sha256=TEST_SHA256):
    """Return a gate report about a model, compared with a champion (a VersionState)."""
    return {"verdict": verdict, "metrics": METRICS, "slices": [], "lineage": {
        "model_sha256": model_sha256, "test_sha256": test_sha256, "gates_sha256": "9a7e" * 16,
        "champion": champion and champion.version,
        "champion_sha256": champion and champion.archive_sha256}}


def packed(folder, content, champion=None, verdict="PASS", test_sha256=TEST_SHA256, **changes):
    """Pack a model whose one file holds `content`; `changes` go into its manifest."""
    work = folder / files.sha256_text(content)[:12]
    (work / "model").mkdir(parents=True, exist_ok=True)
    (work / "model" / "weights.txt").write_text(content)
    model_sha256 = files.sha256_tree(work / "model")
    report = gate_report(model_sha256, champion, verdict, test_sha256)
    name = changes.get("name", "m")

    def fill(draft):
        archive = draft / f"{name}.tar"
        write_archive({"class": "external", "labels": ["bad", "good"]}, work / "model", archive)
        (draft / "report.json").write_text(json.dumps(report))
        return {"schema": MANIFEST_SCHEMA, "name": name, "description": "A tiny model.",
                "task": "text-classification", "language": "en", "license": "internal",
                "owner": "tests", "dataset_version": "rows-v1.0.0", "dataset_sha256": "d" * 64,
                "prompt_version": "n/a", "source_commit": "c" * 40, "source_dirty": False,
                "labels": ["bad", "good"], "metrics": METRICS, "run": "tiny", "tags": {},
                "params": {"class": "external", "file_format": "txt"},
                "model_sha256": model_sha256, "artifacts": [artifact(archive)], **changes}

    return write_package(work, name, fill)


def champion_of(registry, name="m"):
    """Return the version in production, or None."""
    snapshot = registry.snapshot()
    state = snapshot.states().get(name, State(name))
    tag = state.stages.get("production")
    return snapshot.version(ref(f"{name}@{tag}")) if tag else None


def register(registry, folder, content, version=None, reason=None, **changes):
    """Pack a model, compared with the present champion, and register it."""
    champion = champion_of(registry, changes.get("name", "m"))
    return operations.register(registry, packed(folder, content, champion, **changes), TEST_SHA256,
                               version, reason)


def promote(registry, text, stage, **more):
    """Move a version with a new report about it, compared with the present champion."""
    wanted = ref(text)
    version = registry.snapshot().version(wanted)
    report = gate_report(version.model_sha256, champion_of(registry, wanted.name))
    more.setdefault("evidence", json.dumps(report).encode())
    return operations.promote(registry, wanted, stage, TEST_SHA256, **more)


def ref(text):
    """Return the version that `NAME@vX.Y.Z` names."""
    return ModelRef.parse(text)


def newest(state):
    """Return the largest version number of a state."""
    return max(Version.parse(item.version) for item in state.versions)


def with_settings(registry, **changes):
    """Return the registry with other rules."""
    settings = dataclasses.replace(registry.settings, **changes)
    return dataclasses.replace(registry, settings=settings)


def python(code):
    """Run Python code in a process of its own and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, text=True,
                          capture_output=True).stdout
