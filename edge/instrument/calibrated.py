"""What a calibrated instrument makes of frames, before anything else sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge.errors import CropUnreadable, InstrumentRefused
from edge.instrument.flat_field import correct
from edge.instrument.store import Instrument

if TYPE_CHECKING:
    from edge.samples import Sample


class Calibrated:
    """Scale and light of an instrument, for the frames of its camera.

    Parameters
    ----------
    instrument : Instrument

    Raises
    ------
    InstrumentRefused
        If nothing is known of it, or its files are damaged.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._scale = instrument.scale()
        flat = instrument.flat_field()
        self._flat_size = None if flat is None else (flat.width, flat.height)
        self._gain = None if flat is None else flat.gain()
        if self._scale is None and flat is None:
            raise InstrumentRefused(
                f"nothing is known of {instrument}; give its scale with edge-all scale, or capture"
                " an empty field with edge-all capture --flat-field"
            )

    def __call__(self, sample: Sample) -> Sample:
        """Give a sample with pixels its scale, and correct its light; or its error."""
        assert sample.pixels is not None
        size = sample.pixels.shape[1], sample.pixels.shape[0]
        scale = self._scale
        measured = None if scale is None or scale.width is None else (scale.width, scale.height)
        for name, wanted in (("scale", measured), ("flat field", self._flat_size)):
            if wanted not in (None, size):
                assert wanted is not None
                error = CropUnreadable(
                    "unsupported",
                    f"frames are {size[0]} x {size[1]} pixels, the {name} of {self._instrument} is"
                    f" of {wanted[0]} x {wanted[1]}; use that size, or calibrate again",
                )
                return replace(sample, pixels=None, error=error)
        facts = {
            **sample.facts,
            "microscope": self._instrument.microscope,
            "objective": self._instrument.objective,
            "flat_field": self._gain is not None,
        }
        return replace(
            sample,
            pixels=sample.pixels if self._gain is None else correct(sample.pixels, self._gain),
            um_per_pixel=sample.um_per_pixel if scale is None else scale.um_per_pixel,
            facts=facts,
        )
