"""Crops in a folder, found by the names that predictions give them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from calibration.cells.found_images import find_images
from calibration.cells.labelled_crops import LABELS
from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import read_crop
from edge.errors import CropUnreadable, DataRefused
from edge.sources.left_out import LeftOut


class Pictures:
    """Crops in a folder, found by the names that predictions give them.

    Parameters
    ----------
    folder : Path
        Of labelled crops, as ``edge-all-train`` was given it.

    Raises
    ------
    DataRefused
        If it holds no image.
    """

    def __init__(self, folder: Path) -> None:
        self._paths: dict[str, list[Path]] = defaultdict(list)
        if folder.is_dir():
            for path in find_images(folder, LeftOut()):
                self._paths[path.name].append(path)
        if not self._paths:
            raise DataRefused(f"{folder} holds no image; give the folder that the crops are in")

    def read(self, name: str, label: int | None) -> UInt8Image | None:
        """Read a crop, (70, 70, 3), or return None where it is not there or not the only one.

        Parameters
        ----------
        name : str
            Of its file, with or without folders above it.
        label : int or None
            0 ``hem``, 1 ``all``; tells files of the same name in ``hem/`` and ``all/`` apart.

        Raises
        ------
        DataRefused
            If it cannot be decoded.
        """
        paths = self._paths.get(name.rpartition("/")[2], [])
        labelled = [p for p in paths if label is not None and p.parent.name == LABELS[label]]
        if len(labelled or paths) != 1:
            return None
        (path,) = labelled or paths
        try:
            return read_crop(path)
        except CropUnreadable as refused:
            raise DataRefused(f"{path}: {refused}; repair or remove it") from refused
