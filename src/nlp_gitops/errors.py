"""What can go wrong in a way a user can mend, and the exit code it ends with.

Exit codes, the same for every command: 0 pass or warn, 1 a check or gate failed, 2 usage or
configuration, 3 could not be measured, 4 conflict.
"""


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
