"""What ``edge-all doctor`` finds wrong with a machine, and what it says to do."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.doctor.faults import FULL, find_faults
from edge.doctor.surroundings import (
    Place,
    Surroundings,
    import_failure,
    locked_cameras,
    look_around,
    look_at,
)
from edge.engine.runtime import find_runtime

WELL = Surroundings(
    python=(3, 11),
    bits=64,
    kernel="x86_64",
    is_musl=False,
    failures={"numpy": None, "cv2": None},
    runtimes={"ai-edge-litert": None, "tflite-runtime": "not installed"},
    numpy="2.4.6",
    places=(Place("/home/lab", True, 10 * FULL),),
    locked_cameras=(),
    limits=(),
    now=2e9,
    latest=1.9e9,
    memory=10**9,
    needed=24e6,
)
NO_RUNTIME = {"ai-edge-litert": "not installed", "tflite-runtime": "not installed"}
PI = replace(WELL, bits=32, kernel="armv7l", numpy="1.24.2", runtimes=NO_RUNTIME)
NUMPY_1 = {
    "ai-edge-litert": "not installed",
    "tflite-runtime": "installed, but does not load: numpy.core.multiarray failed to import",
}
LIB_GL = "libGL.so.1: cannot open shared object file: No such file or directory"


def test_nothing_is_wrong_with_a_machine_that_is_well() -> None:
    assert find_faults(WELL) == []


@pytest.mark.parametrize(
    ("found", "what", "remedy"),
    [
        (replace(WELL, runtimes=NO_RUNTIME), "no TFLite runtime", "pip install ai-edge-litert"),
        (PI, "no TFLite runtime", ": pip install 'edge-all[legacy]'"),
        (replace(PI, kernel="aarch64"), "no TFLite runtime", "linux32 pip install 'edge-all[le"),
        (replace(PI, python=(3, 13)), "no TFLite runtime", "use a 64-bit system"),
        (replace(WELL, runtimes=NO_RUNTIME, is_musl=True), "no TFLite runtime", "glibc"),
        (replace(WELL, runtimes=NUMPY_1), "numpy is 2.4.6", "'numpy<2'"),
        (replace(WELL, runtimes=NUMPY_1, numpy="1.26.4"), "does not load", "--force-reinstall"),
        (replace(WELL, failures={"cv2": LIB_GL}), "built for a desktop", "opencv-python-headless"),
        (replace(WELL, failures={"cv2": "not installed"}), "OpenCV", "pip install opencv-python-h"),
        (replace(PI, failures={"cv2": "not installed"}), "OpenCV", "apt install python3-numpy"),
        (replace(WELL, failures={"numpy": "bad magic"}), "numpy does not load: bad", "numpy"),
    ],
)
def test_what_must_be_mended_is_said_with_its_remedy(
    found: Surroundings, what: str, remedy: str
) -> None:
    fault = next(fault for fault in find_faults(found) if what in fault.what)
    assert fault.is_fatal
    assert remedy in fault.remedy


@pytest.mark.parametrize(
    ("found", "what", "remedy"),
    [
        (replace(WELL, bits=32, kernel="aarch64"), "32 bits and the kernel 64", "linux32 pip"),
        (replace(WELL, places=(Place("/mnt", False, FULL),)), "/mnt: cannot be", "read-only"),
        (replace(WELL, places=(Place("/mnt", True, FULL - 1),)), "100 MB are left", "make room"),
        (replace(WELL, locked_cameras=("/dev/video0",)), "/dev/video0", "groups video"),
        (replace(WELL, now=0.0), "the clock says 1970-01-01 00:00 UTC", "set-ntp"),
        (replace(WELL, memory=2 * 10**7), "24 MB, and 20 MB are at hand", "smaller network"),
        (replace(WELL, limits=("under-voltage",)), "under-voltage", "power supply"),
        (replace(WELL, limits=("temperature limit",)), "temperature limit", "heat sink"),
    ],
)
def test_what_does_not_stop_a_run_is_said_with_its_remedy(
    found: Surroundings, what: str, remedy: str
) -> None:
    (fault,) = find_faults(found)
    assert not fault.is_fatal
    assert what in fault.what
    assert remedy in fault.remedy


def test_what_must_be_mended_comes_first() -> None:
    found = replace(WELL, now=0.0, runtimes=NO_RUNTIME, locked_cameras=("/dev/video0",))
    assert [fault.is_fatal for fault in find_faults(found)] == [True, False, False]


def test_every_limit_that_a_board_reports_has_a_remedy() -> None:
    from edge.engine.condition import PI_LIMITS

    found = replace(WELL, limits=tuple(PI_LIMITS.values()))
    assert len(find_faults(found)) == len(PI_LIMITS)


def test_this_machine_is_looked_at() -> None:
    found = look_around()
    assert found.python == sys.version_info[:2]
    assert find_runtime().name in [name for name, why in found.runtimes.items() if why is None]
    assert str(Path.cwd()) in [place.path for place in found.places]
    assert not any(fault.is_fatal for fault in find_faults(found))


def test_a_module_that_is_not_there_is_told_from_one_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaks_at_import.py").write_text("raise OSError('libGL.so.1: no such file')")
    (tmp_path / "lacks_another.py").write_text("import no_such_module_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_failure("json") is None
    assert import_failure("no_such_module_at_all") == "not installed"
    assert import_failure("breaks_at_import") == "libGL.so.1: no such file"
    assert "no_such_module_at_all" in str(import_failure("lacks_another"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write and read everywhere")
def test_folders_and_cameras_that_are_locked_are_found(tmp_path: Path) -> None:
    (tmp_path / "video0").touch(0o000)
    assert list(locked_cameras(tmp_path)) == [str(tmp_path / "video0")]
    tmp_path.chmod(0o500)
    assert not look_at(tmp_path).is_writable


def test_a_folder_that_is_gone_cannot_be_written_to(tmp_path: Path) -> None:
    assert not look_at(tmp_path / "gone").is_writable
    assert look_at(tmp_path).is_writable


BROKEN = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
from edge.cli.main import main
main(["doctor"])
"""


@pytest.mark.parametrize(
    ("blocked", "says"),
    [
        (
            {"cv2"},
            "fault     OpenCV is not installed\n          pip install opencv-python-headless",
        ),
        ({"numpy"}, "fault     numpy is not installed\n          pip install numpy"),
        (
            {"ai_edge_litert", "tflite_runtime", "tensorflow"},
            "fault     there is no TFLite runtime",
        ),
    ],
    ids=["OpenCV", "numpy", "runtimes"],
)
def test_doctor_runs_where_something_is_missing(blocked: set[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(blocked=blocked)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert says in done.stdout
    assert done.stdout.endswith("nothing can be classified before that is mended\n")
    assert (done.returncode, done.stderr) == (1, "")
