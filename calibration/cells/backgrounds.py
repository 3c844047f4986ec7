"""What lies around the cells of a set of crops: black, or what lay around them in the smear."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from calibration.cells.crop_set import decode_image
from calibration.cells.labelled_crops import LabelledCrop, LabelledCrops
from edge.contract import BLACK, NATURAL
from edge.crops.frame import frame_of
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes

_MOST_LOOKED_AT = 100
_HALF_LIGHT = 0.5  # a cell that was cut out may touch the border, but no more
_ODD_ONES = 0.05


def find_background(found: LabelledCrops) -> str:
    """Find out what lies around cells, by the borders of up to 100 of their images.

    Parameters
    ----------
    found : LabelledCrops

    Returns
    -------
    str
        One of :data:`edge.contract.BACKGROUNDS`.

    Raises
    ------
    DataRefused
        If more than one in twenty has another background than the others, or an image cannot be
        decoded; names a file.
    """
    last = len(found) - 1
    places = np.unique(np.linspace(0, last, min(_MOST_LOOKED_AT, len(found))).round().astype(int))
    looked_at = [found.crops[place] for place in places]
    with ThreadPoolExecutor() as pool:
        natural = np.array(list(pool.map(_is_natural, looked_at)))
    share = float(natural.mean())
    if _ODD_ONES < share < 1 - _ODD_ONES:
        examples = [looked_at[int(np.argmax(natural == kind))].name for kind in (True, False)]
        raise DataRefused(
            f"{natural.sum()} of {len(natural)} crops are light around the cell, as {examples[0]},"
            f" and the others black, as {examples[1]}; cut all of them out alike, or give"
            " --background"
        )
    return NATURAL if share > _HALF_LIGHT else BLACK


def _is_natural(crop: LabelledCrop) -> bool:
    try:
        image = decode_image(read_bytes(crop.path), crop.part)
    except CropUnreadable as error:
        raise DataRefused(f"{crop.path}: {error}; repair or remove it") from error
    return frame_of(image, image).border > _HALF_LIGHT
