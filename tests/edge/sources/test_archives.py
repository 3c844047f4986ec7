"""Zip and tar archives: the images in them are inputs, and whatever is wrong with one is a row."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from edge_helpers import encoded, small_cell, write_cells
from hypothesis import given
from hypothesis import strategies as st
from tiff_files import stack

from edge.decoding.decode import decode
from edge.engine.classifier import Classifier
from edge.errors import CropUnreadable, NoInputs
from edge.files import file_name
from edge.reasons import REASONS
from edge.sources.archives import each_member
from edge.sources.content import Found
from edge.sources.find import find_inputs, open_sources
from edge.sources.names import ARCHIVE_SUFFIXES

CELLS = [encoded(small_cell(seed)) for seed in range(3)]
NAMES = ["day1/a.png", "day1/b.PNG", "c.bmp"]
Files = dict[str, bytes]


def zipped(path: Path, files: Files, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return path


def tarred(path: Path, files: Files) -> Path:
    kind = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "tbz2": "w:bz2"}
    kind |= {"xz": "w:xz", "txz": "w:xz", "tar": "w"}
    with tarfile.open(path, kind[path.name.rpartition(".")[2]]) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path


def archived(path: Path, files: Files) -> Path:
    return (zipped if path.suffix == ".zip" else tarred)(path, files)


def members(path: Path) -> dict[str, bytes | str]:
    """Name in the archive -> bytes, or the reason why there are none."""
    given: dict[str, bytes | str] = {}
    for found in each_member(str(path)):
        name = found.path.removeprefix(f"{path}!")
        assert name not in given
        given[name] = content(found)
    return given


def content(found: Found) -> bytes | str:
    if found.error:
        assert found.error.reason in REASONS
        return found.error.reason
    assert found.content
    try:
        return found.content.read()
    except CropUnreadable as error:
        reason = error.reason
    assert reason in REASONS
    return reason


every_kind = pytest.mark.parametrize("suffix", ARCHIVE_SUFFIXES)
two_kinds = pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])


@every_kind
def test_the_images_in_an_archive_are_inputs_in_its_order(tmp_path: Path, suffix: str) -> None:
    files = dict(zip(NAMES, CELLS, strict=True)) | {"notes.txt": b"text", "day1/": b""}
    path = archived(tmp_path / f"cells{suffix}", files)
    inputs = list(find_inputs([str(path)]))
    assert [entry.file for entry in inputs] == [f"{path}!{name}" for name in NAMES]
    assert [entry.read() for entry in inputs] == CELLS
    assert {entry.source for entry in inputs} == {str(path)}


@two_kinds
def test_archives_are_found_by_globs_but_not_in_folders(tmp_path: Path, suffix: str) -> None:
    archived(tmp_path / f"cells{suffix}", {"a.png": CELLS[0]})
    assert len(list(find_inputs([f"{tmp_path}/*"]))) == 1
    assert list(find_inputs([str(tmp_path)])) == []


@two_kinds
def test_an_archive_without_images_is_refused_in_a_sentence(tmp_path: Path, suffix: str) -> None:
    path = archived(tmp_path / f"cells{suffix}", {"notes.txt": b"text"})
    with pytest.raises(NoInputs, match=r"^no image in "):
        open_sources([str(path)])


@two_kinds
def test_pages_of_a_tiff_in_an_archive_are_inputs(tmp_path: Path, suffix: str) -> None:
    cells = [small_cell(seed) for seed in range(2)]
    files = {"stack.tif": stack(cells), "one.tif": encoded(cells[0], ".tiff")}
    path = archived(tmp_path / f"cells{suffix}", files)
    found = list(each_member(str(path)))
    assert [f.path for f in found] == [
        f"{path}!{n}" for n in ("stack.tif#1", "stack.tif#2", "one.tif")
    ]
    for member, cell in zip(found, [*cells, cells[0]], strict=True):
        assert member.content
        assert (decode(member.content.read()) == cell).all()


@two_kinds
def test_archives_in_archives_are_named_not_opened(tmp_path: Path, suffix: str) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.png": CELLS[0]}).read_bytes()
    path = archived(tmp_path / f"cells{suffix}", {"inner.zip": inner, "x.tar.gz": b""})
    assert members(path) == {"inner.zip": "unsupported", "x.tar.gz": "unsupported"}


@two_kinds
def test_names_that_lead_elsewhere_harm_nothing(tmp_path: Path, suffix: str) -> None:
    names = ["../../escaped.png", "/etc/escaped.png", "a\\..\\b.png", "two\nlines.png", "ü.png"]
    path = archived(tmp_path / f"cells{suffix}", dict.fromkeys(names, CELLS[0]))
    assert members(path) == dict.fromkeys(names, CELLS[0])
    assert list(tmp_path.iterdir()) == [path]


def test_names_in_a_tar_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "cells.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        archive.addfile(tarfile.TarInfo(os.fsdecode(b"\xff.png")))
    (found,) = each_member(str(path))
    assert file_name(found.path) == rf"{path}!\xff.png"


def test_what_macos_adds_to_a_zip_is_no_input(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cells.zip", {"a.png": CELLS[0], "__MACOSX/._a.png": b"Mac OS X"})
    assert list(members(path)) == ["a.png"]


@two_kinds
def test_an_empty_member_and_text_named_like_an_image_are_rows(tmp_path: Path, suffix: str) -> None:
    path = archived(
        tmp_path / f"cells{suffix}", {"a.png": b"", "b.png": b"text", "c.png": CELLS[0]}
    )
    with Classifier(threads=2) as classifier:
        results = list(classifier.classify_samples(find_inputs([str(path)])))
    assert [result.error for result in results] == ["empty", "not-an-image", None]


def test_a_member_whose_checksum_is_wrong_is_damaged_and_the_rest_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cells.zip", dict(zip(NAMES, CELLS, strict=True)), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(CELLS[1]) + 500] ^= 1
    path.write_bytes(data)
    assert members(path) == {NAMES[0]: CELLS[0], NAMES[1]: "damaged", NAMES[2]: CELLS[2]}


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cells.zip", {"a.png": CELLS[0], "b.png": CELLS[1]})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert members(path) == {"a.png": "encrypted", "b.png": CELLS[1]}


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_compressed_in_a_way_without_a_limit_is_named(
    tmp_path: Path, compression: int
) -> None:
    path = zipped(tmp_path / "cells.zip", {"a.png": CELLS[0]}, compression)
    assert members(path) == {"a.png": "unsupported"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_links_and_pipes_in_a_tar_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cells{suffix}"
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
        for name, kind in {
            "l.png": tarfile.LNKTYPE,
            "s.png": tarfile.SYMTYPE,
            "f.png": tarfile.FIFOTYPE,
        }.items():
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            archive.addfile(header)
    assert members(path) == {"l.png": "unsupported", "s.png": "unsupported", "f.png": "not-a-file"}


@two_kinds
@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5])
def test_a_cut_archive_ends_in_a_row_after_what_could_be_read(
    tmp_path: Path, suffix: str, keep: float
) -> None:
    path = archived(tmp_path / f"cells{suffix}", dict(zip(NAMES, CELLS, strict=True)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    given = list(members(path).values())
    whole = [value for value in given if isinstance(value, bytes)]
    assert set(given[len(whole) :]) <= {"truncated", "damaged"}
    assert len(whole) < len(given)
    assert whole == CELLS[: len(whole)]
    assert suffix == ".zip" or keep < 0.5 or whole


def test_a_tar_cut_between_two_members_says_so(tmp_path: Path) -> None:
    path = tarred(tmp_path / "cells.tar", dict(zip(NAMES, CELLS, strict=True)))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(NAMES[2].encode())])
    assert list(members(path).values()) == [CELLS[0], CELLS[1], "truncated"]


def test_damage_between_members_of_a_tar_does_not_end_it_silently(tmp_path: Path) -> None:
    path = tarred(tmp_path / "cells.tar", dict(zip(NAMES, CELLS, strict=True)))
    data = bytearray(path.read_bytes())
    data[data.index(b"day1/b.PNG")] ^= 1
    path.write_bytes(data)
    assert list(members(path).values()) == [CELLS[0], "damaged"]


def test_a_compressed_tar_whose_checksum_is_wrong_is_named(tmp_path: Path) -> None:
    path = tarred(tmp_path / "cells.tar.gz", dict(zip(NAMES, CELLS, strict=True)))
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    assert list(members(path).values()) == [*CELLS, "damaged"]


@every_kind
def test_a_file_that_is_no_archive_is_a_row(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"cells{suffix}").write_bytes(b"not an archive" * 100)
    (result,) = members(tmp_path / f"cells{suffix}").values()
    assert result == "damaged"


@every_kind
def test_a_pipe_named_like_an_archive_is_refused_not_waited_for(
    tmp_path: Path, suffix: str
) -> None:
    os.mkfifo(tmp_path / f"cells{suffix}")
    assert list(members(tmp_path / f"cells{suffix}").values()) == ["not-a-file"]


def test_an_archive_that_goes_away_while_it_is_read_is_rows_with_reasons(tmp_path: Path) -> None:
    path = tarred(tmp_path / "cells.tar", dict(zip(NAMES, CELLS, strict=True)))
    found = list(each_member(str(path)))
    path.write_bytes(path.read_bytes()[:600])
    assert {content(member) for member in found} == {"truncated"}
    path.unlink()
    assert {content(member) for member in found} == {"not-found"}


@two_kinds
@given(data=st.data())
def test_a_damaged_archive_gives_members_and_reasons_only(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"cells{suffix}"
    archived(path, {name: cell[:300] for name, cell in zip(NAMES, CELLS, strict=True)})
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    path.write_bytes(
        damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    )
    for found in each_member(str(path)):
        content(found)


def test_members_of_a_zip_are_read_by_many_threads(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    paths = write_cells(tmp_path / "cells", 40)
    path = zipped(tmp_path / "cells.zip", {p.name: p.read_bytes() for p in paths})
    with Classifier(threads=8) as classifier:
        archived_cells = list(classifier.classify_samples(find_inputs([str(path)])))
        files = list(classifier.classify_samples(find_inputs([str(tmp_path / "cells")])))
    assert [r.logits for r in archived_cells] == [r.logits for r in files]
    assert {r.error for r in archived_cells} == {None}


def test_gzip_noise_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cells.tar.gz"
    path.write_bytes(gzip.compress(os.urandom(5000)) + zlib.compress(b"x"))
    assert list(members(path).values()) == ["damaged"]
