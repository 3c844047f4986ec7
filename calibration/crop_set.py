"""Decoded crops in memory, kept in a cache so that a second run starts in seconds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.labelled_crops import LabelledCrop, data_hash
from edge.decode import read_crop
from edge.errors import CropUnreadable, DataRefused
from edge.preprocess import CROP_SIDE, UInt8Image

_PREPROCESSING = 1  # raise when edge.preprocess changes what it returns


@dataclass(frozen=True)
class CropSet:
    """Labelled crops, decoded.

    Attributes
    ----------
    crops : ndarray of uint8, shape (n, 70, 70, 3)
    labels : ndarray of int32, shape (n,)
        0 ``hem``, 1 ``all``.
    subjects : ndarray of str, shape (n,)
    names : ndarray of str, shape (n,)
        File names, for reports.
    sha256 : str
        Hash of files and labels (:func:`calibration.labelled_crops.data_hash`).
    """

    crops: UInt8Image
    labels: npt.NDArray[np.int32]
    subjects: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: npt.NDArray[np.bool_]) -> CropSet:
        """Part of the set, chosen by a mask of shape (n,)."""
        return CropSet(
            self.crops[chosen],
            self.labels[chosen],
            self.subjects[chosen],
            self.names[chosen],
            self.sha256,
        )


def load_crops(found: Sequence[LabelledCrop], cache: Path | None = None) -> CropSet:
    """Decode labelled crops, or take them from the cache.

    Parameters
    ----------
    found : sequence of LabelledCrop
    cache : Path, optional
        Cache folder. Default: ``$XDG_CACHE_HOME/edge-all`` or ``~/.cache/edge-all``.

    Returns
    -------
    CropSet

    Raises
    ------
    DataRefused
        If a crop cannot be decoded; names the file.
    """
    sha256 = data_hash(found)
    file = (cache or default_cache()) / f"crops-{_PREPROCESSING}-{sha256[:32]}.npy"
    by_hash = sorted(range(len(found)), key=lambda i: found[i].sha256)
    if file.is_file():
        crops = np.empty((len(found), CROP_SIDE, CROP_SIDE, 3), np.uint8)
        crops[by_hash] = np.load(file)
    else:
        crops = _decode_all(found)
        _save(file, crops[by_hash])
    return CropSet(
        crops,
        np.array([crop.label for crop in found], np.int32),
        np.array([crop.subject for crop in found]),
        np.array([crop.path.name for crop in found]),
        sha256,
    )


def default_cache() -> Path:
    """Folder of the decoded crops."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-all"


def _decode_all(found: Sequence[LabelledCrop]) -> UInt8Image:
    with ThreadPoolExecutor() as pool:  # OpenCV releases the GIL while it decodes
        return np.stack(list(pool.map(_decode, found)))


def _decode(crop: LabelledCrop) -> UInt8Image:
    try:
        return read_crop(crop.path)
    except CropUnreadable as error:
        raise DataRefused(f"{crop.path}: {error}; repair or remove it") from error


def _save(file: Path, crops: UInt8Image) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, crops)
    unfinished.replace(file)
