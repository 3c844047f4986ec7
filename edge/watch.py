"""Watch a folder: each image once, as soon as it is complete.

A file is complete when the system says that it was closed after writing or moved in, or
else when looks at it find that its size and time have not changed for a while. The looks go on
beside the events, for what events miss.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import stat
import threading
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import FrameType

from edge.content import Found
from edge.decode import file_name
from edge.errors import NoEvents, NoInputs
from edge.folder_events import folder_events
from edge.folders import search_folder
from edge.interrupts import ask_to_end
from edge.left_out import LeftOut
from edge.names import IMAGE_SUFFIXES, is_hidden, suffix_of
from edge.results import Result
from edge.sources import Input, open_path

_LOOK_EVERY = 1.0  # seconds
_LOOKS_TO_BE_SURE = 10  # where events should have come, and of files without a byte
_MOST_AT_ONCE = 64  # inputs between two chances to stop


@dataclass(frozen=True)
class _Look:
    """What a look at a file found.

    Attributes
    ----------
    seen : tuple
        Number, size in bytes and time of the file, or what stands in its place.
    since : float
        Since when it has been seen so, in monotonic seconds.
    modified : float or None
        When it was written last, in seconds of the file's clock; None if it is no file.
    """

    seen: tuple[object, ...]
    since: float
    modified: float | None = None


class Watch:
    """Inputs of a folder as they become complete; a context manager to iterate over once.

    Yields lists of inputs, never empty ones, until :meth:`stop`: first what is there, then what
    comes. The folder is searched as a folder named as a source: hidden and unfinished names
    are left alone until they are renamed. A file is known by its
    path: one that is written again is not taken again. In the main thread, Ctrl-C and
    SIGTERM stop it, too.

    Parameters
    ----------
    folder : str
    done : container of str
        Inputs that earlier runs have done, as the ``file`` column of results names them.
    look_every : float
        Seconds between two looks; what is unchanged between them is complete. Where
        the system tells of files, ten times as much.
    events : bool
        Whether to let the system tell of files where it can.

    Raises
    ------
    NoInputs
        If there is no such folder.

    Attributes
    ----------
    left_out : LeftOut
        What the last look at the whole folder left out.
    """

    def __init__(
        self,
        folder: str,
        done: Container[str] = frozenset(),
        look_every: float = _LOOK_EVERY,
        events: bool = True,
    ) -> None:
        if not os.path.isdir(folder):
            raise NoInputs(f"no such folder to watch: {file_name(folder)}")
        self.left_out = LeftOut()
        self._folder = folder
        self._done = done
        self._look_every = look_every
        self._events = events
        self._patience = look_every
        self._news: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._earlier: list[Input] = []
        self._taken: set[str] = set()
        self._looks: dict[str, _Look] = {}
        self._index = 0
        self._stopped = False
        self._context = contextlib.ExitStack()
        self._way = f"looking every {look_every:g} s"

    def __enter__(self) -> Watch:
        if self._events:
            try:
                self._context.enter_context(folder_events(self._folder, self._tell))
                self._patience = self._look_every * _LOOKS_TO_BE_SURE
                self._way = "the system tells of files"
            except NoEvents as error:
                self._events = False
                self._way += f": {error}"
        if threading.current_thread() is threading.main_thread():
            self._context.enter_context(_stopped_by_signals(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The folder as results name it."""
        return (file_name(self._folder),)

    def go_on_after(self, earlier: Iterable[Result]) -> None:
        """Give the inputs of an earlier watch first, and then only what it did not take."""
        self._earlier = [Input(row.source, row.file, row.index) for row in earlier]
        self._done = frozenset(entry.path for entry in self._earlier)
        self._index = len(self._earlier)

    @property
    def how(self) -> str:
        """How the folder is watched, for people."""
        return f"watching {file_name(self._folder)} ({self._way}); Ctrl-C ends it"

    def count(self) -> None:
        """Nobody knows how many will come."""

    def stop(self) -> None:
        """End the watch after what is at hand; from any thread or signal handler."""
        self._stopped = True
        self._news.put(None)

    def __iter__(self) -> Iterator[list[Input]]:
        if self._earlier:
            yield self._earlier
        next_look = time.monotonic()
        while not self._stopped:
            if time.monotonic() >= next_look:
                yield from self._batches(self._complete_by_looks())
                next_look = time.monotonic() + self._pause()
            complete, begun = self._wait(next_look)
            if begun:
                next_look = min(next_look, time.monotonic() + self._look_every)
            yield from self._batches(complete)

    def _tell(self, path: str, complete: bool) -> None:
        self._news.put((path, complete))

    def _pause(self) -> float:
        """Seconds until the next look: short while any file may be half written."""
        return self._patience if self._events and not self._looks else self._look_every

    def _wait(self, until: float) -> tuple[list[Found], bool]:
        """Wait for news: what is complete, and whether anything else was begun."""
        complete: list[Found] = []
        begun = False
        seconds = max(until - time.monotonic(), 0.0)
        while len(complete) < _MOST_AT_ONCE:
            try:
                news = self._news.get(timeout=seconds)
            except queue.Empty:
                break
            seconds = 0.0  # what came with it
            if news is None:
                break
            path, is_complete = news
            if not is_complete:
                begun = True
            elif suffix_of(path) in IMAGE_SUFFIXES and self._is_new(path) and os.path.lexists(path):
                complete.append(Found(path))  # and not renamed since, as the last check makes sure
        return complete, begun

    def _is_new(self, path: str) -> bool:
        if path in self._taken or file_name(path) in self._done:
            return False
        names = os.path.relpath(path, self._folder).split(os.sep)
        return names == [os.curdir] or not any(map(is_hidden, names))

    def _complete_by_looks(self) -> Iterator[Found]:
        """Search the folder for what is new and has not changed for long enough."""
        before, self._looks = self._looks, {}
        left_out = LeftOut()  # anew: an unfinished name may have become an image
        for found in search_folder(self._folder, left_out):
            if not self._is_new(found.path):
                continue
            look = _look(found)
            if look is None:
                continue
            earlier = before.get(found.path)
            if earlier and earlier.seen == look.seen:
                look = earlier
            if self._is_complete(look):
                yield found
            else:
                self._looks[found.path] = look
        self.left_out = left_out

    def _is_complete(self, look: _Look) -> bool:
        unchanged = time.monotonic() - look.since
        if look.modified is None:  # no file, and it will not become one
            return unchanged >= self._look_every
        if look.seen[1] == 0:  # bytes: a writer may open a file and think for a while
            return unchanged >= self._look_every * _LOOKS_TO_BE_SURE
        # the clock of another machine says nothing: no events, no trust in the time of a file
        old = self._events and time.time() - look.modified >= self._patience
        return old or unchanged >= self._patience

    def _batches(self, complete: Iterable[Found]) -> Iterator[list[Input]]:
        """Inputs of what is complete, a few at a time."""
        inputs = self._take(complete)
        while not self._stopped and (batch := list(islice(inputs, _MOST_AT_ONCE))):
            yield batch

    def _take(self, complete: Iterable[Found]) -> Iterator[Input]:
        for whole in complete:
            if whole.path in self._taken:
                continue
            self._taken.add(whole.path)
            for found in [whole] if whole.error else open_path(whole.path):
                if file_name(found.path) not in self._done:
                    yield Input(self._folder, found.path, self._index, found.error, found.content)
                    self._index += 1


def _look(found: Found) -> _Look | None:
    """Look at a file; None where it has gone again."""
    now = time.monotonic()
    if found.error:
        return _Look((found.error.reason,), now)
    try:
        status = os.stat(found.path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _Look((error.errno,), now)
    if not stat.S_ISREG(status.st_mode):
        return _Look((status.st_ino,), now)
    seen = (status.st_ino, status.st_size, status.st_mtime_ns)
    return _Look(seen, now, status.st_mtime)


@contextlib.contextmanager
def _stopped_by_signals(watch: Watch) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a watch in good order; a second one as ever."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: FrameType | None) -> None:
        restore()
        ask_to_end()
        watch.stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
