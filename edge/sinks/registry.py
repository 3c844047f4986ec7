"""Which sinks there are, by suffix: a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import OutputFailed
from edge.registry import imported
from edge.sinks.sink import Run, Sink

MakeSink = Callable[[Path, Run, bool], Sink]
"""Makes a sink of a path, a run, and whether that goes on with what is there."""


@dataclass(frozen=True)
class SinkKind:
    """What is known of a kind of sink before one is made.

    Attributes
    ----------
    suffixes : tuple of str
        In lower case, with the dot.
    maker : callable or str
        Makes the sink; ``package.module:name`` is imported when the first one is made, as most
        runs start without.
    is_page : bool
        Made for people to look at: named by ``--report``, all others by ``--out``.
    keeps_crops : bool
        Whether results must carry their crops.
    may_wait : bool
        Whether making it may wait for somebody, as a pipe for its reader: it is made when no other
        output was refused.
    """

    suffixes: tuple[str, ...]
    maker: MakeSink | str
    is_page: bool = False
    keeps_crops: bool = False
    may_wait: bool = False

    def make(self, path: Path, run: Run, resume: bool) -> Sink:
        """Make a sink of this kind.

        Raises
        ------
        OutputFailed, ResumeRefused
            Those of the sink.
        """
        made: Sink = imported(self.maker)(path, run, resume)
        return made


_kinds: dict[str, SinkKind] = {}


def register_sink(kind: SinkKind) -> None:
    """Let a suffix stand for a kind of sink, in place of what it stood for."""
    for suffix in kind.suffixes:
        _kinds[suffix] = kind


def kind_of(path: Path) -> SinkKind:
    """Kind of sink that a path names, by its suffix in either case.

    Raises
    ------
    OutputFailed
        If the suffix names none.
    """
    kind = _kinds.get(path.suffix.lower())
    if kind is None:
        raise _wrong_suffix(path, list(_kinds))
    return kind


def check_suffix(path: Path, is_page: bool) -> None:
    """Refuse a path whose suffix names no page, or no result file.

    Raises
    ------
    OutputFailed
    """
    if path.suffix.lower() not in suffixes(is_page):
        raise _wrong_suffix(path, suffixes(is_page))


def suffixes(is_page: bool) -> tuple[str, ...]:
    """Suffixes of pages, or of all other outputs, in the order of registration."""
    return tuple(suffix for suffix, kind in _kinds.items() if kind.is_page == is_page)


def _wrong_suffix(path: Path, allowed: Sequence[str]) -> OutputFailed:
    *first, last = allowed
    words = f"{', '.join(first)} or {last}" if first else last
    return OutputFailed(f"{path}: the name must end in {words}")


_TEXT, _DATABASE = "edge.sinks.text:ResultFile", "edge.sinks.database:Database"
_PAGE = "edge.sinks.page.sink:ReportFile"

register_sink(SinkKind((".csv",), _TEXT, may_wait=True))
register_sink(SinkKind((".jsonl",), _TEXT, may_wait=True))
register_sink(SinkKind((".db", ".sqlite"), _DATABASE))
register_sink(SinkKind((".html", ".htm"), _PAGE, is_page=True, keeps_crops=True))
