"""Which samples of a run need not be done again: what every output has all rows of."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edge.errors import ResumeRefused
from edge.files import file_name
from edge.rows import Result
from edge.samples import Sample
from edge.sinks.sink import START_AGAIN

_BOXES = re.compile(r"(@-?\d+,-?\d+,\d+,\d+)+")  # as `edge.samples.cut_out` makes ids of parts


class Ledger:
    """What all outputs of a run that is resumed hold, sample by sample.

    A sample has one row, or, where stages cut it, one for each part. The rows of its parts follow
    one another, and name it as their parent. That the last one is there is known only by a row of
    another sample behind it; of a sample that is past (a frame of a camera) those that are there
    are all.

    Not thread-safe.

    Parameters
    ----------
    outputs : iterable of (Path, iterator of Result)
        The rows that each output holds, in order; read one by one, as samples are asked for.

    Attributes
    ----------
    next_index : int
        How many rows were taken: the index of the first one to be written.
    """

    def __init__(self, outputs: Iterable[tuple[Path, Iterator[Result]]]) -> None:
        self._outputs = [Held(path, rows) for path, rows in outputs]
        self.next_index = 0

    def __iter__(self) -> Iterator[Held]:
        return iter(self._outputs)

    def take(self, sample: Sample, model: str, model_sha256: str) -> list[Result] | None:
        """Take all rows of the next sample, if every output has all of them.

        Parameters
        ----------
        sample : Sample
        model, model_sha256 : str
            Network and hash of the model file of this run.

        Returns
        -------
        list of Result or None
            None where it must be done again. Then the rows of it that an output has wait to be
            compared (:meth:`Held.has`), and so do those of all samples behind it. Of a sample that
            is past: the rows of the output that has most; others lack the rest
            (:attr:`Held.lacking`).

        Raises
        ------
        ResumeRefused
            If an output has a row of another sample or model there, or is damaged.
        """
        wanted = _Wanted(sample, model, model_sha256)
        found = [output.take(wanted) for output in self._outputs]
        if sample.is_past:
            return self._take_past([rows for rows, _ in found])
        whole = [rows for rows, is_whole in found if is_whole]
        if not whole or len(whole) < len(found):
            for output, (rows, _) in zip(self._outputs, found, strict=True):
                output.waiting.extend(rows)
            return None
        self._check_alike(sample, whole)
        self.next_index += len(whole[0])
        return whole[0]

    def _take_past(self, found: Sequence[list[Result]]) -> list[Result]:
        """Take what there is of a sample that nobody can do again."""
        most = max(found, key=len)
        for output, rows in zip(self._outputs, found, strict=True):
            output.lacking.extend(most[len(rows) :])
        self.next_index += len(most)
        return most

    def close(self) -> None:
        """Read no further: let go of what rows are read from."""
        for output in self._outputs:
            output.close()

    def check_end(self) -> None:
        """Refuse outputs that hold rows of samples that are not there.

        Raises
        ------
        ResumeRefused
        """
        for output in self._outputs:
            if row := output.peek():
                raise ResumeRefused(
                    f"{output.path} cannot be resumed: it holds a result of {row.file!r} (source"
                    f" {row.source!r}), which this run does not find; {START_AGAIN}"
                )

    def _check_alike(self, sample: Sample, found: Sequence[Sequence[Result]]) -> None:
        for output, rows in zip(self._outputs, found, strict=True):
            if len(rows) != len(found[0]):
                raise ResumeRefused(
                    f"{output.path} cannot be resumed: it holds {len(rows)} results of"
                    f" {sample.file!r}, and {self._outputs[0].path} {len(found[0])}; {START_AGAIN}"
                )


class Held:
    """The rows that one output holds, one after the other.

    Attributes
    ----------
    path : Path
    waiting : deque of Result
        Those of samples that are done again, as another output has not all of them.
    lacking : deque of Result
        Rows that another output has of samples that cannot be done again, to be written.
    """

    def __init__(self, path: Path, rows: Iterator[Result]) -> None:
        self.path = path
        self.waiting: deque[Result] = deque()
        self.lacking: deque[Result] = deque()
        self._rows = rows
        self._next: Result | None = None
        self._taken = 0

    def peek(self) -> Result | None:
        """Look at the next row, if there is one."""
        if self._next is None:
            self._next = next(self._rows, None)
        return self._next

    def take(self, wanted: _Wanted) -> tuple[list[Result], bool]:
        """Take the rows of the next sample, and say whether these are all."""
        row = self.peek()
        if row is None:
            return [], False
        if wanted.is_itself(row):
            return [self._take(wanted, row)], True
        rows: list[Result] = []
        names: set[str | None] = set()
        # the same part again: a sample that is named twice
        while row and (not rows or wanted.has_part(row)) and row.sample not in names:
            rows.append(self._take(wanted, row))
            names.add(row.sample)
            row = self.peek()
        return rows, row is not None

    def _take(self, wanted: _Wanted, row: Result) -> Result:
        wanted.check(self.path, row, self._taken)
        self._taken += 1
        self._next = None
        return row

    def has(self, result: Result) -> bool:
        """Whether a result of a sample that is done again is there; then it is not written.

        Raises
        ------
        ResumeRefused
            If another one is there in its place.
        """
        if self.waiting:
            row = self.waiting.popleft()
            if not _is_same(row, result):
                raise self._made_otherwise(row, result)
            return True
        if self._next:
            raise self._made_otherwise(self._next, result)
        return False

    def _made_otherwise(self, row: Result, result: Result) -> ResumeRefused:
        there, here = row.sample or row.file, result.sample or result.file
        return ResumeRefused(
            f"{self.path} cannot be resumed: its result {row.index} is of {there!r}, result"
            f" {result.index} of this run is of {here!r}, as images are cut otherwise now;"
            f" {START_AGAIN}"
        )

    def close(self) -> None:
        """Read no further: let go of what the rows are read from."""
        self._rows = iter(())


class _Wanted:
    """The next sample of a run, as its rows name it."""

    def __init__(self, sample: Sample, model: str, model_sha256: str) -> None:
        self._source = file_name(sample.source)
        self._file = file_name(sample.file)
        self._id = self._file if sample.id == sample.file else file_name(sample.id)
        self._model = (model, model_sha256)

    def is_itself(self, row: Result) -> bool:
        """Whether a row is of the sample as it was given."""
        is_named = row.sample in (None, self._id)  # before version 2 no row named its sample
        return is_named and (row.source, row.file) == (self._source, self._file)

    def has_part(self, row: Result) -> bool:
        """Whether a row is of something cut out of the sample, or out of a part of it."""
        if row.parent is None or row.source != self._source:
            return False
        rest = row.parent.removeprefix(self._id)
        return row.parent == self._id or (
            row.parent.startswith(self._id) and bool(_BOXES.fullmatch(rest))
        )

    def check(self, path: Path, row: Result, index: int) -> None:
        """Refuse a row of another sample or model, or one out of order.

        Raises
        ------
        ResumeRefused
        """
        if (row.model, row.model_sha256) != self._model:
            model, sha256 = self._model
            raise ResumeRefused(
                f"{path} cannot be resumed: it was made with model {row.model}"
                f" {row.model_sha256[:12]}, this run uses {model} {sha256[:12]}; {START_AGAIN}"
            )
        if row.index != index or not (self.is_itself(row) or self.has_part(row)):
            raise ResumeRefused(
                f"{path} cannot be resumed: its result {row.index} is of {row.file!r} (source"
                f" {row.source!r}), input {index} of this run is {self._file!r} (source"
                f" {self._source!r}); {START_AGAIN}"
            )


def _is_same(row: Result, result: Result) -> bool:
    """Whether a row that is there is of the same sample as a new one."""
    if row.sample is not None and row.sample != result.sample:
        return False
    return (row.index, row.source, row.file, row.parent) == (
        result.index,
        result.source,
        result.file,
        result.parent,
    )
