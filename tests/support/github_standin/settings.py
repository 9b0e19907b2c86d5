"""Rulesets, environments, release immutability, refs, what workflows get, and deployments."""

from dataclasses import replace
from typing import Any

from .answers import Answer, Refused, Request, missing, page, user
from .world import now

_UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."


def ref(request: Request) -> Answer:
    """Return a tag's ref."""
    found = request.repository.tag(request.words["tag"])
    if found is None:
        raise missing()
    here = f"{request.home}/git/refs/tags/{request.words['tag']}"
    return Answer(200, {"ref": f"refs/tags/{request.words['tag']}", "node_id": "REF_1", "url": here,
                        "object": {"sha": found[0].ljust(40, "0"), "type": found[1], "url": here}})


def create_ruleset(request: Request) -> Answer:
    """Make a ruleset; names are unique."""
    _need(request, "rulesets")
    if request.body["name"] in (item["name"] for item in request.repository.rulesets.values()):
        raise Refused(422, "Validation Failed", "already_exists", "Ruleset", "name")
    number = request.repository.next_id()
    made = {"id": number, "source_type": "Repository", "source": request.repository.name,
            "created_at": now(), "updated_at": now(), "target": "branch", **request.body}
    request.repository.rulesets[number] = made
    return Answer(201, made)


def change_ruleset(request: Request) -> Answer:
    """Change a ruleset."""
    found = _ruleset(request)
    found.update(request.body, updated_at=now())
    return Answer(200, found)


def ruleset(request: Request) -> Answer:
    """Return a ruleset."""
    return Answer(200, _ruleset(request))


def rulesets(request: Request) -> Answer:
    """List rulesets, without their rules, as GitHub does."""
    _need(request, "rulesets")
    _see(request, "rulesets")
    return page(request, [{key: value for key, value in item.items()
                           if key not in ("rules", "conditions", "bypass_actors")}
                          for item in request.repository.rulesets.values()])


def _ruleset(request: Request) -> dict[str, Any]:
    found = request.repository.rulesets.get(int(request.words["ruleset"]))
    if found is None:
        raise missing()
    return found


def branch_rules(request: Request) -> Answer:
    """List the rules that hold for a branch, of all active rulesets that name it."""
    wanted = f"refs/heads/{request.words['branch']}"
    return page(request, [
        {**rule, "ruleset_id": item["id"], "ruleset_source_type": "Repository",
         "ruleset_source": request.repository.name}
        for item in request.repository.rulesets.values()
        if item["enforcement"] == "active" and item["target"] == "branch"
        and wanted in item["conditions"]["ref_name"]["include"] for rule in item["rules"]])


def required_checks(request: Request) -> Answer:
    """Return the checks that a branch protection of the old kind requires."""
    found = request.repository.required.get(request.words["branch"])
    if found is None:
        raise missing()
    here = (f"{request.home}/branches/{request.words['branch']}/protection/"
            "required_status_checks")
    return Answer(200, {"url": here, "strict": False, "contexts": found, "contexts_url":
                        f"{here}/contexts",
                        "checks": [{"context": name, "app_id": None} for name in found]})


def environments(request: Request) -> Answer:
    """List the environments."""
    _see(request, "environments")
    return _page_of(request, "environments", list(request.repository.environments.values()))


def variables(request: Request) -> Answer:
    """List the repository's variables."""
    _see(request, "variables")
    return _page_of(request, "variables", _variables(request.repository.variables))


def shared_variables(request: Request) -> Answer:
    """List the organization's variables that the repository has; a person has none."""
    _see(request, "organization")
    return _page_of(request, "variables", _variables(request.repository.shared_variables))


def secrets(request: Request) -> Answer:
    """List the repository's secrets: their names."""
    _see(request, "secrets")
    return _page_of(request, "secrets", [
        {"name": name, "created_at": now(), "updated_at": now()}
        for name in sorted(request.repository.secrets)])


def shared_secrets(request: Request) -> Answer:
    """List the organization's secrets that the repository has: none."""
    _see(request, "organization")
    return _page_of(request, "secrets", [])


def workflow_permissions(request: Request) -> Answer:
    """Say what the token of a workflow may do."""
    _see(request, "permissions")
    return Answer(200, {"default_workflow_permissions": "read", "can_approve_pull_request_reviews":
                        request.repository.may_open_pulls})


