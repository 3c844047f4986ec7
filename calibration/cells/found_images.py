"""Image files below a folder of the build side, by the rule that the device searches by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.errors import DataRefused
from edge.sources.folders import search_folder
from edge.sources.left_out import LOOPS, LeftOut


def find_images(data: Path, left_out: LeftOut) -> Iterator[Path]:
    """Find the image files below a folder, to any depth.

    Parameters
    ----------
    data : Path
    left_out : LeftOut
        Counts what is left out: hidden and system files, what is not named like an image, and
        links to folders that were searched already.

    Raises
    ------
    DataRefused
        If a folder or a link cannot be followed, or a pipe has an image's name.
    """
    for found in search_folder(str(data), left_out):
        path = Path(found.path)
        if found.error and found.error.reason == "link-loop":
            left_out.add(found.path, LOOPS)
        elif found.error:
            raise DataRefused(f"{path}: {found.error}; repair or remove it")
        elif not path.is_file():
            raise DataRefused(f"{path} is a pipe, socket or device, and no image; remove it")
        else:
            yield path
