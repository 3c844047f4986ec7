"""Whole processes: how long fresh ones take, and how much memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

FRESH_PROCESSES = 9

# A new process counts the memory of the one that started it as its own: so a small one starts it.
_MEASURED = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Process:
    """How a process went.

    Attributes
    ----------
    seconds : float
    megabytes : float
        Resident memory at its peak.
    """

    seconds: float
    megabytes: float


def measure(command: Sequence[str]) -> Process:
    """Run a command to its end."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed: {done.stderr}")
    seconds, kilobytes = map(float, done.stdout.split())
    return Process(seconds, kilobytes / 1024)


def median_seconds(*commands: Sequence[str]) -> list[float]:
    """Median seconds of each command as a fresh process; the commands take turns."""
    for command in commands:  # the first run compiles modules, and reads them from the disk
        measure(command)
    runs = [[measure(command).seconds for command in commands] for _ in range(FRESH_PROCESSES)]
    return [statistics.median(of_command) for of_command in zip(*runs, strict=True)]


def _environment() -> dict[str, str]:
    """Environment of this process, but Python keeps what it compiles, as by default."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
