"""What a repository on GitHub has wrongly, lacks, or could have; each with where to click."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_gitops.registry import github_client, github_settings
from nlp_gitops.registry.diagnosis import Advice, Trouble
from nlp_gitops.registry.github_client import Connection, Refused, speaking
from nlp_gitops.registry.github_settings import CHECK, FEATURES, Feature, Plan, Setting

WRONG, MISSING, OFF, UNREAD = "wrong", "missing", "off", "unread"
_APPLY = "python tools/registry.py init-github --apply"
_RELEASES = "Settings > General > Releases"
_ENVIRONMENTS = "Settings > Environments"
_VALUES = "Settings > Secrets and variables > Actions"
_PERMISSIONS = "Settings > Actions > General"
# States of a workflow in which its schedule does not run.
_STOPPED = {"disabled_inactivity": "GitHub switched its schedule off, as after every 60 days "
            "without activity in a public repository", "disabled_manually": "somebody switched it "
            "off"}
# These rules of an environment ask nobody.
_SILENT_RULES = ("branch_policy", "wait_timer")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, missing, off or unread: what, what of it, and where to click."""

    grade: str
    subject: str
    message: str
    click: str

    def as_text(self) -> str:
        """Return it as one line."""
        return f"{self.subject} {self.message}; {self.click}"


def audit(connection: Connection, plan: Plan) -> list[Finding]:
    """Return everything that is not as planned, and the features that are off.

    A setting that somebody weakened, or that does not do what it says, is wrong; one that was never
    made is missing. Raises NotMeasured if the server fails.
    """
    with speaking(connection.host, "settings"):
        return list(dict.fromkeys(_findings(connection, plan)))


def told(findings: Sequence[Finding]) -> tuple[tuple[Trouble, ...], Advice]:
    """Return findings as a diagnosis has them: only what is wrong is a trouble.

    A repository works without the settings that it lacks, and its plan may not have them.
    """
    lines = {grade: tuple(item.as_text() for item in findings if item.grade == grade)
             for grade in (MISSING, OFF, UNREAD)}
    return (tuple(Trouble(item.subject, item.message, item.click) for item in findings
                  if item.grade == WRONG),
            Advice(lines[MISSING], lines[OFF], lines[UNREAD]))


def _findings(connection: Connection, plan: Plan) -> Iterator[Finding]:
    for kind in dict.fromkeys(setting.kind for setting in plan.settings):
        some = [setting for setting in plan.settings if setting.kind == kind]
        yield from _looked(f"the {kind}s", some[0].click, _settings(connection, plan, some))
    yield from _looked("release immutability", _RELEASES, _immutability(connection, plan))
    for kind in ("variable", "secret"):
        yield from _looked(f"the {kind}s", f"{_VALUES} > {kind.capitalize()}s",
                           _features(connection, kind))
    yield from _looked("what workflows may do", _PERMISSIONS, _permissions(connection))
    yield from _looked("the workflows", "Actions", _schedules(connection))


