"""What became of the frames of a camera, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What became of the frames of a camera.

    Attributes
    ----------
    taken : int
        Frames that were handed on.
    dropped : int
        Frames that were read, but newer ones came before anybody took them.
    lost : int
        Frames that the camera itself lost, by its numbers.
    same : int
        Frames that were the last one again, bit for bit; none was handed on.
    faults : int
        Faults that were reported.
    unreported : int
        Faults that came faster than anybody took them.
    opened : int
        How often the camera was opened again.
    away : float
        Seconds that it was away, together.
    """

    taken: int = 0
    dropped: int = 0
    lost: int = 0
    same: int = 0
    faults: int = 0
    unreported: int = 0
    opened: int = 0
    away: float = 0.0

    def lines(self, wants_all: bool = True) -> list[str]:
        """Say what was not handed on, and why, a line each, for people.

        Parameters
        ----------
        wants_all : bool
            Whether every frame was wanted; otherwise it is no news that some were not used.
        """
        found = []
        if self.dropped and wants_all:
            found.append(
                f"{self.dropped} of {self.taken + self.dropped} frames were dropped: newer ones"
                " came before they could be used"
            )
        if self.lost:
            found.append(f"lost in the camera, by its numbers: {self.lost} frames")
        if self.same:
            found.append(f"left out, as they were the frame before again: {self.same}")
        if self.opened:
            found.append(f"the camera was away {self.opened} times, {self.away:.1f} s together")
        if self.unreported:
            found.append(
                f"faults of the camera that came too fast for a row each: {self.unreported}"
            )
        return found
