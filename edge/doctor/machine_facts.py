"""What a machine is, and what is installed on it."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from edge.doctor.versions import library_versions
from edge.engine.runtime import LIGHT_RUNTIMES, Runtime, load_runtime
from edge.machine import (
    available_processors,
    cpu_features,
    installed_version,
    memory,
    processor_name,
    python_bits,
)


def describe_machine() -> Iterator[str]:
    """Describe machine, libraries and runtimes, line by line.

    Yields
    ------
    str
    """
    yield f"machine   {platform.machine()}, {platform.system()} {platform.release()}"
    yield f"processor {processor_name()}, {available_processors()} usable"
    yield f"int8 help {', '.join(cpu_features()) or 'none found: expect several times slower'}"
    yield f"memory    {memory()}"
    yield f"python    {platform.python_version()}, {python_bits()} bits"
    for name, version in library_versions():
        yield f"library   {name} {version}"
    for name in LIGHT_RUNTIMES:
        found = load_runtime(name)
        yield f"runtime   {name} {found.version if isinstance(found, Runtime) else found}"
    # not imported to see whether it loads: that alone takes seconds
    yield f"runtime   tensorflow {installed_version('tensorflow')}"
