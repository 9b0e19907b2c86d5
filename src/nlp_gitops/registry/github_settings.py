"""What a repository on GitHub should be set to, and what it may be, as plain data.

`github_setup` sets it, `github_audit` compares a repository with it.
"""

from dataclasses import dataclass
from typing import Any

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
