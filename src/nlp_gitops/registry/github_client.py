"""The connection to GitHub: address, token, patience with the server, and errors in one line."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from nlp_gitops.core import context
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.core.project import Project
from nlp_gitops.registry.remotes import github_repository

TRIES = 5
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 900.0
# What GitHub asks for when it limits without saying for how long.
_UNSAID_LIMIT_SECONDS = 60.0
_TIMEOUT_SECONDS = 60
_T = TypeVar("_T")


class TryAgain(Exception):
    """A step came to nothing for a reason that may pass; it can be repeated."""


class Connection:
    """A repository on GitHub, seen through PyGithub, which waits where the server asks for it.

    `pause` is the least time in seconds between two writes and the unit of back-off; `patience` is
    how many seconds may be waited in all.
    """

    def __init__(self, host: str, repository: str, pause: float = PAUSE_SECONDS,
                 patience: float = PATIENCE_SECONDS) -> None:
        self.host = host
        self.name = repository
        self.pause = pause
        self._patience = patience
        self._written = 0.0

    @cached_property
    def token(self) -> str | None:
        """Return the token to use; None reads what is public."""
        return token(self.host)

    @cached_property
    def repo(self) -> Any:
        """Return PyGithub's object for the repository; nothing is asked of the server yet."""
        github = _pygithub()
        client = github.Github(
            base_url=api_url(self.host), timeout=_TIMEOUT_SECONDS, per_page=100, lazy=True,
            auth=github.Auth.Token(self.token) if self.token else None,
            # GithubRetry repeats POST blindly and sleeps as long as Retry-After says: see `ask`.
            retry=None, seconds_between_requests=None, seconds_between_writes=None)
        return client.get_repo(self.name)

    @cached_property
    def session(self) -> Any:
        """Return the session for streams: PyGithub sets no time limit for other hosts."""
        _pygithub()
        import requests

        session = requests.Session()
        # Keeps a token of ~/.netrc from taking the place of ours.
        session.auth = _as_it_is
        if self.token:
            session.headers["Authorization"] = f"Bearer {self.token}"
        return session

    def need_token(self) -> None:
        """Raise NotMeasured where writing must fail for want of a token."""
        if not self.token:
            raise NotMeasured(f"no token for {self.host}; set GITHUB_TOKEN, or type: "
                              f"gh auth login --hostname {self.host}")

    def ask(self, step: Callable[[], _T]) -> _T:
        """Return what a step returns, tried up to five times.

        The step must bear repetition. It may raise TryAgain. Waits as the server asks, and doubles
        its own pauses; raises the last error, or NotMeasured if the wait would be too long.
        """
        for number in range(TRIES):
            try:
                return step()
            except Exception as error:
                seconds = _wait_seconds(error, self.pause * 2 ** number)
                if seconds is None or number == TRIES - 1:
                    raise
                self._wait(seconds)
        raise AssertionError("unreachable")

    def pace(self) -> None:
        """Wait until the next write may be sent: GitHub limits those who write without a pause."""
        time.sleep(max(0.0, self._written + self.pause - time.monotonic()))
        self._written = time.monotonic()

    def _wait(self, seconds: float) -> None:
        if seconds > self._patience:
            raise NotMeasured(f"{self.host} asks to wait {seconds:.0f} s, more than this command "
                              "waits; type it again later, it goes on where it stopped")
        if seconds >= 5 and sys.stderr.isatty():
            print(f"{self.host} asks to wait {seconds:.0f} s", file=sys.stderr)
        self._patience -= seconds
        time.sleep(seconds)


@contextmanager
def speaking(host: str, what: str) -> Iterator[None]:
    """Turn every failure of the server or the network into NotMeasured with one line."""
    github = _pygithub()
    import requests

    try:
        yield
    except github.GithubException as error:
        raise NotMeasured(f"{host}: {what}: {_reason(error)}") from None
    except requests.RequestException as error:
        raise NotMeasured(f"{host}: {what}: {_root(error)}") from None
    except TryAgain as error:
        raise NotMeasured(f"{host}: {what}: {error}, {TRIES} times; type the command again, it "
                          "goes on where it stopped") from None


