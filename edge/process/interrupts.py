"""Ctrl-C, SIGTERM, SIGHUP and services end a run between two results, never inside one."""

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
    """The user, the system or a service asks a run to end.

    Attributes
    ----------
    exit_code : int
        128 and the number of the signal, as shells give it; 0 if no signal asked.
    unwritten : OutputFailed or None
        What could not be written on the way out.
    """

    def __init__(self, exit_code: int, unwritten: OutputFailed | None = None) -> None:
        super().__init__(f"asked to end with exit code {exit_code}")
        self.exit_code = exit_code
        self.unwritten = unwritten


class StopToken:
    """Asks a run to end between two results: on Ctrl-C, SIGTERM and SIGHUP, or for a service.

    Attributes
    ----------
    exit_code : int or None
        What the run was asked to end with; None until it is asked.
    is_held : bool
        Whether something is being done that must not be cut in two.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.is_held = False
        self._wakers: list[Callable[[], object]] = []

    def request(self, exit_code: int = 0) -> None:
        """Ask the run to end; from any thread or signal handler."""
        ask_to_end()
        self.exit_code = exit_code
        for wake in self._wakers:
            wake()

    @property
    def is_requested(self) -> bool:
        """Whether the run was asked to end."""
        return self.exit_code is not None

    def check(self) -> None:
        """Raise :class:`Interrupted` if the run was asked to end."""
        if self.exit_code is not None:
            raise Interrupted(self.exit_code)

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Iterator[None]:
        """Call `wake` when the run is asked to end: whoever waits then looks at the token."""
        self._wakers.append(wake)
        try:
            yield
        finally:
            self._wakers.remove(wake)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let what happens inside finish first, or fail; then end if that was asked."""
        self.is_held = True
        try:
            yield
        except EdgeAllError as error:
            if self.exit_code is None:
                raise
            unwritten = error if isinstance(error, OutputFailed) else None
            raise Interrupted(self.exit_code, unwritten) from error
        finally:
            self.is_held = False
        self.check()


class Interrupts:
    """Hands SIGINT, SIGTERM and SIGHUP to a stop token; a context manager.

    Does nothing outside the main thread, which alone gets signals. A SIGHUP that is ignored
    stays so: the process was started with ``nohup``.

    Parameters
    ----------
    stop : StopToken
        Where it is not held, :class:`Interrupted` is raised at once, wherever the main thread is.
    """

    def __init__(self, stop: StopToken) -> None:
        self._stop = stop
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

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._stop.request(_exit_code(number))
        if not self._stop.is_held:
            raise Interrupted(_exit_code(number))


def _exit_code(signal_number: int) -> int:
    return 128 + signal_number


def ask_to_end() -> None:
    """Let nothing in this process wait long for others any more; from any thread or handler."""
    _asked.set()


@contextmanager
def ended_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end in good order what may never end; a second one as ever.

    Parameters
    ----------
    stop : callable
        Called in the signal handler.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        restore()
        ask_to_end()
        stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()


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
        raise Interrupted(_exit_code(_HANGUP)) from error
