"""What happens in a run, one after the other: a command prints it, a service acts on it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.drift.shadow import ShadowVerdict
from edge.engine.plan import Plan
from edge.errors import OutputFailed
from edge.rows import Result
from edge.sinks.sink import Run
from edge.tally import Tally


@dataclass(frozen=True)
class Started:
    """Everything is open, and samples are looked for.

    Attributes
    ----------
    run : Run
        Facts of the run.
    how : str
        How the source looks for samples, for people; may be empty.
    plan : Plan
        How the network is run.
    """

    run: Run
    how: str
    plan: Plan


@dataclass(frozen=True)
class SampleDone:
    """One result is in all outputs, or waits there for the next flush.

    Attributes
    ----------
    result : Result
    tally : Tally
        Of all results so far; it goes on counting.
    """

    result: Result
    tally: Tally


@dataclass(frozen=True)
class Committed:
    """All results so far are in all outputs: whoever kills the process loses none of them."""


@dataclass(frozen=True)
class PlanChanged:
    """The network is run in another way from here on: batches were measured."""

    plan: Plan


@dataclass(frozen=True)
class ScaleShifted:
    """Cells are shown at another scale than those that the network was trained on.

    The results of a smear that come behind this have the quality code ``scale-shift``.

    Attributes
    ----------
    smear : str or None
        As results name their source; None for all smears of the run together, of which none is
        shifted enough by itself: this comes at the end, and no result is marked.
    factor : float or None
        How many times too large the cells are shown, about; None where an earlier run found it.
    cells : int
        By which it was found.
    """

    smear: str | None
    factor: float | None
    cells: int


@dataclass(frozen=True)
class Shadowed:
    """What the float twin says of the cells that it saw: at the first alarm, and at the end."""

    verdict: ShadowVerdict


@dataclass(frozen=True)
class GoldenChecked:
    """Golden vectors were run again; where they failed, the run ends in an error.

    Attributes
    ----------
    off, allowed : int
        Largest difference to what they must give, and the largest that the model file allows; in
        steps of the int8 output.
    """

    off: int
    allowed: int

    @property
    def has_failed(self) -> bool:
        """Whether this machine computes something else than it did when the run began."""
        return self.off > self.allowed

    @property
    def says(self) -> str:
        """The same in words."""
        how = "do not come out right any more" if self.has_failed else "come out right"
        return f"golden vectors {how}: off by {self.off} steps, {self.allowed} are allowed"


@dataclass(frozen=True)
class SinkFailed:
    """An output cannot be written any more: the last event; what was flushed before is valid."""

    error: OutputFailed
    tally: Tally


@dataclass(frozen=True)
class Interrupted:
    """The run was asked to end before its source did: the last event.

    Attributes
    ----------
    exit_code : int
        128 and the number of the signal; 0 if no signal asked.
    tally : Tally
    unwritten : OutputFailed or None
        What could not be written on the way out.
    """

    exit_code: int
    tally: Tally
    unwritten: OutputFailed | None


@dataclass(frozen=True)
class Finished:
    """All samples are done, and all outputs closed: the last event.

    Attributes
    ----------
    tally : Tally
    seconds : float
        Since the start.
    left : tuple of str
        What the source did not give, a line each, for people.
    """

    tally: Tally
    seconds: float
    left: tuple[str, ...]


Event = (
    Started
    | SampleDone
    | Committed
    | PlanChanged
    | ScaleShifted
    | Shadowed
    | GoldenChecked
    | SinkFailed
    | Interrupted
    | Finished
)
