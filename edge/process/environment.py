"""The environment of the process: what libraries read from it as they are imported.

What a user has set stays. Standard library only: it is called before they are imported.
"""

from __future__ import annotations

import os

_DEFAULTS = {
    "OPENCV_LOG_LEVEL": "OFF",  # what it says of a bad file, a row says
    "TF_CPP_MIN_LOG_LEVEL": "2",  # that it found no GPU is no news
    "ORT_DISABLE_TELEMETRY": "1",  # else it tells its makers which machine uses it
}


def quieten_libraries() -> None:
    """Let OpenCV, TensorFlow and onnxruntime say nothing at their start, and tell nobody."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def choose_keras_backend(name: str) -> None:
    """Let Keras run on `name`, once it is imported."""
    os.environ.setdefault("KERAS_BACKEND", name)


def keep_ray_quiet() -> None:
    """Have Ray tell nobody of a run: its makers count them, unless they are told not to."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


def enter_folder(path: str) -> None:
    """Make a folder the current one: another process named files from there.

    Raises
    ------
    OSError
    """
    os.chdir(path)
