"""What a run prints: a line per cell, a summary, what failed, a progress bar."""

from __future__ import annotations

import os
import sys
from typing import TextIO, cast

from edge.cli.command import say
from edge.contract import COLOUR_OF_POSITIVE, FAILED, NOT_DECIDED, Contract
from edge.engine.classifier import Classifier
from edge.events import ScaleShifted
from edge.process.streams import Careful
from edge.reasons import REASONS, in_words
from edge.rows import Result
from edge.tally import Tally
from edge.wording import printable

_ANSI = {"green": 32, "blue": 34, "purple": 35, "sky": 36, "grey": 37, COLOUR_OF_POSITIVE: 31}
_ANSI_OF_REFER = 33  # yellow
_NARROWEST, _NUMBER = 9, 11


class Table:
    """Results as lines on stdout, where no result file was asked for.

    Parameters
    ----------
    contract : Contract
        Of the model file.
    """

    def __init__(self, contract: Contract) -> None:
        self._in_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours = {label.words: _ANSI[label.colour] for label in contract.labels}
        self._colours[NOT_DECIDED] = _ANSI_OF_REFER
        self._width = max(_NARROWEST, *(len(words) + 1 for words in contract.words))
        p = f"p({contract.words[1]})" if len(contract.labels) == 2 else "probability"
        self._number = max(_NUMBER, len(p))
        print(f"{'decision':<{self._width}} {p:>{self._number}}  file", flush=True)

    def write(self, result: Result) -> None:
        """Print one result, at once: someone may be waiting for it."""
        print(self._line(result), flush=True)

    def _line(self, result: Result) -> str:
        which = result.sample if result.parent and result.sample else result.file
        name = printable(which) + (f"  ({result.quality})" if result.quality else "")
        name += "  (decided again: the file changed)" if result.supersedes is not None else ""
        if result.decision is None:
            return f"{FAILED:<{self._width}} {result.error:>{self._number}}  {name}"
        word = f"{result.decision:<{self._width}}"
        if self._in_colour:
            word = f"\x1b[{self._colours[result.decision]}m{word}\x1b[0m"
        return f"{word} {result.probability:>{self._number}.3f}  {name}"


def summary(tally: Tally, seconds: float, classifier: Classifier, where: str = "") -> str:
    """Say what a run found, how fast and with what; on how many threads, or `where` else."""
    words = (*tally.words, NOT_DECIDED)
    where = where or f"{classifier.threads} threads"
    counts = ", ".join(f"{tally.decisions[word]} {word}" for word in words)
    model, runtime = classifier.model_file, classifier.runtime
    marked = f", {tally.marked} of them marked for quality" if tally.marked else ""
    earlier = f", {tally.earlier} of them by an earlier run" if tally.earlier else ""
    again = f"; decided again: {tally.superseded}, as files changed" if tally.superseded else ""
    return (
        f"{tally.total} {'cell' if tally.total == 1 else 'cells'}: {counts}"
        f" (a person looks{marked}), {tally.failed} failed{earlier}{again}\n"
        f"{(tally.total - tally.earlier) / seconds:.0f} cells/s with {where},"
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


def say_shift(shift: ScaleShifted) -> None:
    """Say on stderr which cells are shown at another scale, and what to do."""
    whose = "this run, all smears together," if shift.smear is None else printable(shift.smear)
    how = "at another scale, as an earlier run found"
    if shift.factor is not None:
        how = f"about {shift.factor:.2f} times as large as those of training"
    say(
        f"scale-shift: the cells of {whose} are shown {how}: check magnification, camera resolution"
        " and how they are cut out, or give --pixel-size where the model file says its scale"
    )


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
