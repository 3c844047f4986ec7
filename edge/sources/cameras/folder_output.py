"""``command:PROGRAM {folder}``: a program that writes files of images into a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.errors import CameraFault, CropUnreadable
from edge.files import read_bytes
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.child import Child
from edge.sources.deadline import Deadline
from edge.sources.names import IMAGE_SUFFIXES, is_hidden, suffix_of

PLACE = "{folder}"
"""What stands for the folder in a command."""

_LOOK_EVERY = 0.1  # seconds; what is unchanged between two looks may be complete
_MAY_BE_WRITTEN = 2.0  # seconds in which a file that is cut off may still be written
_MOST_WAITING = 4  # files: of more, the oldest are left out
_CUT_OFF = ("empty", "truncated", "damaged", "not-an-image")


class FolderCamera:
    """The files that a program writes; see :class:`~edge.sources.cameras.camera.Camera`.

    The folder is made for it, and goes with it; a file is deleted when it was read.

    Parameters
    ----------
    command : sequence of str
        In which :data:`PLACE` stands for the folder.
    is_endless : bool
        Whether it is started again when it ends well; otherwise its frames end.
    every : float
        Seconds from one start to the next, at least.
    """

    is_live = True

    def __init__(self, command: Sequence[str], is_endless: bool = True, every: float = 0.0) -> None:
        self._command = list(command)
        self._is_endless = is_endless
        self._every = every
        self._number = 0
        self._given = 0  # images of this start
        self._started = 0.0
        self._folder: Path | None = None
        self._child: Child | None = None
        self._sizes: dict[str, int] = {}

    def __enter__(self) -> FolderCamera:
        self._folder = Path(tempfile.mkdtemp(prefix="edge-all-"))
        try:
            self._start()
        except CameraFault:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._child:
            self._child.kill()
            self._child = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        self._started, self._given = time.monotonic(), 0
        command = [word.replace(PLACE, str(self._folder)) for word in self._command]
        self._child = Child(command, writes=False)

    def read(self, deadline: Deadline) -> Frame | None:
        """Take the oldest file that is complete."""
        while True:
            assert self._child is not None
            has_ended = not self._child.is_running  # before it is looked: it may write at last
            frame = self._look(has_ended)
            if frame is not None:
                self._given += 1
                return frame
            if has_ended:
                said = self._child.check_end()
                if not self._given:
                    raise CameraFault("no-frame", f"the program ended without an image{said}")
                if not self._is_endless:
                    return None
                self._child.kill()
                if not deadline.rest(self._started + self._every - time.monotonic()):
                    raise CameraFault("no-frame", "nobody waits for the program any more")
                self._start()
            elif not deadline.pause(_LOOK_EVERY):
                raise CameraFault(
                    "no-frame", f"the program wrote no image within {deadline.seconds:g} s"
                )

    def _look(self, has_ended: bool) -> Frame | None:
        waiting = self._files()
        before, self._sizes = self._sizes, {path.name: size for path, size, _ in waiting}
        for path, _, _ in waiting[:-_MOST_WAITING]:
            path.unlink(missing_ok=True)
            self._number += 1  # the gap tells that it was lost
        for path, size, written in waiting[-_MOST_WAITING:]:
            if not has_ended and before.get(path.name) != size:
                continue
            try:
                pixels: UInt8Image = decode(read_bytes(path))
            except CropUnreadable as error:
                is_fresh = time.time() - written < _MAY_BE_WRITTEN
                if is_fresh and not has_ended and error.reason in _CUT_OFF:
                    continue
                path.unlink(missing_ok=True)
                raise CameraFault(error.reason, error.message, is_lost=False) from error
            path.unlink(missing_ok=True)
            self._number += 1
            return Frame(pixels, written, self._number - 1, facts={"file": path.name})
        return None

    def _files(self) -> list[tuple[Path, int, float]]:
        """Images in the folder with size and time of writing, the oldest first."""
        found = []
        assert self._folder is not None
        for entry in os.scandir(self._folder):
            if suffix_of(entry.name) in IMAGE_SUFFIXES and not is_hidden(entry.name):
                try:
                    status = entry.stat()
                except OSError:  # renamed since
                    continue
                found.append((Path(entry.path), status.st_size, status.st_mtime))
        return sorted(found, key=lambda each: (each[2], each[0].name))
