"""Read a source a little ahead, so that what is at hand need not wait for what is not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """The items of a source, read by a thread of its own; a context manager.

    The thread never outlives the process: a source may rest for ever, as a terminal does.
    Left early, it ends when the source gives its next item.

    Parameters
    ----------
    source : iterable
        Used in that thread only.
    most : int
        Items at hand at most. It goes on reading when half of them were taken.
    """

    def __init__(self, source: Iterable[T], most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._left = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._read, args=[source], name="read ahead", daemon=True
        )

    def __enter__(self) -> ReadAhead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()

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
        return self._left or len(self._items) <= self._most // 2

    def _read(self, source: Iterable[T]) -> None:
        try:
            for item in source:
                with self._changed:
                    if len(self._items) >= self._most:  # then a pause, or each item taken wakes it
                        self._changed.wait_for(self._has_room)
                    if self._left:
                        return
                    self._items.append(item)
                    self._changed.notify_all()
        except BaseException as error:  # whoever takes the items is to see it
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
