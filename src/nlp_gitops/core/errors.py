"""What can go wrong in a way a user can mend, and the exit code it ends with.

Exit codes, the same for every command: 0 pass or warn, 1 a check or gate failed, 2 usage or
configuration, 3 could not be measured, 4 conflict.
"""

import re

_PASSWORD = re.compile(r"://[^/@\s]*@")


class UserError(Exception):
    """One line for the user: what, where, how to mend it."""

    exit_code = 1


class CheckFailed(UserError):
    """Something was measured or verified, and it is not good enough."""

    exit_code = 1


class UsageError(UserError):
    """The command line or a configuration file is wrong."""

    exit_code = 2


class NotMeasured(UserError):
    """Something needed for a verdict is missing. Never to be read as a pass."""

    exit_code = 3


class Conflict(UserError):
    """The world changed since the decision was made, or a policy forbids the step."""

    exit_code = 4


def reason(error: BaseException) -> str:
    """Return an error of code that is not ours in one short line, without passwords in addresses.
    """
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return _PASSWORD.sub("://", first)[:200]


def described(error: BaseException) -> str:
    """Return the kind of such an error and its reason, in one line."""
    kind, why = type(error).__name__, reason(error)
    return kind if why == kind else f"{kind}: {why}"
