"""What flows through a run: samples, out of a source, through stages, into sinks as results.

A sample is an image, a field with many cells, or a crop cut out of one. Nothing climbs back up: a
stage sees samples and gives samples, a sink sees results. A new camera, stage or sink is one module
and one line in its registry (:mod:`edge.sources.registry`, :mod:`edge.stages`,
:mod:`edge.sinks.registry`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from edge.files import read_bytes

if TYPE_CHECKING:
    from edge.crops.preprocess import BoolImage, UInt8Image
    from edge.errors import CropUnreadable
    from edge.rows import Result


class Content(Protocol):
    """Bytes of one image, read by the thread that needs them."""

    def read(self) -> bytes:
        """Return the bytes of an image file, or raise CropUnreadable."""


@dataclass(frozen=True)
class Box:
    """Where in its parent a sample was cut out, in pixels of the parent.

    Attributes
    ----------
    x, y : int
        Of the upper left corner; below 0 where it reaches beyond the parent.
    width, height : int
    """

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"


@dataclass(frozen=True)
class Sample:
    """One thing that flows, or the reason why it cannot.

    Attributes
    ----------
    source : str
        The source as it was given; an address without user, password and query.
    file : str
        Path of the file it is in, or of what could not be opened. Within a file it goes on:
        ``cells.zip!day1/a.png``, ``stack.tif#2`` (pages count from 1).
    id : str
        The same for the same thing, and for nothing else of its source; `file` by default.
    error : CropUnreadable or None
        Set where it was already refused (a folder without permission).
    content : Content or None
        Where the bytes are; None for the whole file `file`, or where there are `pixels`.
    pixels : ndarray of uint8, shape (height, width, 3), or None
        RGB, where it was decoded already; not to be changed any more.
    mask : ndarray of bool, shape (height, width), or None
        Where in `pixels` the cell is, if that is known: around it is background.
    parent : str or None
        Id of the sample it was cut out of.
    box : Box or None
        Where it was cut out: around the cell, if that is known.
    area : int or None
        Of the cell, in pixels of the parent, where a field was searched for cells.
    time : float or None
        When it was taken, in seconds since 1970, UTC.
    um_per_pixel : float or None
        Its scale, if that is known.
    facts : mapping
        What the source knows besides: exposure, gain, focus.
    supersedes : int or None
        Position in the run of the sample that this one takes the place of: the same file, as it
        was before.
    version : str or None
        By what a watch knows the file again.
    is_past : bool
        It was given to an earlier run, and nobody can give it again: what that run wrote of it is
        all there will be.
    """

    source: str
    file: str
    id: str = ""
    error: CropUnreadable | None = None
    content: Content | None = None
    pixels: UInt8Image | None = field(default=None, repr=False, compare=False)
    mask: BoolImage | None = field(default=None, repr=False, compare=False)
    parent: str | None = None
    box: Box | None = None
    area: int | None = None
    time: float | None = None
    um_per_pixel: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    supersedes: int | None = None
    version: str | None = None
    is_past: bool = False

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.file)

    def read(self) -> bytes:
        """Read the image file.

        Raises
        ------
        CropUnreadable
            If it cannot be read; ``reason`` says why.
        """
        if self.error:
            raise self.error
        return self.content.read() if self.content else read_bytes(self.file)


class Source(Protocol):
    """Where samples come from; a context manager, to be entered once.

    Entered, it gives batches: what a batch holds is classified and written before the next batch is
    waited for. Files are one batch; a watched folder gives one whenever something came, and
    a camera one a frame.

    The texts for people may be empty.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The sources as results name them."""

    @property
    def how(self) -> str:
        """How it looks for samples, for people."""

    @property
    def is_live(self) -> bool:
        """Whether samples come as they happen: whoever gives them may wait for their results.

        Otherwise the first results of a smear wait until it is known whether its scale is right.
        """

    @property
    def left(self) -> Sequence[str]:
        """What it did not give, a line each, for people, at the end."""

    def __enter__(self) -> Iterable[Iterable[Sample]]: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def count(self) -> int | None:
        """Count the samples there will be; None where that cannot or need not be known."""

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """Learn, before it is entered, what an earlier run that is resumed has results of.

        A source that gives the same samples in the same order again need do nothing: those
        that have results are passed over. One that does not, as a watched folder, gives those
        of the rows first.
        """


class Stage(Protocol):
    """Turns a sample with pixels into the samples that go on: itself, another, many, or none.

    Called by several threads at once. It may raise CropUnreadable: the sample becomes a row with
    that reason. If it gives none, the sample becomes a row that says so.
    """

    def __call__(self, sample: Sample) -> Iterator[Sample]:
        """Give the samples that go on; :func:`cut_out` makes one of a part of another."""


def cut_out(sample: Sample, box: Box) -> Sample:
    """Make a sample of a part of another one.

    Parameters
    ----------
    sample : Sample
        With pixels.
    box : Box
        Within them.

    Returns
    -------
    Sample
        Of the same file, source, time, scale and facts; its id is the parent's with the box.
    """
    assert sample.pixels is not None
    return Sample(
        source=sample.source,
        file=sample.file,
        id=f"{sample.id}@{box}",
        pixels=sample.pixels[box.y : box.y + box.height, box.x : box.x + box.width],
        parent=sample.id,
        box=box,
        time=sample.time,
        um_per_pixel=sample.um_per_pixel,
        facts=sample.facts,
    )
