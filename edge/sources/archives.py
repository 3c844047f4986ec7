"""Zip and tar archives: the images in them, read in place; nothing is written to the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from edge.errors import CropUnreadable
from edge.files import MAX_BYTES, open_file, unreadable
from edge.samples import Content
from edge.sources.content import MAX_HELD, Found, Held, Slice, too_large
from edge.sources.left_out import LeftOut
from edge.sources.names import IMAGE_SUFFIXES, hidden_part, is_archive, may_be_tiff, suffix_of
from edge.sources.tiff_pages import each_page

_FREE_EXPANSION = 1 << 30  # bytes that any compressed tar may unpack to, and beyond them:
_MOST_EXPANSION = 200  # times its own size; deflate could reach 1,000, xz and bzip2 far more
_MOST_IN_EXTENSION = 1 << 20  # bytes of a long name or of attributes
_EXTENSIONS = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}
_COMPRESSED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
}
# what zipfile, tarfile and the decompressors raise over damaged bytes; RuntimeError: a tower of
# tar headers, each extending the next, is deeper than Python calls
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def each_member(path: str, left_out: LeftOut | None = None) -> Iterator[Found]:
    """Find the images in an archive, by suffix, in its order; called ``cells.zip!day1/a.png``.

    Parameters
    ----------
    path : str
        A zip or tar file; a tar may be compressed with gzip, bzip2 or xz.
    left_out : LeftOut, optional
        Counts what is left out: hidden names, and what is not named like an image.

    Yields
    ------
    Found
        Including members that are refused (encrypted, links, archives again), and
        the archive itself with the reason where it cannot be read any further.
    """
    wanted = _Wanted(path, LeftOut() if left_out is None else left_out)
    try:
        with open_file(path) as file:
            is_zip = path.lower().endswith(".zip")
            members = _zip(path, wanted) if is_zip else _tar(path, file, wanted)
            for member in members:
                yield from _look_inside(member)
    except CropUnreadable as error:
        yield Found(path, error=error)
    except OSError as error:
        yield Found(path, error=unreadable(error) if error.errno else _damaged(error))
    except _DAMAGE as error:
        yield Found(path, error=_damaged(error))


def _damaged(error: Exception) -> CropUnreadable:
    if isinstance(error, EOFError) or "unexpected end" in str(error):
        return CropUnreadable("truncated", "the archive is cut off; copy it again")
    return CropUnreadable("damaged", f"the archive is damaged ({error}); copy it again")


def _look_inside(member: Found) -> Iterator[Found]:
    """Pages of a TIFF in an archive; any other image as it is."""
    if member.content is None or not may_be_tiff(member.path):
        yield member
        return
    try:
        data = member.content.read()
    except CropUnreadable as error:
        yield Found(member.path, error=error)
        return
    yield from each_page(member.path, Held(data), member.content)


def _member(archive: str, name: str, content: Content, refusal: CropUnreadable | None) -> Found:
    # names come as text; a path is what this system makes of their bytes
    path = f"{archive}!{os.fsdecode(name.encode('utf-8', 'surrogateescape'))}"
    return Found(path, error=refusal) if refusal else Found(path, content)


class _Wanted:
    """Tells the members that are images, or archives in which images would be missed."""

    def __init__(self, archive: str, left_out: LeftOut) -> None:
        self._archive = archive
        self._left_out = left_out
        self._folders: set[str] = set()  # hidden ones, that each counts once

    def __call__(self, name: str, is_folder: bool) -> bool:
        """Whether to read a member; counts it if not."""
        if hidden := hidden_part(name.rstrip("/")):
            self._leave_hidden(hidden, is_folder or hidden != name)
        elif is_folder:
            return False
        elif suffix_of(name) in IMAGE_SUFFIXES or is_archive(name):
            return True
        else:
            self._left_out.add_unnamed(f"{self._archive}!{name}")
        return False

    def _leave_hidden(self, name: str, is_folder: bool) -> None:
        if is_folder:
            if name in self._folders:
                return
            self._folders.add(name)
        self._left_out.add_hidden(f"{self._archive}!{name}" + "/" * is_folder)


def _unsupported(what: str) -> CropUnreadable:
    return CropUnreadable("unsupported", f"{what}; unpack the archive and name the folder")


@dataclass(frozen=True)
class _ZipMember:
    """A member of an open zip; threads take turns to open, and decompress side by side."""

    path: str
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    lock: Lock

    def __reduce__(self) -> tuple[object, ...]:
        """In another process the zip is opened there, once for many members."""
        return _member_elsewhere, (self.path, self.info)

    def read(self) -> bytes:
        try:
            with self.lock:
                stream = self.archive.open(self.info)
            try:
                # never more than the directory promises: what would follow is a bomb
                data = stream.read(self.info.file_size)
            finally:
                with self.lock:
                    stream.close()
        except OSError as error:
            raise unreadable(error) from error
        except _DAMAGE as error:
            raise _damaged(error) from error
        if len(data) < self.info.file_size:
            raise CropUnreadable("truncated", "it ends early in the archive; copy it again")
        return data


@lru_cache(maxsize=4)  # members come one archive after the other
def _opened_elsewhere(path: str) -> tuple[zipfile.ZipFile, Lock]:
    return _open_zip(path), Lock()


@dataclass(frozen=True)
class _Unopened:
    """A member of a zip that this process cannot open, though another one could."""

    error: CropUnreadable

    def read(self) -> bytes:
        raise self.error


def _member_elsewhere(path: str, info: zipfile.ZipInfo) -> Content:
    try:
        archive, lock = _opened_elsewhere(path)
        return _ZipMember(path, archive, info, lock)
    except OSError as error:
        return _Unopened(unreadable(error))
    except _DAMAGE as error:
        return _Unopened(_damaged(error))


def _zip(path: str, wanted: _Wanted) -> Iterator[Found]:
    archive, lock = _open_zip(path), Lock()
    for info in archive.infolist():
        if wanted(info.filename, info.is_dir()):
            content = _ZipMember(path, archive, info, lock)
            yield _member(path, info.filename, content, _zip_refusal(info))


def _open_zip(path: str) -> zipfile.ZipFile:
    """Open a zip whose file is closed when the last member that needs it is gone.

    By a finalizer: members may go in a cycle with the traceback of a damaged one, and then Python
    would find the file before the archive that closes it.
    """
    file = Path(path).open("rb")  # noqa: SIM115
    try:
        archive = zipfile.ZipFile(file)
    except BaseException:
        file.close()
        raise
    weakref.finalize(archive, file.close)
    return archive


def _zip_refusal(info: zipfile.ZipInfo) -> CropUnreadable | None:
    if is_archive(info.filename):
        return _unsupported("an archive in an archive")
    if info.flag_bits & 1:
        return CropUnreadable("encrypted", "the zip needs a password; unpack it first")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _unsupported("a compression other than deflate")
    if info.file_size > (MAX_HELD if may_be_tiff(info.filename) else MAX_BYTES):
        return too_large(MAX_HELD if may_be_tiff(info.filename) else MAX_BYTES)
    return None


class _Header(tarfile.TarInfo):
    """Header of a tar member that neither hides damage nor asks for any amount of memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Read a header; only zeros end an archive."""
        if not buf:
            raise EOFError
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not any(buf):
                raise
            raise _damaged(error) from error
        if header.size < 0 or (header.type in _EXTENSIONS and header.size > _MOST_IN_EXTENSION):
            raise CropUnreadable("damaged", f"a tar header of {header.size} bytes; copy it again")
        return header


class _Unpacking:
    """A compressed stream that stops where nothing but a bomb would go on."""

    def __init__(self, packed: BinaryIO, stream: io.BufferedIOBase) -> None:
        self._packed, self._stream = packed, stream
        self._total = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read1(size)  # what comes before damage, not only the damage
        self._total += len(data)
        if self._total > max(_FREE_EXPANSION, _MOST_EXPANSION * self._packed.tell()):
            raise CropUnreadable(
                "too-large", f"it unpacks to more than {_MOST_EXPANSION} times its size"
            )
        return data


def _tar(path: str, file: BinaryIO, wanted: _Wanted) -> Iterator[Found]:
    opened = _COMPRESSED.get(file.read(2))
    file.seek(0)
    stream: Any = _Unpacking(file, opened(file)) if opened else file
    options: dict[str, Any] = {
        "fileobj": stream,
        "tarinfo": _Header,
        "encoding": "utf-8",
        "errors": "surrogateescape",
    }
    # "|" reads in order, ":" passes over what is not asked for
    mode: Any = "r|" if opened else "r:"
    tar: tarfile.TarFile = tarfile.open(mode=mode, **options)  # noqa: SIM115
    reached = -1
    while header := tar.next():
        if tar.offset <= reached or header.size < 0:
            raise CropUnreadable("damaged", "tar headers that lead back; copy the archive again")
        reached = tar.offset
        tar.members.clear()  # type: ignore[attr-defined]  # it would remember them all
        if wanted(header.name, header.isdir()):
            yield _tar_member(path, tar, header, in_order=opened is not None)
    while opened and stream.read(1 << 16):  # the checksum is at the end
        pass


def _tar_member(path: str, tar: tarfile.TarFile, header: tarfile.TarInfo, in_order: bool) -> Found:
    refusal = _tar_refusal(header, in_order)
    content: Content = Slice(path, header.offset_data, header.size)
    if in_order and not refusal:
        stream = tar.extractfile(header)
        content = Held(stream.read() if stream else b"")
    return _member(path, header.name, content, refusal)


def _tar_refusal(header: tarfile.TarInfo, in_order: bool) -> CropUnreadable | None:
    if is_archive(header.name):
        return _unsupported("an archive in an archive")
    if header.islnk() or header.issym():
        return _unsupported("a link in an archive")
    if header.issparse():
        return _unsupported("a sparse file in an archive")
    if not header.isreg():
        return CropUnreadable("not-a-file", "a pipe or device in an archive")
    limit = MAX_HELD if in_order or may_be_tiff(header.name) else MAX_BYTES
    return too_large(limit) if header.size > limit else None
