"""What a place for results can do, and what it may know of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, runtime_checkable

from edge.contract import Contract
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
    contract : Contract
        In it.
    edge_all, runtime, machine : str
        Version of edge-all; name and version of the TFLite runtime; host and processor.
    threads : int
    keeps_crops : bool
        Whether results databases take the crops that results carry, to be shown and learnt from
        where no file has them.
    keeps_looks : bool
        Whether they take how the cells look (:mod:`edge.crops.look`), of results with a crop.
    """

    command: str
    sources: tuple[str, ...]
    network: str
    model_sha256: str
    model_json: str
    contract: Contract
    edge_all: str
    runtime: str
    machine: str
    threads: int
    keeps_crops: bool = False
    keeps_looks: bool = False


@runtime_checkable
class TakesRemarks(Protocol):
    """What a place for results may do besides: show people what was found of the run."""

    def remark(self, text: str) -> None:
        """Take a sentence that is to be read before anything else, in place of an earlier one."""


class Sink(Protocol):
    """A place for results, open; a context manager.

    It is made of a path, a :class:`Run`, and whether the run goes on with what is there. Made, it
    has locked its file and refused one that is not to be replaced, and nothing has changed yet:
    :meth:`begin` is called when no other output was refused either.

    Results come in the order of their index, without a gap. So those that are there already
    stand for the first ones of the run. Which of them a run need not do again is worked out for
    all its outputs together (:class:`edge.sinks.ledger.Ledger`): a sink is given only what it has
    not, behind what it has.
    """

    def begin(self) -> None:
        """Take the place of what is there, or go on with it.

        Raises
        ------
        OutputFailed
        """

    def rows(self) -> Iterator[Result]:
        """Look at the results that are there already, in their order; none in a new run.

        Asked for before anything is written; a row that was cut off in writing is none.

        Raises
        ------
        ResumeRefused
            If what is there is damaged.
        """

    def write(self, result: Result) -> None:
        """Add a result; it may wait for a flush."""

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
