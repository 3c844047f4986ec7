"""Signs that a writer is not done with an image file, though the file has its full size.

A camera program may reserve the whole file before it writes the pixels. None of these signs is
proof: a file that shows one is waited for longer.
"""

from __future__ import annotations

import errno
import os
import signal

import numpy as np

from edge.decoding.decode import decode
from edge.decoding.header import read_header
from edge.errors import CropUnreadable
from edge.files import open_file

_NOT_YET = frozenset({"empty", "truncated", "damaged", "not-an-image"})
_WITH_END_MARK = frozenset({"png", "jpeg"})  # zeros behind the mark are filling, and harmless
_HIGHEST_OF_HEIGHT = 25  # byte of a BMP
_ZEROS = bytes(64)  # more than formats fill up with
_EDGE = 2  # rows: one may have been written in part
_FLAT = 0.4  # of the greatest width: 1 cell of C-NMC in 100 begins or ends wider


def is_being_written(path: str) -> bool:
    """Whether some process of this machine has a file open to write into it.

    Asked of Linux by a lease, which it does not grant while there is a writer. The lease is given
    back at once. False where nobody can tell: not on Linux, of another user's file.

    Parameters
    ----------
    path : str
        On a local file system: network file systems refuse leases for other reasons.
    """
    try:
        import fcntl

        set_signal, set_lease = fcntl.F_SETSIG, fcntl.F_SETLEASE
    except (ImportError, AttributeError):
        return False
    try:
        with open_file(path) as file:
            # a writer who comes right now is told by this signal, which nobody minds
            fcntl.fcntl(file, set_signal, signal.SIGURG)
            fcntl.fcntl(file, set_lease, fcntl.F_RDLCK)
            fcntl.fcntl(file, set_lease, fcntl.F_UNLCK)
    except CropUnreadable:
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def has_holes(path: str) -> bool:
    """Whether parts of a file were reserved, but never written.

    False where the file system does not tell.
    """
    if not hasattr(os, "SEEK_HOLE"):
        return False
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            return size > 0 and os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size
    except (CropUnreadable, OSError):
        return False


def lacks_its_end(data: bytes) -> bool:
    """Whether the end of an image seems to be missing.

    The file says so itself, or ends in zeros where there should be an image. Black rows prove
    nothing, since a crop is a cell on black; but a cell begins and ends with a few pixels, and a
    writer stops with a row of full width.

    Parameters
    ----------
    data : bytes
        The file.
    """
    try:
        image_format = read_header(data).format
        if image_format in _WITH_END_MARK or not data.endswith(_ZEROS):
            return False
        if image_format == "webp":
            return True
        pixels = decode(data)
        is_upside_down = image_format == "bmp" and data[_HIGHEST_OF_HEIGHT] < 0x80  # not negative
        return _is_cut_flat(pixels[::-1] if is_upside_down else pixels)
    except CropUnreadable as error:
        return error.reason in _NOT_YET


def _is_cut_flat(pixels: np.ndarray) -> bool:
    """Whether the last rows are black, and the cell above them ends as if cut."""
    seen = pixels.reshape(len(pixels), -1) != 0
    rows = np.flatnonzero(seen.any(axis=1))
    if not len(rows):
        return True
    # from the first to the last that is not black, in bytes
    widths = seen.shape[1] - seen[rows, ::-1].argmax(axis=1) - seen[rows].argmax(axis=1)
    return bool(rows[-1] < len(seen) - 1 and widths[-_EDGE:].max() > _FLAT * widths.max())
