"""Production takes only models whose source commit lies on the protected branch."""

from nlp_gitops.core import git
from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.core.names import ModelRef
from nlp_gitops.registry.ledger import Ledger


def check_protected(ledger: Ledger, branch: str | None, ref: ModelRef, commit: str) -> None:
    """Raise unless `commit` is part of the branch, as the registry's remote has it.

    The local registry has no branches of its own; there the repository's branch counts.
    """
    if branch is None:
        return
    tip = _local_tip(ledger, branch) if ledger.made_here else _remote_tip(ledger, branch)
    if git.is_ancestor(ledger.repo, commit, tip):
        return
    if git.git(ledger.repo, "rev-parse", "--is-shallow-repository") == "true":
        raise NotMeasured(f"{ref}: this clone is too shallow to see whether commit {commit[:7]} is "
                          f"on branch {branch}; type: git fetch --unshallow")
    raise CheckFailed(f"{ref} was made from commit {commit[:7]}, which is not on branch {branch}; "
                      "production takes only what was merged (registry.protected_branch in "
                      "project.yaml)")


def _local_tip(ledger: Ledger, branch: str) -> str:
    try:
        return git.git(ledger.repo, "rev-parse", "--verify", f"refs/heads/{branch}^{{commit}}")
    except git.GitError:
        raise NotMeasured(f"no branch {branch} here, which registry.protected_branch in "
                          "project.yaml names") from None


def _remote_tip(ledger: Ledger, branch: str) -> str:
    seen = f"{ledger.ref}-protected"
    try:
        git.git(ledger.repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-auto-maintenance", "--refmap=", ledger.remote,
                f"+refs/heads/{branch}:{seen}", env=git.token_environment())
    except git.GitError as error:
        if "couldn't find remote ref" in error.stderr:
            raise NotMeasured(f"{ledger.remote} has no branch {branch}, which registry."
                              "protected_branch in project.yaml names") from None
        raise NotMeasured(f"cannot read branch {branch} of {ledger.remote}: {error}") from None
    return git.git(ledger.repo, "rev-parse", seen)
