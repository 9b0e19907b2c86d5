"""Calls to git. Bytes in, bytes out where content matters; text for everything else."""

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from nlp_gitops.core import context
from nlp_gitops.core.errors import NotMeasured, UsageError

# Used for the commits and tags that the machinery makes where git knows no identity.
FALLBACK_IDENTITY = ("nlp-gitops", "nlp-gitops@localhost")
# Where git finds a repository, as it tells its hooks. In a hook's children they would turn a call
# for another repository on the one that the hook runs in (`git rev-parse --local-env-vars`).
REPOSITORY_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR",
    "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE")
# git ends with these whatever went wrong between two repositories.
_NO_REASONS = ("fatal: Could not read from remote repository.",
               "Please make sure you have the correct access rights",
               "and the repository exists.")


class GitError(Exception):
    """git ended with an error; `stderr` is what it said, `stdout` what it had printed."""

    def __init__(self, arguments: tuple[str, ...], code: int, stderr: str,
                 stdout: str = "") -> None:
        self.code = code
        self.stderr = stderr.strip()
        self.stdout = stdout
        super().__init__(f"git {arguments[0]}: {_reason(self.stderr) or f'exit code {code}'}")


def _reason(stderr: str) -> str:
    """Return the line that says why: the first fatal one, else the first error, else the last."""
    lines = [line for line in stderr.splitlines() if line.strip() and line not in _NO_REASONS]
    fatal, errors = ([line for line in lines if line.startswith(word)]
                     for word in ("fatal:", "error:"))
    return (fatal or errors or lines[-1:] or [stderr])[0]


def git(repo: Path, *arguments: str, stdin: bytes | None = None,
        env: Mapping[str, str] | None = None) -> str:
    """Run git in a repository and return its output as text without the last newline."""
    return git_bytes(repo, *arguments, stdin=stdin, env=env).decode(
        "utf-8", "surrogateescape").rstrip("\n")


def git_bytes(repo: Path, *arguments: str, stdin: bytes | None = None,
              env: Mapping[str, str] | None = None) -> bytes:
    """Run git in a repository and return its output; raise GitError if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *arguments], input=stdin, capture_output=True,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env={**environment(), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(env or {})})
    except FileNotFoundError:
        raise UsageError("git is not installed or not on PATH") from None
    if done.returncode:
        raise GitError(arguments, done.returncode, done.stderr.decode("utf-8", "replace"),
                       done.stdout.decode("utf-8", "replace"))
    return done.stdout


def environment() -> dict[str, str]:
    """Return this process's environment for a git that finds its repository by the folder alone."""
    return {name: value for name, value in os.environ.items() if name not in REPOSITORY_VARIABLES}


def token_environment() -> dict[str, str]:
    """Return git settings that carry the workflow's token to its own server, and nowhere else.

    Checkouts in workflows keep no credentials, so that no other step can use them.
    """
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    if not context.in_workflow() or not token or not server:
        return {}
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    number = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    return {"GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"http.{server}/.extraheader",
            f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {secret}"}


def head_commit(repo: Path) -> str:
    """Return the commit of the work tree; raise NotMeasured where there is none."""
    try:
        return git(repo, "rev-parse", "--verify", "HEAD^{commit}")
    except GitError:
        raise NotMeasured(f"{repo}: no git commit yet, so a run would have no lineage; "
                          "type: git init && git add -A && git commit -m 'Start'") from None


def is_ancestor(repo: Path, older: str, newer: str) -> bool:
    """Say whether `newer` holds `older`; False also where one of them is not here."""
    try:
        git(repo, "merge-base", "--is-ancestor", older, newer)
    except GitError:
        return False
    return True


def has_ref(repo: Path, ref: str) -> bool:
    """Say whether the repository has that very ref."""
    return bool(git(repo, "for-each-ref", "--count=1", ref))


def is_dirty(repo: Path) -> bool:
    """Say whether tracked files differ from HEAD, or untracked ones are not ignored."""
    return bool(git(repo, "status", "--porcelain"))


def identity(repo: Path) -> tuple[str, str]:
    """Return (name, e-mail) for machine commits: git's own, else the stated fallback."""
    asked = (("user.name", "GIT_COMMITTER_NAME"), ("user.email", "GIT_COMMITTER_EMAIL"))
    given = {key: os.environ.get(variable, "") for key, variable in asked}
    if not all(given.values()):
        given = {**_configured(repo), **{key: value for key, value in given.items() if value}}
    # These four would break the header line of a commit or tag object.
    name, mail = ("".join(char for char in given.get(key, "") if char not in "<>\n\0").strip()
                  for key, _ in asked)
    return name or FALLBACK_IDENTITY[0], mail or FALLBACK_IDENTITY[1]


def _configured(repo: Path) -> dict[str, str]:
    try:
        listed = git(repo, "config", "-z", "--get-regexp", r"^user\.(name|email)$")
    except GitError:
        return {}
    return {key: value for key, _, value in (item.partition("\n") for item in listed.split("\0"))}
