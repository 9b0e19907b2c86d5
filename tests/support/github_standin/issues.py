"""Issues, comments and labels."""

from typing import Any

from .answers import Answer, Refused, Request, missing, page, user
from .world import now


def create(request: Request) -> Answer:
    """Open an issue; labels that do not exist are made, as GitHub does."""
    number = len(request.repository.issues) + 1
    here = f"{request.home}/issues/{number}"
    issue = {
        "id": request.repository.next_id(), "node_id": f"I_{number}", "url": here,
        "repository_url": request.home, "labels_url": f"{here}/labels", "html_url": here,
        "comments_url": f"{here}/comments", "events_url": f"{here}/events", "number": number,
        "state": "open", "state_reason": None, "title": request.body["title"],
        "body": request.body.get("body"), "user": user(request.base), "assignee": None,
        "labels": _labels(request), "milestone": None, "locked": False, "comments": 0,
        "closed_at": None, "created_at": now(), "updated_at": now(),
        "author_association": "OWNER"}
    request.repository.issues[number] = issue
    return Answer(201, issue)


def _labels(request: Request) -> list[dict[str, Any]]:
    found = []
    for wanted in request.body.get("labels") or ():
        name = wanted if isinstance(wanted, str) else wanted["name"]
        if name not in request.repository.labels:
            _make_label(request, name, "ededed", None)
        found.append({key: value for key, value in request.repository.labels[name].items()
                      if not key.startswith("archived")})
    return found


def change(request: Request) -> Answer:
    """Change an issue, or close it."""
    issue = _find(request)
    issue.update({key: value for key, value in request.body.items() if key != "labels"})
    if "labels" in request.body:
        issue["labels"] = _labels(request)
    issue["closed_at"] = now() if issue["state"] == "closed" else None
    issue["updated_at"] = now()
    return Answer(200, issue)


def get(request: Request) -> Answer:
    """Return an issue."""
    return Answer(200, _find(request))


def listing(request: Request) -> Answer:
    """List issues, newest first; open ones if nothing else is asked."""
    state = request.query.get("state", "open")
    labels = {name for name in request.query.get("labels", "").split(",") if name}
    return page(request, [item for item in reversed(request.repository.issues.values())
                          if state in ("all", item["state"])
                          and labels <= {label["name"] for label in item["labels"]}])


def comment(request: Request) -> Answer:
    """Comment on an issue or pull request."""
    issue, number = _find(request), request.repository.next_id()
    made = {"id": number, "node_id": f"IC_{number}", "issue_url": issue["url"],
            "url": f"{request.home}/issues/comments/{number}", "html_url": issue["html_url"],
            "body": request.body["body"], "user": {**user(request.base), "type": "Bot"},
            "created_at": now(), "updated_at": now(), "author_association": "OWNER"}
    request.repository.comments[number] = made
    issue["comments"] += 1
    return Answer(201, made)


def change_comment(request: Request) -> Answer:
    """Change a comment."""
    found = request.repository.comments.get(int(request.words["comment"]))
    if found is None:
        raise missing()
    found.update(body=request.body["body"], updated_at=now())
    return Answer(200, found)


def comments(request: Request) -> Answer:
    """List the comments on an issue."""
    url = _find(request)["url"]
    return page(request, [item for item in request.repository.comments.values()
                          if item["issue_url"] == url])


def create_label(request: Request) -> Answer:
    """Make a label."""
    name = request.body["name"]
    if name.lower() in (known.lower() for known in request.repository.labels):
        raise Refused(422, "Validation Failed", "already_exists", "Label", "name")
    return Answer(201, _make_label(request, name, request.body.get("color", "ededed"),
                                   request.body.get("description")))


def _make_label(request: Request, name: str, color: str, text: str | None) -> dict[str, Any]:
    number = request.repository.next_id()
    made = {"id": number, "node_id": f"LA_{number}", "url": f"{request.home}/labels/{name}",
            "name": name, "description": text, "color": color, "default": False,
            "archived_at": None, "archived_by": None}
    request.repository.labels[name] = made
    return made


def labels(request: Request) -> Answer:
    """List the repository's labels."""
    return page(request, list(request.repository.labels.values()))


def _find(request: Request) -> dict[str, Any]:
    found = request.repository.issues.get(int(request.words["issue"]))
    if found is None:
        raise missing()
    return found
