"""Setting what a repository on GitHub lacks of the wanted settings. Nothing is removed."""

from collections.abc import Callable
from typing import Any

from nlp_gitops.registry import github_rest
from nlp_gitops.registry.github_client import Connection, speaking
from nlp_gitops.registry.github_rest import Refused
from nlp_gitops.registry.github_settings import IMMUTABLE, Plan, Setting


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
    found = next((item for item in github_rest.listed(connection, setting.listing, key)
                  if item["name"].casefold() == setting.name.casefold()), None)
    # The listing of rulesets leaves their rules out.
    return github_rest.read(connection, f"rulesets/{found['id']}") if (
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
    return bool((github_rest.read(connection, IMMUTABLE) or {}).get("enabled"))


def _set(connection: Connection, setting: Setting) -> str:
    """Make or mend a setting; return what was done."""
    found = there(connection, setting)
    if found is not None and covers(found, setting.wanted):
        return "is as it should be"
    if setting.kind == "environment":
        github_rest.write(connection, "PUT", f"{setting.listing}/{setting.name}", {})
    elif found is None:
        github_rest.write(connection, "POST", setting.listing, setting.wanted)
    elif setting.kind == "ruleset":
        github_rest.write(connection, "PUT", f"{setting.listing}/{found['id']}", setting.wanted)
    return "set"


def _set_immutability(connection: Connection, plan: Plan) -> str:
    is_on = is_immutable(connection)
    if is_on == plan.immutable:
        return "is as it should be"
    if not plan.immutable:
        # A team that switched it on meant it.
        return "is on, and stays so; promote by Run workflow only (nlp-gitops help registry)"
    github_rest.write(connection, "PUT", IMMUTABLE, None)
    return "set"


def _tried(step: Callable[[], str]) -> str:
    """Return what a step says; a feature that the plan or the token lacks is a line, no failure."""
    try:
        return step()
    except Refused as error:
        return (f"cannot be had here: {error} (the token needs the right administration: write, "
                "and private repositories a plan that has this)")
