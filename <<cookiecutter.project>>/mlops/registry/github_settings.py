"""What a repository on GitHub should be set to, as plain data: rules, environments, labels.

`github_setup` compares a repository with it, and sets it.
"""

from dataclasses import dataclass
from typing import Any

CHECK = "pass"
ENVIRONMENTS = ("staging", "production")
_LABELS = {
    "drift": ("fbca04", "The data in production moved away from the reference"),
    "incident": ("b60205", "Something in production is wrong"),
    "model-regression": ("d93f0b", "A model got worse than the one before"),
}


@dataclass(frozen=True)
class Setting:
    """One thing that should be so. `path` and `wanted` are the API's; `click` is for people."""

    kind: str
    name: str
    why: str
    path: str
    wanted: dict[str, Any]
    click: str


@dataclass(frozen=True)
class Plan:
    """All settings, whether releases should be immutable, and what only a person can decide."""

    settings: tuple[Setting, ...]
    immutable: bool
    advice: tuple[str, ...]


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
        "production (private repositories need a plan that has them)"))


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
                   f"environments/{name}", {}, "Settings > Environments")