def put_environment(request: Request) -> Answer:
    """Make or change an environment."""
    name, body = request.words["environment"], request.body or {}
    if body.get("reviewers"):
        _need(request, "reviewers", 422)
    here = f"{request.home}/environments/{name}"
    rules = []
    if body.get("reviewers"):
        rules.append({"id": request.repository.next_id(), "node_id": "GA_1",
                      "type": "required_reviewers", "prevent_self_review": False,
                      "reviewers": [{"type": item["type"], "reviewer": user(request.base)}
                                    for item in body["reviewers"]]})
    policy = body.get("deployment_branch_policy")
    if policy:
        rules.append({"id": request.repository.next_id(), "node_id": "GA_2",
                      "type": "branch_policy"})
    old = request.repository.environments.get(name)
    made = {"id": old["id"] if old else request.repository.next_id(), "node_id": "EN_1",
            "name": name, "url": here, "html_url": here,
            "created_at": old["created_at"] if old else now(), "updated_at": now(),
            "protection_rules": rules, "deployment_branch_policy": policy}
    request.repository.environments[name] = made
    return Answer(200, made)


def environment(request: Request) -> Answer:
    """Return an environment."""
    found = request.repository.environments.get(request.words["environment"])
    if found is None:
        raise missing()
    return Answer(200, found)


def immutable(request: Request) -> Answer:
    """Say whether new releases are immutable; 404 if not, as GitHub answers."""
    if not request.repository.immutable:
        raise missing()
    return Answer(200, {"enabled": True, "enforced_by_owner": False})


def set_immutable(request: Request) -> Answer:
    """Make every release from now on immutable."""
    _need(request, "immutable")
    request.repository.immutable = True
    return Answer(204)


def unset_immutable(request: Request) -> Answer:
    """Let new releases be changed."""
    request.repository.immutable = False
    return Answer(204)


def workflows(request: Request) -> Answer:
    """List the workflows with their states."""
    _see(request, "workflows")
    return _page_of(request, "workflows", [
        {"id": number, "node_id": f"W_{number}", "name": file.partition(".")[0],
         "path": f".github/workflows/{file}", "state": state, "created_at": now(),
         "updated_at": now(), "url": f"{request.home}/actions/workflows/{number}",
         "html_url": f"{request.home}/blob/main/.github/workflows/{file}",
         "badge_url": f"{request.home}/workflows/{file}/badge.svg"}
        for number, (file, state) in enumerate(request.repository.workflows.items(), 1)])


def dispatch(request: Request) -> Answer:
    """Start a workflow; what was asked for is kept for the test."""
    request.repository.dispatches.append({"workflow": request.words["workflow"], **request.body})
    return Answer(204)


def deploy(request: Request) -> Answer:
    """Make a deployment."""
    number = request.repository.next_id()
    here = f"{request.home}/deployments/{number}"
    made = {"url": here, "id": number, "node_id": f"DE_{number}", "sha": "0" * 40,
            "ref": request.body["ref"], "task": request.body.get("task", "deploy"), "payload": "",
            "environment": request.body.get("environment", "production"),
            "description": request.body.get("description"), "creator": user(request.base),
            "created_at": now(), "updated_at": now(), "statuses_url": f"{here}/statuses",
            "repository_url": request.home}
    request.repository.deployments[number] = {"deployment": made, "statuses": []}
    return Answer(201, made)


def deployments(request: Request) -> Answer:
    """List deployments, newest first."""
    wanted = request.query.get("environment")
    found = [item["deployment"] for item in reversed(request.repository.deployments.values())]
    return page(request, [item for item in found
                          if wanted is None or item["environment"] == wanted])


def add_status(request: Request) -> Answer:
    """Say how a deployment went."""
    found = request.repository.deployments.get(int(request.words["deployment"]))
    if found is None:
        raise missing()
    number, here = request.repository.next_id(), found["deployment"]["url"]
    made = {"url": f"{here}/statuses/{number}", "id": number, "node_id": f"DS_{number}",
            "state": request.body["state"], "creator": user(request.base),
            "description": request.body.get("description", ""), "created_at": now(),
            "updated_at": now(), "deployment_url": here, "repository_url": request.home}
    found["statuses"].append(made)
    return Answer(201, made)


def _variables(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value, "created_at": now(), "updated_at": now()}
            for name, value in values.items()]


def _page_of(request: Request, key: str, values: list[dict[str, Any]]) -> Answer:
    """Return one page of a listing that stands inside an object; GitHub gives 30 at most here."""
    size = min(30, int(request.query.get("per_page", "30")))
    request = replace(request, query={**request.query, "per_page": str(size)})
    return Answer(200, {"total_count": len(values), key: page(request, values).value})


def _see(request: Request, setting: str) -> None:
    status = request.repository.hidden.get(setting)
    if status is not None:
        raise Refused(status, "Not Found" if status == 404 else
                      "Resource not accessible by personal access token")


def _need(request: Request, feature: str, status: int = 403) -> None:
    if feature in request.repository.lacks:
        raise Refused(status, _UPGRADE)
