"""Multi-page TIFF: every page an input, whatever the chain of pages looks like."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import encoded, small_cell
from hypothesis import given
from hypothesis import strategies as st
from tiff_files import big_tiff, stack

from edge.decoding.decode import decode
from edge.decoding.tiff import TiffFile
from edge.engine.classifier import Classifier
from edge.errors import CropUnreadable
from edge.samples import Sample
from edge.sources.content import Held
from edge.sources.find import find_inputs
from edge.sources.tiff_pages import each_page

CELLS = [small_cell(seed) for seed in range(3)]
LZW, DEFLATE, RAW = 5, 8, 1


def next_links(data: bytes) -> list[int]:
    """Where in a little-endian classic TIFF the offset of each next directory stands."""
    links = [4]
    while at := struct.unpack_from("<I", data, links[-1])[0]:
        links.append(at + 2 + 12 * struct.unpack_from("<H", data, at)[0])
    return links


def with_link(data: bytes, page: int, target: int) -> bytes:
    """Let the directory of a page (from 1) be followed by the one at an offset."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, next_links(data)[page], target)
    return bytes(changed)


def found(folder: Path, data: bytes, name: str = "stack.tif") -> list[Sample]:
    (folder / name).write_bytes(data)
    return list(find_inputs([str(folder / name)]))


def names(inputs: list[Sample]) -> list[str]:
    return [Path(entry.file).name for entry in inputs]


@pytest.mark.parametrize("compression", [RAW, LZW, DEFLATE])
def test_every_page_is_an_input_counted_from_1(tmp_path: Path, compression: int) -> None:
    inputs = found(tmp_path, stack(CELLS, compression))
    assert names(inputs) == ["stack.tif#1", "stack.tif#2", "stack.tif#3"]
    for entry, cell in zip(inputs, CELLS, strict=True):
        assert (decode(entry.read()) == cell).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_big_tiffs_in_either_byte_order_have_pages_too(tmp_path: Path, order: str) -> None:
    inputs = found(tmp_path, big_tiff(CELLS, order))
    assert names(inputs) == ["stack.tif#1", "stack.tif#2", "stack.tif#3"]
    for entry, cell in zip(inputs, CELLS, strict=True):
        assert (decode(entry.read()) == cell).all()


def test_pages_of_any_size_decode_as_in_the_whole_file() -> None:
    large = cv2.resize(CELLS[0], (300, 200), interpolation=cv2.INTER_NEAREST)
    data = stack([large, CELLS[1][:7, :31], CELLS[2]])
    tiff = TiffFile(io.BytesIO(data))
    _, whole = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    for at, page in zip(tiff.directories(), whole, strict=True):
        assert (decode(tiff.alone(at)) == page[:, :, ::-1]).all()


def test_a_page_of_its_own_takes_only_its_own_bytes() -> None:
    data = stack([*CELLS, *CELLS])
    tiff = TiffFile(io.BytesIO(data))
    assert sum(len(tiff.alone(at)) for at in tiff.directories()) < 1.2 * len(data)


def test_a_file_with_one_page_stays_as_it_is(tmp_path: Path) -> None:
    (single,) = found(tmp_path, encoded(CELLS[0], ".tiff"))
    assert (names([single]), single.content) == (["stack.tif"], None)


def test_a_stack_is_known_by_its_content_where_the_suffix_says_nothing(tmp_path: Path) -> None:
    assert len(found(tmp_path, stack(CELLS), "cells.dat")) == 3
    assert len(found(tmp_path, stack(CELLS), "cells")) == 3


def test_pages_are_found_in_folders_and_globs_alike(tmp_path: Path) -> None:
    (tmp_path / "b.tif").write_bytes(stack(CELLS[:2]))
    (tmp_path / "a.png").write_bytes(encoded(CELLS[0]))
    expected = ["a.png", "b.tif#1", "b.tif#2"]
    assert names(list(find_inputs([str(tmp_path)]))) == expected
    assert names(list(find_inputs([str(tmp_path / "*")]))) == expected


def test_thumbnails_are_no_inputs_but_are_counted(tmp_path: Path) -> None:
    data = bytearray(stack(CELLS))
    at = struct.unpack_from("<I", data, next_links(bytes(data))[1])[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] == 254:
            struct.pack_into("<HII", data, entry + 2, 4, 1, 1)
            break
    else:  # no such tag: OpenCV writes it in every version so far
        pytest.fail("no subfile type")
    assert names(found(tmp_path, bytes(data))) == ["stack.tif#1", "stack.tif#3"]


