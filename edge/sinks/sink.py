"""What a place for results can do, and what it may know of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from edge.errors import ResumeRefused
from edge.rows import Result

START_AGAIN = "give what the earlier run was given, or leave --resume out to start again"
"""What to do about results that cannot be gone on with."""


@dataclass(frozen=True)
class Run:
    """Facts of a run, the same for all its results.

    Attributes
    ----------
    command : str
        The command line.
    sources : tuple of str
        As they were given.
    network, model_sha256 : str
        Of the model file.
    model_json : str
        Its ``edge-all.json``.
    edge_all, runtime, machine : str
        Version of edge-all; name and version of the TFLite runtime; host and processor.
    threads : int
    """

    command: str
    sources: tuple[str, ...]
    network: str
    model_sha256: str
    model_json: str
    edge_all: str
    runtime: str
    machine: str
    threads: int


class Sink(Protocol):
    """A place for results, open; a context manager.

    Results come in the order of the inputs, without a gap. So the results that
    are there already stand for the first inputs of the run, and a run is resumed
    by asking for each input whether its result is there, until one is not.

    Made, a sink has locked its file and refused one that is not to be replaced, and nothing has
    changed yet: :meth:`begin` is called when no other output was refused either.
    """

    def begin(self) -> None:
        """Take the place of what is there, or go on with it.

        Raises
        ------
        OutputFailed
        """

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already, without taking them."""

    def earlier(self, expected: Result) -> Result | None:
        """Take the next result that is there already, if there is one.

        Parameters
        ----------
        expected : Result
            The next input, without a decision.

        Raises
        ------
        ResumeRefused
            If it is the result of another input or model, or damaged.
        """

    def check_end(self) -> None:
        """Refuse results that are there already of inputs that are not.

        Raises
        ------
        ResumeRefused
        """

    def write(self, result: Result) -> None:
        """Add a result, unless it is one of the earlier ones; it may wait for a flush."""

    def flush(self) -> None:
        """Hand what waits to the operating system: then a killed process loses none of it.

        Raises
        ------
        OutputFailed
            If it cannot be written. What was flushed before stays valid.
        """

    def sync(self) -> None:
        """Have the operating system put it on the disk: then a power cut loses none of it."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def check_same_input(path: Path, found: Result, expected: Result) -> None:
    """Refuse to go on with results of other inputs or of another model.

    Raises
    ------
    ResumeRefused
    """
    if (found.model, found.model_sha256) != (expected.model, expected.model_sha256):
        raise ResumeRefused(
            f"{path} cannot be resumed: it was made with model {found.model}"
            f" {found.model_sha256[:12]}, this run uses {expected.model}"
            f" {expected.model_sha256[:12]}; {START_AGAIN}"
        )
    if (found.source, found.file, found.index) != (
        expected.source,
        expected.file,
        expected.index,
    ):
        raise ResumeRefused(
            f"{path} cannot be resumed: its result {found.index} is of {found.file!r} (source"
            f" {found.source!r}), input {expected.index} of this run is {expected.file!r} (source"
            f" {expected.source!r}); {START_AGAIN}"
        )


def too_many(path: Path, found: Result) -> ResumeRefused:
    """Say that a sink holds a result of an input that this run does not have."""
    return ResumeRefused(
        f"{path} cannot be resumed: it holds a result of {found.file!r} (source"
        f" {found.source!r}), which this run does not find; {START_AGAIN}"
    )
