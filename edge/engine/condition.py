"""How the machine fares: temperature, throttling and memory, where the system tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SYS = Path("/sys")
_PROC_STATUS = Path("/proc/self/status")
_RASPBERRY_PI = "devices/platform/soc/soc:firmware/get_throttled"

PI_LIMITS = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "temperature limit"}
"""Bits of Raspberry Pi's get_throttled: what is the case now (its documentation, vcgencmd)."""


@dataclass(frozen=True)
class Condition:
    """State of the machine at one moment; None is what the system does not tell.

    Attributes
    ----------
    temperature : float or None
        Of the hottest sensor, in degrees Celsius.
    clock : float or None
        Of the slowest core, as a share of its highest, 0..1.
    limits : tuple of str or None
        What slows the processor down at this moment, as a Raspberry Pi reports it.
    memory : float or None
        Resident memory of this process in MB.
    peak_memory : float or None
        The highest it was.
    """

    temperature: float | None
    clock: float | None
    limits: tuple[str, ...] | None
    memory: float | None
    peak_memory: float | None


def condition(sys: Path = _SYS, status: Path = _PROC_STATUS) -> Condition:
    """Look at the machine now.

    Parameters
    ----------
    sys, status : Path
        Where Linux reports on the machine and on this process.
    """
    return Condition(
        temperature=_temperature(sys),
        clock=_clock(sys),
        limits=_limits(sys),
        memory=_memory(status, "VmRSS"),
        peak_memory=_memory(status, "VmHWM"),
    )


def _temperature(sys: Path) -> float | None:
    found = [_number(path) for path in sys.glob("class/thermal/thermal_zone*/temp")]
    degrees = [value / 1000 for value in found if value is not None]
    return max(degrees, default=None)


def _clock(sys: Path) -> float | None:
    shares = []
    for folder in sys.glob("devices/system/cpu/cpu[0-9]*/cpufreq"):
        now, highest = (_number(folder / name) for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
        if now and highest:
            shares.append(now / highest)
    return min(shares, default=None)


def _limits(sys: Path) -> tuple[str, ...] | None:
    text = _text(sys / _RASPBERRY_PI)
    try:
        bits = int(text, 16) if text else None
    except ValueError:
        return None
    if bits is None:
        return None
    return tuple(name for bit, name in PI_LIMITS.items() if bits >> bit & 1)


def _memory(status: Path, field: str) -> float | None:
    found = re.search(rf"^{field}:\s*(\d+) kB", _text(status) or "", re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text and text.isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a sensor that is there and does not answer, too
        return None
