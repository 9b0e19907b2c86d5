"""Run a command for which file permissions count, whoever runs the tests.

Root passes over permissions. Its child gives up that power, and is then the plain owner of its
files: as any user, but with the same home, interpreter and repositories. Another user could read
none of these where they lie below a home of root. Exit code 77 says that the power cannot be
given up here.
"""

import ctypes
import os
import re
import sys
from pathlib import Path

# From linux/prctl.h and linux/capability.h.
_DROP_FROM_BOUNDS = 24
_PASS_OVER_PERMISSIONS = (1, 2)
CANNOT = 77


def give_up() -> None:
    """Let programs that this process starts have no power over permissions; raise OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    for capability in _PASS_OVER_PERMISSIONS:
        if library.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    inherited = re.search(r"CapInh:\s+(\w+)", Path("/proc/self/status").read_text())
    if inherited and any(int(inherited[1], 16) >> number & 1 for number in _PASS_OVER_PERMISSIONS):
        raise OSError("the power is inherited")


if __name__ == "__main__":
    if os.geteuid() == 0:
        try:
            give_up()
        except OSError as error:
            print(error, file=sys.stderr)
            sys.exit(CANNOT)
    os.execvp(sys.argv[1], sys.argv[1:])
