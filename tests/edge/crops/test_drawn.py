"""Drawn cells: repeatable, nobody's, and like those of C-NMC in size and colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.crops.drawn import SIDE, draw_cell, write_samples
from edge.crops.preprocess import UInt8Image, to_crop
from edge.decoding.decode import decode, read_crop
from edge.errors import OutputFailed
from edge.models import cnmc


@pytest.fixture(scope="module")
def cells() -> list[UInt8Image]:
    return [draw_cell(seed) for seed in range(24)]


def inside(cell: UInt8Image) -> np.ndarray:
    return cell.any(axis=2)


def test_a_drawn_cell_is_an_rgb_image_of_450x450(cells: list[UInt8Image]) -> None:
    assert SIDE == 450
    assert {(cell.shape, cell.dtype.name) for cell in cells} == {((450, 450, 3), "uint8")}


def test_the_same_seed_gives_the_same_bytes(cells: list[UInt8Image]) -> None:
    for seed in (0, 7, 23):
        assert draw_cell(seed).tobytes() == cells[seed].tobytes()


def test_different_seeds_give_different_cells(cells: list[UInt8Image]) -> None:
    assert len({cell.tobytes() for cell in cells}) == len(cells)
    shapes = {inside(cell).tobytes() for cell in cells}
    assert len(shapes) == len(cells)


def test_outside_the_cell_all_is_black_and_inside_no_pixel_is(cells: list[UInt8Image]) -> None:
    for cell in cells:
        assert (cell[inside(cell)] > 0).all()
        border = np.concatenate([cell[0], cell[-1], cell[:, 0], cell[:, -1]])
        assert not border.any()


def test_there_is_one_cell_near_the_middle(cells: list[UInt8Image]) -> None:
    for cell in cells:
        parts, _, _, centres = cv2.connectedComponentsWithStats(inside(cell).astype(np.uint8))
        assert parts == 2  # the background is the other
        assert np.abs(centres[1] - SIDE / 2).max() < SIDE / 10


def test_cells_are_as_large_as_those_of_c_nmc(cells: list[UInt8Image]) -> None:
    diameters = [2 * np.sqrt(inside(cell).sum() / np.pi) for cell in cells]
    assert min(diameters) > 140
    assert max(diameters) < 255
    assert np.ptp(diameters) > 40


def test_cells_have_the_colours_of_c_nmc(cells: list[UInt8Image]) -> None:
    colours = np.array([cell[inside(cell)].mean(axis=0) for cell in cells])
    assert np.abs(colours.mean(axis=0) - (68, 29, 78)).max() < 6
    red, green, blue = colours.T
    assert (green < red).all()
    assert (green < blue).all()


def test_cells_have_a_texture_as_those_of_c_nmc(cells: list[UInt8Image]) -> None:
    spread = np.array([cell[inside(cell)].std(axis=0).mean() for cell in cells])
    assert (spread > 3).all()
    assert (spread < 20).all()


def test_samples_are_png_files_of_the_first_seeds(tmp_path: Path, cells: list[UInt8Image]) -> None:
    paths = write_samples(tmp_path / "new" / "samples", 3)
    assert [path.name for path in paths] == ["cell-000.png", "cell-001.png", "cell-002.png"]
    assert sorted((tmp_path / "new" / "samples").iterdir()) == paths
    for path, cell in zip(paths, cells, strict=False):
        assert (decode(path.read_bytes()) == cell).all()
        assert (read_crop(path, cnmc.SIDE) == to_crop(cell, cnmc.SIDE)).all()


def test_samples_drawn_again_are_the_same_files(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_samples(tmp_path, 2)]
    assert [path.read_bytes() for path in write_samples(tmp_path, 2)] == first


def test_a_folder_that_cannot_be_made_is_an_error_of_edge_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed, match=r"cannot write samples to .*file"):
        write_samples(tmp_path / "file", 1)
