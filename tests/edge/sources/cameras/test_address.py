"""Addresses of cameras: scheme, target, options."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import CameraRefused
from edge.sources.cameras.address import parse_address
from edge.sources.cameras.source import CameraSource

NAMES = st.text("abz-_09", max_size=6).map("n".__add__)
VALUES = st.text("abcXYZ019./+-: ", max_size=9)
TARGETS = st.text("abc/.:019 ,?&_", max_size=20)


@settings(max_examples=40)
@given(TARGETS, st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_is_written_together_is_taken_apart(target: str, options: dict[str, str]) -> None:
    ends = [target] if target else []
    text = ",".join(ends + [f"{name}={value}" for name, value in options.items()])
    address = parse_address(f"camera:{text}")
    assert (address.scheme, address.target) == ("camera", target)
    assert address.options.rest() == options


def test_an_address_with_colons_and_a_query_stays_whole() -> None:
    address = parse_address("camera:http://lab:pw@scope:80/a.jpg?w=1&h=2,every=0.5")
    assert address.target == "http://lab:pw@scope:80/a.jpg?w=1&h=2"
    assert address.options.number("every", 1, 0, 10) == 0.5


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sim:frames=0", "a number from 1 to"),
        ("sim:frames=many", "a number for frames=, not 'many'"),
        ("sim:frames=1.5", "a whole number"),
        ("sim:frames=nan", "a number from"),
        ("sim:frames=1,frames=2", "stands twice"),
        ("sim:fames=1", "no option fames; it has away, "),
        ("sim:freeze=3-", "numbers and spans"),
        ("sim:tint=1", "three shares"),
        ("sim:timeout=0", "a number from"),
        ("sim:/no/such/folder", "no image to play in"),
    ],
)
def test_what_no_camera_can_be_is_refused_with_the_reason(address: str, says: str) -> None:
    with pytest.raises(CameraRefused) as refused:
        CameraSource(address)
    assert says in str(refused.value)
