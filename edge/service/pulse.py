"""Whether a service is alive: it stores results, or waits for something that has a name and an end.

A process that lives and stores nothing is dead. So the watchdog hears of it only when results were
committed, and, by a thread, within a named wait that is not longer than it may be. All times are by
the monotonic clock: setting the clock of the machine changes none of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.service.notify import ServiceManager

_LOOK_EVERY = 1.0  # seconds
_SHOW_EVERY = 5.0  # seconds between two texts of status while all is well
_MORE = 60_000_000  # microseconds that the first frame may take from now on, as long as it waits


@dataclass(frozen=True)
class Wait:
    """Something that is waited for.

    Attributes
    ----------
    what : str
        ``waiting for the camera``, for people.
    since : float
        By the monotonic clock.
    """

    what: str
    since: float

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self.since


class Pulse:
    """Tells the service manager that results are stored, or what is waited for; a context manager.

    Parameters
    ----------
    manager : ServiceManager
    longest : float
        Seconds that a wait may last.
    give_up : callable
        Called once, by a thread, with the wait that lasted longer.
    """

    def __init__(
        self, manager: ServiceManager, longest: float, give_up: Callable[[Wait], object]
    ) -> None:
        self._manager = manager
        self._longest = longest
        self._give_up = give_up
        self._wait: Wait | None = None
        self._shown = 0.0
        self._is_ready = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        every = min(_LOOK_EVERY, longest / 3, (manager.watchdog or 60) / 3)
        self._thread = threading.Thread(target=self._beat, args=[every], name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._manager.tell(STOPPING=1)

    def wait_for(self, what: str) -> None:
        """Begin a wait; one for the same goes on."""
        with self._lock:
            if self._wait is None or self._wait.what != what:
                self._wait = Wait(what, time.monotonic())

    def end_wait(self) -> Wait | None:
        """End the wait, if there is one, and give it."""
        with self._lock:
            wait, self._wait = self._wait, None
        return wait

    def note_ready(self) -> None:
        """Tell, once, that the camera gave a frame."""
        if not self._is_ready:
            self._is_ready = True
            self._manager.tell(READY=1)

    def note_committed(self, status: str) -> None:
        """Tell that results were committed."""
        now = time.monotonic()
        if self._wait is None and now - self._shown >= _SHOW_EVERY:
            self._shown = now
            self._manager.tell(WATCHDOG=1, STATUS=status)
        else:
            self._manager.tell(WATCHDOG=1)

    def _beat(self, every: float) -> None:
        gave_up: Wait | None = None
        while not self._ended.wait(every):
            with self._lock:
                wait = self._wait
            if wait is None:
                continue
            if wait.seconds <= self._longest:
                more = {} if self._is_ready else {"EXTEND_TIMEOUT_USEC": _MORE}
                says = f"{wait.what}, {wait.seconds:.0f} s"
                self._manager.tell(WATCHDOG=1, STATUS=says, **more)
            elif gave_up is not wait:
                gave_up = wait
                self._manager.tell(STATUS=f"{wait.what}: gave up after {wait.seconds:.0f} s")
                self._give_up(wait)
