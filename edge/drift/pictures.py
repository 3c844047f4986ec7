"""Crops side by side in one picture."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image

MOST_PICTURES = 24
"""Cells on a sheet."""

_A_ROW, _SIDE, _GAP, _ABOVE = 8, 96, 6, 16
_PAPER, _INK = 255, (40, 40, 40)


def sheet_of(crops: Mapping[int, UInt8Image]) -> bytes:
    """Put crops, each with its number, into one PNG file.

    Parameters
    ----------
    crops : mapping
        Number -> ndarray of uint8, shape (side, side, 3). At least one; :data:`MOST_PICTURES` are
        shown.
    """
    shown = list(crops.items())[:MOST_PICTURES]
    rows, columns = -(-len(shown) // _A_ROW), min(len(shown), _A_ROW)
    high, wide = _SIDE + _ABOVE + _GAP, _SIDE + _GAP
    sheet = np.full((rows * high + _GAP, columns * wide + _GAP, 3), _PAPER, np.uint8)
    for place, (number, crop) in enumerate(shown):
        top, left = _GAP + place // _A_ROW * high, _GAP + place % _A_ROW * wide
        cv2.putText(
            sheet,
            str(number),
            (left, top + _ABOVE - 4),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.4,
            _INK,
            1,
            cv2.LINE_AA,
        )
        large = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
        sheet[top + _ABOVE : top + _ABOVE + _SIDE, left : left + _SIDE] = large[:, :, ::-1]
    return bytes(cv2.imencode(".png", sheet)[1].tobytes())
