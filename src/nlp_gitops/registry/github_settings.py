"""What a repository on GitHub should be set to, and setting what it lacks; nothing is removed.

`github_setup` sets it, `github_audit` compares a repository with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nlp_gitops.registry import github_client
from nlp_gitops.registry.github_client import Connection, Refused, speaking

CHECK = "pass"
ENVIRONMENTS = ("staging", "production")
IMMUTABLE = "immutable-releases"
_LABELS = {
    "drift": ("fbca04", "The data in production moved away from the reference"),
    "incident": ("b60205", "Something in production is wrong"),
    "model-regression": ("d93f0b", "A model got worse than the one before"),
}


@dataclass(frozen=True)
class Setting:
    """One thing that should be so. `listing` and `wanted` are the API's; `click` is for people."""

    kind: str
    name: str
    why: str
    listing: str
    wanted: dict[str, Any]
    click: str


@dataclass(frozen=True)
class Plan:
    """All settings, whether releases should be immutable, and what only a person can decide.

    `branch` takes only what passed; None if no branch is protected.
    """

    settings: tuple[Setting, ...]
    immutable: bool
    advice: tuple[str, ...]
    branch: str | None


@dataclass(frozen=True)
class Feature:
    """A variable or secret that switches something on, and what happens without it."""

    kind: str
    name: str
    without: str
    value: str


FEATURES = (
    Feature("variable", "TRAIN_RUNNER", "training and gates run on GitHub's own runners",
            "a runner's label"),
    Feature("variable", "DEPLOY_RUNNER", "deploys are rehearsals on GitHub's own runners",
            "a runner's label"),
    Feature("variable", "APPROVAL_ENVIRONMENT", "nobody is asked before the canary",
            "an environment with required reviewers"),
    Feature("variable", "NOTIFY_WEBHOOK", "no chat is told of refused promotions, rollbacks and "
            "alerts", "a webhook's address"),
    Feature("variable", "DRIFT_LOGS", "the weekly drift report looks only where project.yaml says "
            "(drift.logs)", "the folder or URL of the prediction logs"),
    Feature("variable", "PAGES", "no registry page is published (pages.yml; Settings > Pages > "
            "Source: GitHub Actions first)", "true"),
    Feature("secret", "TEMPLATE_TOKEN", "update-template.yml cannot change workflows",
            "a token with the rights contents, pull requests and workflows"),
)


def wanted(protected_branch: str | None = "main", immutable: bool = False) -> Plan:
    """Return what a repository should be set to; `protected_branch` is project.yaml's."""
    rules = [
        _ruleset("registry: events stay", "tag", ("refs/tags/*@v*", "refs/tags/*#*#*"),
                 ("update", "deletion", "non_fast_forward"),
                 "nobody moves or deletes the tag of a version or an event"),
        _ruleset("registry: the ledger only grows", "branch", ("refs/heads/registry",),
                 ("deletion", "non_fast_forward"), "nobody rewrites or deletes the ledger"),
    ]
    if protected_branch:
        rules.append(_protected(protected_branch))
    found = [*rules, *map(_environment, ENVIRONMENTS), *(
        Setting("label", name, text, "labels", {"name": name, "color": color, "description": text},
                "Issues > Labels") for name, (color, text) in _LABELS.items())]
    return Plan(tuple(found), immutable, (
        "only the registry may make tags: needs a GitHub App of your own as the only one that may "
        "bypass a tag ruleset with 'Restrict creations' on *@v* and *#*#* (Settings > Rules)",
        "somebody must agree to production: name the reviewers in Settings > Environments > "
        "production (private repositories need a plan that has them)"),
        protected_branch)


def _ruleset(name: str, target: str, refs: tuple[str, ...], rules: tuple[str, ...],
             why: str) -> Setting:
    body = {"name": name, "target": target, "enforcement": "active", "bypass_actors": [],
            "conditions": {"ref_name": {"include": list(refs), "exclude": []}},
            "rules": [{"type": rule} for rule in rules]}
    return Setting("ruleset", name, why, "rulesets", body, "Settings > Rules > Rulesets")


