"""Image files damaged at random: a crop or a named reason comes out, never anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import WAYS, image_files

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import read_crop
from edge.errors import CropUnreadable
from edge.models.cnmc import SIDE
from edge.reasons import REASONS

FILES = image_files()
_HEADER = 64  # bytes: most formats say there what they hold


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Change a file in one to four places, its header as often as the rest."""
    anywhere = st.integers(0, len(data) - 1)
    places = st.integers(0, _HEADER) | anywhere | anywhere.map(lambda at: len(data) - 1 - at // 8)
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from(WAYS))(
            data, draw(places), draw(st.binary(min_size=1, max_size=40))
        )
    return data


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path to write to, again and again."""
    return tmp_path_factory.mktemp("mutated") / "cell"


def crop_or_reason(path: Path) -> UInt8Image | str:
    try:
        return read_crop(path, SIDE)
    except CropUnreadable as error:
        return error.reason


@pytest.mark.parametrize("name", FILES)
@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(data=st.data())
def test_a_damaged_file_gives_a_crop_or_a_named_reason(
    file: Path, name: str, data: st.DataObject
) -> None:
    file.write_bytes(data.draw(mutated(FILES[name])))
    found = crop_or_reason(file)
    if isinstance(found, str):
        assert found in REASONS
    else:
        assert found.shape == (70, 70, 3)
        assert found.dtype == np.uint8


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(start=st.sampled_from([data[:12] for data in FILES.values()]), rest=st.binary())
def test_noise_that_starts_like_an_image_is_refused(file: Path, start: bytes, rest: bytes) -> None:
    file.write_bytes(start + rest)
    with pytest.raises(CropUnreadable) as refused:
        read_crop(file, SIDE)
    assert refused.value.reason in REASONS
