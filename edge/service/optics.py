"""Light, white and focus of the fields of a smear, held to the calibration and to earlier smears.

The background of a smear is its brightest part. After the correction by a stored flat field it has
the level of that, in all channels alike: what it has less is what lamp, diaphragm or camera have
changed since. Focus has no stored value, as it depends on what lies there: it is held to the middle
one of the last smears.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from edge.crops.image_statistics import focus_of_field
from edge.crops.preprocess import UInt8Image
from edge.errors import InstrumentRefused
from edge.instrument.store import Instrument
from edge.samples import Sample, Source
from edge.sources.changed import Changed

TREND = 10
"""Earlier smears that one is compared with."""

_FEWEST = 3  # earlier smears, without which nobody knows what is usual
_MOST_FIELDS = 10_000  # of a smear that are kept: memory stays flat
_BACKGROUND = 90  # percentile of a channel: cells cover less than nine tenths of a field
_STEP = 4  # every so manieth row and column says how light a field is
_LIGHT_OFF = 0.15  # share of the light that may be missing or too much
_WHITE_OFF = 0.05  # share that red or blue may differ from green
_FOCUS_OFF = 0.5  # share of the usual focus below which it is lost


@dataclass(frozen=True)
class Optics:
    """What the fields of a smear looked like: medians over them.

    Attributes
    ----------
    fields : int
    light : float
        Grey level of the background in green, 0..255.
    red, blue : float
        Of the background, as a share of green.
    focus : float
        Variance of the Laplacian, as of crops (:mod:`edge.crops.image_statistics`).
    """

    fields: int
    light: float
    red: float
    blue: float
    focus: float


def measure_optics(field: UInt8Image) -> Optics:
    """Measure one field, uint8 RGB of shape (height, width, 3)."""
    some = field[::_STEP, ::_STEP]
    red, green, blue = (max(float(np.percentile(some[..., c], _BACKGROUND)), 1.0) for c in range(3))
    return Optics(1, green, red / green, blue / green, focus_of_field(field))


class Meter:
    """Gathers what fields look like, from any thread.

    Attributes
    ----------
    level : float or None
        Grey level of the background by the stored flat field; None without one.
    """

    def __init__(self) -> None:
        self.level: float | None = None
        self._is_known = False
        self._fields: list[Optics] = []
        self._lock = threading.Lock()

    def add(self, sample: Sample) -> None:
        """Look at a sample, if it has pixels."""
        if sample.pixels is None or min(sample.pixels.shape[:2]) < 2 * _STEP:
            return
        found = measure_optics(sample.pixels)
        with self._lock:
            if not self._is_known and sample.facts.get("flat_field") is True:
                self.level, self._is_known = _level_of(sample), True
            if len(self._fields) < _MOST_FIELDS:
                self._fields.append(found)

    def take(self) -> Optics | None:
        """The fields since the last time, as one."""
        with self._lock:
            fields, self._fields = self._fields, []
        if not fields:
            return None
        names = ("light", "red", "blue", "focus")
        return Optics(len(fields), *(median(getattr(f, name) for f in fields) for name in names))


class Metered(Changed):
    """Another source, whose samples a meter looks at.

    Parameters
    ----------
    source : Source
    meter : Meter
    """

    def __init__(self, source: Source, meter: Meter) -> None:
        super().__init__(source)
        self._meter = meter

    def change(self, sample: Sample) -> Sample:
        """Look at a sample, and give it as it is."""
        self._meter.add(sample)
        return sample


def trend_of(
    optics: Optics | None, earlier: Sequence[Optics], level: float | None
) -> Iterator[str]:
    """Say what has changed, and what to do, a line each.

    Parameters
    ----------
    optics : Optics or None
        Of this smear.
    earlier : sequence of Optics
        Of those before it.
    level : float or None
        See :class:`Meter`; without it, light and white are held to the earlier smears.
    """
    if optics is None:
        return
    has_trend = len(earlier) >= _FEWEST
    if level is None and not has_trend:
        return
    since = "the flat field was captured" if level is not None else "the smears before were taken"
    usual = level if level is not None else median(each.light for each in earlier)
    off = optics.light / usual - 1
    if abs(off) > _LIGHT_OFF:
        yield (
            f"light: {abs(off):.0%} {'more' if off > 0 else 'less'} than when {since}; check lamp,"
            " diaphragm and exposure, or capture the flat field again"
        )
    for channel in ("red", "blue"):
        white = 1.0 if level is not None else median(getattr(each, channel) for each in earlier)
        off = getattr(optics, channel) / white - 1
        if abs(off) > _WHITE_OFF:
            yield (
                f"white balance: {channel} is {off:+.0%} against green since {since}; check lamp,"
                " filters and the camera's automatics, or capture the flat field again"
            )
    if has_trend and optics.focus < _FOCUS_OFF * median(each.focus for each in earlier):
        yield "focus: less than half of that of the smears before; focus again"


def _level_of(sample: Sample) -> float | None:
    try:
        names = str(sample.facts.get("microscope")), str(sample.facts.get("objective"))
        flat = Instrument(*names).flat_field()
    except InstrumentRefused:  # whoever corrects the light has said so
        return None
    return None if flat is None else flat.level
