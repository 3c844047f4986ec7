"""Decoded crops in memory, kept in a cache so that a second run starts in seconds."""

from __future__ import annotations

import contextlib
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.cache import default_cache
from calibration.cells.labelled_crops import LabelledCrop, LabelledCrops, data_hash
from edge.contract import BLACK
from edge.crops.preprocess import UInt8Image, to_crop
from edge.decoding.decode import decode
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes
from edge.models import cnmc
from edge.whole_file import replacing

_PREPROCESSING = 2  # raise when what is cached for a file changes


@dataclass(frozen=True)
class CropSet:
    """Labelled crops, decoded.

    Attributes
    ----------
    crops : ndarray of uint8, shape (n, side, side, 3)
    labels : ndarray of int32, shape (n,)
        Class numbers: places in `label_names`.
    subjects, names, parts, hashes : ndarray of str, shape (n,)
        As in :class:`calibration.cells.labelled_crops.LabelledCrop`; hashes are of the files.
    sha256 : str
        Hash of all files and labels together (:func:`calibration.cells.labelled_crops.data_hash`).
    label_names : tuple of str
        In class order.
    background : str
        What lies around the cells: one of :data:`edge.contract.BACKGROUNDS`.
    """

    crops: UInt8Image
    labels: npt.NDArray[np.int32]
    subjects: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    parts: npt.NDArray[np.str_]
    hashes: npt.NDArray[np.str_]
    sha256: str
    label_names: tuple[str, ...]
    background: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Of the crops, in pixels."""
        return int(self.crops.shape[1])

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> CropSet:
        """Part of the set, by a mask of shape (n,) or by positions; keeps `sha256`."""
        return replace(
            self,
            crops=self.crops[chosen],
            labels=self.labels[chosen],
            subjects=self.subjects[chosen],
            names=self.names[chosen],
            parts=self.parts[chosen],
            hashes=self.hashes[chosen],
        )


def join(one: CropSet, other: CropSet) -> CropSet:
    """Put two sets with the same labels, side and background one after the other."""
    both = hashlib.sha256(f"{one.sha256} {other.sha256}".encode()).hexdigest()
    return replace(
        one,
        crops=np.concatenate([one.crops, other.crops]),
        labels=np.concatenate([one.labels, other.labels]),
        subjects=np.concatenate([one.subjects, other.subjects]),
        names=np.concatenate([one.names, other.names]),
        parts=np.concatenate([one.parts, other.parts]),
        hashes=np.concatenate([one.hashes, other.hashes]),
        sha256=both,
    )


def load_crops(
    found: LabelledCrops, side: int, background: str = BLACK, cache: Path | None = None
) -> CropSet:
    """Decode labelled crops, or take them from the cache.

    Parameters
    ----------
    found : LabelledCrops
    side, background : int, str
        As for :func:`edge.crops.preprocess.to_crop`.
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
    files = found.crops
    sha256 = data_hash(files)
    cache = cache or default_cache()
    name = f"crops-{_PREPROCESSING}-{side}-{background}-{sha256[:32]}.npy"
    file = cache / name if cache else None
    crops = np.empty((len(files), side, side, 3), np.uint8)
    by_hash = sorted(range(len(files)), key=lambda i: files[i].sha256)
    kept = _load(file, crops.shape) if file else None
    if kept is not None:
        crops[by_hash] = kept
    else:
        with ThreadPoolExecutor() as pool:  # OpenCV releases the GIL while it decodes
            decoded = pool.map(partial(_decode, side=side, background=background), files)
            for i, crop in enumerate(decoded):
                crops[i] = crop
        if file:
            _save(file, crops[by_hash])
    return CropSet(
        crops,
        np.array([crop.label for crop in files], np.int32),
        np.array([crop.subject for crop in files]),
        np.array([crop.name for crop in files]),
        np.array([crop.part for crop in files]),
        np.array([crop.sha256 for crop in files]),
        sha256,
        found.labels,
        background,
    )


def decode_crop(data: bytes, part: str, side: int, background: str = BLACK) -> UInt8Image:
    """Decode an image file of a part of a dataset into the crop a network sees.

    Parameters
    ----------
    data : bytes
        The file.
    part : str
        As in :class:`calibration.cells.labelled_crops.LabelledCrop`.
    side, background : int, str
        As for :func:`edge.crops.preprocess.to_crop`.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)

    Raises
    ------
    CropUnreadable
        As :func:`edge.decoding.decode.decode`.
    """
    return to_crop(decode_image(data, part), side, background)


def decode_image(data: bytes, part: str) -> UInt8Image:
    """Decode an image file of a part of a dataset; as :func:`decode_crop`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The middle of an image of C-NMC that is larger than the others.
    """
    pixels = decode(data)
    if part and pixels.shape[:2] == (cnmc.LARGE_IMAGE, cnmc.LARGE_IMAGE):
        edge = (cnmc.LARGE_IMAGE - cnmc.USUAL_IMAGE) // 2
        pixels = pixels[edge:-edge, edge:-edge]
    return pixels


def _decode(crop: LabelledCrop, side: int, background: str) -> UInt8Image:
    try:
        return decode_crop(read_bytes(crop.path), crop.part, side, background)
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
