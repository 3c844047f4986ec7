"""Counts of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.contract import FAILED, NOT_DECIDED
from edge.rows import Result

MOST_FAILURES = 20
"""Results without a decision that are remembered."""


@dataclass
class Tally:
    """Counts of a run, to which results are added in their order.

    Attributes
    ----------
    words : tuple of str
        Words of the labels: what is decided, but ``refer``.
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

    words: tuple[str, ...]
    decisions: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    failures: list[Result] = field(default_factory=list)
    earlier: int = 0
    superseded: int = 0
    _kinds: bytearray = field(default_factory=bytearray)  # a byte for each result

    @property
    def _all_words(self) -> tuple[str, ...]:
        return (*self.words, NOT_DECIDED, FAILED)

    def add(self, result: Result, is_earlier: bool = False) -> None:
        """Count one result, in place of the one that it supersedes."""
        word = result.decision or FAILED
        is_marked = result.decision is not None and result.quality is not None
        self._kinds.append(self._all_words.index(word) << 2 | is_marked << 1 | is_earlier)
        self.decisions[word] += 1
        self.marked += is_marked
        self.earlier += is_earlier
        if result.supersedes is not None:
            self._take_back(result.supersedes)
        if result.error and len(self.failures) < MOST_FAILURES:
            self.failures.append(result)

    def _take_back(self, index: int) -> None:
        kind = self._kinds[index]
        self.superseded += 1
        self.decisions[self._all_words[kind >> 2]] -= 1
        self.marked -= kind >> 1 & 1
        self.earlier -= kind & 1
        self.failures = [failure for failure in self.failures if failure.index != index]

    def add_earlier(self, result: Result) -> None:
        """Count one result that was there before this run."""
        self.add(result, is_earlier=True)

    def add_counts(self, decisions: Mapping[str | None, int], marked: int, earlier: int) -> None:
        """Count many results at once, none of which supersedes another.

        Parameters
        ----------
        decisions : mapping
            Decision -> results; None: those without one.
        marked : int
            How many of the decided ones have quality codes.
        earlier : int
            How many were there before this run.
        """
        for word, n in decisions.items():
            self.decisions[word or FAILED] += n
        self.marked += marked
        self.earlier += earlier

    @property
    def rows(self) -> int:
        """All results, those that no longer count too."""
        return len(self._kinds)

    @property
    def failed(self) -> int:
        """Inputs without a decision."""
        return self.decisions[FAILED]

    @property
    def total(self) -> int:
        """Inputs in all."""
        return self.decisions.total()
