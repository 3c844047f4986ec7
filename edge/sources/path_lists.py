"""Lists of paths: a file or standard input, one path a line or ended by NUL, in any Unicode."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from edge.errors import CropUnreadable

_PIECE = 1 << 16
_LONGEST_PATH = 1 << 16  # characters: no operating system takes a longer one
_SAMPLE = 1 << 12  # bytes that tell the encoding
_ENOUGH = 256  # bytes that tell text from noise
_MARKS = (  # of UTF-32 first: it begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_ALL_MARKS = tuple(mark for mark, _ in _MARKS)
_MOSTLY = 0.6  # of UTF-16 in paths is ASCII, whatever the language: separators, digits, suffixes
# how files begin that are given for a list by mistake: images, archives, documents, databases
_NO_LISTS = (
    *(b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF", b"GIF8"),
    *(b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd"),
    *(b"%PDF-", b"{\\rtf", b"\xd0\xcf\x11\xe0", b"SQLite format 3", b"\x7fELF"),
)
_WHITE = b"\t\n\r\0"
_HOMES = ("/home", "/Users")


def read_paths(file: BinaryIO) -> Iterator[str]:
    r"""Read paths as they come, a million of them in no more memory than a few.

    The paths are separated by line ends (``\n`` or ``\r\n``), or by NUL if there is one in what
    can be read at first (64 kB of a file), as ``find -print0`` writes. UTF-16 and UTF-32 are
    known by their byte-order mark, or by the zeros of their ASCII characters; all else is
    taken for names as the system writes them. Bytes that are no text there are kept, empty
    lines are not paths.

    Parameters
    ----------
    file : BinaryIO
        Nothing of it was read before.

    Yields
    ------
    str
        A path, relative to the current folder if it is relative.

    Raises
    ------
    CropUnreadable
        ``unsupported`` if it is no text; ``not-found`` if a line is longer than any path: what
        came before was a list.
    OSError
        If the file cannot be read.
    """
    rest, separator = "", ""
    for text in _read_text(file):
        rest += text
        if not separator:
            separator = "\0" if "\0" in rest else "\n" if "\n" in rest else ""
        if separator:
            *paths, rest = rest.split(separator)
            yield from _not_empty(paths, separator)
        if len(rest) > _LONGEST_PATH:
            raise CropUnreadable(
                "not-found", f"a line of over {_LONGEST_PATH} characters: this is no list of paths"
            )
    yield from _not_empty([rest], separator)


def refuse_to_search(path: str, listed_in: str) -> CropUnreadable | None:
    """Refuse a folder that no list means: one with everything in it.

    Those are the root of a file system or drive, a home folder, the current folder and that of
    the list, and every folder above one of them.

    Parameters
    ----------
    path : str
        A folder.
    listed_in : str
        Folder of the list.

    Returns
    -------
    CropUnreadable or None
        ``unsupported``; says how to have it searched.
    """
    folder = os.path.realpath(path)
    below = {"the list's folder": listed_in, "the current folder": "", "a home folder": "~"}
    what = None
    if os.path.dirname(folder) == folder:
        what = "the root of a disk"
    elif os.path.dirname(folder) in _HOMES:
        what = "a home folder"
    else:
        for name, inside in below.items():
            inside = os.path.realpath(os.path.expanduser(inside) or os.curdir)
            if inside == folder or inside.startswith(folder + os.sep):
                what = name if inside == folder else f"above {name}"
                break
    if what is None:
        return None
    return CropUnreadable(
        "unsupported",
        f"a list does not have a folder searched that is {what};"
        " name the folder itself on the command line, in place of the list",
    )


def _read_text(file: BinaryIO) -> Iterator[str]:
    head = b""
    while piece := _read_some(file):
        head += piece
        if _tells_encoding(head):
            break
    _refuse_other_files(head)
    mark, encoding = _encoding_of(head)
    if encoding in ("utf-8", None):  # names as the system has them, bytes that are no text too
        how, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
        decoder = codecs.getincrementaldecoder(encoding or how)(errors)
    else:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(head[len(mark) :])
    while piece := _read_some(file):
        yield decoder.decode(piece)
    yield decoder.decode(b"", True)


def _read_some(file: BinaryIO) -> bytes:
    """Read what is there, and wait only for the first byte."""
    # not through the buffer: Python cannot end while a thread waits in that of standard input
    return bytes(getattr(file, "raw", file).read(_PIECE) or b"")


def _tells_encoding(head: bytes) -> bool:
    """Whether there is enough to know the encoding: no longer a part of a mark, and a path."""
    if len(head) > _LONGEST_PATH:
        return True
    if any(mark.startswith(head) for mark, _ in _MARKS):
        return head == codecs.BOM_UTF8
    if b"\0" in head[:4]:  # of 16 or 32 bits, or a short name
        return len(head) >= 8
    return head.startswith(_ALL_MARKS) or b"\0" in head or b"\n" in head


def _encoding_of(head: bytes) -> tuple[bytes, str | None]:
    """Byte-order mark and encoding; None for names as the system writes them."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return mark, encoding
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        if b"\0" in head and _is_written_in(encoding, head):
            return b"", encoding
    if b"\0\0" in head:
        raise _no_list("zeros in a row")
    return b"", None


def _is_written_in(encoding: str, head: bytes) -> bool:
    """Whether a list without a mark reads like one in an encoding of 16 or 32 bits."""
    text = head[: min(len(head), _SAMPLE) // 4 * 4].decode(encoding, "replace")
    if encoding.startswith("utf-32"):
        # hardly any other bytes are code points
        return bool(text.strip("\0")) and "\ufffd" not in text
    written = [ord(character) for character in text if character != "\0"]
    if sum(code < 128 for code in written) >= max(_MOSTLY * len(written), 1):
        return True
    # or its lines end as they do there, and nowhere else
    line_feeds = [code for code in written if 10 in divmod(code, 256)]
    return bool(line_feeds) and set(line_feeds) == {10}


def _refuse_other_files(head: bytes) -> None:
    if head.startswith(_NO_LISTS) or (head.startswith(b"BM") and b"\0" in head[:10]):
        raise _no_list("it begins like an image, an archive, a document or a program")
    if head.startswith(_ALL_MARKS):
        return
    sample = head[:_SAMPLE]
    control = sum(byte < 32 and byte not in _WHITE for byte in sample)
    foreign = sum(byte > 127 for byte in sample)
    # names may hold anything, but most of them hold letters
    if len(sample) >= _ENOUGH and control > len(sample) / 20 and foreign > len(sample) / 4:
        raise _no_list("its bytes are no text")


def _no_list(why: str) -> CropUnreadable:
    return CropUnreadable(
        "unsupported",
        f"this is no list of paths: {why}; a list is a text with a path a line, in UTF-8 or UTF-16",
    )


def _not_empty(paths: list[str], separator: str) -> Iterator[str]:
    for path in paths:
        name = path if separator == "\0" else path.removesuffix("\r")
        if name:
            yield name
