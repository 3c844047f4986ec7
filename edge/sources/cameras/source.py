"""A camera as a source of samples: a frame a batch, and a row with a reason for every fault."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge.errors import CameraFault, CameraRefused
from edge.files import file_name
from edge.process.interrupts import ended_by_signals
from edge.samples import Sample
from edge.secrets import is_url
from edge.sources.cameras.address import Options, parse_address
from edge.sources.cameras.camera import Camera, Frame
from edge.sources.cameras.counts import Counts
from edge.sources.cameras.registry import CAMERAS
from edge.sources.cameras.runner import MOST_FRAMES, TIMEOUT, WAITS, Runner

if TYPE_CHECKING:
    from edge.instrument.calibrated import Calibrated
    from edge.rows import Result


def open_camera(address: str, most: int = MOST_FRAMES) -> CameraSource:
    """Make the source of a camera; an address of the network may stand without a scheme.

    Raises
    ------
    CameraRefused
        If there can be no such camera.
    """
    if is_url(address):
        address = f"camera:{address}"
    scheme, colon, _ = address.partition(":")
    if not colon or scheme not in CAMERAS:
        known = ", ".join(f"{name}:" for name in CAMERAS)
        raise CameraRefused(f"{file_name(address)} is no camera; cameras begin with {known}")
    return CameraSource(address, most=most)


class CameraSource:
    """Frames of a camera as samples; a context manager to be entered once.

    A sample is called by the camera, without its options, and the time of its frame:
    ``sim:#2026-11-27T07:15:16.123456Z``. A fault is a sample with a reason. In the main thread,
    Ctrl-C and SIGTERM end it in good order.

    Parameters
    ----------
    address : str
        Scheme, target and options.
    camera : Camera, optional
        In place of the one that the address names.
    most : int
        Frames that wait to be taken.
    waits : tuple of float
        Seconds before the camera is opened again, one time after the other.

    Raises
    ------
    CameraRefused
        If there can be no such camera.
    InstrumentRefused
        If nothing is known of the objective that it names.
    """

    is_live = True

    def __init__(
        self,
        address: str,
        camera: Camera | None = None,
        most: int = MOST_FRAMES,
        waits: tuple[float, ...] = WAITS,
    ) -> None:
        parsed = parse_address(address)
        timeout = parsed.options.number("timeout", TIMEOUT, 0.05, 3600)
        self._calibrated = _calibration_of(parsed.options)
        if camera is None:
            camera = CAMERAS[parsed.scheme](parsed.target, parsed.options)
            parsed.options.refuse_rest()
        self.names = (file_name(address),)
        self._camera = file_name(f"{parsed.scheme}:{parsed.target}")
        self.runner = Runner(camera, timeout, most, waits)
        self._earlier: list[Sample] = []
        self._last_stamp = 0
        self._context = contextlib.ExitStack()

    @property
    def how(self) -> str:
        """How it looks for samples, for people."""
        return f"reading {self.names[0]}; Ctrl-C ends it"

    @property
    def is_calibrated(self) -> bool:
        """Whether its frames have been corrected for an instrument."""
        return self._calibrated is not None

    @property
    def is_paced(self) -> bool:
        """Whether it goes on by itself; otherwise its frames wait to be taken."""
        return self.runner.is_live

    @property
    def left(self) -> Sequence[str]:
        """What became of frames that are no samples, a line each, for people."""
        return self.counts.lines()

    @property
    def counts(self) -> Counts:
        """What became of the frames so far."""
        return self.runner.counts

    def __enter__(self) -> CameraSource:
        if threading.current_thread() is threading.main_thread():
            self._context.enter_context(ended_by_signals(self.stop))
        self._context.enter_context(self.runner)
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def __iter__(self) -> Iterator[list[Sample]]:
        if self._earlier:
            yield self._earlier
            self._earlier = []
        while (sample := self.take()) is not None:
            yield [sample]

    def take(self, after: float | None = None) -> Sample | None:
        """Wait for the next frame or fault, as :meth:`Runner.take` does."""
        item = self.runner.take(after)
        if item is None:
            return None
        return self._failed(item) if isinstance(item, CameraFault) else self._sample(item)

    def rest(self, seconds: float) -> bool:
        """Wait for so long; False if it was stopped."""
        return self.runner.rest(seconds)

    def stop(self) -> None:
        """End the samples; from any thread or signal handler."""
        self.runner.stop()

    def count(self) -> int | None:
        """Nobody knows how many will come."""

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """Give the frames of an earlier run first, which have results: there are no others."""
        of_frames = dict.fromkeys((row.source, row.file) for row in rows)
        self._earlier = [Sample(source, file, is_past=True) for source, file in of_frames]

    def _sample(self, frame: Frame) -> Sample:
        name = self._name(frame.time)
        sample = Sample(
            self.names[0],
            name,
            pixels=frame.pixels,
            time=self._last_stamp / 1e6,
            um_per_pixel=frame.um_per_pixel,
            facts={"number": frame.number, **frame.facts},
        )
        return self._calibrated(sample) if self._calibrated else sample

    def _failed(self, fault: CameraFault) -> Sample:
        moment = fault.time or time.time()
        return Sample(self.names[0], self._name(moment), error=fault, time=moment)

    def _name(self, moment: float) -> str:
        """Name that nothing else of this camera has: of two of one microsecond, one is later."""
        self._last_stamp = max(round(moment * 1e6), self._last_stamp + 1)
        return f"{self._camera}#{time_stamp(self._last_stamp)}"


def _calibration_of(options: Options) -> Calibrated | None:
    """The instrument that an address names, if it names an objective."""
    microscope, objective = options.text("microscope"), options.text("objective")
    if objective is None:
        if microscope is not None:
            raise CameraRefused("microscope= needs objective=, as each has a scale of its own")
        return None
    from edge.instrument.calibrated import Calibrated
    from edge.instrument.store import DEFAULT_MICROSCOPE, Instrument

    return Calibrated(Instrument(microscope or DEFAULT_MICROSCOPE, objective))


def time_stamp(microseconds: int) -> str:
    """Write a time, in microseconds since 1970, as ``2026-11-27T07:15:16.123456Z``."""
    seconds, rest = divmod(microseconds, 1_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"
