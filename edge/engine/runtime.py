"""The TFLite runtime: find one, and run an int8 network on it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from edge.errors import RuntimeMissing
from edge.wording import shortened

_CANDIDATES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)


@dataclass(frozen=True)
class Runtime:
    """An installed TFLite runtime.

    Attributes
    ----------
    name, version : str
        Of the distribution.
    interpreter : type
        Its ``Interpreter`` class; the three runtimes have the same one.
    """

    name: str
    version: str
    interpreter: Any


def find_runtime() -> Runtime:
    """Find the best TFLite runtime that is installed.

    ai-edge-litert before tflite-runtime (on x86 its int8 kernels are several
    times faster) before TensorFlow (the same kernels, in a much larger package).

    Raises
    ------
    RuntimeMissing
        If none can be imported; says what to install.
    """
    for name, _ in _CANDIDATES:
        found = load_runtime(name)
        if isinstance(found, Runtime):
            return found
    raise RuntimeMissing(
        "no TFLite runtime found; install one with: pip install ai-edge-litert"
        " (on armhf: pip install 'edge-all[legacy]')"
    )


def load_runtime(name: str) -> Runtime | str:
    """Import one runtime by the name of its distribution, or say why it cannot be."""
    module = dict(_CANDIDATES)[name]
    try:
        interpreter = importlib.import_module(module).Interpreter
    except ModuleNotFoundError:
        return "not installed"
    except (ImportError, AttributeError, OSError) as error:  # built for another numpy or libc
        return f"installed, but does not load: {error}"
    # not importlib.metadata: every start would pay for importing that
    package = importlib.import_module(module.partition(".")[0])
    return Runtime(name, getattr(package, "__version__", "of unknown version"), interpreter)


def words_of(error: Exception) -> str:
    """What a runtime says went wrong, in one line: they write several, with empty ones."""
    return shortened(" ".join(str(error).split()), 120)
