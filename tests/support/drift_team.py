"""A team whose model is in production, with made-up traffic and the reports about it."""

import json
import random
import shutil
from dataclasses import replace

import jsonschema
from baking import once
from drift_kit import LAYOUT, line, on_day, write_log
from pipeline_kit import registered, small_team, to_production
from small import THINGS, WORDS, commit, write_rows

from nlp_gitops.core import package_files
from nlp_gitops.core.project import load_project
from nlp_gitops.drift import command, embedder
from nlp_gitops.drift.command import Wish
from nlp_gitops.drift.profile import Profile
from nlp_gitops.drift.reference import Packed
from nlp_gitops.registry.remotes import connect

SCHEMA = json.loads(package_files.text("schemas/drift_report.schema.json"))
SETTINGS = """\
drift: {slices: [domain], alpha: 0.05, min_rows: 100, min_slice_rows: 60, owners: [acme/nlp]}
"""
LABELS = ("positive", "negative", "neutral")
# A reference that needs no registry.
FRAME = embedder.fit([f"the {thing} is {word}" for thing in THINGS for word in ("fine", "old")])
PACKED = Packed("m@v1.0.0", FRAME, Profile(replace(
    LAYOUT, embedder=FRAME.sha256, size=FRAME.size)), "valid")


def texts(number, seed, labels=LABELS, about="{thing}: {phrase}"):
    """Return rows of texts with their labels."""
    drawn = random.Random(seed)
    rows = []
    for index in range(number):
        label = drawn.choice(labels)
        rows.append({"id": f"{seed}-{index}", "label": label, "group": f"{seed}-{index}",
                     "domain": f"d{index % 2}", "text": about.format(
                         thing=drawn.choice(THINGS), phrase=drawn.choice(WORDS[label]))
                     + f" {drawn.randrange(40)}"})
    return rows


def produced(root, settings):
    """Bring a model into production whose validation rows are the packed reference."""
    write_rows(root / "data" / "valid.jsonl", texts(300, 1))
    with open(root / "project.yaml", "a") as stream:
        stream.write(settings)
    commit(root, "More validation rows")
    project = load_project(root)
    registry = connect(project, "local")
    registered(project, registry)
    to_production(project, registry)
    return project


def _prepare(root):
    with small_team(root):
        produced(root, SETTINGS)


def team_in(folder, monkeypatch):
    """Copy the team's repository, to work in it; return the project."""
    shutil.copytree(once("drift-team", _prepare), folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return load_project(folder)


def logged(folder, rows, day=0):
    """Write a log in which the model is right on every row, and equally sure."""
    return write_log(folder, [
        line(row["id"], row["text"], row["label"], on_day(day), fields={"domain": row["domain"]})
        for row in rows])


def made(team, *places, **more):
    """Make a report; check that it is whole, and return it."""
    wish = Wish(current=tuple(map(str, places)), registry="local", **more)
    found = command.make(team, wish, team.root / "reports" / "drift")
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    page = (team.root / "reports" / "drift" / "report.html").read_text()
    assert len(page.encode()) < 100_000 and "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    return found
