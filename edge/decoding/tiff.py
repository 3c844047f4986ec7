"""TIFF: its pages, what each says of itself, and each as a file of its own.

A TIFF is a chain of directories; each lists tags, among them where the strips or
tiles of its page lie (TIFF 6.0, section 2; BigTIFF has wider numbers). Nothing
here trusts them: every table and every strip must lie within the file, and the
chain may neither be endless nor lead back to itself.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from edge.errors import CropUnreadable, cut_off

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF: either byte order, classic or BigTIFF."""

_MOST_PAGES = 65_536
_MOST_TAGS = 65_536
_MOST_PIECES = 200_000  # strips or tiles: ten times what the largest image decoded here needs
_MOST_IN_TAGS = 16 << 20  # bytes of one page besides its pixels
_MOST_IN_PIECES = 256 << 20  # bytes of one page; pieces that overlap could add up to any number
_LARGEST_TILE = 50_000_000  # pixels: a decoder makes room for a whole tile
_MOST_CHANNELS = 4

_WIDTH, _HEIGHT, _BITS, _CHANNELS, _SUBFILE = 256, 257, 258, 277, 254
_TILE_WIDTH, _TILE_HEIGHT, _ROWS, _TABLES, _SUBSAMPLING = 322, 323, 278, 347, 530
_COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _PLANAR, _PREDICTOR = 259, 262, 266, 284, 317
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_POINTERS = {330, 513, 514, 34665, 34853, 40965}  # to what does not come along with one page
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_APART = 2  # planes, not pixels
_REDUCED, _MASK = 1, 4  # bits of the subfile type: not a page, but a helper of one


@dataclass(frozen=True)
class Page:
    """What the directory of a page says.

    Attributes
    ----------
    width, height : int
        Pixels.
    bits : int
        Bits per channel, the largest.
    pieces : tuple of (int, int)
        Offset and size in bytes of every strip or tile.
    piece_width, piece_height : int
        Pixels of a strip or tile; the last strip may have fewer rows.
    tiled : bool
        Whether the pieces are tiles.
    channels, planes : int
        Channels of a pixel; planes that follow one another, 1 where pixels lie together.
    compression, photometric, predictor, fill_order : int
        As the tags of these names say.
    subsampling : (int, int)
        Pixels across and down that share their colour, in YCbCr.
    tables : bytes
        Tables that the JPEG pieces share.
    """

    width: int
    height: int
    bits: int
    pieces: tuple[tuple[int, int], ...]
    piece_width: int
    piece_height: int
    tiled: bool
    channels: int = 1
    planes: int = 1
    compression: int = 1
    photometric: int = 1
    predictor: int = 1
    fill_order: int = 1
    subsampling: tuple[int, int] = (2, 2)
    tables: bytes = b""


@dataclass(frozen=True)
class _Entry:
    """One tag of a directory; the value lies at `value_at` in the file."""

    tag: int
    kind: int
    count: int
    value_at: int

    @property
    def size(self) -> int:
        return self.count * _SIZES.get(self.kind, 0)


