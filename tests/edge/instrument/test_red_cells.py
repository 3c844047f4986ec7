"""Red cells as an alarm for a wrong scale."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all

from edge.capture.images import encoded_png
from edge.crops.preprocess import UInt8Image
from edge.instrument.red_cells import FEWEST, RedCells, measure_red_cells
from edge.sources.cameras.simulated.optics import Optics
from edge.sources.cameras.simulated.smear import RED_CELL_UM, draw_field


def field(um: float, number: int = 0) -> UInt8Image:
    drawn = draw_field(4, number, 640, 480, um).pixels
    return Optics(number, vignette=0.15).take(drawn, number)


@pytest.mark.parametrize("um", [0.25, 0.4])
def test_drawn_red_cells_are_as_wide_as_they_were_drawn(um: float) -> None:
    found = measure_red_cells([field(um), field(um, 1)])
    assert found.cells >= FEWEST
    assert found.width * um == pytest.approx(RED_CELL_UM, rel=0.06)
    assert found.is_plausible(um)
    assert found.is_plausible(um * 0.6) is False
    assert found.is_plausible(um * 1.5) is False


def test_another_stain_is_no_other_width() -> None:
    pink = field(0.25)
    grey = np.ascontiguousarray(pink[:, :, ::-1])
    assert measure_red_cells([grey]).width == pytest.approx(
        measure_red_cells([pink]).width, rel=0.02
    )


@pytest.mark.parametrize(
    "image",
    [np.full((60, 80, 3), level, np.uint8) for level in (0, 200)]
    + [np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)],
)
def test_few_cells_say_nothing(image: UInt8Image) -> None:
    assert measure_red_cells([image]).is_plausible(0.1) is None
    assert RedCells(FEWEST - 1, 75.0).is_plausible(0.1) is None


def test_the_command_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ALL_INSTRUMENTS", str(tmp_path / "instruments"))
    path = tmp_path / "field.png"
    path.write_bytes(encoded_png(field(0.25)))

    done = edge_all("scale", "--red-cells", path)
    assert (done.exit_code, "not known" in done.stderr) == (2, True)
    edge_all("scale", "--pixel-size", 0.25)
    done = edge_all("scale", "--red-cells", path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "red cells are 7." in done.stdout
    edge_all("scale", "--pixel-size", 0.4)
    assert "implausible" in edge_all("scale", "--red-cells", path).stderr
    cv2.imwrite(str(path), np.full((60, 80, 3), 200, np.uint8))
    assert "name more" in edge_all("scale", "--red-cells", path).stderr
