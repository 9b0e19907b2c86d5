"""Read, check and repair the registry.

examples:
  python tools/registry.py show
  python tools/registry.py show review-sentiment --tag team=search --json
  python tools/registry.py history review-sentiment --registry origin
  python tools/registry.py at review-sentiment production 2026-03-01
  python tools/registry.py pull review-sentiment@production --out model/
  python tools/registry.py verify && python tools/registry.py doctor --repair
  python tools/registry.py init-remote /srv/git/reviews.git
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nlp_gitops.cli.frame import FLAGS, parser, positive, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import check_model_name, parse_tags
from nlp_gitops.core.project import Project, load_project
from nlp_gitops.registry import views
from nlp_gitops.registry.diagnosis import Diagnosis
from nlp_gitops.registry.reading import Snapshot
from nlp_gitops.registry.remotes import default_name, github_repository, ledger_of

SHOWN_EVENTS = 50


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _arguments().parse_args(argv)
    code: int = options.run(load_project(), options)
    return code


def _arguments() -> argparse.ArgumentParser:
    found = parser(__doc__)
    commands = found.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    for flag in ("--registry", "--json"):
        shared.add_argument(flag, **FLAGS[flag])

    def command(name: str, text: str, step: object) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[shared])
        made.set_defaults(run=step)
        return made

    stages = command("show", "which version is in which stage", _show)
    stages.add_argument("name", nargs="?", help="one model (default: all)")
    stages.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", dest="tags",
                        help="only versions that carry this tag; may be repeated")
    history = command("history", "who changed what, when and why", _history)
    history.add_argument("name", nargs="?", help="one model (default: all)")
    history.add_argument("--limit", type=positive(int), metavar="N",
                         help=f"the newest N events (default: {SHOWN_EVENTS}; all with --json)")
    history.add_argument("--all", action="store_true", help="all events")
    at = command("at", "which version held a stage at some time, and why", _at)
    at.add_argument("name", help="a model")
    at.add_argument("stage", help="staging, shadow, production or archived")
    at.add_argument("date", help="2026-03-01 (the end of that day) or 2026-03-01T14:30:00Z; UTC")
    pull = command("pull", "fetch a version, every byte verified", _pull)
    pull.add_argument("version", metavar="NAME[@vX.Y.Z|@STAGE]",
                      help="a version; a name alone means the one in production")
    pull.add_argument("--out", type=Path, metavar="DIR",
                      help="a new folder (default: pulled/NAME-vX.Y.Z)")
    pull.add_argument("--offline", action="store_true", help="only from the local cache")
    verify = command("verify", "is everything what the ledger says: events, tags, archives",
                     _verify)
    verify.add_argument("--quick", action="store_true",
                        help="only the archives of versions that are in a stage")
    doctor = command("doctor", "what is torn, missing or not set up, and how to repair it", _doctor)
    doctor.add_argument("--repair", action="store_true", help="repair it")
    remote = command("init-remote", "make or upgrade a bare repository that keeps a registry whole",
                     _init_remote)
    remote.add_argument("path", metavar="PATH", type=Path, help="a folder on this machine")
    github = command("init-github", "the rules, environments and labels GitHub should have",
                     _init_github)
    github.add_argument("--apply", action="store_true", help="set what is missing")
    github.add_argument("--immutable", action="store_true",
                        help="also freeze published releases (promotion by Run workflow only)")
    return found


def _show(project: Project, options: argparse.Namespace) -> int:
    states = _snapshot(project, options).states()
    if options.name:
        states = {options.name: states[_known(options.name, states)]}
    if options.tags:
        states = views.tagged(states, parse_tags(options.tags))
        if not states and not options.json:
            print(f"no version carries {' '.join(options.tags)}")
            return 0
    show(options, views.show_record(states), views.show_table(states))
    return 0


def _history(project: Project, options: argparse.Namespace) -> int:
    snapshot = _snapshot(project, options)
    if options.name:
        _known(options.name, snapshot.states())
    limit = None if options.all else options.limit or (None if options.json else SHOWN_EVENTS)
    items = views.history(snapshot, options.name, limit)
    cut = limit and len(items) == limit and items[-1].event.seq > 1
    show(options, [item.record() for item in items], views.history_table(items),
         *(["older events: --all"] if cut else []))
    return 0


def _at(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry.policy import check_stage

    stage = check_stage(options.stage, project.registry)
    when = views.moment(options.date)
    snapshot = _snapshot(project, options)
    _known(options.name, snapshot.states())
    item = views.at(snapshot, options.name, stage, when)
    show(options, {"model": options.name, "stage": stage, "at": when.isoformat(),
                   "version": item.event.version if item else None,
                   "event": item.record() if item else None},
         *(views.at_lines(item) if item else
           [f"no version of {options.name} was in {stage} at {when.isoformat()}"]))
    return 0


def _pull(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry.operations import resolve
    from nlp_gitops.registry.pull import pull
    from nlp_gitops.registry.remotes import connect

    text = options.version if "@" in options.version else f"{options.version}@production"
    registry = connect(project, options.registry)
    snapshot = Snapshot(registry.ledger, registry.ledger.last_seen() if options.offline
                        else registry.ledger.fetch())
    ref = resolve(snapshot, text, project.model().name)
    target = options.out or project.root / "pulled" / f"{ref.name}-{ref.version.tag}"
    pull(registry.store, snapshot, ref, target, project.root / ".cache" / "models", options.offline)
    show(options, {"model": ref.name, "version": ref.version.tag, "folder": str(target)},
         f"{ref} is in {target}, every byte verified")
    return 0


def _verify(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry.remotes import connect
    from nlp_gitops.registry.verify import audit

    name = options.registry or default_name()
    found = audit(project.root, connect(project, name), name, options.quick)
    show(options, found.record(), *found.lines())
    return 1 if found.faults else 0


def _doctor(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry.doctor import doctor
    from nlp_gitops.registry.remotes import connect

    name = options.registry or default_name()
    diagnosis = _with_settings(doctor(project.root, connect(project, name), name, options.repair),
                               project, name)
    show(options, diagnosis.record(), *diagnosis.lines())
    return 0 if diagnosis.is_well else 1


def _with_settings(diagnosis: Diagnosis, project: Project, name: str) -> Diagnosis:
    """Add how a repository on GitHub is set up; elsewhere there is nothing to set."""
    found = None if name == "local" else github_repository(project, name)
    if found is None:
        return diagnosis
    from nlp_gitops.registry import github_audit, github_client, github_settings

    plan = github_settings.wanted(project.registry.protected_branch)
    troubles, advice = github_audit.told(
        github_audit.audit(github_client.Connection(*found), plan))
    return replace(diagnosis, troubles=diagnosis.troubles + troubles,
                   advice=diagnosis.advice + advice)


def _init_github(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry import github_client, github_settings

    found = github_repository(project, options.registry or "origin")
    if found is None:
        raise UsageError("origin is not on GitHub; for a GitHub Enterprise server name its host as "
                         "registry.github_host in project.yaml; elsewhere use init-remote")
    plan = github_settings.wanted(project.registry.protected_branch, options.immutable)
    done = github_settings.apply(github_client.Connection(*found), plan) if options.apply else (
        github_settings.lines(plan))
    show(options, {"repository": "/".join(found), "applied": options.apply, "lines": done}, *done,
         *([] if options.apply else
           ["set all of it: python tools/registry.py init-github --apply"]))
    return 0


def _init_remote(project: Project, options: argparse.Namespace) -> int:
    from nlp_gitops.registry.init_remote import init_remote

    path = options.path.expanduser().resolve()
    done = init_remote(path)
    show(options, {"path": str(path), "done": done}, *done,
         f"next: git remote add origin {path} && git push -u origin main registry")
    return 0


def _snapshot(project: Project, options: argparse.Namespace) -> Snapshot:
    ledger = ledger_of(project, options.registry)
    return Snapshot(ledger, ledger.fetch())


def _known(name: str, states: Mapping[str, object]) -> str:
    if check_model_name(name) not in states:
        raise UsageError(f"the registry holds no model {name!r}; it holds "
                         + (", ".join(states) or "none"))
    return name