class TiffFile:
    """A TIFF, open for reading.

    Parameters
    ----------
    file : BinaryIO
        Starts with one of :data:`SIGNATURES`.

    Raises
    ------
    CropUnreadable
        From every method: ``truncated``, ``damaged`` or ``too-large``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._signature = self._bytes(0, 4)
        self._order = "<" if self._signature[:2] == b"II" else ">"
        self._big = 43 in self._signature[2:]
        self._word, self._few = ("Q", "Q") if self._big else ("I", "H")
        self._inline, self._head = (8, 16) if self._big else (4, 8)

    def first_page(self) -> Page:
        """What the first directory says."""
        return self.page(next(self.directories(), 0))

    def directories(self) -> Iterator[int]:
        """Yield the offset in bytes of every directory, following the chain."""
        seen: set[int] = set()
        (at,) = self._numbers(self._word, self._head - self._inline)
        while at:
            if at in seen:
                raise _damaged("pages that lead back to themselves")
            if len(seen) == _MOST_PAGES:
                raise CropUnreadable("too-large", f"more than {_MOST_PAGES} pages; split the file")
            seen.add(at)
            _, following = self._directory(at)
            yield at
            at = following

    def is_helper(self, at: int) -> bool:
        """Whether a directory holds a thumbnail or mask of another page."""
        kinds = [self._values(entry) for entry in self._directory(at)[0] if entry.tag == _SUBFILE]
        return any(value & (_REDUCED | _MASK) for values in kinds for value in values)

    def page(self, at: int) -> Page:
        """What the directory at an offset says, checked against the extent of the file."""
        entries = {entry.tag: entry for entry in self._directory(at)[0]}
        if any(entry.value_at + entry.size > self._size for entry in entries.values()):
            raise cut_off("a table of the TIFF is cut off")
        size = [max(self._of(entries, tag, 0)) for tag in (_WIDTH, _HEIGHT)]
        if not all(size):
            raise _damaged("no size")
        channels = max(self._of(entries, _CHANNELS, 1))
        if channels > _MOST_CHANNELS:
            raise _damaged(f"more than {_MOST_CHANNELS} channels")
        tile = [max(self._of(entries, tag, 1)) for tag in (_TILE_WIDTH, _TILE_HEIGHT)]
        if tile[0] * tile[1] > _LARGEST_TILE:
            raise CropUnreadable(
                "too-large", f"a tile of {tile[0]} x {tile[1]} pixels; save strips"
            )
        if _TILE_WIDTH not in entries:
            rows = max(self._of(entries, _ROWS, size[1]))
            tile = [size[0], min(rows, size[1]) or size[1]]
        if not all(tile):
            raise _damaged("tiles of no size")
        tables = entries.get(_TABLES)
        shared = self._of(entries, _SUBSAMPLING, 2)
        planes = channels if max(self._of(entries, _PLANAR, 1)) == _APART else 1
        return Page(
            width=size[0],
            height=size[1],
            bits=max(self._of(entries, _BITS, 8)),
            pieces=self._pieces(entries),
            piece_width=tile[0],
            piece_height=tile[1],
            tiled=_TILE_WIDTH in entries,
            channels=channels,
            planes=planes,
            subsampling=(shared[0] or 1, shared[-1] or 1),
            tables=self._bytes(tables.value_at, tables.size) if tables else b"",
            compression=max(self._of(entries, _COMPRESSION, 1)),
            photometric=max(self._of(entries, _PHOTOMETRIC, 1)),
            predictor=max(self._of(entries, _PREDICTOR, 1)),
            fill_order=max(self._of(entries, _FILL_ORDER, 1)),
        )

    def alone(self, at: int) -> bytes:
        """One page as a TIFF file of its own: its tags and its strips or tiles as they are."""
        entries = [
            entry
            for entry in self._directory(at)[0]
            if entry.kind in _SIZES and entry.tag not in _POINTERS
        ]
        if sum(entry.size for entry in entries) > _MOST_IN_TAGS:
            raise _damaged(f"over {_MOST_IN_TAGS >> 20} MB of tags in one page")
        pieces = self.page(at).pieces
        tables_at = self._head + self._width(self._few) + self._inline
        tables_at += len(entries) * (4 + 2 * self._inline)
        pixels_at = tables_at + sum(entry.size for entry in entries) + 8 * len(pieces)
        directory, tables = bytearray(), bytearray()
        for entry in entries:
            kind, count = entry.kind, entry.count
            if entry.tag in _OFFSETS:
                kind, count, value = self._moved(pieces, pixels_at)
            else:
                value = self._bytes(entry.value_at, entry.size)
            directory += struct.pack(f"{self._order}HH{self._word}", entry.tag, kind, count)
            if len(value) > self._inline:
                place = struct.pack(self._order + self._word, tables_at + len(tables))
                tables += value
                value = place
            directory += value.ljust(self._inline, b"\0")
        head = self._signature + struct.pack(self._order + "HH", 8, 0) * self._big
        head += struct.pack(self._order + self._word, self._head)
        head += struct.pack(self._order + self._few, len(entries)) + directory
        head += bytes(self._inline) + tables
        return head.ljust(pixels_at, b"\0") + b"".join(self._bytes(*piece) for piece in pieces)

    def _moved(self, pieces: tuple[tuple[int, int], ...], at: int) -> tuple[int, int, bytes]:
        """Type, count and value of the table of offsets for pieces that lie end to end."""
        offsets = []
        for _, size in pieces:
            offsets.append(at)
            at += size
        kind = 16 if self._big else 4
        codes = _WHOLE_NUMBERS[kind] * len(offsets)
        return kind, len(offsets), struct.pack(self._order + codes, *offsets)

    def _pieces(self, entries: dict[int, _Entry]) -> tuple[tuple[int, int], ...]:
        offsets, counts = (
            next((self._values(entries[tag]) for tag in tags if tag in entries), ())
            for tags in (_OFFSETS, _COUNTS)
        )
        if not any(tag in entries for tag in _COUNTS):
            counts = self._up_to_the_next(offsets)
        if not offsets or len(offsets) != len(counts):
            raise _damaged("no image data")
        if any(at + size > self._size for at, size in zip(offsets, counts, strict=True)):
            raise cut_off("image data of the TIFF is cut off")
        if sum(counts) > _MOST_IN_PIECES:
            raise _damaged("strips that overlap")
        return tuple(zip(offsets, counts, strict=True))

    def _up_to_the_next(self, offsets: tuple[int, ...]) -> tuple[int, ...]:
        """Sizes of pieces in a file that does not say: each may go on to where another begins."""
        ends = sorted({*offsets, self._size})
        following = dict(pairwise(ends))
        return tuple(following.get(at, at) - at for at in offsets)

    def _directory(self, at: int) -> tuple[list[_Entry], int]:
        """Tags of a directory, and where the next one is (0: nowhere)."""
        (n,) = self._numbers(self._few, at)
        if n > _MOST_TAGS:
            raise _damaged(f"{n} tags")
        at += self._width(self._few)
        size = 4 + 2 * self._inline
        table = self._bytes(at, n * size)
        entries = []
        for start in range(0, n * size, size):
            tag, kind, count = struct.unpack_from(f"{self._order}HH{self._word}", table, start)
            value_at = at + start + size - self._inline
            if count * _SIZES.get(kind, 0) > self._inline:
                (value_at,) = struct.unpack_from(
                    self._order + self._word, table, start + size - self._inline
                )
            entries.append(_Entry(tag, kind, count, value_at))
        (following,) = self._numbers(self._word, at + n * size)
        return entries, following

    def _of(self, entries: dict[int, _Entry], tag: int, default: int) -> tuple[int, ...]:
        """Values of a tag, or what the standard takes if it is not there."""
        return (self._values(entries[tag]) if tag in entries else ()) or (default,)

    def _values(self, entry: _Entry) -> tuple[int, ...]:
        """Values of a whole-number tag; none of another."""
        code = _WHOLE_NUMBERS.get(entry.kind)
        if code is None:
            return ()
        if entry.count > _MOST_PIECES:
            raise _damaged(f"{entry.count} values in one tag")
        return self._numbers(code * entry.count, entry.value_at)

    def _numbers(self, codes: str, at: int) -> tuple[int, ...]:
        return struct.unpack(self._order + codes, self._bytes(at, self._width(codes)))

    def _width(self, codes: str) -> int:
        return struct.calcsize("=" + codes)

    def _bytes(self, at: int, size: int) -> bytes:
        if at + size <= self._size:
            self._file.seek(at)
            data = self._file.read(size)
            if len(data) == size:
                return data
        raise cut_off("a table of the TIFF is cut off")


def _damaged(what: str) -> CropUnreadable:
    return CropUnreadable("damaged", f"the TIFF has {what}; export the file again")
