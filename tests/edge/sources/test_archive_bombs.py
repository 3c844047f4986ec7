"""Archives that say they are huge, never end or lead in circles: ended, and in little memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from test_archives import (
    CELLS,
    members,
    tarred,
    zipped,
)

from edge.sources.archives import each_member
from edge.sources.content import MAX_HELD

# bombs


def peak_of(work: Callable[[], object]) -> int:
    """Most bytes that Python held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_zip_member_that_says_it_is_huge_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.png", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    given: dict[str, bytes | str] = {}
    assert peak_of(lambda: given.update(members(path))) < 1 << 20
    assert given == {"a.png": "too-large"}


def test_a_zip_member_is_unpacked_no_further_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a.png": bytes(200 << 20)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(data)
    given: dict[str, bytes | str] = {}
    assert peak_of(lambda: given.update(members(path))) < 5 << 20
    assert given == {"a.png": "damaged"}


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_large_member_of_a_compressed_tar_is_passed_over(tmp_path: Path, suffix: str) -> None:
    files = {"a.png": bytes(MAX_HELD + 1), "b.png": CELLS[1]}
    path = tarred(tmp_path / f"bomb{suffix}", files)
    given: dict[str, bytes | str] = {}
    assert peak_of(lambda: given.update(members(path))) < 20 << 20
    assert given == {"a.png": "too-large", "b.png": CELLS[1]}


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_a_tar_that_never_stops_unpacking_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr("edge.sources.archives._FREE_EXPANSION", 1 << 20)
    header = tarfile.TarInfo("notes.txt")
    header.size = 1 << 40
    zeros = pack(bytes(20 << 20))
    path = tmp_path / "bomb.tar.xz"
    path.write_bytes(pack(header.tobuf()) + zeros * 50)
    assert list(members(path).values()) == ["too-large"]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_tar_header_that_asks_for_any_amount_of_memory_is_refused(
    tmp_path: Path, suffix: str, kind: bytes
) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 4 << 30
    data = header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    assert peak_of(lambda: members(path)) < 20 << 20
    assert list(members(path).values()) == ["damaged"]


def negative_size(header: tarfile.TarInfo) -> bytes:
    """Build a header that leads back, as a naive reader would follow it for ever."""
    buffer = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    buffer[124:136] = b"\xff" * 10 + struct.pack(">H", 0x10000 - 512)
    buffer[148:156] = b" " * 8
    buffer[148:156] = b"%06o\0 " % sum(buffer)
    return bytes(buffer)


def test_a_tar_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    header = tarfile.TarInfo("a.png")
    path = tmp_path / "loop.tar"
    path.write_bytes(negative_size(header) * 3 + bytes(1024))
    assert list(members(path).values()) == ["damaged"]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        header.pax_headers = {"size": "-512"}
        archive.addfile(header)
    assert list(members(path).values()) == ["damaged"]


def test_a_tower_of_tar_headers_ends(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 5
    path = tmp_path / "tower.tar"
    path.write_bytes((header.tobuf(tarfile.GNU_FORMAT) + b"name\0".ljust(512, b"\0")) * 5000)
    assert list(members(path).values()) == ["damaged"]


def test_what_stays_in_memory_does_not_grow_with_the_members_of_a_tar(tmp_path: Path) -> None:
    peaks = []
    for n in (100, 4000):
        path = tarred(tmp_path / f"{n}.tar", {f"{i:06d}.png": b"x" for i in range(n)})
        peaks.append(peak_of(lambda path=path: sum(1 for _ in each_member(str(path)))))  # type: ignore[misc]
    assert peaks[1] < 1.5 * peaks[0]