def _looked(what: str, click: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings; the last one says so if this token, or this plan, does not let us look."""
    try:
        yield from findings
    except Refused as error:
        yield Finding(UNREAD, what, f"could not be read with this token ({error})",
                      f"look at {click}")


def _settings(connection: Connection, plan: Plan, settings: list[Setting]) -> Iterator[Finding]:
    for setting in settings:
        there = github_settings.there(connection, setting)
        what, click = f"{setting.kind} {setting.name!r}", f"{setting.click}, or type: {_APPLY}"
        if there is None:
            if not (_guards(setting, plan) and _is_required(connection, plan.branch)):
                yield Finding(MISSING, what, f"is missing: {setting.why}", click)
        elif not github_settings.covers(there, setting.wanted):
            yield Finding(WRONG, what, f"is there, but not as it should be: {setting.why}", click)


def _guards(setting: Setting, plan: Plan) -> bool:
    """Say whether it is the ruleset that makes the protected branch require the check."""
    return plan.branch is not None and any(rule["type"] == "required_status_checks"
                                           for rule in setting.wanted.get("rules", ()))


def _is_required(connection: Connection, branch: str | None) -> bool:
    """Say whether another ruleset, or a branch protection of the old kind, requires the check."""
    if any(item["context"] == CHECK
           for rule in github_client.listed(connection, f"rules/branches/{branch}")
           if rule["type"] == "required_status_checks"
           for item in rule["parameters"]["required_status_checks"]):
        return True
    try:
        old = github_client.call(
            connection, "GET", f"branches/{branch}/protection/required_status_checks")
    except Refused:
        # There is none, or only administrators see it. The ruleset is missing all the same.
        return False
    return CHECK in old["contexts"]


def _immutability(connection: Connection, plan: Plan) -> Iterator[Finding]:
    is_on = github_settings.is_immutable(connection)
    if plan.immutable and not is_on:
        yield Finding(MISSING, "release immutability", "is off", _RELEASES)
    elif is_on and not plan.immutable:
        yield Finding(OFF, "promotion from a release page", "cannot work: release immutability is "
                      "on; promote by Actions > promote > Run workflow", _RELEASES)


def _features(connection: Connection, kind: str) -> Iterator[Finding]:
    values = _values(connection, f"{kind}s")
    for feature in FEATURES:
        if feature.kind == kind and feature.name not in values:
            yield _off(feature)
    # Secrets have no value here.
    if not values.get("NOTIFY_WEBHOOK", "https://").startswith("https://"):
        # The address itself is nobody's business.
        yield Finding(WRONG, "variable NOTIFY_WEBHOOK", "does not begin with https://, so nobody "
                      "is told", f"{_VALUES} > Variables, or type: gh variable set NOTIFY_WEBHOOK")
    if values.get("APPROVAL_ENVIRONMENT"):
        yield from _looked("the environments", _ENVIRONMENTS,
                           _approval(connection, values["APPROVAL_ENVIRONMENT"]))


def _off(feature: Feature) -> Finding:
    return Finding(OFF, f"{feature.kind} {feature.name}", f"is not set: {feature.without}",
                   f"{_VALUES} > {feature.kind.capitalize()}s, or type: gh {feature.kind} set "
                   f"{feature.name} ({feature.value})")


def _values(connection: Connection, kind: str) -> dict[str, str]:
    """Return variables or secrets by name, also the organization's."""
    own = list(github_client.listed(connection, f"actions/{kind}", kind))
    try:
        shared = list(github_client.listed(connection, f"actions/organization-{kind}", kind))
    except Refused:
        # A person's repository has no organization.
        shared = []
    return {item["name"]: item.get("value", "") for item in (*shared, *own)}


def _approval(connection: Connection, name: str) -> Iterator[Finding]:
    """Yield what is wrong with the environment that should ask: GitHub makes a missing one open."""
    known: dict[str, dict[str, Any]] = {
        item["name"].casefold(): item
        for item in github_client.listed(connection, "environments", "environments")}
    there = known.get(name.casefold())
    lack = "does not exist" if there is None else "has no required reviewers"
    if there is None or all(rule["type"] in _SILENT_RULES
                            for rule in there.get("protection_rules") or ()):
        yield Finding(WRONG, "variable APPROVAL_ENVIRONMENT", f"names the environment {name!r}, "
                      f"which {lack}, so nobody is asked before the canary",
                      f"{_ENVIRONMENTS} > {name} > Required reviewers")


def _schedules(connection: Connection) -> Iterator[Finding]:
    """Yield workflows that do not run: GitHub stops schedules of quiet public repositories."""
    for item in github_client.listed(connection, "actions/workflows", "workflows"):
        why = _STOPPED.get(item["state"])
        if why:
            file = item["path"].rpartition("/")[2]
            yield Finding(WRONG, f"workflow {file}", f"does not run: {why}",
                          f"Actions > {item['name']} > Enable workflow, or type: "
                          f"gh workflow enable {file}")


def _permissions(connection: Connection) -> Iterator[Finding]:
    there = github_client.call(connection, "GET", "actions/permissions/workflow")
    if not there["can_approve_pull_request_reviews"]:
        yield Finding(OFF, "GitHub Actions", "may open no pull request: update-template.yml opens "
                      "an issue instead", f"{_PERMISSIONS} > Allow GitHub Actions to create and "
                      "approve pull requests")
