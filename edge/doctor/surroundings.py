"""What surrounds edge-all on this machine, as far as it can be wrong."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.engine.condition import condition
from edge.machine import available_memory, is_musl, python_bits

_DEV = Path("/dev")
_UNUSABLE = "the folder of temporary files"


@dataclass(frozen=True)
class Place:
    """A folder that is written to.

    Attributes
    ----------
    path : str
    is_writable : bool
        By this user, on a disk that is not read-only.
    free : int
        Bytes left on its disk.
    """

    path: str
    is_writable: bool
    free: int


@dataclass(frozen=True)
class Surroundings:
    """What faults are looked for in.

    Attributes
    ----------
    python : tuple of int
        Its version, major and minor.
    bits : int
        Of an address of this Python: 32 or 64.
    kernel : str
        Machine that the kernel says it runs on: ``aarch64``, ``armv7l``, ``x86_64``.
    is_musl : bool
        Whether the C library is musl, as on Alpine Linux.
    failures : dict
        Names of modules -> why they cannot be imported, or None.
    runtimes : dict
        Names of distributions of a TFLite runtime -> why it does not load, or None.
    numpy : str
        Version of numpy, empty if there is none.
    places : tuple of Place
    locked_cameras : tuple of str
        Cameras that this user may not read.
    limits : tuple of str
        What slows the processor down at this moment.
    now, latest : float
        Time of the clock, and when the latest file of edge-all was written; seconds since 1970.
    memory : int or None
        Bytes at hand, if the system tells.
    needed : float
        Bytes that an interpreter of the model takes; 0 without a model.
    """

    python: tuple[int, int]
    bits: int
    kernel: str
    is_musl: bool
    failures: dict[str, str | None]
    runtimes: dict[str, str | None]
    numpy: str
    places: tuple[Place, ...]
    locked_cameras: tuple[str, ...]
    limits: tuple[str, ...]
    now: float
    latest: float
    memory: int | None
    needed: float


def look_around(model: Path | None = None) -> Surroundings:
    """Look at this machine and at the size of a model file, and import what edge-all runs on.

    Parameters
    ----------
    model : Path, optional
        The one that ships by default.
    """
    from edge.engine.runtime import LIGHT_RUNTIMES, Runtime, load_runtime

    failures = {name: import_failure(name) for name in ("numpy", "cv2")}
    found = {name: load_runtime(name) for name in LIGHT_RUNTIMES}
    loads = any(isinstance(runtime, Runtime) for runtime in found.values())
    if not (loads or failures["numpy"]):
        found["tensorflow"] = load_runtime("tensorflow")  # which takes seconds
    return Surroundings(
        python=(sys.version_info[0], sys.version_info[1]),
        bits=python_bits(),
        kernel=platform.machine(),
        is_musl=is_musl(),
        failures=failures,
        runtimes={n: None if isinstance(r, Runtime) else r for n, r in found.items()},
        numpy="" if failures["numpy"] else str(importlib.import_module("numpy").__version__),
        places=tuple(_places()),
        locked_cameras=tuple(locked_cameras(_DEV)),
        limits=condition().limits or (),
        now=time.time(),
        latest=Path(__file__).stat().st_mtime,
        memory=available_memory(),
        needed=0.0 if any(failures.values()) else _needed(model),
    )


def import_failure(module: str) -> str | None:
    """Why a module cannot be imported; None if it can."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return "not installed" if error.name == module else str(error)
    except Exception as error:  # whatever a library raises that was built for something else
        return str(error) or type(error).__name__
    return None


def look_at(folder: Path) -> Place:
    """Say whether a folder can be written to, and how much room it has."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return Place(str(folder), False, 0)
    # access() asks the kernel, which knows of disks that are read-only
    return Place(str(folder), os.access(folder, os.W_OK), free)


def locked_cameras(dev: Path) -> Iterator[str]:
    """Names of V4L2 devices that this user may not use."""
    for path in sorted(dev.glob("video[0-9]*")):
        if not os.access(path, os.R_OK | os.W_OK):
            yield str(path)


def _needed(model: Path | None) -> float:
    from edge.engine.plan import memory_of_interpreter
    from edge.models.model_file import SHIPPED_MODEL

    try:
        return memory_of_interpreter((model or SHIPPED_MODEL).stat().st_size)
    except OSError:  # whoever reads it says so
        return 0.0


def _places() -> Iterator[Place]:
    try:
        yield look_at(Path.cwd())
    except OSError:  # it was deleted
        yield Place("the current folder", False, 0)
    try:
        yield look_at(Path(tempfile.gettempdir()))
    except OSError:
        yield Place(_UNUSABLE, False, 0)
