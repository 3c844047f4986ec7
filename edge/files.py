"""Opening files: what the operating system refuses has a reason, and a name is text."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from edge.errors import CropUnreadable
from edge.secrets import without_secrets

MAX_BYTES = 256 * 1024 * 1024
"""Largest file that is read, in bytes."""

_NOT_A_FILE = ("not-a-file", "a pipe, socket, device or folder; name an image file")
_ERRNO_REASONS = {
    errno.ENOENT: ("not-found", "no such file (a broken link?)"),
    errno.ENOTDIR: ("not-found", "no such file: part of its path is not a folder"),
    errno.ELOOP: ("link-loop", "the link leads back to itself; remove it"),
    errno.ENXIO: _NOT_A_FILE,  # a socket
    errno.EACCES: ("permission", "this user may not read it; change its permissions"),
    errno.EPERM: ("permission", "this user may not read it; change its permissions"),
}


def unreadable(error: OSError) -> CropUnreadable:
    """Name the reason why the operating system refused a path."""
    reason, message = _ERRNO_REASONS.get(
        error.errno or 0,
        ("io-error", f"{error.strerror or error}; check the disk or the network"),
    )
    return CropUnreadable(reason, message)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file to read its bytes.

    Opened without blocking: a pipe nobody writes to is refused, not waited for.

    Raises
    ------
    CropUnreadable
        ``not-found``, ``link-loop``, ``not-a-file``, ``permission`` or ``io-error``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise unreadable(error) from error
    except ValueError as error:  # a null byte in the name
        raise CropUnreadable("not-found", f"{error}: no file can have this name") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CropUnreadable(*_NOT_A_FILE)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a regular file of at most :data:`MAX_BYTES`.

    Raises
    ------
    CropUnreadable
        ``too-large``, or as :func:`open_file`.
    """
    try:
        with open_file(path) as file:
            # as much as there is, and a byte to see it grow: room for the most takes time to get
            size = min(os.fstat(file.fileno()).st_size, MAX_BYTES) + 1
            data = file.read(size) or b""  # None where the kernel has nothing to say yet
    except OSError as error:
        raise unreadable(error) from error
    if len(data) > MAX_BYTES:
        raise CropUnreadable(
            "too-large", f"more than {MAX_BYTES >> 20} MB; cut the cells out first"
        )
    return data


def file_name(path: str | os.PathLike[str]) -> str:
    r"""Name of a path as text: bytes that are not UTF-8 become ``\xNN``, addresses lose secrets."""
    return without_secrets(os.fsencode(path).decode("utf-8", "backslashreplace"))
