"""Images that follow one another on a pipe, taken apart however they come."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import CameraFault
from edge.sources.cameras.image_stream import ImageStream, pixels_of

KINDS = (".png", ".bmp", ".webp", ".jpg", "progressive", "thumbnail", ".ppm", "comment")

STARTS = (b"", b"\xff\xd8", b"BM", b"P6 ", b"RIFF", b"\x89PNG\r\n\x1a\n")


@lru_cache
def image(kind: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (9 + seed, 7, 3)).astype(np.uint8)
    if kind in (".ppm", "comment"):
        height, width = pixels.shape[:2]
        comment = "# made by a test\n" if kind == "comment" else ""
        return f"P6\n{comment}{width} {height}\n255\n".encode() + pixels.tobytes()
    suffix = ".jpg" if kind in ("progressive", "thumbnail") else kind
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if kind == "progressive" else []
    _, data = cv2.imencode(suffix, pixels, options)
    found = data.tobytes()
    if kind != "thumbnail":
        return found
    inside = b"Exif" + found  # an image within an image, as cameras have it
    return found[:2] + b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside + found[2:]


def taken(data: bytes, pieces: int) -> list[bytes]:
    stream, found = ImageStream(), []
    for at in range(0, len(data), pieces):
        stream.feed(data[at : at + pieces])
        while (each := stream.next()) is not None:
            found.append(each)
    assert not len(stream)
    return found


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3)), min_size=1, max_size=6),
    st.integers(1, 500),
)
def test_every_image_comes_out_whole(images: list[tuple[str, int]], pieces: int) -> None:
    wanted = [image(*each) for each in images]
    assert taken(b"".join(wanted), pieces) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_they_decode_to_rgb(kind: str) -> None:
    pixels = pixels_of(image(kind, 1))
    assert (pixels.shape, pixels.dtype) == ((10, 7, 3), np.uint8)
    if kind in (".ppm", "comment"):
        assert pixels.tobytes() == image(kind, 1)[-pixels.size :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Traceback (most recent call last)", "not-an-image"),
        (b"P6\n" + b"# more\n" * 800, "unsupported"),
        (b"BM" + b"\xff\xff\xff\x7f" + bytes(20), "too-large"),
        (b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIDAT" + bytes(20), "too-large"),
    ],
)
def test_what_is_no_image_or_has_no_end_is_a_fault(data: bytes, reason: str) -> None:
    stream = ImageStream()
    stream.feed(data)
    with pytest.raises(CameraFault) as fault:
        stream.next()
    assert fault.value.reason == reason
    assert fault.value.is_lost


@given(st.binary(max_size=200), st.sampled_from(STARTS))
def test_any_bytes_give_images_or_a_fault(data: bytes, start: bytes) -> None:
    stream = ImageStream()
    stream.feed(start + data)
    total = 0
    try:
        while (each := stream.next()) is not None:
            total += len(each)
    except CameraFault:
        return
    assert total + len(stream) == len(start + data)


def test_a_damaged_image_does_not_lose_the_camera() -> None:
    with pytest.raises(CameraFault) as fault:
        pixels_of(image(".png", 0)[:-20])
    assert not fault.value.is_lost
