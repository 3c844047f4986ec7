"""Micro-Manager with its demo camera; skipped where pymmcore-plus or that is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import CameraFault, ExtraMissing
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.micromanager import MicroManagerCamera, rgb_of
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource
from edge.sources.deadline import Deadline

CONFIG = """Property,Core,Initialize,0
Device,Camera,DemoCamera,DCam
Property,Core,Initialize,1
Property,Core,Camera,Camera
Property,Camera,PixelType,32bitRGB
Property,Camera,OnCameraCCDXSize,128
Property,Camera,OnCameraCCDYSize,96
ConfigPixelSize,Res100x,Camera,PixelType,32bitRGB
PixelSize_um,Res100x,0.1
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pytest.importorskip("pymmcore_plus", reason="an extra")
    pytest.importorskip("mm_test_adapters", reason="the demo camera")
    path = tmp_path / "demo.cfg"
    path.write_text(CONFIG)
    return path


def test_frames_are_colour_with_scale_and_exposure(config: Path) -> None:
    with MicroManagerCamera(str(config), exposure=3) as camera:
        first, second = camera.read(Deadline(5)), camera.read(Deadline(5))
    assert first is not None
    assert second is not None
    assert first.pixels.shape == (96, 128, 3)
    assert first.um_per_pixel == pytest.approx(0.1)
    assert first.facts == {"camera": "Camera", "exposure_ms": 3.0}
    assert (first.number, second.number) == (0, 1)
    assert not np.array_equal(first.pixels, second.pixels)


def test_it_runs_in_a_runner_and_is_closed(config: Path) -> None:
    with Runner(MicroManagerCamera(str(config), 3)) as runner:
        assert isinstance(runner.take(), Frame)
    with MicroManagerCamera(str(config)) as camera:
        assert camera.read(Deadline(5)) is not None


def test_a_configuration_that_cannot_be_loaded_is_a_fault(config: Path) -> None:
    config.write_text(CONFIG.replace("DCam", "NoSuchCamera"))
    with pytest.raises(CameraFault, match="no-camera"), MicroManagerCamera(str(config)):
        pass


def test_images_of_more_bits_and_a_fourth_channel_become_rgb() -> None:
    deep = np.full((2, 3, 4), 0x0FFF, np.uint16)
    assert rgb_of(deep, 12).tolist() == np.full((2, 3, 3), 255).tolist()
    plain = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(rgb_of(plain, 8), plain[:, :, :3])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)])
def test_grey_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(CameraFault, match="greyscale"):
        rgb_of(np.zeros(shape, np.uint8), 8)


def test_without_the_extra_it_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.cfg").write_text(CONFIG)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match="pip install 'edge-all\\[micromanager\\]'"):
        CameraSource(f"mm:{tmp_path / 'x.cfg'}")
    with pytest.raises(ExtraMissing, match="apt install python3-picamera2"):
        CameraSource("picamera:0")
