"""Fields of a control slide, day by day: red cells are a ruler."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import encoded

from edge.crops.preprocess import UInt8Image
from edge.drift.control import judge_days
from edge.drift.field_days import (
    FIELD_CHANNELS,
    FieldDay,
    add_day,
    field_day,
    look_at_field,
    read_days,
    save_days,
)
from edge.errors import NotComparable
from edge.fields.drawn import draw_field

DAYS = 10
PLACES = 20


@pytest.fixture(scope="module")
def places() -> list[UInt8Image]:
    """Fields of one slide."""
    return [draw_field(seed, 400, 300, cells=2).rgb for seed in range(PLACES)]


@pytest.fixture(scope="module")
def established(places: list[UInt8Image]) -> list[FieldDay]:
    random = np.random.default_rng(0)
    return [day_of(f"day {day}", some_of(places, random)) for day in range(DAYS)]


def some_of(places: list[UInt8Image], random: np.random.Generator) -> list[UInt8Image]:
    return [places[each] for each in random.choice(PLACES, 6, replace=False)]


def day_of(name: str, fields: list[UInt8Image]) -> FieldDay:
    return field_day(name, [look_at_field(field) for field in fields])


def at_scale(fields: list[UInt8Image], scale: float) -> list[UInt8Image]:
    return [cv2.resize(f, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for f in fields]


def out_of_control(established: list[FieldDay], today: FieldDay) -> list[str]:
    days = [day.values for day in [*established, today]]
    return [each.channel for each in judge_days(days, FIELD_CHANNELS, DAYS).out]


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_a_tenth_of_the_scale_is_found_on_the_day_it_comes(
    places: list[UInt8Image], established: list[FieldDay], scale: float
) -> None:
    today = some_of(places, np.random.default_rng(99))
    assert "red_cell_width" not in out_of_control(established, day_of("same", today))
    shown = day_of("other", at_scale(today, scale))
    assert "red_cell_width" in out_of_control(established, shown)


def test_another_colour_of_the_light_is_named(
    places: list[UInt8Image], established: list[FieldDay]
) -> None:
    today = some_of(places, np.random.default_rng(98))
    yellow = [np.asarray(field * (1.0, 1.0, 0.9), np.uint8) for field in today]
    found = out_of_control(established, day_of("yellow", yellow))
    assert "background_blue" in found
    assert "background_red" not in found


def test_fields_out_of_focus_are_named(
    places: list[UInt8Image], established: list[FieldDay]
) -> None:
    today = some_of(places, np.random.default_rng(97))
    blurred = [np.asarray(cv2.GaussianBlur(field, (0, 0), 1.2), np.uint8) for field in today]
    assert "log_field_focus" in out_of_control(established, day_of("blurred", blurred))


def test_too_few_red_cells_are_refused_with_what_to_do(places: list[UInt8Image]) -> None:
    with pytest.raises(NotComparable, match="red cells lie alone in 1 fields, and 50 are needed"):
        day_of("little", places[:1])


def test_days_are_kept_and_none_counts_twice(established: list[FieldDay], tmp_path: Path) -> None:
    save_days(tmp_path / "days.json", established)
    assert read_days(tmp_path / "days.json") == established
    with pytest.raises(NotComparable, match="day 3 is there already"):
        add_day(established, established[3])
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(NotComparable, match="it is no control of fields"):
        read_days(tmp_path / "other.json")


def test_the_command_charts_fields_and_ends_with_3_where_the_scale_is_another(
    places: list[UInt8Image],
    established: list[FieldDay],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    save_days(Path("chart.json"), established)
    today = some_of(places, np.random.default_rng(96))
    command = ["control", "slide", "--fields", "--chart", "chart.json", "--established", "10"]
    Path("slide").mkdir()
    for number, field in enumerate(today):
        (Path("slide") / f"{number}.png").write_bytes(encoded(field))
    (Path("slide") / "broken.png").write_bytes(b"no image")
    same = edge_all(*command, "--day", "same", "--out", "control.html")
    assert same.exit_code == 0, same.output
    assert "in control on day 11" in same.stdout
    assert "broken.png" in same.stderr
    for number, field in enumerate(at_scale(today, 0.9)):
        (Path("slide") / f"{number}.png").write_bytes(encoded(field))
    other = edge_all(*command, "--day", "other", "--out", "control.html")
    assert other.exit_code == 3
    assert "out of control on day 12: red_cell_width" in other.stdout
    assert "median diameter of red cells" in Path("control.html").read_text(encoding="utf-8")
    assert [day.name for day in read_days(Path("chart.json"))][-2:] == ["same", "other"]
