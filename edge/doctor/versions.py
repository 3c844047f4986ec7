"""The versions of edge-all and of what it runs on."""

from __future__ import annotations

import importlib
import platform

from edge.engine.runtime import find_runtime
from edge.errors import EdgeAllError
from edge.machine import installed_version


def library_versions() -> list[tuple[str, str]]:
    """Names of the libraries a device needs, and their versions.

    That of OpenCV is asked of the module: Debian's and piwheels' are no distribution of this name.
    """
    return [
        ("edge-all", installed_version("edge-all")),
        ("numpy", _version_of("numpy")),
        ("OpenCV", _version_of("cv2")),
        ("rich", installed_version("rich")),
    ]


def versions() -> str:
    """One line: the version of edge-all and of all it runs on."""
    try:
        runtime = find_runtime()
        named = f"{runtime.name} {runtime.version}"
    except EdgeAllError:
        named = "no TFLite runtime"
    libraries = [f"{name} {version}" for name, version in library_versions()]
    return ", ".join([*libraries[:-1], named, f"Python {platform.python_version()}"])


def _version_of(module: str) -> str:
    try:
        return str(getattr(importlib.import_module(module), "__version__", "of unknown version"))
    except ModuleNotFoundError:
        return "not installed"
    except Exception:  # whatever a library raises that was built for something else
        return "installed, but does not load"
