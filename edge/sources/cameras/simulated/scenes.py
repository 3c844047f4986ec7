"""What lies under a simulated objective: a drawn smear, or images of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.errors import CameraFault, CameraRefused, CropUnreadable
from edge.files import file_name, read_bytes
from edge.samples import Box
from edge.sources.cameras.simulated.smear import BACKGROUND, Field, Thing, draw_field
from edge.sources.folders import search_folder


class Scene(Protocol):
    """What frames are taken of."""

    @property
    def length(self) -> int | None:
        """Frames there are; None: as many as anybody wants."""

    @property
    def um_per_pixel(self) -> float | None:
        """Its scale, where that is known."""

    def pixels(self, number: int) -> UInt8Image:
        """What frame `number` would show through a perfect camera."""

    def facts(self, number: int) -> Mapping[str, object]:
        """What is known of the frame."""


@dataclass(frozen=True)
class DrawnSmear:
    """A smear that is drawn field by field.

    Attributes
    ----------
    seed, width, height : int
    um_per_pixel : float
    white : int or None
        White cells in each field.
    still : int
        Frames of each field, before the stage goes on to the next.
    drift : float
        Pixels that the stage drifts to the right between two frames of a field.
    is_empty : bool
        Whether there is a place without cells only.
    """

    seed: int = 0
    width: int = 1280
    height: int = 960
    um_per_pixel: float = 0.1
    white: int | None = None
    still: int = 1
    drift: float = 0.0
    is_empty: bool = False

    @property
    def length(self) -> int | None:
        """See :class:`Scene`."""
        return None

    def emptied(self) -> DrawnSmear:
        """The same smear at a place without cells."""
        return replace(self, is_empty=True)

    def pixels(self, number: int) -> UInt8Image:
        """See :class:`Scene`."""
        shift = self._shift(number)
        whole = self._field(number // self.still).pixels
        return whole[:, shift : shift + self.width]

    def things(self, number: int) -> tuple[Thing, ...]:
        """What a frame shows, and where: the truth for whoever looks for cells."""
        shift = self._shift(number)
        found = [self._seen(thing, shift) for thing in self._field(number // self.still).things]
        return tuple(thing for thing in found if thing is not None)

    def facts(self, number: int) -> Mapping[str, object]:
        """Which field it is, and where the stage is on it."""
        return {
            "field": number // self.still,
            "stage_x_um": self._shift(number) * self.um_per_pixel,
        }

    def _shift(self, number: int) -> int:
        return round(number % self.still * self.drift)

    def _field(self, number: int) -> Field:
        margin = self._shift(self.still - 1)
        if self.is_empty:
            shape = self.height, self.width + margin, 3
            return Field(np.full(shape, BACKGROUND, np.uint8), (), self.um_per_pixel)
        size = self.width + margin, self.height
        return _drawn(self.seed, number, *size, self.um_per_pixel, self.white)

    def _seen(self, thing: Thing, shift: int) -> Thing | None:
        """A thing as it is where the stage has drifted."""
        if self._shift(self.still - 1) == 0:
            return thing
        box = self._moved(thing.box, shift)
        if box is None:
            return None
        nucleus = None if thing.nucleus is None else self._moved(thing.nucleus, shift)
        is_cut_off = thing.is_cut_off or box.width < thing.box.width
        return replace(thing, box=box, nucleus=nucleus, is_cut_off=is_cut_off)

    def _moved(self, box: Box, shift: int) -> Box | None:
        x0, x1 = max(box.x - shift, 0), min(box.x - shift + box.width, self.width)
        return Box(x0, box.y, x1 - x0, box.height) if x0 < x1 else None


@lru_cache(maxsize=1)
def _drawn(
    seed: int, number: int, width: int, height: int, um_per_pixel: float, white: int | None
) -> Field:
    """The field of the last frame: the stage may rest on it."""
    return draw_field(seed, number, width, height, um_per_pixel, white)


class PlayedFolder:
    """Images of a folder as frames, in their order, and then from the first one again.

    Parameters
    ----------
    folder : str

    Raises
    ------
    CameraRefused
        If there is no image in it.
    """

    um_per_pixel = None

    def __init__(self, folder: str) -> None:
        self._paths = [found.path for found in search_folder(folder) if not found.error]
        if not self._paths:
            raise CameraRefused(f"no image to play in {file_name(folder)}; name a folder of images")

    @property
    def length(self) -> int | None:
        """One of each, unless more are asked for."""
        return len(self._paths)

    def pixels(self, number: int) -> UInt8Image:
        """See :class:`Scene`.

        Raises
        ------
        CameraFault
            If the image cannot be read.
        """
        path = self._paths[number % len(self._paths)]
        try:
            return decode(read_bytes(path))
        except CropUnreadable as error:
            what = f"{file_name(path)}: {error.message}"
            raise CameraFault(error.reason, what, is_lost=False) from error

    def facts(self, number: int) -> Mapping[str, object]:
        """Which file it was."""
        return {"file": file_name(self._paths[number % len(self._paths)])}