def test_a_chain_that_leads_back_ends_with_the_reason(tmp_path: Path) -> None:
    data = stack(CELLS)
    first = struct.unpack_from("<I", data, 4)[0]
    inputs = found(tmp_path, with_link(data, 3, first))
    assert names(inputs) == [f"stack.tif#{n}" for n in (1, 2, 3, 4)]
    assert inputs[3].error
    assert inputs[3].error.reason == "damaged"
    assert "lead back" in inputs[3].error.message


@pytest.mark.parametrize("page", [1, 2])
def test_a_chain_that_breaks_off_gives_what_there_is_and_the_reason(
    tmp_path: Path, page: int
) -> None:
    data = stack(CELLS)
    inputs = found(tmp_path, with_link(data, page, len(data) + 8))
    assert names(inputs) == [f"stack.tif#{n}" for n in range(1, page + 2)]
    assert inputs[-1].error
    assert inputs[-1].error.reason == "truncated"
    assert (decode(inputs[0].read()) == CELLS[0]).all()


def test_a_file_whose_first_page_is_unreadable_is_one_row_with_the_reason(tmp_path: Path) -> None:
    data = bytearray(stack(CELLS))
    struct.pack_into("<I", data, 4, len(data))
    (entry,) = found(tmp_path, bytes(data))
    with pytest.raises(CropUnreadable, match="truncated"):
        decode(entry.read())


def test_a_page_that_is_cut_off_says_so_and_the_others_are_read(tmp_path: Path) -> None:
    data = bytearray(stack(CELLS))
    at = struct.unpack_from("<I", data, next_links(bytes(data))[1])[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] == 273:
            struct.pack_into("<I", data, entry + 8, len(data) - 10)
    inputs = found(tmp_path, bytes(data))
    assert names(inputs) == ["stack.tif#1", "stack.tif#2", "stack.tif#3"]
    with pytest.raises(CropUnreadable, match="truncated"):
        inputs[1].read()
    assert (decode(inputs[2].read()) == CELLS[2]).all()


def test_more_pages_than_any_stack_has_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.decoding.tiff._MOST_PAGES", 2)
    inputs = found(tmp_path, stack(CELLS))
    assert names(inputs) == ["stack.tif#1", "stack.tif#2", "stack.tif#3"]
    assert inputs[2].error
    assert inputs[2].error.reason == "too-large"


def test_strips_that_overlap_are_refused_before_they_are_read() -> None:
    piece = 10 << 20
    data = bytearray(encoded(CELLS[0], ".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, RAW)))
    at = struct.unpack_from("<I", data, 4)[0]
    table = len(data)
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        tag = struct.unpack_from("<H", data, entry)[0]
        if tag == 273:
            struct.pack_into("<HII", data, entry + 2, 4, 100, table)
        elif tag == 279:
            struct.pack_into("<HII", data, entry + 2, 4, 100, table + 400)
    data += struct.pack("<100I", *[8] * 100) + struct.pack("<100I", *[piece] * 100) + bytes(piece)
    with pytest.raises(CropUnreadable, match="overlap"):
        TiffFile(io.BytesIO(data)).alone(at)


def test_a_stack_that_changes_while_it_is_read_is_a_row_with_a_reason(tmp_path: Path) -> None:
    inputs = found(tmp_path, stack(CELLS))
    (tmp_path / "stack.tif").write_bytes(b"II*\0" + bytes(10))
    with pytest.raises(CropUnreadable, match=r"truncated|damaged"):
        inputs[2].read()
    (tmp_path / "stack.tif").unlink()
    with pytest.raises(CropUnreadable, match="not-found"):
        inputs[2].read()


def test_a_pipe_named_like_a_tiff_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stack.tif")
    (entry,) = find_inputs([str(tmp_path / "stack.tif")])
    with pytest.raises(CropUnreadable, match="not-a-file"):
        entry.read()


@given(st.data())
def test_a_damaged_stack_never_gives_anything_but_inputs(data: st.DataObject) -> None:
    whole = bytearray(stack(CELLS[:2]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 7) | st.integers(0, len(whole) - 1) | st.integers(-600, -1))
        whole[at] = data.draw(st.integers(0, 255))
    pages = list(each_page("stack.tif", Held(bytes(whole)), Held(bytes(whole))))
    assert 1 <= len(pages) <= 4
    for page in pages:
        try:
            if page.content:
                decode(page.content.read())
        except CropUnreadable:
            continue


def test_pages_classify_like_the_files_they_were_made_of(tmp_path: Path) -> None:
    inputs = found(tmp_path, stack(CELLS))
    with Classifier(threads=2) as classifier:
        pages = list(classifier.classify_samples(inputs))
        alone = [classifier.classify(cell) for cell in CELLS]
    assert [page.logits for page in pages] == [cell.logits for cell in alone]
    assert [Path(page.file).name for page in pages] == [f"stack.tif#{n}" for n in (1, 2, 3)]
