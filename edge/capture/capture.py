"""Capturing: frames of a camera, when they are wanted, into a folder; a stream of events."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from edge.capture.writer import FieldWriter, Written
from edge.samples import Sample
from edge.sources.cameras.source import CameraSource


@dataclass(frozen=True)
class Saved:
    """A field is on the disk."""

    field: Written


@dataclass(frozen=True)
class Fault:
    """The camera has a fault, or a frame cannot be used; `sample.error` says which."""

    sample: Sample


Event = Saved | Fault


def capture(
    source: CameraSource,
    writer: FieldWriter,
    number: int | None = None,
    triggers: Iterator[float] | None = None,
) -> Iterator[Event]:
    """Capture fields until there are enough, or the camera or the triggers end.

    Parameters
    ----------
    source : CameraSource
        Entered here.
    writer : FieldWriter
        Entered here.
    number : int, optional
        Fields wanted.
    triggers : iterator of float, optional
        Times, in seconds since 1970, after each of which one field is to be exposed; waited for. By
        default every frame is taken.

    Yields
    ------
    Saved or Fault

    Raises
    ------
    OutputFailed
        If a field cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(writer)
        stack.enter_context(source)
        taken = 0
        while number is None or taken < number:
            after = None
            if triggers is not None:
                after = next(triggers, None)
                if after is None:
                    break
            writer.wait_for_room()  # before a frame is taken: four are in memory at most
            sample = yield from _next_frame(source, after if source.is_paced else None)
            if sample is None:
                break
            writer.put(sample)
            taken += 1
            del sample
            yield from map(Saved, writer.written())
    yield from map(Saved, writer.written())
    writer.check()


def _next_frame(source: CameraSource, after: float | None) -> Generator[Event, None, Sample | None]:
    """Wait for a frame, giving the faults that come before it; None at the end."""
    while (sample := source.take(after)) is not None and sample.error:
        yield Fault(sample)
    return sample


def every(seconds: float, source: CameraSource) -> Iterator[float]:
    """Triggers at equal distances, the first one at once; none is caught up with if one is late."""
    due = time.monotonic()
    while source.rest(due - time.monotonic()):
        yield time.time()
        due = max(due + seconds, time.monotonic())
