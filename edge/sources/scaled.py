"""A source whose images all have one scale, which people know and files do not say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from edge.contract import Contract
from edge.errors import ScaleUnknown
from edge.samples import Sample, Source

if TYPE_CHECKING:
    from edge.rows import Result


class Scaled:
    """Another source, whose samples get a scale where they have none; a context manager.

    Parameters
    ----------
    source : Source
    um_per_pixel : float
        Micrometres that a pixel of its images spans.
    contract : Contract
        Of the network that they are for.

    Raises
    ------
    ScaleUnknown
        If the contract has no scale: then that of an image is of no use.
    """

    def __init__(self, source: Source, um_per_pixel: float, contract: Contract) -> None:
        if contract.um_per_pixel is None:
            raise ScaleUnknown(
                f"images of {um_per_pixel:g} um a pixel cannot be brought to the scale of this"
                " network, as its model file does not say it; leave the pixel size out, and give"
                " images at the scale of those it was trained on"
            )
        self._source = source
        self._um_per_pixel = um_per_pixel

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the other source; so are all that follow."""
        return self._source.names

    @property
    def how(self) -> str:
        """See :class:`~edge.samples.Source`."""
        return self._source.how

    @property
    def is_live(self) -> bool:
        """See :class:`~edge.samples.Source`."""
        return self._source.is_live

    @property
    def left(self) -> Sequence[str]:
        """See :class:`~edge.samples.Source`."""
        return self._source.left

    def __enter__(self) -> Iterable[Iterable[Sample]]:
        return (map(self._with_scale, batch) for batch in self._source.__enter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._source.__exit__(kind, error, traceback)

    def count(self) -> int | None:
        """See :class:`~edge.samples.Source`."""
        return self._source.count()

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """See :class:`~edge.samples.Source`."""
        self._source.go_on_after(rows)

    def _with_scale(self, sample: Sample) -> Sample:
        if sample.um_per_pixel is not None:
            return sample
        return replace(sample, um_per_pixel=self._um_per_pixel)
