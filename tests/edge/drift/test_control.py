"""The control slide: established on some days, and held to them by Westgard's rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import encoded

from edge.crops.drawn import draw_cell
from edge.drift.control import CHANGED, judge_control
from edge.drift.people import read_people, save_people
from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear


def days(n: int, seed: int = 0, spread: float = 1.0) -> list[Smear]:
    """Days on which every channel varies within two spreads."""
    random = np.random.default_rng(seed)
    draws = np.clip(random.normal(0, spread, (n, len(CHANNELS))), -1.2 * spread, 1.2 * spread)
    return [
        Smear(f"day {n}", FEWEST_CELLS, dict(zip(CHANNELS, (50 + row).tolist(), strict=True)))
        for n, row in enumerate(draws)
    ]


def moved(day: Smear, **by: float) -> Smear:
    return replace(day, values={c: value + by.get(c, 0.0) for c, value in day.values.items()})


def test_until_it_is_established_there_is_no_verdict() -> None:
    found = judge_control(days(20))
    assert found.missing == 1
    assert found.channels == found.out == ()
    assert "1 more are needed" in found.says
    few = [*days(20), replace(days(21)[-1], cells=FEWEST_CELLS - 1)]
    assert judge_control(few).missing == 1


def test_a_day_as_the_others_is_in_control_and_one_that_is_off_is_not() -> None:
    *first, last = days(21, seed=1)
    still = replace(last, values=dict.fromkeys(CHANNELS, 50.0))
    assert judge_control([*first, still]).says == "in control on day 21"
    found = judge_control([*first, moved(still, blue=9.0)])
    assert [each.channel for each in found.out] == ["blue"]
    assert "blue (1-2s 1-3s)" in found.says
    twice = judge_control([*first, moved(still, red=2.2), moved(still, red=2.2)])
    assert [each.channel for each in twice.out] == ["red"]


def test_one_value_beyond_two_spreads_warns_alone() -> None:
    *first, last = days(21, seed=1)
    spread = float(np.std([day.values["stain"] for day in first], ddof=1))
    mean = float(np.mean([day.values["stain"] for day in first]))
    still = {**dict.fromkeys(CHANNELS, 50.0), "stain": mean + 2.5 * spread}
    found = judge_control([*first, replace(last, values=still)])
    assert found.out == ()
    assert "a warning of stain" in found.says


def test_stored_images_must_not_change_at_all() -> None:
    same = days(1) * 20
    assert judge_control([*same, same[0]]).out == ()
    found = judge_control([*same, moved(same[0], margin=0.01)])
    assert [(each.channel, each.broken) for each in found.out] == [("margin", (CHANGED,))]


def test_days_are_added_to_the_chart_and_a_bad_one_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slide").mkdir()
    for seed in range(FEWEST_CELLS):
        pixels = np.ascontiguousarray(draw_cell(seed)[::3, ::3])
        (Path("slide") / f"{seed}.png").write_bytes(encoded(pixels))
    first = edge_all("control", "slide", "--chart", "chart.json", "--day", "monday")
    assert first.exit_code == 0, first.output
    assert "20 more are needed" in first.stdout
    again = edge_all("control", "slide", "--chart", "chart.json", "--day", "monday")
    assert again.exit_code == 2
    assert "monday is there twice" in again.stderr
    chart = read_people(Path("chart.json"))
    (monday,) = chart.smears
    moved_days = tuple(
        replace(moved(monday, stain=0.01 * (n % 3) + 0.5), name=f"d{n}") for n in range(20)
    )
    save_people(Path("chart.json"), replace(chart, smears=moved_days))
    out = ("--out", "control.html", "--out", "control.xml", "--out", "control.json")
    done = edge_all("control", "slide", "--chart", "chart.json", *out)
    assert done.exit_code == 3
    assert "out of control on day 21: stain" in done.stdout
    assert 'failures="1"' in Path("control.xml").read_text()
    assert Path("control.html").read_text().count("data:image/svg+xml") == 1
