"""Material the tests of the unattended loop share: a real service, and what it tells systemd."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from conftest import ROOT

PATIENCE = 60.0
RUN = (sys.executable, "-m", "edge.cli", "run")
ENDLESS = "sim:fps=20,width=160,height=120,white=1"


class Manager:
    """Stands for systemd: a real datagram socket, read by a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with self._socket:
            while data := self._socket.recv(4096):
                self.told += data.decode().splitlines()

    def close(self) -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as last:
            last.sendto(b"", str(self.path))
        self._reader.join()


class RunningService:
    """``edge-all run`` in a process of its own, with what it says."""

    def __init__(
        self, source: str, database: Path, *options: str, notify: str = "", images: str = "--crops"
    ) -> None:
        self.database = database
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # on a full disk Python leaves half a .pyc
        if notify:
            environment |= {"NOTIFY_SOCKET": notify, "WATCHDOG_USEC": "600000"}
        self.process = subprocess.Popen(
            [*RUN, source, *images.split(), "--threads", "1", "--out", str(database), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said: list[str] = []
        self.shown: list[str] = []
        streams = (self.process.stderr, self.said), (self.process.stdout, self.shown)
        self._readers = [threading.Thread(target=self._read, args=each) for each in streams]
        for reader in self._readers:
            reader.start()

    def close(self) -> None:
        """Kill it, if it is still there."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        with stream:
            lines.extend(iter(stream))

    def rows(self) -> int:
        """Results that are committed."""
        if not self.database.exists():
            return 0
        try:
            return int(query(self.database, "SELECT count(*) FROM results")[0][0])  # type: ignore[call-overload]
        except sqlite3.OperationalError:  # no tables yet
            return 0

    def wait_for_rows(self, more: int) -> None:
        """Wait until so many more results are committed."""
        wanted = self.rows() + more
        wait_until(lambda: self.rows() >= wanted, self)

    def end(self) -> int:
        """Ask it to end, and give its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def service(
    source: str, database: Path, *options: str, notify: str = "", images: str = "--crops"
) -> Iterator[RunningService]:
    """A service that does not outlive the test."""
    running = RunningService(source, database, *options, notify=notify, images=images)
    try:
        yield running
    finally:
        running.close()


def wait_until(holds: Callable[[], bool], running: RunningService | None = None) -> None:
    """Wait until something holds, or fail with what the service said."""
    until = time.monotonic() + PATIENCE
    while not holds():
        ended = running is not None and running.process.poll() is not None and not holds()
        if ended or time.monotonic() > until:
            raise AssertionError(f"it does not hold; the service said {running and running.said}")
        time.sleep(0.02)


def query(database: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Ask a database as another program would."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return connection.execute(sql, values).fetchall()
