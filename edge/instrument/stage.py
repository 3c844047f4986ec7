"""The stage that gives images of an instrument what was calibrated since they were taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from edge.errors import CropUnreadable, InstrumentRefused
from edge.instrument.calibrated import Calibrated
from edge.instrument.store import DEFAULT_MICROSCOPE, Instrument
from edge.samples import Sample


class InstrumentStage:
    """Evens the light of fields, and gives them a scale; a :class:`~edge.samples.Stage`.

    Of which instrument a field is, its facts say: ``objective``, and ``microscope``. One whose
    light was corrected when it was taken stays as it is, as does one of no or of an unknown
    instrument. A scale that a field came with is kept.
    """

    def __init__(self) -> None:
        self._known: dict[Instrument, Calibrated | None] = {}
        self._lock = threading.Lock()

    def __call__(self, sample: Sample) -> Iterator[Sample]:
        """Give the sample, corrected where it has to be.

        Raises
        ------
        CropUnreadable
            ``unsupported`` if it does not fit the calibration, or that is damaged.
        """
        objective = sample.facts.get("objective")
        if not isinstance(objective, str) or sample.facts.get("flat_field") is True:
            yield sample
            return
        calibrated = self._calibration_of(
            str(sample.facts.get("microscope", DEFAULT_MICROSCOPE)), objective
        )
        if calibrated is None:
            yield sample
            return
        corrected = calibrated(sample)
        if corrected.error:
            raise corrected.error
        yield replace(corrected, um_per_pixel=sample.um_per_pixel or corrected.um_per_pixel)

    def _calibration_of(self, microscope: str, objective: str) -> Calibrated | None:
        try:
            instrument = Instrument(microscope, objective)
            with self._lock:
                if instrument not in self._known:
                    is_known = instrument.scale() or instrument.flat_field()
                    self._known[instrument] = Calibrated(instrument) if is_known else None
                return self._known[instrument]
        except InstrumentRefused as error:
            raise CropUnreadable("unsupported", str(error)) from error
