"""Cameras at an address, over real sockets: a clear fault, a reconnect, never a hang."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from stream_server import HEAD, Step, StreamServer, jpeg, part

from edge.errors import CameraFault, CameraRefused
from edge.sources.cameras.camera import Frame
from edge.sources.cameras.http_camera import HttpCamera
from edge.sources.cameras.runner import Runner
from edge.sources.cameras.source import CameraSource

WAITS = (0.01, 0.05, 0.05)
STREAM = HEAD % b"frame"
NO_END = b"--frame\r\nContent-Length: 999\r\n\r\n"
IMAGE = b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"


def levels(*wanted: int) -> bytes:
    return b"".join(part(jpeg(level)) for level in wanted)


def read(
    server: StreamServer, most: int, timeout: float = 5.0, **options: float
) -> list[int | str]:
    """Grey levels of frames, and reasons of faults, until there are so many frames."""
    found: list[int | str] = []
    camera = HttpCamera(server.url, timeout=timeout, **options)  # type: ignore[arg-type]
    with Runner(camera, timeout, most=100, waits=WAITS) as runner:
        frames = 0
        while frames < most and (item := runner.take()) is not None:
            frames += isinstance(item, Frame)
            found.append(int(item.pixels[0, 0, 0]) if isinstance(item, Frame) else item.reason)
    return found


def test_a_stream_gives_its_images() -> None:
    with StreamServer([STREAM, levels(10, 20, 30)]) as server:
        assert read(server, 3) == [10, 20, 30]
        assert server.requests[0].startswith(b"GET /stream HTTP/1.1\r\n")


def test_frames_are_numbered_and_timed_by_their_first_byte() -> None:
    pause = lambda _: time.sleep(0.3)  # noqa: E731
    whole = part(jpeg(10))
    script = [STREAM, whole[:40], pause, whole[40:], levels(20)]
    with StreamServer(script) as server, Runner(HttpCamera(server.url), waits=WAITS) as runner:
        before = time.time()
        first, second = runner.take(), runner.take()
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert (first.number, second.number) == (0, 1)
    assert before - 0.2 < first.time < second.time - 0.2


def test_a_stream_that_ends_is_asked_for_again() -> None:
    with StreamServer([STREAM, levels(10)], [STREAM, levels(20)], [STREAM, levels(30)]) as server:
        assert read(server, 3) == [10, "camera-lost", 20, "camera-lost", 30]


def test_an_address_that_refuses_for_months_leaves_no_connections_behind() -> None:
    refusal = [b"HTTP/1.0 503 Busy\r\n\r\n"]
    with StreamServer(*[refusal] * 9) as server:
        camera = HttpCamera(server.url, timeout=5)
        before = len(os.listdir("/proc/self/fd")), threading.active_count()
        for _ in range(9):
            with pytest.raises(CameraFault, match="http-error"), camera:
                pass
        until = time.monotonic() + 5  # the server's own ends are closed by threads
        while time.monotonic() < until and len(os.listdir("/proc/self/fd")) > before[0]:
            time.sleep(0.01)
        assert len(os.listdir("/proc/self/fd")) <= before[0]
        assert threading.active_count() <= before[1]


def test_a_broken_image_is_a_fault_and_the_stream_goes_on() -> None:
    broken = part(jpeg(20)[:-40]) + part(b"no image at all")
    with StreamServer([STREAM, levels(10), broken, levels(30)]) as server:
        assert read(server, 2) == [10, "truncated", "not-an-image", 30]


Trouble = Callable[[StreamServer], list[Step]]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda server: [STREAM, levels(10), server.stall], "no-frame"),
        (lambda server: [STREAM, levels(10), part(jpeg(20))[:60], server.stall], "no-frame"),
        (lambda server: [STREAM, levels(10), NO_END, server.drip], "no-frame"),
        (lambda server: [STREAM, levels(10), server.flood], "too-large"),
        (lambda server: [STREAM, levels(10), b"--frame\r\n", server.flood_lines], "too-large"),
        (lambda server: [STREAM, levels(10), b"--frame\r\n\r\n", server.flood], "too-large"),
        (lambda server: [STREAM, levels(10), b"--frame--\r\n"], "camera-lost"),
        (lambda server: [STREAM, levels(10), part(jpeg(20))[:60]], "camera-lost"),
    ],
    ids=["stall", "half", "drip", "flood", "endless headers", "endless part", "end", "cut"],
)
def test_whatever_a_stream_does_it_is_a_fault_in_time_and_asked_for_again(
    trouble: Trouble, reason: str
) -> None:
    with StreamServer() as server:
        server._scripts = [trouble(server), [STREAM, levels(30)]]
        start = time.monotonic()
        assert read(server, 2, timeout=0.5, most_bytes=1 << 20) == [10, reason, 30]
        assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([b"HTTP/1.0 404 gone\r\n\r\n"], "http-error"),
        ([b"HTTP/1.0 503 busy\r\n\r\n"], "http-error"),
        ([b"\x00\xff\x1b noise\r\n\r\n"], "unreachable"),
        ([b""], "unreachable"),
        ([b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"], "not-an-image"),
        ([b"HTTP/1.0 200 OK\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n"], "unreachable"),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n"], "too-large"),
    ],
)
def test_an_answer_that_is_no_camera_is_a_fault_and_asked_for_again(
    answer: list[Step], reason: str
) -> None:
    with StreamServer(answer, [STREAM, levels(30)]) as server:
        assert read(server, 1, every=0.01) == [reason, 30]


def test_headers_of_an_answer_that_drip_are_given_up() -> None:
    with StreamServer() as server:
        server._scripts = [[b"HTTP/1.0 200 OK\r\nX-A: ", server.drip], [STREAM, levels(30)]]
        assert read(server, 1, timeout=0.4) == ["unreachable", 30]


def test_nobody_there_is_a_fault_once_and_found_when_it_comes() -> None:
    with StreamServer([STREAM, levels(10)]) as server:
        url = server.url
    with Runner(HttpCamera(url), waits=(0.01,)) as runner:
        fault = runner.take()
        assert not isinstance(fault, Frame)
        assert fault is not None
        assert fault.reason == "unreachable"


def test_a_snapshot_is_asked_for_again_and_again_and_its_time_is_that_of_asking() -> None:
    answers = [[IMAGE + jpeg(level)] for level in (10, 20, 30)]
    with StreamServer(*answers) as server:
        start = time.monotonic()
        assert read(server, 3, every=0.1) == [10, 20, 30]
        assert time.monotonic() - start >= 0.2


def test_a_snapshot_may_be_asked_for_more_seldom_than_the_time_out() -> None:
    answers = [[IMAGE + jpeg(level)] for level in (10, 20)]
    with StreamServer(*answers) as server:
        assert read(server, 2, timeout=0.2, every=0.5) == [10, 20]


def test_the_same_snapshot_again_is_frozen() -> None:
    answers = [[IMAGE + jpeg(level)] for level in (10, 10, 10, 20)]
    with StreamServer(*answers) as server:
        assert read(server, 2, every=0.01) == [10, "frozen", 20]


def test_pngs_are_read_too() -> None:
    _, data = cv2.imencode(".png", np.full((9, 9, 3), 77, np.uint8))
    with StreamServer([STREAM, part(data.tobytes())]) as server:
        assert read(server, 1) == [77]


def test_memory_stays_flat_though_a_part_never_ends() -> None:
    with StreamServer() as server:
        server._scripts = [[STREAM, b"--frame\r\n\r\n", server.flood], [STREAM, levels(30)]]
        tracemalloc.start()
        try:
            assert read(server, 1, most_bytes=1 << 20) == ["too-large", 30]
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


def test_leaving_does_not_wait_for_a_server_that_stalls() -> None:
    with StreamServer() as server:
        server._scripts = [[STREAM, levels(10), server.stall]]
        with Runner(HttpCamera(server.url), timeout=60, waits=WAITS) as runner:
            assert isinstance(runner.take(), Frame)
            start = time.monotonic()
        assert time.monotonic() - start < 2
        assert not any(thread.name == "camera" for thread in threading.enumerate())


def test_passwords_and_options_stay_out_of_names() -> None:
    source = CameraSource("camera:http://lab:s3cret@127.0.0.1:9/a.jpg?token=T,every=3")
    assert source.names == ("camera:http://127.0.0.1:9/a.jpg?...",)
    assert "s3cret" not in source.how


def test_an_address_that_cannot_be_is_refused_without_its_password() -> None:
    with pytest.raises(CameraRefused) as refused:
        CameraSource("camera:http://lab:s3cret@host:port/")
    assert "s3cret" not in str(refused.value)
