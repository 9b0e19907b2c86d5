"""Timing of whole processes: wall and CPU seconds, peak memory, from the operating system."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a process and its children took. `peak` is the largest single process in MiB."""

    wall: float
    cpu: float
    peak: float
    code: int


_RUNNER = """
import resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wall = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, done.returncode)
"""


def cost(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command once and return its cost."""
    done = subprocess.run([sys.executable, "-c", _RUNNER, *map(str, command)], cwd=cwd,
                          env={**os.environ, **(env or {})}, capture_output=True, text=True,
                          check=True)
    wall, cpu, peak, code = done.stdout.split()
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(float(wall), float(cpu), float(peak) / unit, int(code))


def median(costs: Sequence[Cost]) -> Cost:
    """Return the run whose CPU time is the middle one."""
    return sorted(costs, key=lambda item: item.cpu)[len(costs) // 2]


def machine() -> str:
    """Return one line about where the figures come from."""
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {sys.platform}"
