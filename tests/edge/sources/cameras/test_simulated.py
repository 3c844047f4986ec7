"""The simulated microscope: what it draws, and what goes wrong with it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import CameraFault
from edge.sources.cameras.address import Options
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.simulated.camera import SimulatedCamera, Troubles, make_camera
from edge.sources.cameras.simulated.optics import Optics
from edge.sources.cameras.simulated.scenes import DrawnSmear
from edge.sources.cameras.simulated.smear import RED, RED_CELL_UM, WHITE, Thing, draw_field
from edge.sources.deadline import Deadline

SMALL = DrawnSmear(seed=3, width=400, height=300, um_per_pixel=0.2)


def frames_of(camera: SimulatedCamera) -> list[Frame]:
    found = []
    with camera:
        while (frame := camera.read(Deadline(5))) is not None:
            found.append(frame)
    return found


def made(**options: str) -> SimulatedCamera:
    small = {"width": "160", "height": "120", "um": "0.4", "fps": "0"}
    asked = {name.replace("_", "-"): value for name, value in options.items()}
    return make_camera("", Options("sim", small | asked))


def cut(pixels: np.ndarray, thing: Thing) -> np.ndarray:
    box = thing.box
    return pixels[box.y : box.y + box.height, box.x : box.x + box.width].astype(int)


def test_the_same_numbers_draw_the_same_field_and_others_another() -> None:
    first, again, other = (draw_field(1, n, 300, 200, 0.2) for n in (0, 0, 1))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.things == again.things
    assert not np.array_equal(first.pixels, other.pixels)


def test_what_is_drawn_is_where_the_truth_says_and_has_its_colour() -> None:
    seen = {WHITE: 0, RED: 0}
    for number in range(6):
        field = draw_field(5, number, 500, 400, 0.2)
        for thing in field.things:
            assert thing.box.x >= 0
            assert thing.box.x + thing.box.width <= 500
            middle = cut(field.pixels, thing)
            if thing.kind == WHITE and thing.is_in_focus and not thing.is_cut_off:
                assert thing.nucleus is not None
                dark = (middle[:, :, 1] < 110).mean()
                assert dark > 0.1  # a nucleus is purple, and nothing pale is as large
                seen[WHITE] += 1
            if thing.kind == RED and not thing.is_cut_off:
                red, green, blue = np.median(middle.reshape(-1, 3), axis=0)
                assert red > blue
                assert red > green + 15
                seen[RED] += 1
    assert min(seen.values()) > 10


def test_red_cells_are_as_large_as_in_life() -> None:
    field = draw_field(2, 0, 900, 700, 0.2)
    wide = [
        (thing.box.width * thing.box.height) ** 0.5 * field.um_per_pixel
        for thing in field.things
        if thing.kind == RED and not thing.is_cut_off
    ]
    assert np.median(wide) == pytest.approx(RED_CELL_UM, rel=0.08)


def test_white_cells_are_as_many_as_asked_for() -> None:
    assert len(draw_field(0, 0, 900, 700, 0.2, white=9).white_cells) == 9
    assert draw_field(0, 0, 300, 200, 0.2, white=0).white_cells == ()


def test_every_frame_differs_though_the_stage_rests() -> None:
    smear = DrawnSmear(0, 160, 120, 0.4, still=5)
    frames = frames_of(SimulatedCamera(smear, Optics(), frames=5, rate=0))
    assert len({frame.pixels.tobytes() for frame in frames}) == 5
    assert {frame.facts["field"] for frame in frames} == {0}


def test_the_truth_moves_with_the_stage() -> None:
    scene = DrawnSmear(3, 400, 300, 0.2, still=3, drift=40)
    first, second = scene.things(0), scene.things(1)
    whole = [thing for thing in first if not thing.is_cut_off and thing.box.x > 40]
    assert whole
    for thing in whole:
        same = [other for other in second if other.box.x == thing.box.x - 40]
        assert any(other.box.y == thing.box.y and other.kind == thing.kind for other in same)
    a, b = scene.pixels(0), scene.pixels(1)
    assert np.array_equal(a[:, 40:], b[:, :-40])


def test_a_scale_is_known_and_a_place_without_cells_is_empty() -> None:
    (frame,) = frames_of(made(frames="1", empty="yes"))
    assert frame.um_per_pixel == 0.4
    assert frame.pixels.std(axis=(0, 1)).max() < 3


def test_light_falls_off_and_has_a_tint() -> None:
    (frame,) = frames_of(made(frames="1", empty="yes", vignette="0.5", tint="1+0.9+0.7"))
    corner = frame.pixels[-10:, :10].mean(axis=(0, 1))
    middle = frame.pixels[50:70, 70:90].mean(axis=(0, 1))
    assert (corner < 0.75 * middle).all()
    assert middle[2] < 0.8 * middle[0]


def test_focus_and_exposure_drift() -> None:
    frames = frames_of(made(frames="9", still="9", focus_drift="0.3", exposure_drift="-0.02"))
    sharp = [cv2.Laplacian(frame.pixels, cv2.CV_64F).var() for frame in (frames[0], frames[8])]
    assert sharp[1] < sharp[0] / 2
    assert frames[8].pixels.mean() < 0.9 * frames[0].pixels.mean()
    assert frames[8].facts["focus_um"] == pytest.approx(2.4)


def test_frozen_frames_are_the_one_before() -> None:
    frames = frames_of(made(frames="6", freeze="2-3+5"))
    same = [a.pixels.tobytes() == b.pixels.tobytes() for a, b in itertools.pairwise(frames)]
    assert same == [False, True, True, False, True]
    assert [frame.number for frame in frames] == list(range(6))


def test_dropped_frames_leave_gaps_in_the_numbers() -> None:
    numbers = [frame.number for frame in frames_of(made(frames="60", drop="0.3", empty="yes"))]
    assert 30 < len(numbers) < 58
    assert numbers == sorted(set(numbers))


def test_unplugged_it_stays_away_a_while_and_goes_on_where_it_was() -> None:
    camera = SimulatedCamera(SMALL, None, Troubles(disconnect=(range(1, 2),), away=0.1), 3, rate=0)
    with camera:
        assert camera.read(Deadline(1)) is not None
        with pytest.raises(CameraFault, match="camera-lost"):
            camera.read(Deadline(1))
    with pytest.raises(CameraFault, match="no-camera"), camera:
        pass
    time.sleep(0.12)
    assert [frame.number for frame in frames_of(camera)] == [1, 2]
    assert camera.given == [0, 1, 2]


def test_it_stalls_until_whoever_waits_gives_up() -> None:
    camera = made(frames="2", stall="0")
    with camera:
        start = time.monotonic()
        with pytest.raises(CameraFault, match="no-frame"):
            camera.read(Deadline(0.05))
        assert time.monotonic() - start >= 0.05
        assert camera.read(Deadline(1)) is not None


def test_frames_come_at_their_rate() -> None:
    start = time.monotonic()
    frames_of(made(frames="5", fps="50"))
    assert time.monotonic() - start >= 0.08


def test_a_folder_is_played_and_what_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    for level in (10, 20):
        assert cv2.imwrite(str(tmp_path / f"{level}.png"), np.full((8, 9, 3), level, np.uint8))
    (tmp_path / "15.png").write_bytes(b"no image")
    camera = make_camera(str(tmp_path), Options("sim", {"frames": "5"}))
    with camera:
        for level in (10, None, 20, 10, None):
            if level is None:
                with pytest.raises(CameraFault, match="not-an-image") as refused:
                    camera.read(Deadline(1))
                assert not refused.value.is_lost
                continue
            frame = camera.read(Deadline(1))
            assert frame is not None
            assert frame.pixels[0, 0, 0] == level
        assert camera.read(Deadline(1)) is None
    assert not camera.is_live
