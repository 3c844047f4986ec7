"""Ctrl-C, SIGTERM and SIGHUP end a run between two results, never inside one."""

from __future__ import annotations

import errno
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from edge.errors import EdgeAllError, OutputFailed

_HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
_SIGNALS = (signal.SIGINT, signal.SIGTERM, _HANGUP)

_GRACE = 2.0  # seconds that a process waits for others once it was asked to end

_asked = threading.Event()


class Interrupted(KeyboardInterrupt):
    """The user, or the system, asks the process to end.

    Attributes
    ----------
    exit_code : int
        128 and the number of the signal, as shells give it.
    unwritten : OutputFailed or None
        What could not be written on the way out.
    """

    def __init__(self, signal_number: int, unwritten: OutputFailed | None = None) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number
        self.unwritten = unwritten


class Interrupts:
    """Turns SIGINT, SIGTERM and SIGHUP into :class:`Interrupted`; a context manager.

    Does nothing outside the main thread, which alone gets signals. A SIGHUP that is ignored
    stays so: the process was started with ``nohup``.
    """

    def __init__(self) -> None:
        self._held = False
        self._pending: int | None = None
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int] = {}

    def __enter__(self) -> Interrupts:
        _asked.clear()
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number == _HANGUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue
                before = signal.signal(number, self._handle)
                self._before.setdefault(number, signal.SIG_DFL if before is None else before)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        _asked.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let what happens inside finish first, or fail."""
        self._held = True
        try:
            yield
        except EdgeAllError as error:
            if self._pending is None:
                raise
            unwritten = error if isinstance(error, OutputFailed) else None
            raise Interrupted(self._pending, unwritten) from error
        finally:
            self._held = False
        if self._pending is not None:
            raise Interrupted(self._pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        _asked.set()
        if self._held:
            self._pending = number
        else:
            raise Interrupted(number)


def ask_to_end() -> None:
    """Let nothing in this process wait long for others any more; from any thread or handler."""
    _asked.set()


class Patience:
    """How long to wait for others: some seconds, or two once the process was asked to end.

    Whoever waits in a call that Python cannot interrupt would make it immune to signals.

    Parameters
    ----------
    seconds : float
        For ever by default.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._until = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether to give up."""
        now = time.monotonic()
        if _asked.is_set():
            self._until = min(self._until, now + _GRACE)
        return now >= self._until


@contextmanager
def hangup_of_terminal() -> Iterator[None]:
    """Take a terminal that is gone for the SIGHUP that comes with it, or right after.

    Raises
    ------
    Interrupted
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise Interrupted(_HANGUP) from error
