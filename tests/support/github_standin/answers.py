"""How the stand-in answers: requests as handlers see them, answers, refusals, common shapes."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .world import Repository


@dataclass(frozen=True)
class Request:
    """A request after routing; `known` says whether it carries a good token.

    `base` is the API's address, `objects` that of the store where content lies.
    """

    repository: Repository
    base: str
    objects: str
    words: dict[str, str]
    query: dict[str, str]
    body: Any
    known: bool

    @property
    def home(self) -> str:
        """Return the repository's address in the API."""
        return f"{self.base}/repos/{self.repository.name}"


@dataclass(frozen=True)
class Answer:
    """A status and a JSON value; None sends no body."""

    status: int
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The server refuses a request."""

    def __init__(self, status: int, message: str, code: str | None = None,
                 resource: str = "Release", where: str = "tag_name") -> None:
        super().__init__(message)
        self.status = status
        self.value: dict[str, Any] = {"message": message, "status": str(status),
                                      "documentation_url": "https://docs.github.com/rest"}
        if code:
            del self.value["status"]
            self.value["errors"] = [{"resource": resource, "code": code, "field": where}]


def missing() -> Refused:
    """Return the refusal for what is not there, or not for this caller."""
    return Refused(404, "Not Found")


def user(base: str) -> dict[str, Any]:
    """Return the only user there is."""
    here = f"{base}/users/octo"
    urls = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos",
            "events", "received_events")
    return {"login": "octo", "id": 1, "node_id": "U_1", "avatar_url": here, "gravatar_id": "",
            "url": here, "html_url": here, "type": "User", "site_admin": False,
            **{f"{name}_url": f"{here}/{name}" for name in urls}}


def page(request: Request, items: list[Any]) -> Answer:
    """Return one page of a listing, with the address of the next one."""
    size = min(100, int(request.query.get("per_page", "30")))
    number = int(request.query.get("page", "1"))
    some = items[(number - 1) * size:number * size]
    headers = {}
    if number * size < len(items):
        address = f"{request.home}/{quote(request.words['listing'])}"
        headers["Link"] = f'<{address}?per_page={size}&page={number + 1}>; rel="next"'
    return Answer(200, some, headers)