def _protected(branch: str) -> Setting:
    setting = _ruleset(f"{branch}: only what passed", "branch", (f"refs/heads/{branch}",),
                       ("deletion", "non_fast_forward"),
                       f"{branch} takes only what passed the check {CHECK!r}")
    setting.wanted["rules"].append({
        "type": "required_status_checks",
        "parameters": {"strict_required_status_checks_policy": False,
                       "required_status_checks": [{"context": CHECK}]}})
    return setting


def _environment(name: str) -> Setting:
    return Setting("environment", name, f"{name} has its own variables, secrets and history",
                   "environments", {}, "Settings > Environments")


def lines(plan: Plan) -> list[str]:
    """Return the plan as a person reads it."""
    found = [f"{item.kind} {item.name!r}: {item.why} ({item.click})" for item in plan.settings]
    found.append(f"release immutability: {'on' if plan.immutable else 'off'} "
                 "(Settings > General > Releases)")
    return found + [f"by hand: {text}" for text in plan.advice]


def apply(connection: Connection, plan: Plan) -> list[str]:
    """Set what is not as planned; return one line for each setting.

    What the plan or the token lacks is a line, no failure. Raises NotMeasured without a token, or
    if the server fails.
    """
    connection.need_token()
    found = []
    with speaking(connection.host, "settings"):
        for setting in plan.settings:
            text = _tried(lambda: _set(connection, setting))
            found.append(f"{setting.kind} {setting.name!r}: {text}")
        text = _tried(lambda: _set_immutability(connection, plan))
        found.append(f"release immutability: {text}")
    return found


def there(connection: Connection, setting: Setting) -> dict[str, Any] | None:
    """Return the setting as the server has it, None if it has none of that name; or raise Refused.

    Listings tell what is missing from what a token must not see; single settings do not. GitHub's
    names differ not by case.
    """
    key = "environments" if setting.kind == "environment" else None
    found = next((item for item in github_client.listed(connection, setting.listing, key)
                  if item["name"].casefold() == setting.name.casefold()), None)
    # The listing of rulesets leaves their rules out.
    return github_client.read(connection, f"rulesets/{found['id']}") if (
        found and setting.kind == "ruleset") else found


def covers(present: Any, wanted: Any) -> bool:
    """Say whether what is there has all that is wanted; more is fine but where nothing may be."""
    if wanted == []:
        return not present
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(
            covers(present.get(key), value) for key, value in wanted.items()
            if key not in ("name", "color", "description"))
    if isinstance(wanted, list):
        return isinstance(present, list) and all(
            any(covers(other, value) for other in present) for value in wanted)
    return present == wanted


def is_immutable(connection: Connection) -> bool:
    """Say whether new releases cannot be changed; raise Refused if the token must not see it."""
    return bool((github_client.read(connection, IMMUTABLE) or {}).get("enabled"))


def _set(connection: Connection, setting: Setting) -> str:
    """Make or mend a setting; return what was done."""
    found = there(connection, setting)
    if found is not None and covers(found, setting.wanted):
        return "is as it should be"
    if setting.kind == "environment":
        github_client.write(connection, "PUT", f"{setting.listing}/{setting.name}", {})
    elif found is None:
        github_client.write(connection, "POST", setting.listing, setting.wanted)
    elif setting.kind == "ruleset":
        github_client.write(connection, "PUT", f"{setting.listing}/{found['id']}", setting.wanted)
    return "set"


def _set_immutability(connection: Connection, plan: Plan) -> str:
    is_on = is_immutable(connection)
    if is_on == plan.immutable:
        return "is as it should be"
    if not plan.immutable:
        # A team that switched it on meant it.
        return "is on, and stays so; promote by Run workflow only (nlp-gitops help registry)"
    github_client.write(connection, "PUT", IMMUTABLE, None)
    return "set"


def _tried(step: Callable[[], str]) -> str:
    """Return what a step says; a feature that the plan or the token lacks is a line, no failure."""
    try:
        return step()
    except Refused as error:
        return (f"cannot be had here: {error} (the token needs the right administration: write, "
                "and private repositories a plan that has this)")
