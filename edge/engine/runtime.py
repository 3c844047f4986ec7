"""The TFLite runtime: find one, and run an int8 network on it."""

from __future__ import annotations

import importlib
import platform
import sys
from dataclasses import dataclass
from typing import Any

from edge.errors import RuntimeMissing
from edge.machine import is_musl, python_bits
from edge.wording import shortened

_CANDIDATES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)

_ON_REQUEST = (("openvino", "edge.engine.openvino_interpreter"),)
"""Runtimes that nobody gets without asking: their kernels round otherwise, within what golden
vectors allow."""

RUNTIMES = tuple(name for name, _ in (*_CANDIDATES, *_ON_REQUEST))
"""Names of all runtimes that can be asked for."""

LIGHT_RUNTIMES = ("ai-edge-litert", "tflite-runtime")
"""Distributions of nothing but the runtime."""

NOT_INSTALLED = "not installed"
"""Why a runtime cannot be used that is not there."""

LAST_LEGACY_PYTHON = (3, 11)
"""Up to which tflite-runtime has wheels, the only runtime on 32-bit ARM."""


@dataclass(frozen=True)
class Runtime:
    """An installed TFLite runtime.

    Attributes
    ----------
    name, version : str
        Of the distribution.
    interpreter : type
        Its ``Interpreter`` class; the three TFLite runtimes have the same one, others one with
        the same methods.
    """

    name: str
    version: str
    interpreter: Any


def find_runtime(name: str | None = None) -> Runtime:
    """Find the best TFLite runtime that is installed, or the one that is asked for.

    ai-edge-litert before tflite-runtime (on x86 its int8 kernels are several
    times faster) before TensorFlow (the same kernels, in a much larger package).

    Parameters
    ----------
    name : str, optional
        One of :data:`RUNTIMES`.

    Raises
    ------
    RuntimeMissing
        If it, or any, cannot be imported; says what to install.
    """
    if name is not None:
        return _asked_for(name)
    broken = ""
    for name, _ in _CANDIDATES:
        found = load_runtime(name)
        if isinstance(found, Runtime):
            return found
        if found != NOT_INSTALLED and not broken:
            broken = f"{name} is {shortened(' '.join(found.split()), 200)}"
    if broken:
        raise RuntimeMissing(f"{broken}; edge-all doctor says what to do")
    raise RuntimeMissing(f"no TFLite runtime found; {remedy_here()}")


def _asked_for(name: str) -> Runtime:
    found = load_runtime(name)
    if isinstance(found, Runtime):
        return found
    extra = {"openvino": "'edge-all[openvino]'", "tflite-runtime": "'edge-all[legacy]'"}
    remedy = f"install it with: pip install {extra.get(name, name)}"
    raise RuntimeMissing(f"{name} is {shortened(' '.join(found.split()), 200)}; {remedy}")


def remedy_here() -> str:
    """How this machine comes by a runtime; see :func:`runtime_remedy`."""
    return runtime_remedy(
        (sys.version_info[0], sys.version_info[1]),
        python_bits(),
        platform.machine(),
        is_musl(),
    )


def runtime_remedy(python: tuple[int, int], bits: int, kernel: str, musl: bool) -> str:
    """How a machine comes by a runtime.

    Parameters
    ----------
    python : tuple of int
        Version, major and minor.
    bits : int
        Of this Python, which may be fewer than those of the kernel.
    kernel : str
        Machine the kernel says it is: what pip and the markers of packages go by.
    musl : bool
        Whether the C library is musl, for which no runtime is built.
    """
    if musl:
        return (
            "no runtime is built for musl (Alpine Linux): use a system with glibc, such as Debian"
        )
    if bits == 64:
        return "install one with: pip install ai-edge-litert"
    if python > LAST_LEGACY_PYTHON:
        last = ".".join(map(str, LAST_LEGACY_PYTHON))
        return (
            f"none is built for 32 bits and a Python newer than {last}: use a 64-bit system, or one"
            f" with Python {last}, as Raspberry Pi OS and Debian 12 (bookworm) have"
        )
    pip = (
        "pip" if kernel.startswith("armv") else "linux32 pip"
    )  # which says armv8l, and is believed
    return f"install one with: {pip} install 'edge-all[legacy]'"


def load_runtime(name: str) -> Runtime | str:
    """Import one runtime by the name of its distribution, or say why it cannot be."""
    module = dict((*_CANDIDATES, *_ON_REQUEST))[name]
    top = "openvino" if name == "openvino" else module.partition(".")[0]
    try:
        package = importlib.import_module(top)
        interpreter = importlib.import_module(module).Interpreter
    except ModuleNotFoundError:
        return NOT_INSTALLED
    except (ImportError, AttributeError, OSError) as error:  # built for another numpy or libc
        return f"installed, but does not load: {error}"
    # not importlib.metadata: every start would pay for importing that
    version = getattr(package, "__version__", "of unknown version").partition("-")[0]
    return Runtime(name, version, interpreter)


def words_of(error: Exception) -> str:
    """What a runtime says went wrong, in one line: they write several, with empty ones."""
    return shortened(" ".join(str(error).split()), 120)
