"""What a run prints: a line per cell, a summary, what failed, a progress bar."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TextIO, cast

from edge.cli.command import say
from edge.decisions.decision import HEALTHY, LEUKEMIA, REFER
from edge.engine.classifier import Classifier
from edge.process.streams import Careful
from edge.reasons import REASONS, in_words
from edge.rows import Result
from edge.sources.left_out import LeftOut
from edge.wording import printable

_FAILED = "failed"
_WORDS = (HEALTHY, LEUKEMIA, REFER, _FAILED)
_COLOURS = {HEALTHY: 32, LEUKEMIA: 31, REFER: 33}  # ANSI: green, red, yellow
_MOST_FAILURES_LISTED = 20

_HEADER = f"{'decision':<9} {'p(leukemia)':>11}  file"


@dataclass
class Tally:
    """Counts of a run, to which results are added in their order.

    Attributes
    ----------
    decisions : Counter
        Decision, or ``failed``, -> cells; superseded results do not count.
    marked : int
        Decided cells with quality codes.
    failures : list of Result
        The first results without a decision.
    earlier : int
        How many of the results that count were there before this run.
    superseded : int
        Results that no longer count: the file was written again.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    failures: list[Result] = field(default_factory=list)
    earlier: int = 0
    superseded: int = 0
    _kinds: bytearray = field(default_factory=bytearray)  # a byte for each result

    def add(self, result: Result, is_earlier: bool = False) -> None:
        """Count one result, in place of the one that it supersedes."""
        word = result.decision or _FAILED
        is_marked = result.decision is not None and result.quality is not None
        self._kinds.append(_WORDS.index(word) << 2 | is_marked << 1 | is_earlier)
        self.decisions[word] += 1
        self.marked += is_marked
        self.earlier += is_earlier
        if result.supersedes is not None:
            self._take_back(result.supersedes)
        if result.error and len(self.failures) < _MOST_FAILURES_LISTED:
            self.failures.append(result)

    def _take_back(self, index: int) -> None:
        kind = self._kinds[index]
        self.superseded += 1
        self.decisions[_WORDS[kind >> 2]] -= 1
        self.marked -= kind >> 1 & 1
        self.earlier -= kind & 1
        self.failures = [failure for failure in self.failures if failure.index != index]

    def add_earlier(self, result: Result) -> None:
        """Count one result that was there before this run."""
        self.add(result, is_earlier=True)

    @property
    def failed(self) -> int:
        """Inputs without a decision."""
        return self.decisions[_FAILED]

    @property
    def total(self) -> int:
        """Inputs in all."""
        return self.decisions.total()


class Table:
    """Results as lines on stdout, where no result file was asked for."""

    def __init__(self) -> None:
        self._in_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(_HEADER, flush=True)

    def write(self, result: Result) -> None:
        """Print one result, at once: someone may be waiting for it."""
        print(_line(result, self._in_colour), flush=True)


def _line(result: Result, in_colour: bool) -> str:
    name = printable(result.file) + (f"  ({result.quality})" if result.quality else "")
    name += "  (decided again: the file changed)" if result.supersedes is not None else ""
    if result.decision is None:
        return f"{_FAILED:<9} {result.error:>11}  {name}"
    word = f"{result.decision:<9}"
    if in_colour:
        word = f"\x1b[{_COLOURS[result.decision]}m{word}\x1b[0m"
    return f"{word} {result.p_leukemia:>11.3f}  {name}"


def summary(tally: Tally, seconds: float, classifier: Classifier) -> str:
    """Say what a run found, how fast and with what."""
    counts = ", ".join(f"{tally.decisions[word]} {word}" for word in (HEALTHY, LEUKEMIA, REFER))
    model, runtime = classifier.model_file, classifier.runtime
    marked = f", {tally.marked} of them marked for quality" if tally.marked else ""
    earlier = f", {tally.earlier} of them by an earlier run" if tally.earlier else ""
    again = f"; decided again: {tally.superseded}, as files changed" if tally.superseded else ""
    return (
        f"{tally.total} {'cell' if tally.total == 1 else 'cells'}: {counts}"
        f" (a person looks{marked}), {tally.failed} failed{earlier}{again}\n"
        f"{(tally.total - tally.earlier) / seconds:.0f} cells/s with {classifier.threads} threads,"
        f" model {printable(model.metadata.network)} {model.sha256[:12]},"
        f" runtime {runtime.name} {runtime.version}\n"
        "Research software: this is not a diagnosis."
    )


def say_failures(tally: Tally) -> None:
    """List on stderr what failed and why."""
    for result in tally.failures:
        say(f"failed: {printable(result.file)}: {result.error}: {_why(result)}")
    if tally.failed > len(tally.failures):
        say(f"... and {tally.failed - len(tally.failures)} more; --out names them all")


def say_left_out(left_out: LeftOut) -> None:
    """Say on stderr what a search has left out, if anything."""
    for line in left_out.lines():
        say(line)


def _why(result: Result) -> str:
    if result.message:
        return printable(result.message)
    if result.quality:  # read from a result file, which keeps the codes alone
        return printable(in_words(result.quality.split()))
    return REASONS.get(result.error or "", "")


def with_progress(results: Iterable[Result], tally: Tally, total: int | None) -> Iterator[Result]:
    """Pass results through, drawing on stderr how much of the total is tallied."""
    from rich.console import Console
    from rich.progress import Progress

    stderr = cast("TextIO", Careful(sys.stderr))  # a terminal may go away while a run goes on
    with Progress(console=Console(file=stderr)) as bar:
        task = bar.add_task("classifying", total=total)
        for result in results:
            yield result
            bar.update(task, completed=tally.total)
        bar.update(task, completed=tally.total)
