"""Pictures of fields with what was found in them: outlines of cells, boxes of what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.fields.illumination import Floats
from edge.samples import Box

Colour = tuple[int, int, int]
"""Red, green, blue."""

GREY: Colour = (119, 119, 119)

_QUALITY = 92
_LEAST_SIDE = 640  # pixels of a picture: smaller fields are enlarged, so that words fit
_SUBPIXEL = 4  # bits


@dataclass(frozen=True)
class Marked:
    """A cell as it is drawn.

    Attributes
    ----------
    box : Box
    outline : ndarray of float32, shape (n, 2), or None
        x and y.
    colour : tuple of int
    words : str
        Beside it: no colour stands alone.
    """

    box: Box
    outline: Floats | None
    colour: Colour
    words: str = ""


def draw_overlay(
    rgb: UInt8Image, cells: Iterable[Marked], left_out: Mapping[str, Sequence[Box]]
) -> UInt8Image:
    """Draw what was found in a field over it.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    cells : iterable of Marked
    left_out : mapping
        Reason -> boxes, drawn grey and thin with the reason.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Enlarged by a whole number where the field is small.
    """
    by = max(1, round(_LEAST_SIDE / max(rgb.shape[:2])))
    drawn = rgb.copy()
    if by > 1:
        drawn = np.asarray(
            cv2.resize(rgb, None, fx=by, fy=by, interpolation=cv2.INTER_CUBIC), np.uint8
        )
    for reason, boxes in left_out.items():
        for box in boxes:
            _draw_box(drawn, box, by, GREY, reason, 1)
    for cell in cells:
        if cell.outline is not None:
            points = np.rint(((cell.outline + 0.5) * by - 0.5) * 2**_SUBPIXEL).astype(np.int32)
            cv2.polylines(drawn, [points], True, cell.colour, 1, cv2.LINE_AA, _SUBPIXEL)
        _draw_box(drawn, cell.box, by, cell.colour, cell.words, 2)
    return drawn


def _draw_box(
    drawn: UInt8Image, box: Box, by: int, colour: Colour, words: str, thickness: int
) -> None:
    start = box.x * by, box.y * by
    end = (box.x + box.width) * by - 1, (box.y + box.height) * by - 1
    cv2.rectangle(drawn, start, end, colour, thickness)
    at = start[0], max(start[1] - 3, 10)
    for width, shade in ((3, (255, 255, 255)), (1, colour)):  # light around it: legible anywhere
        cv2.putText(drawn, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, shade, width, cv2.LINE_AA)


def as_jpeg(rgb: UInt8Image) -> bytes:
    """JPEG file of a picture."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()


def as_png(rgb: UInt8Image) -> bytes:
    """PNG file of a picture."""
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def from_jpeg(data: bytes) -> UInt8Image:
    """Picture of a file that :func:`as_jpeg` made."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
