"""Multipart streams as cameras write them, taken apart however they come."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_server import part

from edge.errors import CameraFault
from edge.sources.cameras.multipart import MOST_HEADERS, Parts, boundary_of

BODIES = st.lists(
    st.binary(max_size=60).map(lambda middle: b"\xff\xd8" + middle + b"\xff\xd9"),
    min_size=1,
    max_size=5,
)


def taken(stream: bytes, boundary: str, pieces: int = 7, most: int = 1 << 20) -> list[bytes]:
    parts, found = Parts(boundary, most), []
    for at in range(0, len(stream), pieces):
        parts.feed(stream[at : at + pieces])
        while (each := parts.next()) is not None:
            found.append(each.body)
    return found


@given(
    BODIES,
    st.booleans(),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from(["frame", "--frame", '"frame"', ""]),
    st.sampled_from([b"--frame", b"frame", b"----frame"]),
    st.sampled_from(["once", "twice", "missing"]),
    st.integers(1, 40),
)
@settings(max_examples=80)
def test_a_stream_is_taken_apart_whatever_its_boundaries_lines_and_pieces(
    bodies: list[bytes],
    has_length: bool,
    end: bytes,
    said: str,
    written: bytes,
    first: str,
    pieces: int,
) -> None:
    if not said and (written == b"frame" or first == "missing"):
        return  # nothing says what the boundary is
    stream = b"".join(part(body, written, has_length, end) for body in bodies)
    stream += written + end  # without a length, a part ends where the next one begins
    if first == "twice":
        stream = written + end + stream
    elif first == "missing":
        stream = stream[len(written + end) :]
    assert taken(stream, said, pieces) == bodies


def test_bodies_may_hold_what_looks_like_lines() -> None:
    body = b"\xff\xd8\r\n--other\r\nContent-Length: 5\r\n\r\n\xff\xd9"
    assert taken(part(body) * 2, "frame") == [body, body]


def test_images_without_any_headers_end_where_the_image_does() -> None:
    assert taken(b"\xff\xd8abc\xff\xd9\xff\xd8d\xff\xd9", "") == [
        b"\xff\xd8abc\xff\xd9",
        b"\xff\xd8d\xff\xd9",
    ]


def test_a_wrong_length_costs_that_part_alone() -> None:
    good = b"\xff\xd8good\xff\xd9"
    long = part(good).replace(b"Length: 8", b"Length: 19")
    short = part(good).replace(b"Length: 8", b"Length: 3")
    assert taken(part(good) + long + part(good) * 3, "frame")[-2:] == [good, good]
    found = taken(part(good) + short + part(good) * 2, "frame")
    assert found == [good, good[:3], good, good]


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"--frame\r\n" + b"X-A: 1\r\n" * (MOST_HEADERS // 8 + 1), "too-large"),
        (b"--frame\r\nX-A: " + b"x" * (MOST_HEADERS + 1), "too-large"),
        (b"x" * (MOST_HEADERS + 1), "too-large"),
        (b"--frame\r\n\r\n" + b"x" * 2000, "too-large"),
        (b"--frame\r\nContent-Length: 999999999\r\n\r\n", "too-large"),
        (b"--frame--\r\n", "camera-lost"),
    ],
)
def test_what_has_no_end_or_has_ended_is_a_fault(stream: bytes, reason: str) -> None:
    with pytest.raises(CameraFault) as fault:
        taken(stream, "frame", pieces=1000, most=1000)
    assert fault.value.reason == reason
    assert fault.value.is_lost


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_parts_or_a_fault_and_never_more_than_that(data: bytes, pieces: int) -> None:
    with contextlib.suppress(CameraFault):
        assert sum(map(len, taken(data, "f", pieces, most=100))) <= len(data)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/x-mixed-replace;boundary=frame", "frame"),
        ('multipart/x-mixed-replace; Boundary = "--a b"; x=1', "--a b"),
        ("multipart/x-mixed-replace; boundary=--x; y=2", "--x"),
        ("multipart/x-mixed-replace", ""),
    ],
)
def test_boundaries_are_read_off_the_header(header: str, boundary: str) -> None:
    assert boundary_of(header) == boundary
