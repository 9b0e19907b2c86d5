"""On PYTHONPATH, makes a command's pauses short: the stand-in limits nobody who writes fast."""

import time

_sleep = time.sleep


def _hurry(seconds: float) -> None:
    _sleep(min(seconds, 0.01))


time.sleep = _hurry
