"""Programs that leave a camera early, end, or fork: no abort, no hang, a clear error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.engine.classifier import Classifier
from edge.engine.read_ahead import ReadAhead

DOCS = Path(__file__).parents[3] / "docs" / "python.md"

PROGRAM = """
import sys, threading, time
import cv2
import numpy as np
from edge import Classifier
from edge.crops.drawn import draw_cell
from edge.engine.read_ahead import ReadAhead

def blurring():
    image = np.full((600, 900, 3), 127, np.uint8)
    while True:
        yield cv2.GaussianBlur(image, (0, 0), 6)  # native code that gives Python's lock back

def video():
    capture = cv2.VideoCapture(sys.argv[1])
    while True:
        good, image = capture.read()
        if good:
            yield image
        else:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)

def taken(source, n=2):
    for _, item in zip(range(n), source):
        pass

def images(source):
    with ReadAhead(source, 4, patience=0.5) as ahead:
        while True:
            yield from ahead.take(1)
"""

ENDINGS = {
    "break": "taken(images({source}()))",
    "never closed": "kept = images({source}()); next(kept)",
    "error": "kept = images({source}()); next(kept); sys.exit(7)",
    "several": "kept = [images({source}()) for _ in range(3)]; [next(one) for one in kept]",
}


def run(code: str, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of noise, as a camera gives it."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 480))
    noise = np.random.default_rng(0)
    for _ in range(5):
        writer.write(noise.integers(0, 255, (480, 640, 3), np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
@pytest.mark.parametrize("source", ["blurring", "video"])
def test_a_program_that_ends_while_a_camera_is_read_does_not_abort(
    film: Path, source: str, ending: str
) -> None:
    done = run(PROGRAM + ending.format(source=source), film)
    assert (done.returncode, done.stderr) == (7 if "exit(7)" in ending else 0, "")


def test_a_program_that_breaks_out_of_the_results_of_a_camera_does_not_abort(film: Path) -> None:
    code = PROGRAM + "classifier = Classifier(threads=1)\n"
    code += (
        "taken(classifier.classify_each(video()))\nkept = classifier.classify_each(blurring())\n"
    )
    done = run(code + "next(kept)", film)
    assert (done.returncode, done.stderr) == (0, "")


def test_once_the_results_are_left_the_camera_may_be_closed() -> None:
    reading, read = False, 0

    def camera() -> object:
        nonlocal reading, read
        while True:
            reading = True
            time.sleep(0.05)  # an exposure
            reading = False
            read += 1
            yield read

    with ReadAhead(camera(), 4) as source:
        source.take(1)
    assert not reading
    at_first = read
    time.sleep(0.1)
    assert read == at_first


def test_a_classifier_that_is_closed_reads_no_further() -> None:
    read = 0

    def camera() -> object:
        nonlocal read
        while True:
            time.sleep(0.01)
            read += 1
            yield np.zeros((70, 70, 3), np.uint8)

    with Classifier(threads=1) as classifier:
        results = classifier.classify_each(camera())  # type: ignore[arg-type]
        next(results)
    at_first = read
    time.sleep(0.05)
    assert read == at_first
    results.close()  # type: ignore[attr-defined]


def test_a_source_that_rests_for_ever_is_left_behind() -> None:
    rests = """
import edge.engine.read_ahead
edge.engine.read_ahead._PATIENCE_AT_EXIT = 0.2  # 5 s are long for a test
def resting():
    yield 1
    threading.Event().wait()
taken(images(resting()), 1)
print("left")
"""
    done = run(PROGRAM + rests)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


FORKED = """
import os, sys
from edge import Classifier
from edge.crops.drawn import draw_cell
from edge.errors import EdgeAllError

CELL = draw_cell(0)

def cells(n):
    return [CELL] * n

def endless():
    while True:
        yield CELL

def in_fork(action):
    sys.stdout.flush()
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return
    try:
        action()
    except EdgeAllError as error:
        print(type(error).__name__, "spawn" in str(error))
    sys.exit(0)

classifier = Classifier(threads=2)
results = classifier.classify_each(endless())
next(results)
in_fork(lambda: classifier.classify(CELL))
in_fork(lambda: list(classifier.classify_each(cells(2))))
in_fork(lambda: [next(results) for _ in range(200)])
in_fork(results.close)
in_fork(classifier.close)

def own():
    with Classifier(threads=2) as new:
        print(len(list(new.classify_each(cells(5)))))
in_fork(own)
print(next(results).error)
results.close()
classifier.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_after_a_fork_a_classifier_says_so_and_a_new_one_works() -> None:
    done = run(FORKED)
    said = "OtherProcess True\n0\n"
    assert (done.stdout, done.stderr) == (3 * said + "0\n0\n" + "5\n0\n" + "None\n", "")


def test_the_program_with_processes_in_the_docs_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(from multiprocessing.*?)```", DOCS.read_text(), re.DOTALL)
    program = tmp_path / "program.py"
    program.write_text(code)
    subprocess.run(
        [sys.executable, "-m", "edge.cli.main", "samples", "crops", "-n", "3"], cwd=tmp_path
    )
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
