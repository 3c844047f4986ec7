"""What native code prints while it loads goes nowhere, and stderr is whole afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.process.native_messages import native_messages_silenced

WITH_THREADS = """
import os, threading
from edge.process.native_messages import native_messages_silenced

def say(words): os.write(2, words + b"\\n")

inside, both, first_left = threading.Event(), threading.Barrier(2), threading.Event()

def one():
    with native_messages_silenced():
        both.wait()
        say(b"noise of the first")
    first_left.set()

def other():
    with native_messages_silenced():
        both.wait()
        first_left.wait()
        say(b"noise of the second")

threads = [threading.Thread(target=target) for target in (one, other)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(b"heard")
"""

FORKED_INSIDE = """
import os, threading
from edge.process.native_messages import native_messages_silenced
inside, leave = threading.Event(), threading.Event()

def load():
    with native_messages_silenced():
        inside.set()
        leave.wait()

thread = threading.Thread(target=load)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    os.write(2, b"heard of the child\\n")
    with native_messages_silenced():
        os.write(2, b"noise\\n")
    os.write(2, b"heard again\\n")
    os._exit(0)
os.waitpid(child, 0)
leave.set()
thread.join()
os.write(2, b"heard of the parent\\n")
"""

NESTED_AND_FAILED = """
import os
from edge.process.native_messages import native_messages_silenced
try:
    with native_messages_silenced(), native_messages_silenced():
        os.write(2, b"noise\\n")
        raise ValueError
except ValueError:
    os.write(2, b"heard\\n")
"""


def stderr_of(code: str) -> str:
    run = [sys.executable, "-W", "ignore", "-c", code]  # 3.12 warns of a fork beside threads
    return subprocess.run(run, capture_output=True, text=True, timeout=60).stderr


@pytest.mark.parametrize(
    ("code", "heard"),
    [
        (WITH_THREADS, "heard\n"),
        (FORKED_INSIDE, "heard of the child\nheard again\nheard of the parent\n"),
        (NESTED_AND_FAILED, "heard\n"),
    ],
    ids=["threads that overlap", "a fork inside", "nested, and failed"],
)
def test_noise_is_silenced_and_stderr_comes_back(code: str, heard: str) -> None:
    assert stderr_of(code) == heard


TAKEN = """
import os, sys
from edge.process.native_messages import native_messages_silenced
rows = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
with native_messages_silenced():
    os.write(rows, b"a row")
print(rows, open(sys.argv[1]).read())
"""

CLOSED = """
import os
from edge.process.native_messages import native_messages_silenced
os.close(2)
with native_messages_silenced():
    pass
print(os.open("/dev/null", os.O_RDONLY))
"""


def test_a_file_that_took_the_number_of_an_absent_stderr_keeps_its_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKEN, str(tmp_path / "rows.csv")]
    without_stderr = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(without_stderr, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "2 a row\n"


def test_a_stderr_that_was_closed_stays_closed() -> None:
    done = subprocess.run([sys.executable, "-c", CLOSED], stdout=subprocess.PIPE, text=True)
    assert done.stdout == "2\n"


def test_many_threads_leave_stderr_as_it_was_and_nothing_open() -> None:
    def state() -> tuple[int, os.stat_result]:
        return len(os.listdir("/dev/fd")), os.fstat(2)

    before, at_once = state(), threading.Barrier(8)

    def load(_: int) -> None:
        at_once.wait()
        with native_messages_silenced():
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load, range(64)))
    assert state()[0] == before[0]
    assert os.path.samestat(state()[1], before[1])
