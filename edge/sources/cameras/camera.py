"""What every camera is to the rest: opened and closed, and read frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image
    from edge.sources.deadline import Deadline


@dataclass(frozen=True)
class Frame:
    """One image of a camera.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB; not to be changed any more.
    time : float
        When it was exposed, in seconds since 1970, UTC; where the camera does not tell, when its
        last byte came.
    number : int
        As the camera counts: what is missing between two numbers was lost in the camera.
    um_per_pixel : float or None
        Its scale, if the camera knows it.
    facts : mapping
        What the camera knows besides: exposure, gain, focus. Texts, numbers and truths.
    """

    pixels: UInt8Image = field(repr=False, compare=False)
    time: float
    number: int
    um_per_pixel: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class Camera(Protocol):
    """A camera: a context manager that may be entered again once it was left.

    Used by one thread at a time.
    """

    @property
    def is_live(self) -> bool:
        """Whether it goes on by itself: then the newest frame counts, and old ones may be dropped.

        A file of frames waits.
        """

    def __enter__(self) -> object:
        """Open it, and set it up as it was asked for.

        Raises
        ------
        CameraFault
            If it is not there, or in use.
        """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def read(self, deadline: Deadline) -> Frame | None:
        """Wait for the next frame, until the deadline at most.

        Returns
        -------
        Frame or None
            None if there will be none any more: a file of frames has ended.

        Raises
        ------
        CameraFault
            If there is none in time (``no-frame``), or it cannot be used; `is_lost` says whether
            the camera must be opened again.
        """
