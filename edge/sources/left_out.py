"""What a search has left out: counted, so that it can be said at the end of a run."""

from __future__ import annotations

from collections import Counter, defaultdict

from edge.sources.names import are_facts, is_archive
from edge.wording import printable

_EXAMPLES = 3  # of each kind
_LONGEST = 60  # characters of an example: its end tells most

HIDDEN, ARCHIVES, OTHERS, LOOPS = (
    "hidden or system files",
    "archives in a folder",
    "not named like an image",
    "links to what was searched already",
)
"""Why something was left out."""


class LeftOut:
    """Counts of what a search has left out, with the first names of each kind.

    A hidden folder counts as one: nobody looks into it.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = defaultdict(list)

    def add(self, path: str, why: str) -> None:
        """Count a file, or a folder."""
        self._counts[why] += 1
        if len(self._examples[why]) < _EXAMPLES:
            self._examples[why].append(_short(printable(path)))

    def add_hidden(self, path: str) -> None:
        """Count a hidden file, or a hidden folder with all that is in it."""
        self.add(path, HIDDEN)

    def add_unnamed(self, path: str) -> None:
        """Count a file that is not named like an image; facts of a field are read with it."""
        if not are_facts(path):
            self.add(path, ARCHIVES if is_archive(path) else OTHERS)

    @property
    def total(self) -> int:
        """How much was left out."""
        return self._counts.total()

    def lines(self) -> list[str]:
        """Say what was left out, a line for each kind; nothing if that is nothing."""
        found = [self._line(why) for why in (HIDDEN, ARCHIVES, OTHERS, LOOPS) if self._counts[why]]
        return [*found, "what is named itself is taken, whatever its name"] if found else []

    def _line(self, why: str) -> str:
        examples = self._examples[why]
        more = ", ..." if self._counts[why] > len(examples) else ""
        return f"left out: {self._counts[why]} ({why}: {', '.join(examples)}{more})"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
