"""Read a source a little ahead, so that what is at hand need not wait for what is not.

The thread that reads may be in native code, of a camera say. Where Python ends meanwhile, that
code comes back into an interpreter that is no more, and the process aborts; where the camera is
closed meanwhile, it crashes. So whoever leaves a source early waits for it a little, and Python
waits longer before it ends. Not for ever: a source may rest, as a queue does.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that a source is waited for when it is left: a camera gives its next image by then."""

MOST_BYTES = 32_000_000
"""Bytes of pixels that wait at hand, or one item if that has more."""

_PATIENCE_AT_EXIT = 5.0  # seconds: for a camera that takes long, or its own time-out


class ReadAhead(Generic[T]):
    """The items of a source, read by a thread of its own; a context manager.

    The thread never outlives the process: a source may rest for ever, as a terminal does.
    Left early, it ends when the source gives its next item, and is waited for until then, but not
    beyond the patience. In a process forked meanwhile there is no such thread, and leaving does
    nothing.

    Parameters
    ----------
    source : iterable
        Used in that thread only.
    most : int
        Items at hand at most. It goes on reading when half of them were taken.
    weigh : callable
        Bytes that an item takes; most take next to nothing.
    patience : float
        Seconds to wait for the source when it is left. 0: not when Python ends, either; for a
        source that is never in native code which Python's end would break.
    """

    def __init__(
        self,
        source: Iterable[T],
        most: int,
        patience: float = PATIENCE,
        weigh: Callable[[T], int] = lambda item: 0,
    ) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._patience = patience
        self._process = os.getpid()
        self._items: deque[T] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._left = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._read, args=[source], name="read ahead", daemon=True
        )

    def __enter__(self) -> ReadAhead[T]:
        if self._patience:
            _reading.add(self)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Read no further, and wait for the source as long as the patience lasts."""
        self.stop()
        self.join(self._patience)

    def stop(self) -> None:
        """Read no further; the thread ends when the source gives its next item."""
        if self._process == os.getpid():  # else a thread left behind may hold the lock for ever
            with self._changed:
                self._left = True
                self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, for so long at most."""
        if self._thread is not threading.current_thread():  # the source itself may leave
            self._thread.join(seconds)

    def take(
        self,
        most: int,
        least: Callable[[], int] = lambda: 1,
        unless: Callable[[], bool] = lambda: False,
    ) -> list[T]:
        """Take what is at hand, and wait if that is too little.

        Parameters
        ----------
        most : int
            Items to take at most.
        least : callable
            Items worth taking before the source has ended, at most as many as it reads ahead;
            asked at first, and again at every :meth:`wake`.
        unless : callable
            What ends the wait once it is true; asked as often.

        Returns
        -------
        list
            Empty if the wait was ended, and at the end of the source.
        """

        def enough() -> bool:
            return self._ended or len(self._items) >= least()

        with self._changed:
            self._changed.wait_for(lambda: enough() or unless())
            at_hand = min(most, len(self._items)) if enough() else 0
            taken = [self._items.popleft() for _ in range(at_hand)]
            self._weight -= sum(map(self._weigh, taken))
            self._changed.notify_all()
        return taken

    def wake(self, *_: object) -> None:
        """Let a wait look again whether it is to end; from any thread."""
        with self._changed:
            self._changed.notify_all()

    def raise_error(self) -> None:
        """Raise the error that ended the source, if one did."""
        if self._error:
            raise self._error

    def _has_room(self) -> bool:
        half_full = len(self._items) <= self._most // 2 and self._weight <= MOST_BYTES // 2
        return self._left or half_full

    def _read(self, source: Iterable[T]) -> None:
        try:
            self._read_all(source)
        finally:
            _reading.discard(self)

    def _read_all(self, source: Iterable[T]) -> None:
        try:
            for item in source:
                with self._changed:
                    if len(self._items) >= self._most or self._weight >= MOST_BYTES:
                        self._changed.wait_for(self._has_room)  # a pause: not for each item taken
                    if self._left:
                        return
                    self._items.append(item)
                    self._weight += self._weigh(item)
                    self._changed.notify_all()
        except BaseException as error:  # whoever takes the items is to see it
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


_reading: set[ReadAhead[Any]] = set()


def _leave_all() -> None:
    """Wait, before Python ends, for all sources that are still read; together so long at most."""
    until = time.monotonic() + _PATIENCE_AT_EXIT
    sources = list(_reading)
    for source in sources:
        source.stop()
    for source in sources:
        source.join(max(until - time.monotonic(), 0))


atexit.register(_leave_all)
