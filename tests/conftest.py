"""What several test modules share: labelled drawn cells, and where real ones may lie."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest
from edge_helpers import SEVERAL_CHUNKS, write_cells
from environments import environment
from left_out import missing

from edge.crops.drawn import draw_crop
from edge.engine.classifier import Classifier

# before TensorFlow is imported anywhere: its start-up lines say nothing here
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# a busy machine is no failure, and the same commit gives the same result
hypothesis.settings.register_profile("edge-all", deadline=None, derandomize=True)
hypothesis.settings.load_profile("edge-all")

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"
SUBJECTS = {"hem": ("H1", "H2", "H3"), "all": ("7", "8", "9")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Without it a library that is missing is a failure: nothing is left out by accident."""
    parser.addoption("--device", action="store_true", help="leave out what a device cannot run")


class LeftOut(pytest.Module):
    """A test module that needs libraries which are not installed here: skipped, and named."""

    def collect(self) -> list[pytest.Item]:
        lacking = ", ".join(missing(self.path))
        return pytest.skip(f"{self.path.name} needs {lacking}", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> LeftOut | None:
    """Leave out what a device cannot run: it has nothing of the build side."""
    left_out = parent.config.getoption("--device") and missing(module_path)
    return LeftOut.from_parent(parent, path=module_path) if left_out else None


def write_labelled(folder: Path, per_subject: int) -> Path:
    """Write drawn cells in C-NMC's layout; the leukemic ones are redder, so that they can be told.

    Returns the folder.
    """
    seed = 0
    for label, subjects in SUBJECTS.items():
        (folder / label).mkdir(parents=True)
        for subject in subjects:
            for cell in range(1, per_subject + 1):
                pixels = draw_crop(seed, 140).astype(np.float64)
                seed += 1
                pixels[:, :, 0] *= 1.6 if label == "all" else 0.6
                bgr = np.clip(pixels, 0, 255).astype(np.uint8)[:, :, ::-1]
                name = folder / label / f"UID_{subject}_1_{cell}_{label}.png"
                assert cv2.imwrite(str(name), bgr)
    return folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder, one for all processes of a run: the first that asks makes it, the others wait."""
    together = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder in that of the run
        together = together.parent
    folder, ready = together / name, together / f"{name}-ready"
    with (together / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            ready.touch()
    return folder


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 216 labelled drawn cells of three subjects a class; nobody writes into it."""
    return made_once(tmp_path_factory, "labelled", partial(write_labelled, per_subject=36))


@pytest.fixture(scope="session")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment in which `edge` runs on tflite-runtime 2.14.0."""
    needs = ("tflite-runtime==2.14.0", "numpy<2", "opencv-python-headless")
    folder = made_once(tmp_path_factory, "old-runtime", lambda folder: environment(folder, *needs))
    return folder / "bin" / "python"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the cache of decoded crops, and calibrations of instruments, out of the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


_LONGEST_FIRST = ("train", "convert", "project", "calibration")  # folders


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand out the folders with the longest modules first: nobody waits for one at the end."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Leave out of every later collection of garbage what was imported: it takes a second each."""
    gc.freeze()


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    """The shipped model in two threads."""
    with Classifier(threads=2) as classifier:
        yield classifier


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of 40 different cells."""
    return write_cells(tmp_path_factory.mktemp("cells"), SEVERAL_CHUNKS)
