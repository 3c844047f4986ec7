"""Decoded crops in memory, kept in a cache so that a second run starts in seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.cache import default_cache
from calibration.cells.labelled_crops import LabelledCrop, data_hash
from edge.crops.preprocess import CROP_SIDE, UInt8Image, to_crop
from edge.decoding.decode import decode
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes
from edge.whole_file import replacing

_PREPROCESSING = 2  # raise when what is cached for a file changes

# C-NMC's test sets hold 600x600 images among the 450x450 ones, at the same scale
_LARGE, _USUAL = 600, 450


@dataclass(frozen=True)
class CropSet:
    """Labelled crops, decoded.

    Attributes
    ----------
    crops : ndarray of uint8, shape (n, 70, 70, 3)
    labels : ndarray of int32, shape (n,)
        0 ``hem``, 1 ``all``.
    subjects, names, parts, hashes : ndarray of str, shape (n,)
        As in :class:`calibration.cells.labelled_crops.LabelledCrop`; hashes are of the files.
    sha256 : str
        Hash of all files and labels together (:func:`calibration.cells.labelled_crops.data_hash`).
    """

    crops: UInt8Image
    labels: npt.NDArray[np.int32]
    subjects: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    parts: npt.NDArray[np.str_]
    hashes: npt.NDArray[np.str_]
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> CropSet:
        """Part of the set, by a mask of shape (n,) or by positions; keeps `sha256`."""
        return CropSet(
            self.crops[chosen],
            self.labels[chosen],
            self.subjects[chosen],
            self.names[chosen],
            self.parts[chosen],
            self.hashes[chosen],
            self.sha256,
        )


def load_crops(found: Sequence[LabelledCrop], cache: Path | None = None) -> CropSet:
    """Decode labelled crops, or take them from the cache.

    Parameters
    ----------
    found : sequence of LabelledCrop
    cache : Path, optional
        Folder of the cache; :func:`calibration.cells.cache.default_cache`.

    Returns
    -------
    CropSet

    Raises
    ------
    DataRefused
        If a crop cannot be decoded; names the file.
    """
    sha256 = data_hash(found)
    cache = cache or default_cache()
    file = cache / f"crops-{_PREPROCESSING}-{sha256[:32]}.npy" if cache else None
    crops = np.empty((len(found), CROP_SIDE, CROP_SIDE, 3), np.uint8)
    by_hash = sorted(range(len(found)), key=lambda i: found[i].sha256)
    kept = _load(file, crops.shape) if file else None
    if kept is not None:
        crops[by_hash] = kept
    else:
        with ThreadPoolExecutor() as pool:  # OpenCV releases the GIL while it decodes
            for i, crop in enumerate(pool.map(_decode, found)):
                crops[i] = crop
        if file:
            _save(file, crops[by_hash])
    return CropSet(
        crops,
        np.array([crop.label for crop in found], np.int32),
        np.array([crop.subject for crop in found]),
        np.array([crop.name for crop in found]),
        np.array([crop.part for crop in found]),
        np.array([crop.sha256 for crop in found]),
        sha256,
    )


def decode_crop(data: bytes, part: str) -> UInt8Image:
    """Decode an image file of a part of a dataset into the crop a network sees.

    Parameters
    ----------
    data : bytes
        The file.
    part : str
        As in :class:`calibration.cells.labelled_crops.LabelledCrop`.

    Returns
    -------
    ndarray of uint8, shape (70, 70, 3)

    Raises
    ------
    CropUnreadable
        As :func:`edge.decoding.decode.decode`.
    """
    pixels = decode(data)
    if part and pixels.shape[:2] == (_LARGE, _LARGE):
        edge = (_LARGE - _USUAL) // 2
        pixels = pixels[edge:-edge, edge:-edge]
    return to_crop(pixels)


def _decode(crop: LabelledCrop) -> UInt8Image:
    try:
        return decode_crop(read_bytes(crop.path), crop.part)
    except CropUnreadable as error:
        raise DataRefused(f"{crop.path}: {error}; repair or remove it") from error


def _load(file: Path, shape: tuple[int, ...]) -> UInt8Image | None:
    """What the cache kept, if it can be read."""
    try:
        crops = np.load(file)
    except (OSError, ValueError, EOFError):  # none yet, not ours to read, or damaged
        return None
    return crops if crops.shape == shape and crops.dtype == np.uint8 else None


def _save(file: Path, crops: UInt8Image) -> None:
    """Keep crops, if that can be: a cache is no result."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as unfinished:
            np.save(unfinished, crops)
