"""Room on the disk: some is kept free, by deleting the oldest fields and nothing else."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edge.errors import OutputFailed
from edge.sources.field_facts import read_facts
from edge.sources.names import facts_name, is_field


class Reserve:
    """Bytes that stay free where fields are written.

    Parameters
    ----------
    folder : Path
        Where the fields are.
    size : int
        Bytes to keep free.
    free : callable, optional
        Bytes that are free where a folder is.
    """

    def __init__(self, folder: Path, size: int, free: Callable[[Path], int] | None = None) -> None:
        self._folder = folder
        self._size = size
        self._free = free or (lambda path: shutil.disk_usage(path).free)
        self._oldest: deque[Path] | None = None

    def check_start(self) -> None:
        """Refuse to start where less is free already.

        Raises
        ------
        OutputFailed
        """
        free = self._free(self._folder)
        if free < self._size:
            raise OutputFailed(
                f"{self._folder}: {_in_gb(free)} are free, and {_in_gb(self._size)} are to stay"
                " free; make room, or give a smaller --reserve"
            )

    def make_room(self, size: int) -> list[Path]:
        """Delete the oldest fields of the folder until so much fits in beside the reserve.

        Only images that edge-all captured, and the facts beside them, are deleted.

        Parameters
        ----------
        size : int
            Bytes that are to be written.

        Returns
        -------
        list of Path
            Images that were deleted.

        Raises
        ------
        OutputFailed
            If there is no field left, and still too little room.
        """
        deleted: list[Path] = []
        while self._free(self._folder) < self._size + size:
            oldest = self._next()
            if oldest is None:
                raise OutputFailed(
                    f"{self._folder}: the disk is full, but for the {_in_gb(self._size)} that stay"
                    " free, and there is no older field to delete; make room"
                )
            _delete(oldest)
            deleted.append(oldest)
        return deleted

    def _next(self) -> Path | None:
        """The oldest field; names begin with the time."""
        if not self._oldest:
            self._oldest = deque(
                sorted(path for path in self._folder.iterdir() if is_field(path.name))
            )
        while self._oldest:
            path = self._oldest.popleft()
            if _is_ours(path):  # looked at now: there may be many
                return path
        return None


def _is_ours(image: Path) -> bool:
    """Whether edge-all captured an image: its facts say so."""
    if image.is_symlink() or not image.is_file():
        return False
    try:
        return read_facts(Path(facts_name(str(image)))).image == image.name
    except (OSError, ValueError):
        return False


def _delete(image: Path) -> None:
    try:
        image.unlink(missing_ok=True)
        Path(facts_name(str(image))).unlink(missing_ok=True)
    except OSError as error:
        raise OutputFailed(
            f"cannot delete {image} to make room: {error.strerror}; check its folder"
        ) from error


def _in_gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
