"""Pull requests and workflow runs."""

from typing import Any

from github_events import filled
from githubkit.versions.v2022_11_28 import models

from .answers import Answer, Refused, Request, page
from .world import now


def create(request: Request) -> Answer:
    """Open a pull request of a branch of this repository, if the plan or a setting allows it."""
    if "pulls" in request.repository.lacks:
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    number = len(request.repository.issues) + 1
    add(request.repository, number, request.repository.name.split("/")[0], request.body["head"],
        title=request.body["title"], body=request.body.get("body"))
    return Answer(201, _shown(models.PullRequest, request.repository.pulls[number]))


def add(repository: Any, number: int, owner: str, branch: str, sha: str = "0" * 40,
        **more: Any) -> None:
    """Open a pull request; comments on it are comments on the issue of its number."""
    repository.pulls[number] = {"number": number, "state": "open", **more, "head": {
        "label": f"{owner}:{branch}", "ref": branch, "sha": sha}}
    repository.issues[number] = {"number": number, "url": f"issue-{number}", "state": "open",
                                 "comments": 0, "html_url": f"pull-{number}", "labels": []}


def listing(request: Request) -> Answer:
    """List pull requests; `head` is OWNER:BRANCH."""
    head, state = request.query.get("head"), request.query.get("state", "open")
    return page(request, [_shown(models.PullRequestSimple, item)
                          for item in request.repository.pulls.values()
                          if head in (None, item["head"]["label"]) and state == item["state"]])


def run(request: Request) -> Answer:
    """Return a workflow run, of which only the time of its order matters."""
    number = int(request.words["run"])
    return Answer(200, filled(models.WorkflowRun, {
        "id": number, "created_at": request.repository.runs.get(number, now())}, "run"))


def _shown(model: type, item: dict[str, Any]) -> dict[str, Any]:
    return filled(model, {key: value for key, value in item.items()
                          if key in model.model_fields}, "pull request")
