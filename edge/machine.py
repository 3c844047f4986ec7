"""What this machine is: processors, their instructions, memory still to be had."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
# folder of the memory controller below _CGROUP -> names of limit, use, and cache within the use
_CONTROLLERS = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
# what int8 inference is several times faster with
_FEATURES = {
    "avx2": "AVX2",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "asimd": "NEON",
    "neon": "NEON",
    "asimddp": "dot product",
    "i8mm": "int8 matrix product",
}


def available_memory(proc: Path = _PROC, cgroup: Path = _CGROUP) -> int | None:
    """Bytes of memory at hand; None where the system does not tell.

    The least of what the kernel can give without swapping (``MemAvailable``) and of what is left
    below the limits of the control groups this process is in, a container's or a service's.

    Parameters
    ----------
    proc, cgroup : Path
        Where Linux reports on memory and processes, and on control groups.
    """
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text(proc / "meminfo"), re.MULTILINE)
    at_hand = [int(found[1]) * 1024] if found else []
    at_hand += _left_in_groups(_text(proc / "self" / "cgroup"), cgroup)
    return min(at_hand, default=None)


def _left_in_groups(membership: str, cgroup: Path) -> Iterator[int]:
    """Bytes left below each limit: that of a group holds for all groups in it, too."""
    for line in membership.splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        controller = "memory" if controllers else ""
        top = cgroup / controller
        # in a container the name may be the host's: what does not exist here is passed over
        group = top / name.strip("/")
        for folder in [group, *group.parents]:
            left = _left(folder, *_CONTROLLERS[controller])
            if left is not None:
                yield left
            if folder == top:
                break


def _left(folder: Path, limit: str, use: str, cache: str) -> int | None:
    most, used = _text(folder / limit).strip(), _text(folder / use).strip()
    if not (most.isdigit() and used.isdigit()):  # "max", or no such group
        return None
    # file cache counts as used, but the kernel gives it up first
    given_up = re.search(rf"^{cache} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    return max(int(most) - int(used) + (int(given_up[1]) if given_up else 0), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def available_processors() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_features() -> list[str]:
    """Names of the instructions that int8 inference profits from, as Linux reports them."""
    words: set[str] = set()
    for key, value in _cpuinfo():
        if key in ("flags", "Features"):
            words.update(value.split())
    return sorted({name for flag, name in _FEATURES.items() if flag in words})


def processor_name() -> str:
    """Name of the processor or the board."""
    facts = dict(_cpuinfo())
    return facts.get("Model") or facts.get("model name") or platform.processor() or "unknown"


def memory() -> str:
    """Main memory in GB."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return "unknown"
    return f"{size / 2**30:.1f} GB"


def _cpuinfo() -> list[tuple[str, str]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def python_bits() -> int:
    """Bits of an address of this Python, which may be fewer than those of the kernel."""
    return 64 if sys.maxsize > 2**32 else 32


def is_musl() -> bool:
    """Whether this Python was built for musl, the C library of Alpine Linux."""
    import sysconfig  # seldom asked, and not free

    return "musl" in str(sysconfig.get_config_var("SOABI"))


def installed_version(name: str) -> str:
    """Version of a distribution, or ``not installed``."""
    import importlib.metadata  # takes as long as the rest of this module and all it imports

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
