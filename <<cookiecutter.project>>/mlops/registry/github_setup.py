"""Comparing a repository on GitHub with the wanted settings, and setting what is missing.

PyGithub knows neither rulesets nor release immutability; its requester is used for them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from mlops.registry.github_client import Connection, speaking
from mlops.registry.github_settings import Plan, Setting

_IMMUTABLE = "immutable-releases"
_ALTERED = "is there, but not as it should be"
_MISSING = "is missing"
# What GitHub answers where the plan or the token has not what is asked for.
_REFUSALS = (403, 404, 422)


def lines(plan: Plan) -> list[str]:
    """Return the plan as a person reads it."""
    found = [f"{item.kind} {item.name!r}: {item.why} ({item.click})" for item in plan.settings]
    found.append(f"release immutability: {'on' if plan.immutable else 'off'} "
                 "(Settings > General > Releases)")
    return found + [f"by hand: {text}" for text in plan.advice]


def audit(connection: Connection, plan: Plan) -> list[str]:
    """Return what is not as planned, one line each, and where to click; none if all is well."""
    found = []
    with speaking(connection.host, "settings"):
        for setting in plan.settings:
            text = _tried(lambda: _fault(connection, setting))
            if text:
                found.append(f"{setting.kind} {setting.name!r} {text}; {setting.click}, or: "
                             "python tools/registry.py init-github --apply")
        text = _tried(lambda: _immutability_fault(connection, plan))
        if text:
            found.append(f"release immutability {text}; Settings > General > Releases")
    return found


def apply(connection: Connection, plan: Plan) -> list[str]:
    """Set what is not as planned; return one line for each setting. Nothing is removed."""
    connection.need_token()
    found = []
    with speaking(connection.host, "settings"):
        for setting in plan.settings:
            text = _tried(lambda: _set(connection, setting))
            found.append(f"{setting.kind} {setting.name!r}: {text}")
        text = _tried(lambda: _set_immutability(connection, plan))
        found.append(f"release immutability: {text}")
    return found


def _fault(connection: Connection, setting: Setting) -> str:
    """Return what is wrong with a setting, or nothing."""
    there = _there(connection, setting)
    if there is None:
        return _MISSING
    return "" if _covers(there, setting.wanted) else _ALTERED


def _set(connection: Connection, setting: Setting) -> str:
    """Make or mend a setting; return what was done."""
    there = _there(connection, setting)
    if there is not None and _covers(there, setting.wanted):
        return "is as it should be"
    if setting.kind == "environment":
        _write(connection, "PUT", setting.path, {})
    elif there is None:
        _write(connection, "POST", setting.path, setting.wanted)
    elif setting.kind == "ruleset":
        _write(connection, "PUT", f"rulesets/{there['id']}", setting.wanted)
    return "set"


def _there(connection: Connection, setting: Setting) -> dict[str, Any] | None:
    """Return the setting as the server has it; None if it has none of that name."""
    if setting.kind == "environment":
        return _read(connection, setting.path)
    known = {item["name"]: item for item in _all(connection, setting.path)}
    found = known.get(setting.name)
    # The listing of rulesets leaves their rules out.
    return _read(connection, f"rulesets/{found['id']}") if found and setting.kind == "ruleset" \
        else found


def _covers(there: Any, wanted: Any) -> bool:
    """Say whether what is there has all that is wanted; more is fine but where nothing may be."""
    if wanted == []:
        return not there
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            _covers(there.get(key), value) for key, value in wanted.items()
            if key not in ("color", "description"))
    if isinstance(wanted, list):
        return isinstance(there, list) and all(
            any(_covers(other, value) for other in there) for value in wanted)
    return there == wanted


def _immutability_fault(connection: Connection, plan: Plan) -> str:
    is_on = bool((_read(connection, _IMMUTABLE) or {}).get("enabled"))
    if is_on == plan.immutable:
        return ""
    return "is on, but was not planned" if is_on else "is off"


def _set_immutability(connection: Connection, plan: Plan) -> str:
    if not _immutability_fault(connection, plan):
        return "is as it should be"
    if not plan.immutable:
        # A team that switched it on meant it.
        return "is on, and stays so; promote by Run workflow only (docs/registry.md)"
    _write(connection, "PUT", _IMMUTABLE, None)
    return "set"


def _tried(step: Callable[[], str]) -> str:
    """Return what a step says; a feature that the plan or the token lacks is a line, no failure."""
    import github

    try:
        return step()
    except github.GithubException as error:
        if error.status not in _REFUSALS:
            raise
        data = error.data if isinstance(error.data, dict) else {}
        return (f"cannot be had here: GitHub answers {error.status} "
                f"{' '.join(str(data.get('message', '')).split())} (the token needs the right "
                "administration: write, and private repositories a plan that has this)")


def _read(connection: Connection, path: str) -> dict[str, Any] | None:
    import github

    try:
        return _call(connection, "GET", path)
    except github.UnknownObjectException:
        return None


def _all(connection: Connection, path: str) -> Iterator[dict[str, Any]]:
    number = 1
    while some := _call(connection, "GET", f"{path}?per_page=100&page={number}"):
        yield from some
        number += 1


def _write(connection: Connection, method: str, path: str, body: dict[str, Any] | None) -> None:
    connection.pace()
    _call(connection, method, path, body)


def _call(connection: Connection, method: str, path: str,
          body: dict[str, Any] | None = None) -> Any:
    repo = connection.repo
    return connection.ask(lambda: repo.requester.requestJsonAndCheck(
        method, f"{repo.url}/{path}", input=body)[1])
