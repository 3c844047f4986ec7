"""A source of which every sample is changed on its way, or left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from edge.samples import Sample, Source

if TYPE_CHECKING:
    from edge.rows import Result


class Changed:
    """Another source, and what becomes of its samples; a context manager.

    Whoever derives from it says what in :meth:`change`.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def change(self, sample: Sample) -> Sample | None:
        """Change a sample; None leaves it out."""
        return sample

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
        return (self._changed(batch) for batch in self._source.__enter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._source.__exit__(kind, error, traceback)

    def stop(self) -> None:
        """End the samples, where the other source may never end by itself."""
        stop = getattr(self._source, "stop", None)
        if stop:
            stop()

    def count(self) -> int | None:
        """See :class:`~edge.samples.Source`."""
        return self._source.count()

    def go_on_after(self, rows: Iterable[Result]) -> None:
        """See :class:`~edge.samples.Source`."""
        self._source.go_on_after(rows)

    def _changed(self, batch: Iterable[Sample]) -> Iterator[Sample]:
        for sample in batch:
            changed = self.change(sample)
            if changed is not None:
                yield changed
