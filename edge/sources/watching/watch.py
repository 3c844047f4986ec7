"""Watch a folder: each image as soon as it is complete, and again when it was written again.

A file is complete when the system says that it was closed after writing or moved in, or
else when looks at it find that its size and time have not changed for a while; unless it shows
signs of a writer who is not done: then it must rest for longer. Nobody can be sure. So what was
taken is looked at again, in turns, and taken again if it is not what it was. The looks go on
beside the events, for what events miss.
"""

from __future__ import annotations

import contextlib
import os
import queue
import stat
import threading
import time
from collections import deque
from collections.abc import Container, Iterable, Iterator
from itertools import islice

from edge.errors import NoEvents, NoInputs
from edge.files import file_name, unreadable
from edge.process.interrupts import ended_by_signals
from edge.rows import Result
from edge.samples import Sample
from edge.sources.content import Found
from edge.sources.field_facts import with_facts
from edge.sources.find import open_path
from edge.sources.folders import search_folder
from edge.sources.left_out import LeftOut
from edge.sources.names import IMAGE_SUFFIXES, is_hidden, suffix_of
from edge.sources.watching.completeness import is_being_written
from edge.sources.watching.folder_events import folder_events, network_share
from edge.sources.watching.look import Look
from edge.sources.watching.taken import NotedFile, Taken, state_of, state_of_error

_LOOK_EVERY = 1.0  # seconds
_LOOKS_TO_BE_SURE = 3  # where an event should have come, or times count in steps of two seconds
_LOOKS_SKIPPED = 10  # where the system tells of files
_LOOKS_IN_DOUBT = 60
_MOST_AT_ONCE = 64  # inputs between two chances to stop


