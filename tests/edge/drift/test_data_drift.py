"""Data drift: smears against people, what moved is named, and counts add up exactly."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from smear_helpers import counts, people, smears

from edge.crops.drawn import draw_cell
from edge.drift.monitor import ALARM, NO_ALARM, NO_VERDICT, describe_distances, judge_smears
from edge.drift.moving_averages import moving_averages
from edge.drift.people import read_people, save_people
from edge.drift.smears import CHANNELS, FEWEST_CELLS, cell_of, smears_of
from edge.engine.classifier import Classifier
from edge.errors import NotComparable
from edge.models.cnmc import CONTRACT


def test_more_of_the_same_people_raise_no_alarm() -> None:
    found = judge_smears(people(40), smears(30, seed=1, name="s"))
    assert found.verdict == NO_ALARM
    assert found.since is None
    assert len(found.evidence) == len(found.judged) == 30


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("shift", [5.0, -5.0])
def test_what_moved_is_named_with_its_side_within_ten_smears(channel: str, shift: float) -> None:
    found = judge_smears(people(40), smears(10, 1, "s", **{channel: shift}))
    assert found.verdict == ALARM
    assert found.channels[0].channel == channel
    assert found.channels[0].side == ("higher" if shift > 0 else "lower")
    assert f"{channel} is {found.channels[0].side}" in found.says
    assert found.since in found.judged
    assert found.channels[0].p_value < 0.06


def test_an_alarm_stays_when_smears_are_right_again() -> None:
    moved = smears(10, 1, "s", log_area=5.0)
    found = judge_smears(people(40), (*moved, *smears(5, 2, "t")))
    assert found.verdict == ALARM
    assert found.since in [smear.name for smear in moved]


def test_with_too_few_people_there_is_no_verdict_and_it_is_said_how_many_are_missing() -> None:
    small = dataclasses.replace(smears(1, 9, "small")[0], cells=FEWEST_CELLS - 1)
    reference = people(18).add((small,), counts())
    found = judge_smears(reference, smears(5, 1, "s", log_area=9.0))
    assert found.verdict == NO_VERDICT
    assert "2 more are needed" in found.says
    assert found.people == 18
    assert judge_smears(people(20), (small,)).verdict == NO_VERDICT
    assert judge_smears(people(20), smears(1, 1, "s")).verdict == NO_ALARM


def test_smears_with_too_few_cells_are_named_and_not_judged() -> None:
    small = dataclasses.replace(smears(1, 9, "small", log_area=99.0)[0], cells=FEWEST_CELLS - 1)
    found = judge_smears(people(30), (*smears(2, 1, "s"), small))
    assert found.too_small == ("small0",)
    assert found.judged == ("s0", "s1")


@given(st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=12)
def test_people_merge_exactly_and_a_file_gives_them_back(one: int, other: int) -> None:
    path = Path.cwd() / "people.json"
    first, second = people(2, 0, "a", cells=one), people(3, 1, "b", cells=other)
    merged = first.merge(second)
    assert merged.smears == first.smears + second.smears
    assert merged.counts == counts(one + other)
    save_people(path, merged)
    assert read_people(path) == merged


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_person_twice_and_people_of_another_model_are_not_merged() -> None:
    with pytest.raises(NotComparable, match="p0 is there twice"):
        people(2).merge(people(1))
    with pytest.raises(NotComparable, match="learn them again"):
        people(2).merge(dataclasses.replace(people(2, name="b"), model_sha256="0" * 64))


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.clear(),
        lambda fields: fields.update(schema=2),
        lambda fields: fields.update(kind="another"),
        lambda fields: fields["smears"][0].update(cells=0),
        lambda fields: fields["smears"][0]["values"].pop("log_area"),
        lambda fields: fields["counts"].pop("decisions"),
        lambda fields: fields.update(extra=1),
    ],
)
def test_a_file_that_is_none_of_people_is_refused_in_a_sentence(change: object) -> None:
    path = Path.cwd() / "people.json"
    save_people(path, people(2))
    fields = json.loads(path.read_text())
    assert callable(change)
    change(fields)
    path.write_text(json.dumps(fields))
    with pytest.raises(NotComparable, match=r"people\.json cannot be used"):
        read_people(path)


def test_distances_describe_all_cells_and_none_is_given_without_cells() -> None:
    assert describe_distances(people(2), people(2, cells=3)) == ()
    found = describe_distances(people(2, cells=5), people(2, cells=3))
    assert {each.what for each in found} >= {"red", "focus", "probability"}
    assert all(each.jensen_shannon == pytest.approx(0, abs=1e-9) for each in found)


@pytest.mark.parametrize("n", [19, 20, 39, 40, 61])
def test_moving_averages_are_of_the_last_twenty_smears(n: int) -> None:
    reference = people(25)
    assert moving_averages(people(1), smears(n, 1, "day")) == ()
    found = moving_averages(reference, smears(n, 1, "day"))
    assert len(found) == (len(CHANNELS) if n >= 20 else 0)
    assert all(len(each.deviations) == n // 20 for each in found)
    late = [*smears(n, 1, "day"), *smears(20, 2, "late", log_area=8.0)]
    (first, *others) = moving_averages(reference, late)
    assert first.channel == "log_area"
    assert first.deviations[-1] > 2 > max(abs(each.deviations[-1]) for each in others)


def test_channels_of_a_cell_follow_its_size_colour_and_outline() -> None:
    with Classifier(threads=1, keep_crops=True) as classifier:
        cell = draw_cell(3)
        large = cell_of(classifier.classify(cell), CONTRACT.background)
        half = np.zeros_like(cell)
        half[112:337, 112:337] = cell[::2, ::2]
        small = cell_of(classifier.classify(half), CONTRACT.background)
        dark = cell_of(classifier.classify(cell // 2), CONTRACT.background)
        nothing = cell_of(classifier.classify(np.zeros_like(cell)), CONTRACT.background)
    assert large
    assert small
    assert dark
    assert nothing is None
    assert {*large.values, "size_of_largest"} == set(CHANNELS)
    assert large.values["log_area"] - small.values["log_area"] == pytest.approx(np.log(4), abs=0.2)
    assert dark.values["rim_green"] == pytest.approx(large.values["rim_green"] / 2, rel=0.1)
    (smear,) = smears_of([("a", large), ("a", small), ("a", dark)], None)
    assert smear.cells == 3
    assert smear.values["size_of_largest"] == pytest.approx(large.values["log_area"], abs=0.1)
    assert smear.values["log_area"] == np.median(
        [c.values["log_area"] for c in (large, small, dark)]
    )


def test_learn_merge_and_smears_from_the_command_line() -> None:
    folder = Path.cwd()
    for smear in ("monday", "tuesday"):
        (folder / smear).mkdir()
        for seed in range(FEWEST_CELLS):
            pixels = np.ascontiguousarray(draw_cell(seed + len(smear))[::3, ::3])
            (folder / smear / f"{seed}.png").write_bytes(encoded(pixels))
    done = edge_all("drift", "learn", "monday", "--out", "monday.json")
    assert done.exit_code == 0, done.output
    assert "30 cells of 1 people" in done.stdout
    assert "19 more people are needed" in done.stdout
    assert edge_all("drift", "learn", "monday", "--out", "monday.json").exit_code == 2
    save_people(folder / "others.json", people(25))
    merged = edge_all("drift", "merge", "monday.json", "others.json", "--out", "all.json")
    assert merged.exit_code == 0, merged.output
    reference = read_people(folder / "all.json")
    assert len(reference.smears) == 26
    options = ("--reference", "all.json", "--history", "history.json")
    reports = [f"drift.{suffix}" for suffix in ("json", "html", "md", "xml")]
    out = [option for path in reports for option in ("--out", path)]
    done = edge_all("drift", "smears", "tuesday", *options, *out)
    assert done.exit_code == 0, done.output
    assert "no alarm in 1 smears against 26 people" in done.stdout
    assert json.loads(Path("drift.json").read_text())["verdict"] == NO_ALARM
    assert Path("drift.html").read_text().count("data:image/svg+xml") == 2
    again = edge_all("drift", "smears", "tuesday", *options)
    assert again.exit_code == 2
    assert "would count twice" in again.stderr
    # ten days of cells twice as large
    history = read_people(folder / "history.json")
    moved = smears(10, 3, "day", log_area=8.0)
    save_people(folder / "history.json", history.add(moved, counts()))
    (folder / "tuesday").rename(folder / "wednesday")
    done = edge_all("drift", "smears", "wednesday", *options, "--out", "drift.xml")
    assert done.exit_code == 3
    assert "alarm since day" in done.stdout
    assert "log_area is higher" in done.stdout
    assert 'failures="1"' in Path("drift.xml").read_text()
