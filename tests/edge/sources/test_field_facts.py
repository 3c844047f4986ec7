"""What is known of a captured field comes with it, or the field is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.capture.reserve import Reserve
from edge.capture.writer import FieldWriter
from edge.crops.drawn import draw_crop
from edge.errors import CropUnreadable
from edge.samples import Sample
from edge.sources.find import find_inputs
from edge.sources.names import facts_name, field_name
from edge.sources.watching.watch import Watch


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """A captured field."""
    sample = Sample(
        "sim:", "sim:#1", pixels=draw_crop(0, 32), time=1e9, um_per_pixel=0.1, facts={"gain": 2}
    )
    with FieldWriter(tmp_path, Reserve(tmp_path, 0)) as writer:
        writer.put(sample)
    return tmp_path / field_name(1e9)


def facts_of(path: Path) -> Path:
    return Path(facts_name(str(path)))


@pytest.mark.parametrize("source", ["folder", "file", "list"])
def test_scale_time_and_facts_come_with_a_field(field: Path, source: str) -> None:
    (field.parent / "list.txt").write_text(f"{field}\n")
    named = {"folder": field.parent, "file": field, "list": f"@{field.parent}/list.txt"}[source]
    (sample,) = find_inputs([str(named)])
    assert (sample.um_per_pixel, sample.time, sample.facts) == (0.1, 1e9, {"gain": 2})
    assert sample.read() == field.read_bytes()


def test_a_watch_gives_them_too(field: Path) -> None:
    with Watch(str(field.parent), look_every=0.01) as watch:
        (sample,) = next(iter(watch))
    assert (sample.um_per_pixel, sample.facts) == (0.1, {"gain": 2})


def test_an_image_that_was_changed_is_refused_when_it_is_read(field: Path) -> None:
    field.write_bytes(field.read_bytes()[:-1] + b"x")
    (sample,) = find_inputs([str(field)])
    with pytest.raises(CropUnreadable, match="not the image that was captured"):
        sample.read()


def test_without_facts_it_is_an_image_like_any_other(field: Path) -> None:
    facts_of(field).unlink()
    (sample,) = find_inputs([str(field)])
    assert sample.um_per_pixel is None
    assert sample.read() == field.read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:100],
        lambda text: text.replace("0.1", '"wide"'),
        lambda text: text.replace("0.1", "NaN"),
        lambda text: text.replace('"edge_all_field": 1', '"edge_all_field": 2'),
        lambda text: text.replace('"time": "2001', '"time": "long ago'),
        lambda text: text.replace('"image": "field-2', '"image": "field-1'),
    ],
)
def test_facts_that_cannot_be_read_are_not_passed_over(field: Path, spoil: object) -> None:
    text = facts_of(field).read_text()
    facts_of(field).write_text(spoil(text))  # type: ignore[operator]
    (sample,) = find_inputs([str(field)])
    assert sample.error is not None
    assert sample.error.reason == "damaged"
    assert "facts" in sample.error.message