class Watch:
    """Inputs of a folder as they become complete; a context manager to iterate over once.

    Yields lists of inputs, never empty ones, until :meth:`stop`: first what is there, then what
    comes. The folder is searched as a folder named as a source: hidden and unfinished names
    are left alone until they are renamed. A file is known by its path. One that
    is written again with other bytes is given again, and says which input it supersedes. A
    link to a file that comes by itself is left alone; one that moves to a file not seen yet gives
    a new input. In the main thread, Ctrl-C and SIGTERM stop it, too.

    Parameters
    ----------
    folder : str
    done : container of str
        Inputs that earlier runs have done, as the ``file`` column of results names them: they are
        not looked at.
    look_every : float
        Seconds between two looks; what is unchanged between them is complete. On network
        shares, and where the system tells of files, it must be unchanged three times as long;
        where the system tells of files, there are ten times fewer looks.
    events : bool
        Whether to let the system tell of files where it can.
    in_doubt : float, optional
        Seconds that a file must rest which is empty, cut off, open for writing, has parts that
        were never written, or ends in black as if cut; 60 times `look_every` by default. Without
        events, every file is read once more so long after it was taken.

    Raises
    ------
    NoInputs
        If there is no such folder.

    Attributes
    ----------
    left_out : LeftOut
        What the last look at the whole folder left out.
    """

    is_live = True

    def __init__(
        self,
        folder: str,
        done: Container[str] = frozenset(),
        look_every: float = _LOOK_EVERY,
        events: bool = True,
        in_doubt: float | None = None,
    ) -> None:
        if not os.path.isdir(folder):
            raise NoInputs(f"no such folder to watch: {file_name(folder)}")
        self.left_out = LeftOut()
        self._folder = folder
        self._home = os.path.realpath(folder)
        self._done = done
        self._look_every = look_every
        self._events = events
        self._is_local = network_share(folder) is None
        self._patience = look_every * (1 if self._is_local else _LOOKS_TO_BE_SURE)
        self._in_doubt = look_every * _LOOKS_IN_DOUBT if in_doubt is None else in_doubt
        self._news: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._earlier: list[Sample] = []
        self._taken = Taken()
        self._looks: dict[str, Look] = {}
        self._to_compare: deque[tuple[float, str]] = deque()
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
            self._context.enter_context(ended_by_signals(self.stop))
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The folder as results name it."""
        return (file_name(self._folder),)

    def go_on_after(self, earlier: Iterable[Result]) -> None:
        """Give the inputs of an earlier watch first, then what it did not take or not as it is."""
        for row in earlier:
            self._earlier.append(
                Sample(row.source, row.file, supersedes=row.supersedes, version=row.file_version)
            )
            self._taken.add_earlier(row)
        self._index = len(self._earlier)

    @property
    def how(self) -> str:
        """How the folder is watched, for people."""
        return f"watching {file_name(self._folder)} ({self._way}); Ctrl-C ends it"

    @property
    def left(self) -> list[str]:
        """What was not taken in the end and what was left out, a line each, for people."""
        if not self._looks:
            return self.left_out.lines()
        first, more = file_name(next(iter(self._looks))), len(self._looks) - 1
        others = f" and {more} more" if more else ""
        waiting = (
            f"not decided, because it may not be complete yet: {first}{others}; the same command"
            " with --resume takes it"
        )
        return [waiting, *self.left_out.lines()]

    def count(self) -> int | None:
        """Nobody knows how many will come."""

    def stop(self) -> None:
        """End the watch after what is at hand; from any thread or signal handler."""
        self._stopped = True
        self._news.put(None)

    def __iter__(self) -> Iterator[list[Sample]]:
        if self._earlier:
            yield self._earlier
            self._earlier = []
        next_look = time.monotonic()
        while not self._stopped:
            if time.monotonic() >= next_look:
                yield from self._batches(self._look_at_all())
                next_look = time.monotonic() + self._pause()
            told, begun = self._wait(next_look)
            if begun:
                next_look = min(next_look, time.monotonic() + self._look_every)
            yield from self._batches(self._look_at_told(told))
            if self._looks:
                next_look = min(next_look, time.monotonic() + self._look_every)

    def _tell(self, path: str, complete: bool) -> None:
        self._news.put((path, complete))

    def _pause(self) -> float:
        """Seconds until the next look: short while any file may be half written."""
        return self._look_every * (_LOOKS_SKIPPED if self._events and not self._looks else 1)

    def _wait(self, until: float) -> tuple[list[str], bool]:
        """Wait for news: what was closed or moved in, and whether anything else was begun."""
        told: list[str] = []
        begun = False
        seconds = max(until - time.monotonic(), 0.0)
        while len(told) < _MOST_AT_ONCE:
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
            elif suffix_of(path) in IMAGE_SUFFIXES and self._is_wanted(path):
                told.append(path)
        return told, begun

    def _is_wanted(self, path: str) -> bool:
        if file_name(path) in self._done:
            return False
        names = os.path.relpath(path, self._folder).split(os.sep)
        return names == [os.curdir] or not any(map(is_hidden, names))

    def _look_at_told(self, paths: Iterable[str]) -> Iterator[Sample]:
        for path in paths:  # renamed since, some of them: a look finds nothing there
            yield from self._look_at(Found(path), told=True)

    def _look_at_all(self) -> Iterator[Sample]:
        """Search the folder for what is new or was written again, and is complete."""
        while self._to_compare and self._to_compare[0][0] <= time.monotonic():
            self._taken.doubt(self._to_compare.popleft()[1])
        self._taken.next_turn()
        there: set[str] = set()
        left_out = LeftOut()  # anew: an unfinished name may have become an image
        for found in search_folder(self._folder, left_out):
            is_due = found.path in self._looks or self._taken.is_its_turn(file_name(found.path))
            if is_due and self._is_wanted(found.path):
                yield from self._look_at(found)
                if found.path in self._looks:
                    there.add(found.path)
        if not self._stopped:
            self._looks = {path: self._looks[path] for path in there}
            self.left_out = left_out

    def _look_at(self, found: Found, told: bool = False) -> Iterator[Sample]:
        """Look at a file; give it if it is complete and not taken as it is, or wait for it."""
        before = self._looks.pop(found.path, None)
        look = self._look(found)
        if look is None or self._is_as_it_was(look.name, look):
            return
        if before and before.state == look.state:
            look = before
        if not told and look.rest(look.modified_ns, self._is_local) < self._patience:
            self._looks[found.path] = look
            return
        look = look.examined(for_signs=not self._has_rested(look))
        if self._may_be_incomplete(look):
            self._looks[found.path] = look
        elif not self._is_as_it_was(look.name, look):
            yield from self._take(found, look)

    def _is_as_it_was(self, name: str, look: Look) -> bool:
        """Whether an input was taken, and the file was not written since or with the same bytes."""
        return self._taken.is_as_it_was(name, look.state, look.modified_ns) or (
            look.content is not None
            and self._taken.has_same_content(name, look.content, look.state)
        )

    def _look(self, found: Found) -> Look | None:
        """See what there is; None where it has gone again, or comes by itself."""
        now, target, name = time.monotonic(), found.path, file_name(found.path)
        is_broken = found.error is not None and found.error.reason != "not-found"
        if not is_broken and os.path.islink(found.path):
            target = os.path.realpath(found.path)
            if self._comes_itself(target):
                return None
            name = file_name(target)
        if found.error:
            return Look(name, target, state_of_error(found.error), now, error=found.error)
        try:
            status = os.stat(target)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Look(name, target, state_of_error(unreadable(error)), now)
        if not stat.S_ISREG(status.st_mode):
            return Look(name, target, hash(status.st_mode), now)
        changed_ns = max(status.st_mtime_ns, status.st_ctime_ns)  # a copy may keep an old time
        look = Look(name, target, state_of(status), now, status.st_mtime_ns, changed_ns)
        if target != found.path:
            self._taken.recognise(name, file_name(found.path), status.st_mtime_ns)
        return look

    def _comes_itself(self, target: str) -> bool:
        """Whether a file is one that the search of this folder finds."""
        try:
            inside = os.path.relpath(target, self._home)
        except ValueError:  # on another drive of Windows
            return False
        return (
            not inside.startswith(os.pardir)
            and suffix_of(target) in IMAGE_SUFFIXES
            and self._is_wanted(os.path.join(self._folder, inside))
            and os.path.isfile(target)
        )

    def _may_be_incomplete(self, look: Look) -> bool:
        return not self._has_rested(look) and (
            look.is_doubtful or (self._is_local and is_being_written(look.target))
        )

    def _has_rested(self, look: Look) -> bool:
        """Whether it is to be taken as it is: it is no file, or was not written for long."""
        is_file = look.modified_ns is not None
        return not is_file or look.rest(look.changed_ns, self._is_local) >= self._in_doubt

    def _batches(self, inputs: Iterator[Sample]) -> Iterator[list[Sample]]:
        """Inputs, a few at a time."""
        while not self._stopped and (batch := list(islice(inputs, _MOST_AT_ONCE))):
            yield batch

    def _take(self, found: Found, look: Look) -> Iterator[Sample]:
        """Give the inputs in a file, and remember them."""
        before = self._taken.index_of(look.name)  # of a stack, its pages have one each
        self._taken.add(look.name, before, look.state, look.content)
        if not self._events and look.content is not None:
            self._to_compare.append((time.monotonic() + self._in_doubt, look.name))
        for each in [found] if look.error else open_path(found.path):
            name, content = file_name(each.path), each.content
            if name in self._done:
                continue
            if each.path != found.path:
                if self._is_as_it_was(name, look):
                    continue  # a page that an earlier run has done
            else:
                name = look.name
                if content is None and look.modified_ns is not None:
                    content = NotedFile(look.target, name, self._taken)
            before, index = self._taken.index_of(name), self._index
            self._taken.add(name, index, look.state, look.content)
            self._index += 1
            yield with_facts(
                Sample(
                    self._folder,
                    each.path,
                    error=each.error,
                    content=content,
                    supersedes=before,
                    version=look.version,
                )
            )
