"""``sim:``: a camera on a drawn smear, or one that plays images of a folder.

``sim:frames=20,seed=1`` draws; ``sim:FOLDER`` plays. Everything that goes wrong with cameras can be
asked for, so that all that reads them is tested without one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.errors import CameraFault, CameraRefused
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.simulated.optics import Optics
from edge.sources.cameras.simulated.scenes import DrawnSmear, PlayedFolder, Scene
from edge.sources.deadline import Deadline

_FRAMES_A_SECOND = 5.0
_MOST_PIXELS = 8192


@dataclass(frozen=True)
class Troubles:
    """What goes wrong, by the numbers of frames.

    Attributes
    ----------
    disconnect : list of range
        Frames before which the camera goes away.
    away : float
        Seconds that it stays away.
    freeze : list of range
        Frames that are the one before again.
    stall : list of range
        Frames before which nothing comes, until whoever waits gives up.
    drop : float
        Share of frames that the camera loses.
    focus_drift : float
        Micrometres of blur that each frame adds.
    exposure_drift : float
        Share of light that each frame adds.
    """

    disconnect: tuple[range, ...] = ()
    away: float = 1.0
    freeze: tuple[range, ...] = ()
    stall: tuple[range, ...] = ()
    drop: float = 0.0
    focus_drift: float = 0.0
    exposure_drift: float = 0.0


class SimulatedCamera:
    """A camera that is drawn; see :class:`~edge.sources.cameras.camera.Camera`.

    Parameters
    ----------
    scene : Scene
        What lies under the objective.
    optics : Optics
    troubles : Troubles
    frames : int, optional
        How many there are; by default as many as the scene has.
    rate : float
        Frames a second; 0: as soon as they are asked for, and none is dropped.

    Attributes
    ----------
    given : list of int
        Numbers of the frames that it gave, those that were the last one again left out.
    """

    def __init__(
        self,
        scene: Scene,
        optics: Optics | None = None,
        troubles: Troubles | None = None,
        frames: int | None = None,
        rate: float = _FRAMES_A_SECOND,
    ) -> None:
        self.given: list[int] = []
        self._scene = scene
        self._optics = optics
        self._troubles = troubles or Troubles()
        self._frames = frames if scene.length is None else frames or scene.length
        self._rate = rate
        self._number = 0
        self._next_at: float | None = None
        self._back_at = 0.0
        self._was_lost: set[int] = set()
        self._last: UInt8Image | None = None

    @property
    def is_live(self) -> bool:
        """See :class:`~edge.sources.cameras.camera.Camera`."""
        return self._rate > 0

    def __enter__(self) -> SimulatedCamera:
        if time.monotonic() < self._back_at:
            raise CameraFault("no-camera", "the simulated camera is unplugged")
        self._next_at = None
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def read(self, deadline: Deadline) -> Frame | None:
        """Take the next frame when its time has come."""
        if not self._wait(deadline):
            raise CameraFault("no-frame", "the simulated camera takes longer than the time-out")
        self._skip_dropped()
        number = self._number
        if self._frames is not None and number >= self._frames:
            return None
        troubles = self._troubles
        if _is_in(number, troubles.disconnect) and number not in self._was_lost:
            self._was_lost.add(number)
            self._back_at = time.monotonic() + troubles.away
            raise CameraFault("camera-lost", "the simulated camera was unplugged")
        if _is_in(number, troubles.stall) and number not in self._was_lost:
            self._was_lost.add(number)
            deadline.pause(deadline.left)
            raise CameraFault("no-frame", "the simulated camera stalls")
        self._number += 1
        return self._frame(number)

    def _wait(self, deadline: Deadline) -> bool:
        if not self.is_live:
            return True
        now = time.monotonic()
        due = now if self._next_at is None else max(self._next_at, now)
        self._next_at = due + 1 / self._rate
        return due <= now or deadline.pause(due - now)

    def _skip_dropped(self) -> None:
        """Lose frames as a bus without room does: the numbers go on."""
        chance = np.random.default_rng([self._number, 97])
        if self._troubles.drop and chance.random() < self._troubles.drop:
            self._number += 1

    def _frame(self, number: int) -> Frame:
        troubles = self._troubles
        exposure = 1 + troubles.exposure_drift * number
        um = self._scene.um_per_pixel
        blur = troubles.focus_drift * number / (um or 1.0)
        is_same = _is_in(number, troubles.freeze) and self._last is not None
        if not is_same:
            pixels = self._scene.pixels(number)
            if self._optics:
                pixels = self._optics.take(pixels, number, exposure, blur)
            self._last = pixels
            self.given.append(number)
        assert self._last is not None
        focus = round(troubles.focus_drift * number, 6)
        facts = {"exposure": round(exposure, 6), "focus_um": focus, **self._scene.facts(number)}
        return Frame(self._last, time.time(), number, um, facts)


def make_camera(target: str, options: Options) -> SimulatedCamera:
    """Make the camera of ``sim:TARGET,OPTIONS``.

    Raises
    ------
    CameraRefused
        If an option cannot be, or there is no image in the folder.
    """
    frames = options.some_whole("frames", 1, 10**9)
    troubles = Troubles(
        tuple(options.spans("disconnect")),
        options.number("away", 1.0, 0, 3600),
        tuple(options.spans("freeze")),
        tuple(options.spans("stall")),
        options.number("drop", 0.0, 0, 0.9),
        options.number("focus-drift", 0.0, 0, 10),
        options.number("exposure-drift", 0.0, -0.5, 0.5),
    )
    seed = options.whole("seed", 0, 0, 2**31)
    optics = Optics(seed, options.number("vignette", 0.0, 0, 0.9), _tint(options))
    if target:
        scene: Scene = PlayedFolder(target)
        rate = options.number("fps", 0.0, 0, 1000)
        plain = Optics(seed)
        return SimulatedCamera(scene, None if optics == plain else optics, troubles, frames, rate)
    still = options.whole("still", 1, 1, 10**6)
    drawn = DrawnSmear(
        seed,
        options.whole("width", 1280, 64, _MOST_PIXELS),
        options.whole("height", 960, 64, _MOST_PIXELS),
        options.number("um", 0.1, 0.02, 5),
        options.some_whole("white", 0, 1000),
        still,
        options.number("stage-drift", 0.0, 0, 100),
    )
    if options.text("empty", "no") == "yes":
        drawn = drawn.emptied()
    rate = options.number("fps", _FRAMES_A_SECOND, 0, 1000)
    return SimulatedCamera(drawn, optics, troubles, frames, rate)


def _tint(options: Options) -> tuple[float, float, float]:
    text = options.text("tint", "1+1+1") or ""
    try:
        red, green, blue = map(float, text.split("+"))
    except ValueError:
        raise CameraRefused("sim: takes three shares for tint=, as in 1+0.9+0.7") from None
    return red, green, blue


@lru_cache(maxsize=64)
def _is_in(number: int, spans: tuple[range, ...]) -> bool:
    return any(number in span for span in spans)
