"""Reads a camera in a thread of its own, whatever becomes of it: newest frames, and every fault.

The camera never waits for the disk or for whoever uses its frames: whoever takes frames too slowly
gets the newest ones, and what was dropped is counted. A camera that goes away is opened again, at
first at once, then after longer and longer waits.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from dataclasses import replace

import numpy as np

from edge.errors import CameraFault
from edge.sources.cameras.camera import Camera, Frame
from edge.sources.cameras.counts import Counts
from edge.sources.deadline import STEP, Deadline
from edge.wording import printable, shortened

WAITS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds to wait before a camera is opened again; the last one from then on."""

TIMEOUT = 10.0
"""Seconds in which a camera has to give a frame."""

MOST_FRAMES = 2
"""Frames that wait to be taken: with the one that is being read and the one that was taken, four
are in memory."""

FROZEN_SECONDS = 5.0
"""How long a live camera may give the same frame before it is opened again."""

_MOST_FAULTS = 64
_LEAVING = 2.0  # seconds that a camera gets to be closed in
_GRACE = 5.0  # seconds beyond its time-out after which a driver is said to hang
_LONGEST_MESSAGE = 200


class Runner:
    """A camera, read by a thread; a context manager to be entered once.

    Parameters
    ----------
    camera : Camera
    timeout : float
        Seconds in which it has to give a frame.
    most : int
        Frames that wait to be taken.
    waits : tuple of float
        Seconds before it is opened again, one time after the other.
    frozen : float
        Seconds of the same frame after which a live camera is opened again.
    """

    def __init__(
        self,
        camera: Camera,
        timeout: float = TIMEOUT,
        most: int = MOST_FRAMES,
        waits: tuple[float, ...] = WAITS,
        frozen: float = FROZEN_SECONDS,
    ) -> None:
        self._camera = camera
        self._timeout = timeout
        self._most = most
        self._waits = waits
        self._frozen = frozen
        self._items: deque[Frame | CameraFault] = deque()
        self._counts = Counts()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._is_done = False
        self._is_hanging = False
        self._expected = Deadline(timeout)
        self._last_digest: int | None = None
        self._last_number: int | None = None
        self._same_since: float | None = None
        self._reported: set[str] = set()
        self._outage: _Outage | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def __enter__(self) -> Runner:
        self._expect(self._timeout)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_LEAVING)

    @property
    def counts(self) -> Counts:
        """What became of the frames so far."""
        with self._changed:
            return self._counts

    @property
    def is_live(self) -> bool:
        """Whether the camera goes on by itself."""
        return self._camera.is_live

    def rest(self, seconds: float) -> bool:
        """Wait for so long; False if it was stopped meanwhile."""
        return not self._ended.wait(max(seconds, 0))

    def stop(self) -> None:
        """End the frames after what is at hand; from any thread or signal handler."""
        # in another thread: a handler may have interrupted one that holds the lock of the event
        threading.Thread(target=self._ended.set, daemon=True).start()

    def take(self, after: float | None = None) -> Frame | CameraFault | None:
        """Wait for the next frame or fault.

        Parameters
        ----------
        after : float, optional
            Leave out frames that were exposed before this time, in seconds since 1970; they do not
            count as dropped.

        Returns
        -------
        Frame, CameraFault or None
            None at the end: of the camera's frames, or after :meth:`stop`.
        """
        with self._changed:
            while True:
                while self._items:
                    item = self._items.popleft()
                    self._changed.notify_all()
                    if isinstance(item, CameraFault):
                        return item
                    if after is None or item.time >= after:
                        self._count(taken=1)
                        return item
                if self._is_done or self._ended.is_set():
                    return None
                if hanging := self._hanging():
                    return hanging
                self._changed.wait(STEP)

    def _hanging(self) -> CameraFault | None:
        """A fault if the driver has not come back in time; once, until it does."""
        overdue = self._expected.overdue
        if self._is_hanging or overdue < _GRACE:
            return None
        self._is_hanging = True
        self._count(faults=1)
        return CameraFault(
            "no-frame",
            f"its driver is {overdue:.0f} s late; unplug the camera, and start again",
        )

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._read_until_lost():
                    return
                wait = self._outage.next_wait(self._waits) if self._outage else self._waits[0]
                self._expect(wait + self._timeout)
                self._ended.wait(wait)
        finally:
            with self._changed:
                self._is_done = True
                self._changed.notify_all()

    def _read_until_lost(self) -> bool:
        """Open the camera and read it; say whether its frames have ended."""
        try:
            self._expect(self._timeout)
            with self._camera:
                while not self._ended.is_set():
                    if not self._read_one():
                        return True
        except CameraFault as fault:
            self._lose(fault)
        except Exception as error:  # of a driver: whatever it is, the camera is opened again
            said = shortened(printable(str(error) or type(error).__name__), _LONGEST_MESSAGE)
            self._lose(CameraFault("camera-lost", f"its driver says: {said}"))
        return False

    def _read_one(self) -> bool:
        try:
            frame = self._camera.read(self._expect(self._timeout))
        except CameraFault as fault:
            if fault.is_lost or self._ended.is_set():
                raise
            self._report(fault)
            return True
        if frame is None:
            return False
        if self._is_new(frame):
            self._recover()
            self._put(frame)
        return True

    def _is_new(self, frame: Frame) -> bool:
        """Whether a frame is not the last one again; a camera that is frozen is reported."""
        # cheap, as every frame is looked at; one in 2**32 that differs is taken for the same
        digest = zlib.crc32(np.ascontiguousarray(frame.pixels).data)
        if self._last_number is not None and frame.number > self._last_number + 1:
            with self._changed:
                self._count(lost=frame.number - self._last_number - 1)
        self._last_number = frame.number
        if digest != self._last_digest:
            self._last_digest, self._same_since = digest, None
            return True
        now = time.monotonic()
        with self._changed:
            self._count(same=1)
        if self._same_since is None:
            self._same_since = now
            self._report_once(_same_again(frame.number))
        elif self._camera.is_live and now - self._same_since >= self._frozen:
            self._same_since = None
            raise _same_again(frame.number)
        return False

    def _put(self, frame: Frame) -> None:
        with self._changed:
            if not self._camera.is_live:
                while self._frames() >= self._most and not self._ended.is_set():
                    self._expect(self._timeout)  # it is not the camera that is waited for
                    self._changed.wait(STEP)
            elif self._frames() >= self._most:
                oldest = next(item for item in self._items if isinstance(item, Frame))
                self._items.remove(oldest)
                self._count(dropped=1)
            self._items.append(frame)
            self._changed.notify_all()

    def _frames(self) -> int:
        return sum(isinstance(item, Frame) for item in self._items)

    def _report(self, fault: CameraFault) -> None:
        fault.time = time.time()
        with self._changed:
            if len(self._items) - self._frames() >= _MOST_FAULTS:
                self._count(unreported=1)
                return
            self._items.append(fault)
            self._count(faults=1)
            self._changed.notify_all()

    def _lose(self, fault: CameraFault) -> None:
        """Note that the camera is gone."""
        if self._ended.is_set():
            return
        if self._outage is None:
            self._outage = _Outage()
        self._last_number = None  # it counts anew
        self._report_once(fault)

    def _report_once(self, fault: CameraFault) -> None:
        """Report a fault, unless there was one for this reason since the last new frame."""
        if fault.reason not in self._reported:
            self._reported.add(fault.reason)
            self._report(fault)

    def _recover(self) -> None:
        self._reported.clear()
        if self._outage:
            with self._changed:
                away = self._counts.away + time.monotonic() - self._outage.since
                self._counts = replace(self._counts, away=away)
                self._count(opened=1)
            self._outage = None

    def _expect(self, seconds: float) -> Deadline:
        """Expect the camera to come back within so long."""
        self._expected = Deadline(seconds, self._ended)
        self._is_hanging = False
        return self._expected

    def _count(self, **more: int) -> None:
        """Add to counts; with the lock held."""
        added = {name: getattr(self._counts, name) + n for name, n in more.items()}
        self._counts = replace(self._counts, **added)


class _Outage:
    """The time from a fault to the next frame."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.tries = 0

    def next_wait(self, waits: tuple[float, ...]) -> float:
        """Seconds before the next try."""
        wait = waits[min(self.tries, len(waits) - 1)]
        self.tries += 1
        return wait


def _same_again(number: int) -> CameraFault:
    return CameraFault(
        "frozen",
        f"frame {number} is the one before again, bit for bit: the camera hangs, or is asked more"
        " often than it looks; left out until it changes",
        is_lost=False,
    )
