"""Run the unattended service for long, with all that goes wrong, and see what is left.

``make soak`` runs an hour of it. The simulated camera goes away and freezes, the process is killed,
the disk is full (a limit on the size of its files), and the clock of the process jumps forwards and
back. At the end every result that anybody could have read before a kill is there once, outages
in the log have their length, and memory is as it was.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median

CAMERA = (
    "sim:seed=3,fps=10,white=2,width=320,height=240,disconnect=30+400+1500+4000+9000,away=1,"
    "freeze=60-63"
)
MOST_GROWTH = 0.1
"""Share that memory may grow by while nothing is started again."""

_LEAST_GROWTH = 8 << 20  # bytes: what short runs still allocate
_PROGRAM = """
import sys, time
real, start = time.time, time.monotonic()
jumps = 0.0, 3600.0, -86400.0
time.time = lambda: real() + jumps[int((time.monotonic() - start) / {every}) % 3]
from edge.cli.main import main
main()
"""
_LENGTH, _KILL, _FULL = ": over after ", "kill -9", "full disk"
_WAITS = (("waiting for the camera", "camera-lost:"), ("waiting for the disk", "trying again in"))


@dataclass
class Found:
    """What is left after a soak; empty `wrong` where all is well."""

    rows: int = 0
    kills: int = 0
    full_disks: int = 0
    outages: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Soak:
    """One soak in a folder.

    Parameters
    ----------
    seconds : float
    folder : Path
    """

    def __init__(self, seconds: float, folder: Path) -> None:
        self._seconds = seconds
        self._database = folder / "results.db"
        self._log = folder / "log.txt"
        self._acknowledged: list[tuple[int, str]] = []
        self.found = Found()

    def run(self) -> Found:
        """Do it: trouble in the first two thirds, then rest, in which memory is watched."""
        every = max(self._seconds / 12, 1.0)
        end = time.monotonic() + self._seconds
        calm = end - self._seconds / 3
        process = self._start(every)
        for trouble in cycle((_FULL, _KILL)):
            self._rest(every, min(calm, time.monotonic() + every), process)
            if time.monotonic() >= calm and self.found.kills and self.found.full_disks:
                break  # on a busy machine, too, each happens once
            if trouble == _KILL:
                process = self._kill(process, every)
            else:
                self._fill_disk(process)
        end = max(end, time.monotonic() + self._seconds / 3)
        self._rest(every, end, process, watches=True)
        deadline = time.monotonic() + 60
        while (lasting := self._lasting()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.found.wrong += [f"{name}: it has no length in the log" for name in lasting]
        process.terminate()
        code = process.wait(60)
        if code:
            self.found.wrong.append(f"the service ended with exit code {code}")
        self._judge()
        return self.found

    def _start(self, every: float) -> subprocess.Popen[bytes]:
        self._life = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-B", "-c", _PROGRAM.format(every=every / 2), "run", CAMERA),
                    *("--crops", "--threads", "1", "--out", str(self._database)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _rest(
        self, every: float, until: float, process: subprocess.Popen[bytes], watches: bool = False
    ) -> None:
        before = self._rows()
        while time.monotonic() < until:
            time.sleep(min(every / 20, 1.0))
            if watches:
                self.found.memory.append(_memory_of(process.pid))
        deadline = time.monotonic() + 60
        while self._rows() <= before and time.monotonic() < deadline:  # a busy machine
            time.sleep(0.1)

    def _kill(self, process: subprocess.Popen[bytes], every: float) -> subprocess.Popen[bytes]:
        rows = self._rows()
        self._acknowledged.append((rows, self._digest(rows)))
        process.kill()
        process.wait()
        self.found.kills += 1
        return self._start(every)

    def _fill_disk(self, process: subprocess.Popen[bytes]) -> None:
        """Let no file of the service grow, for a while; its log is a file, too, and is full."""
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        size = max(self._log.stat().st_size + 4096, 8192)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, hard))
        time.sleep(2)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.found.full_disks += 1

    def _rows(self) -> int:
        try:
            return int(self._ask("SELECT coalesce(max(rowid), 0) FROM results")[0][0])
        except sqlite3.OperationalError:  # no tables yet
            return 0

    def _digest(self, rows: int) -> str:
        names = self._ask(
            "SELECT run_id, sample FROM results WHERE rowid <= ? ORDER BY rowid", rows
        )
        return hashlib.sha256(repr(names).encode()).hexdigest()

    def _ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._database, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def _lasting(self) -> list[str]:
        """What is waited for since the last start; a kill has cut off what was before."""
        log = self._log.read_bytes()[self._life :].decode(errors="replace")
        return [name for name, sign in _WAITS if log.rfind(sign) > log.rfind(name + _LENGTH)]

    def _judge(self) -> None:
        found = self.found
        found.rows = self._rows()
        (once,) = self._ask("SELECT count(*), count(DISTINCT run_id || ' ' || sample) FROM results")
        if once[0] != once[1]:
            found.wrong.append(f"{once[0]} results of {once[1]} samples")
        for rows, digest in self._acknowledged:
            if self._digest(rows) != digest:
                found.wrong.append(f"not all of the {rows} results before a kill are as they were")
        self._judge_log()
        third = max(len(found.memory) // 3, 1)
        first, last = median(found.memory[:third]), median(found.memory[-third:])
        if last - first > max(MOST_GROWTH * first, _LEAST_GROWTH):
            found.wrong.append(f"memory grew from {first / 1e6:.0f} to {last / 1e6:.0f} MB")

    def _judge_log(self) -> None:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        self.found.outages = [line for line in lines if _LENGTH in line]
        if any("Traceback" in line for line in lines):
            self.found.wrong.append("a traceback is in the log")


def _memory_of(process: int) -> int:
    """Resident memory, in bytes."""
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Soak, print what was found, and end with 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        found = Soak(seconds, Path(folder)).run()
    print(f"{found.rows} results, {found.kills} kills, {found.full_disks} times a full disk")
    for line in found.outages:
        print(line)
    print(f"memory at rest {found.memory[0] / 1e6:.0f} to {found.memory[-1] / 1e6:.0f} MB")
    print("\n".join(found.wrong) or "all is well")
    raise SystemExit(bool(found.wrong))


if __name__ == "__main__":
    main()
