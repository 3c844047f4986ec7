"""The usual faults of a machine, each with its remedy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.doctor.surroundings import Surroundings
from edge.engine.runtime import LAST_LEGACY_PYTHON, runtime_remedy
from edge.wording import shortened

FULL = 100_000_000
"""Bytes below which a disk is said to be full: a day of results fits, and a field hardly."""

_DAY = 86_400.0
_LONGEST = 160
_ARM_32 = "apt install python3-numpy python3-opencv, and use a venv --system-site-packages"
_INSTALL = {"numpy": "pip install numpy", "cv2": "pip install opencv-python-headless"}
_LIMITS = {
    "under-voltage": "use the power supply that was made for this board",
    "temperature limit": "cool the board: a heat sink, a fan",
    "throttled": "cool the board, or look at its power supply",
    "clock capped": "cool the board, or look at its power supply",
}


@dataclass(frozen=True)
class Fault:
    """What is wrong, and what to do.

    Attributes
    ----------
    what, remedy : str
    is_fatal : bool
        Whether nothing can be classified as long as it is so.
    """

    what: str
    remedy: str
    is_fatal: bool = True


def find_faults(found: Surroundings) -> list[Fault]:
    """Look for all that is usually wrong.

    Parameters
    ----------
    found : Surroundings

    Returns
    -------
    list of Fault
        The fatal ones first.
    """
    faults = [fault for check in _CHECKS for fault in check(found)]
    return sorted(faults, key=lambda fault: not fault.is_fatal)


def _libraries(found: Surroundings) -> Iterator[Fault]:
    for module, why in found.failures.items():
        if why is None:
            continue
        name = {"cv2": "OpenCV"}.get(module, module)
        if why == "not installed":
            remedy = _ARM_32 if _is_arm_32(found) else _INSTALL[module]
            yield Fault(f"{name} is not installed", remedy)
        elif "libGL" in why or "libgthread" in why:
            yield Fault(
                f"OpenCV was built for a desktop, and this machine has none: {_line(why)}",
                "pip uninstall opencv-python opencv-contrib-python, then"
                " pip install --force-reinstall opencv-python-headless",
            )
        else:
            yield Fault(
                f"{name} does not load: {_line(why)}", f"install it again: {_again(module)}"
            )


def _runtime(found: Surroundings) -> Iterator[Fault]:
    if None in found.runtimes.values() or found.failures.get("numpy"):  # they all need numpy
        return
    legacy = found.runtimes.get("tflite-runtime", "not installed")
    if legacy != "not installed" and not found.numpy.startswith(("0.", "1.")) and found.numpy:
        yield Fault(
            f"tflite-runtime was built for numpy 1, and numpy is {found.numpy}",
            "pip install 'numpy<2'",
        )
    elif legacy != "not installed":
        yield Fault(
            f"tflite-runtime does not load: {_line(legacy or '')}", _again("tflite-runtime")
        )
    for name, why in found.runtimes.items():
        if name != "tflite-runtime" and why != "not installed":
            yield Fault(f"{name} does not load: {_line(why or '')}", _again(name))
    if set(found.runtimes.values()) == {"not installed"}:
        yield Fault(
            "there is no TFLite runtime",
            runtime_remedy(found.python, found.bits, found.kernel, found.is_musl),
        )


def _system(found: Surroundings) -> Iterator[Fault]:
    is_64_below = found.kernel in ("aarch64", "x86_64", "arm64", "amd64")
    if found.bits == 32 and is_64_below:
        last = ".".join(map(str, LAST_LEGACY_PYTHON))
        yield Fault(
            f"this Python has 32 bits and the kernel 64 ({found.kernel}): pip takes it for a 64-bit"
            " machine",
            f"write linux32 before pip (linux32 pip install '.[legacy]', Python {last} at most), or"
            " install a 64-bit system, which is faster",
            is_fatal=False,
        )


def _storage(found: Surroundings) -> Iterator[Fault]:
    for place in found.places:
        if not place.is_writable:
            yield Fault(
                f"{place.path}: cannot be written to",
                "go to a folder of yours; if its disk is read-only, it may be damaged: look at"
                " dmesg, and copy what is on it",
                is_fatal=False,
            )
        elif place.free < FULL:
            yield Fault(
                f"{place.path}: {place.free / 1e6:.0f} MB are left on its disk",
                "make room: results need some, and a full disk ends a run",
                is_fatal=False,
            )


def _cameras(found: Surroundings) -> Iterator[Fault]:
    for camera in found.locked_cameras:
        yield Fault(
            f"{camera}: this user may not use the camera",
            "sudo usermod --append --groups video $USER, then log in again",
            is_fatal=False,
        )


def _clock(found: Surroundings) -> Iterator[Fault]:
    if found.now < found.latest - _DAY:
        says, wrote = (
            time.strftime("%Y-%m-%d %H:%M", time.gmtime(t)) for t in (found.now, found.latest)
        )
        yield Fault(
            f"the clock says {says} UTC, but edge-all was installed on {wrote}",
            "timedatectl set-ntp true, or set it by hand; without a network a board needs a clock"
            " with a battery: results carry the time",
            is_fatal=False,
        )


def _limits(found: Surroundings) -> Iterator[Fault]:
    for limit in found.limits:
        yield Fault(f"the processor is slowed down: {limit}", _LIMITS[limit], is_fatal=False)


def _memory(found: Surroundings) -> Iterator[Fault]:
    if found.memory is not None and found.memory < found.needed:
        yield Fault(
            f"the model takes about {found.needed / 1e6:.0f} MB, and {found.memory / 1e6:.0f} MB"
            " are at hand",
            "end other programs, raise the limit of this one, or take a smaller network",
            is_fatal=False,
        )


_CHECKS: tuple[Callable[[Surroundings], Iterator[Fault]], ...] = (
    _libraries,
    _runtime,
    _system,
    _storage,
    _cameras,
    _clock,
    _limits,
    _memory,
)


def _is_arm_32(found: Surroundings) -> bool:
    return found.bits == 32 and found.kernel.startswith(("arm", "aarch64"))


def _again(name: str) -> str:
    package = {"cv2": "opencv-python-headless"}.get(name, name)
    return f"pip install --force-reinstall {package}"


def _line(text: str) -> str:
    return shortened(" ".join(text.split()), _LONGEST)
