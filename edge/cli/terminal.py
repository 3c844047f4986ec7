"""What a run prints: a line per cell, a summary, what failed, a progress bar."""

from __future__ import annotations

import os
import sys
from typing import TextIO, cast

from edge.cli.command import say
from edge.decisions.decision import HEALTHY, LEUKEMIA, REFER
from edge.engine.classifier import Classifier
from edge.process.streams import Careful
from edge.reasons import REASONS, in_words
from edge.rows import Result
from edge.tally import FAILED, Tally
from edge.wording import printable

_COLOURS = {HEALTHY: 32, LEUKEMIA: 31, REFER: 33}  # ANSI: green, red, yellow

_HEADER = f"{'decision':<9} {'p(leukemia)':>11}  file"


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
        return f"{FAILED:<9} {result.error:>11}  {name}"
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


def _why(result: Result) -> str:
    if result.message:
        return printable(result.message)
    if result.quality:  # read from a result file, which keeps the codes alone
        return printable(in_words(result.quality.split()))
    return REASONS.get(result.error or "", "")


class ProgressBar:
    """How much of a run is done, drawn on stderr; a context manager.

    Parameters
    ----------
    total : int or None
        Samples in all, where that is known.
    """

    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import Progress

        stderr = cast("TextIO", Careful(sys.stderr))  # a terminal may go away while a run goes on
        self._bar = Progress(console=Console(file=stderr))
        self._task = self._bar.add_task("classifying", total=total)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, tally: Tally) -> None:
        """Draw how much is tallied."""
        self._bar.update(self._task, completed=tally.total)
