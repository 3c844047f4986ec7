"""Crops in a folder, found by the names that predictions give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from calibration.cells.found_images import find_images
from calibration.cells.readings import plain
from edge.contract import BLACK
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
    labels : sequence of str
        Names of the labels, in class order.
    side, background : int, str
        Of the crops, as for :func:`edge.crops.preprocess.to_crop`.

    Raises
    ------
    DataRefused
        If it holds no image.
    """

    def __init__(
        self, folder: Path, labels: Sequence[str], side: int, background: str = BLACK
    ) -> None:
        self._folder, self._labels = folder, [plain(label) for label in labels]
        self._side, self._background = side, background
        self._paths: dict[str, list[Path]] = defaultdict(list)
        if folder.is_dir():
            for path in find_images(folder, LeftOut()):
                self._paths[path.name].append(path)
        if not self._paths:
            raise DataRefused(f"{folder} holds no image; give the folder that the crops are in")

    def read(self, name: str, label: int | None) -> UInt8Image | None:
        """Read a crop, (side, side, 3), or return None where it is not there or not the only one.

        Parameters
        ----------
        name : str
            Of its file, with or without folders above it.
        label : int or None
            Class number; tells files of the same name in the folders of two labels apart.

        Raises
        ------
        DataRefused
            If it cannot be decoded.
        """
        paths = self._paths.get(name.rpartition("/")[2], [])
        labelled = [path for path in paths if self._is_of(path, label)]
        if len(labelled or paths) != 1:
            return None
        (path,) = labelled or paths
        try:
            return read_crop(path, self._side, self._background)
        except CropUnreadable as refused:
            raise DataRefused(f"{path}: {refused}; repair or remove it") from refused

    def _is_of(self, path: Path, label: int | None) -> bool:
        """Whether the innermost label folder that a file stands in is that of a label."""
        folders = map(plain, path.relative_to(self._folder).parts[-2::-1])
        found = next((folder for folder in folders if folder in self._labels), None)
        return label is not None and found == self._labels[label]
