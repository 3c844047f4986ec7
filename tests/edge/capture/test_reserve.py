"""Room on the disk: the oldest fields go, and nothing else ever does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.reserve import Reserve
from edge.capture.writer import FieldWriter
from edge.crops.drawn import draw_crop
from edge.errors import OutputFailed
from edge.samples import Sample
from edge.sources.names import facts_name, field_name, is_field

KEPT = (
    *("results.csv", "results.db", "reviews.db", "page.html", "notes.txt", "cell.png"),
    *("field-20200101T000000.000000Z.png", "field-20200102T000000.000000Z.json"),
    *("field-1.png", "xfield-20200101T000000.000000Z.png", "field-20200101T000000.000000Z.png.bak"),
)
"""Old files that edge-all did not capture, or whose facts are missing."""


def fill(folder: Path, fields: int) -> list[Path]:
    """Capture fields, an hour apart."""
    folder.mkdir(parents=True, exist_ok=True)
    with FieldWriter(folder, Reserve(folder, 0)) as writer:
        for number in range(fields):
            writer.put(
                Sample("sim:", f"sim:#{number}", pixels=draw_crop(0, 32), time=3600.0 * number)
            )
    return sorted(path for path in folder.iterdir() if is_field(path.name))


def free_of(folder: Path, size: int) -> int:
    """Bytes free on a disk of some size that holds the folder alone; each file takes 100."""
    return size - 100 * len(list(folder.iterdir()))


def test_the_oldest_fields_go_with_their_facts_until_there_is_room(tmp_path: Path) -> None:
    fields = fill(tmp_path, 6)
    reserve = Reserve(tmp_path, 500, lambda folder: free_of(folder, 1700))
    assert reserve.make_room(100) == fields[:1]
    assert reserve.make_room(300) == fields[1:2]
    assert reserve.make_room(300) == []
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted(
        name for path in fields[2:] for name in (path.name, Path(facts_name(str(path))).name)
    )


def test_nothing_else_is_deleted_though_the_disk_is_full(tmp_path: Path) -> None:
    fields = fill(tmp_path, 3)
    for name in KEPT:
        (tmp_path / name).write_text("{}")
    link = tmp_path / field_name(1.0)
    link.symlink_to(fields[0])
    inside = fill(tmp_path / "other", 2)
    reserve = Reserve(tmp_path, 10**9, lambda _: 0)
    with pytest.raises(OutputFailed, match="no older field to delete"):
        reserve.make_room(1)
    assert not any(path.exists() for path in fields)
    assert all((tmp_path / name).exists() for name in KEPT)
    assert link.is_symlink()
    assert all(path.exists() for path in inside)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"edge_all_field": 1}', "\x00"])
def test_a_field_whose_facts_are_not_ours_is_kept(tmp_path: Path, text: str) -> None:
    (field,) = fill(tmp_path, 1)
    Path(facts_name(str(field))).write_text(text)
    with pytest.raises(OutputFailed):
        Reserve(tmp_path, 1, lambda _: 0).make_room(1)
    assert field.exists()


def test_it_does_not_start_on_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    Reserve(tmp_path, 100, lambda _: 100).check_start()
    with pytest.raises(OutputFailed, match="smaller --reserve"):
        Reserve(tmp_path, 100, lambda _: 99).check_start()


@settings(max_examples=50)
@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_names_are_in_the_order_of_time(first: float, second: float) -> None:
    names = field_name(first), field_name(second)
    assert all(map(is_field, names))
    if round(first * 1e6) != round(second * 1e6):
        assert (first < second) == (names[0] < names[1])