def api_url(host: str) -> str:
    """Return the address of a host's REST API, without a slash at its end."""
    given = os.environ.get("GITHUB_API_URL")
    if given:
        return given.rstrip("/")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def token(host: str) -> str | None:
    """Return a token from the environment, else from the program `gh`, else None."""
    given = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    if given or not shutil.which("gh"):
        return given or None
    done = subprocess.run(["gh", "auth", "token", "--hostname", host], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip() or None


def _pygithub() -> Any:
    try:
        import github
    except ImportError:
        raise NotMeasured("the registry on GitHub needs PyGithub; type: make setup") from None
    return github


def _as_it_is(request: Any) -> Any:
    return request


def _wait_seconds(error: Exception, backoff: float) -> float | None:
    """Return how long to wait before another try; None if another try cannot help."""
    import github
    import requests

    if isinstance(error, (TryAgain, requests.ConnectionError, requests.Timeout,
                          requests.exceptions.ChunkedEncodingError)):
        return backoff
    if not isinstance(error, github.GithubException):
        return None
    if error.status in (403, 429):
        return _limit_seconds(error, backoff)
    return backoff if error.status >= 500 else None


def _limit_seconds(error: Any, backoff: float) -> float | None:
    """Return the wait of a rate limit, as GitHub's documentation orders; None for a plain 403."""
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    asked = str(headers.get("retry-after", ""))
    if asked.isdigit():
        return float(asked)
    reset = str(headers.get("x-ratelimit-reset", ""))
    if str(headers.get("x-ratelimit-remaining")) == "0" and reset.isdigit():
        # One more, because nobody knows when in that second the limit ends.
        return max(0.0, int(reset) - time.time()) + 1
    if error.status == 429 or "rate limit" in _said(error).lower():
        return max(backoff, _UNSAID_LIMIT_SECONDS)
    return None


def _reason(error: Any) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    details = [str(item.get("message") or item.get("code")) if isinstance(item, dict) else str(item)
               for item in data.get("errors") or ()]
    text = f"{error.status} {_said(error)}" + (f" ({', '.join(details)})" if details else "")
    if error.status in (401, 404):
        text += "; is GITHUB_TOKEN set to a token that may see this repository?"
    elif error.status == 403:
        text += "; the token needs the right to write contents"
    return " ".join(text.split())


def _said(error: Any) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    return str(data.get("message") or error.data or "")


def _root(error: BaseException) -> str:
    """Return the innermost reason of a network failure."""
    cause: BaseException = error
    while cause.__context__ or cause.__cause__:
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    return " ".join(f"{type(cause).__name__}: {cause}".split())


def connect(project: Project, remote: str = "origin") -> Connection:
    """Return the repository of this workflow, or that of a remote; raise UsageError if none is."""
    if context.in_workflow():
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return Connection(urlsplit(server).netloc, os.environ["GITHUB_REPOSITORY"])
    found = github_repository(project, remote)
    if found is None:
        raise UsageError(f"the remote {remote} is not on GitHub; see registry.github_host in "
                         "project.yaml")
    return Connection(*found)


class Refused(Exception):
    """GitHub does not show or set something: the plan or the token has not what it takes."""


def read(connection: Connection, path: str) -> Any | None:
    """Return what lies at a path below the repository; None if nothing does.

    Raises Refused where the plan or the token must not see it, else GitHub's own errors.
    """
    try:
        return call(connection, "GET", path)
    except _Missing:
        return None


def listed(connection: Connection, path: str, key: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield every entry of a listing, page by page; `key` names the list inside its answer.

    Raises Refused also for a listing that is not there: GitHub hides what a token must not see.
    """
    number = 1
    while some := call(connection, "GET", f"{path}?per_page=100&page={number}"):
        entries = some[key] if key else some
        if not entries:
            return
        yield from entries
        number += 1


def write(connection: Connection, method: str, path: str, body: dict[str, Any] | None) -> None:
    """Send one write; raise Refused where the plan or the token must not."""
    connection.pace()
    call(connection, method, path, body)


def call(connection: Connection, method: str, path: str,
         body: dict[str, Any] | None = None) -> Any:
    """Send one request and return its answer; raise Refused for 403, 404 and 422."""
    import github

    repo = connection.repo
    try:
        return connection.ask(lambda: repo.requester.requestJsonAndCheck(
            method, f"{repo.url}/{path}", input=body)[1])
    except github.GithubException as error:
        if error.status not in (403, 404, 422):
            raise
        data = error.data if isinstance(error.data, dict) else {}
        said = " ".join(str(data.get("message", "")).split())
        kind = _Missing if error.status == 404 else Refused
        raise kind(f"GitHub answers {error.status} {said}".rstrip()) from None


class _Missing(Refused):
    """There is nothing at that address, or nothing that the token may see."""
