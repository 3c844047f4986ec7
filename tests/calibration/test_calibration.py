"""Temperature, refer band, and the command that saves them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from typer.testing import CliRunner

from calibration.cli import app
from calibration.probabilities.calibrate import calibrate, read_calibration
from calibration.probabilities.cautions import cautions
from calibration.probabilities.logits_fit import fit_logits
from calibration.probabilities.predictions import Predictions, logits_of, read_predictions
from calibration.probabilities.refer_band import ReferBand, choose_band, measure_band
from calibration.probabilities.temperature import fit_temperature
from edge.errors import DataRefused
from edge.statistics.balanced import brier_score, calibration_error, cross_entropy
from edge.statistics.bootstrap import intervals_of
from edge.statistics.risk_coverage import COVERAGES, selective_risks
from edge.statistics.shares import wilson_interval


def predictions_file(path: Path, n: int = 400, temperature: float = 2.0) -> Path:
    """Margins whose true probabilities are those at `temperature`."""
    random = np.random.default_rng(5)
    margins = random.normal(0, 4, n)
    labels = random.random(n) < 1 / (1 + np.exp(-margins / temperature))
    lines = [f"c{i}.png,{i % 7},{int(labels[i])},{margins[i]:.5f}" for i in range(n)]
    path.write_text("\n".join(["name,subject,label,margin", *lines]) + "\n")
    return path


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_fitted_temperature_is_the_one_the_labels_were_drawn_with(
    tmp_path: Path, temperature: float
) -> None:
    found = read_predictions(predictions_file(tmp_path / "p.csv", 20_000, temperature))
    assert fit_temperature(found.logits, found.labels) == pytest.approx(temperature, rel=0.05)


@given(
    negative=st.lists(st.floats(-9, 9), min_size=1, max_size=20),
    positive=st.lists(st.floats(-9, 9), min_size=1, max_size=20),
)
def test_no_other_temperature_has_a_smaller_cross_entropy(
    negative: list[float], positive: list[float]
) -> None:
    margins = np.array([*negative, *positive])
    labels = np.array([0] * len(negative) + [1] * len(positive))
    best = cross_entropy(margins / fit_temperature(logits_of(margins), labels), labels)
    for other in (0.05, 0.3, 1, 3, 20):
        assert best <= cross_entropy(margins / other, labels) + 1e-5


def test_calibration_error_is_the_gap_between_probability_and_share() -> None:
    labels = np.array([0, 1] * 50)
    assert calibration_error(np.full(100, 0.5), labels) == pytest.approx(0)
    assert calibration_error(np.full(100, 0.9), labels) == pytest.approx(0.4)
    assert calibration_error(labels.astype(float), labels) == pytest.approx(0)


probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(
    negative=probabilities,
    positive=probabilities,
    missed=st.floats(0, 0.5),
    false_alarms=st.floats(0, 0.5),
)
def test_a_band_keeps_both_errors_within_their_targets(
    negative: list[float], positive: list[float], missed: float, false_alarms: float
) -> None:
    p_positive = np.array([*negative, *positive])
    labels = np.array([0] * len(negative) + [1] * len(positive))
    band = choose_band(p_positive, labels, missed, false_alarms)
    found = measure_band(band, p_positive, labels)
    assert 0 <= band.low <= 0.45
    assert 0.55 <= band.high <= 1
    assert found.missed <= missed
    assert found.false_alarms <= false_alarms
    assert 0 <= found.referred <= 1


@given(
    negative=probabilities,
    positive=probabilities,
    false_alarms=st.floats(0, 0.5),
    sensitivity=st.floats(0.5, 1),
)
def test_a_band_keeps_the_sensitivity_of_what_is_decided(
    negative: list[float], positive: list[float], false_alarms: float, sensitivity: float
) -> None:
    p_positive = np.array([*negative, *positive])
    labels = np.array([0] * len(negative) + [1] * len(positive))
    band = choose_band(p_positive, labels, 0.5, false_alarms, sensitivity)
    found = measure_band(band, p_positive, labels)
    assert found.sensitivity is None or found.sensitivity >= sensitivity - 1e-9
    assert found.missed <= 1 - sensitivity + 1e-9
    assert found.false_alarms <= false_alarms
    wider = choose_band(p_positive, labels, 0.5, false_alarms)
    assert found.referred >= measure_band(wider, p_positive, labels).referred


def test_the_smallest_share_that_keeps_a_sensitivity_is_referred() -> None:
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 60)
    p_positive = np.clip(random.normal(0.35 + 0.3 * labels, 0.2), 0, 1)
    band = choose_band(p_positive, labels, 0.5, 0.1, 0.9)
    best = min(
        metrics.referred
        for low in np.unique([*p_positive[p_positive <= 0.45], 0.45])
        for high in np.unique([*p_positive[p_positive >= 0.55], 0.55])
        for metrics in [measure_band(ReferBand(low, high), p_positive, labels)]
        if metrics.false_alarms <= 0.1 and (metrics.sensitivity or 1) >= 0.9
    )
    assert measure_band(band, p_positive, labels).referred <= best + 2 / 120  # a cell at an end


def test_sensitivity_is_of_the_cells_decided_and_missed_of_all() -> None:
    p_positive = np.array([0.1, 0.2, 0.6, 0.9, 0.1, 0.6, 0.7, 0.8, 0.9, 0.95])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    found = measure_band(ReferBand(0.3, 0.75), p_positive, labels)
    assert found.missed == pytest.approx(1 / 6)
    assert found.sensitivity == pytest.approx(3 / 4)
    assert found.specificity == pytest.approx(2 / 3)
    assert found.false_alarms == pytest.approx(1 / 4)
    assert found.referred == pytest.approx((2 / 6 + 1 / 4) / 2)
    nothing = measure_band(ReferBand(0, 1), p_positive, labels)
    assert (nothing.sensitivity, nothing.specificity, nothing.referred) == (None, None, 1)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1), st.integers(1, 3)), min_size=2))
def test_a_weight_is_as_good_as_that_many_cells(cells: list[tuple[float, int, int]]) -> None:
    cells = [*cells, (0.2, 0, 1), (0.8, 1, 2)]
    p_positive, labels, weights = (np.array(column) for column in zip(*cells, strict=True))
    margins = 8 * p_positive - 4
    many = [np.repeat(column, weights) for column in (p_positive, labels, margins)]
    for target in (None, 0.8):
        assert choose_band(p_positive, labels, 0.25, 0.125, target, weights) == choose_band(
            many[0], many[1], 0.25, 0.125, target
        )
    band = ReferBand(0.3, 0.7)
    assert dataclasses.astuple(measure_band(band, p_positive, labels, weights)) == pytest.approx(
        dataclasses.astuple(measure_band(band, many[0], many[1]))
    )
    once, often = (
        fit_logits(logits_of(margins), labels, weights),
        fit_logits(logits_of(many[2]), many[1]),
    )
    assert dataclasses.astuple(once) == pytest.approx(dataclasses.astuple(often), rel=1e-3)
    assert selective_risks(margins, labels, weights) == pytest.approx(
        selective_risks(many[2], many[1])
    )


def test_the_risk_of_the_surest_half_is_the_one_worked_out_by_hand() -> None:
    margins = np.array([-4.0, -3.0, 2.0, -1.0, 4.0, 3.0, -2.0, 1.0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    risks = dict(zip(COVERAGES, selective_risks(margins, labels), strict=True))
    assert risks[0.25] == risks[0.5] == 0
    assert risks[0.75] == pytest.approx(2 / 6)
    assert risks[1.0] == pytest.approx(2 / 8)


def test_cells_as_sure_as_each_other_share_their_errors() -> None:
    labels = np.array([0, 1, 0, 1])
    assert selective_risks(np.array([1.0, 1, -1, 1]), labels) == pytest.approx(np.full(20, 0.25))


def test_classes_weigh_the_same_in_every_score() -> None:
    p_positive, labels = np.array([0.2, 0.2, 0.2, 0.2, 0.6]), np.array([0, 0, 0, 0, 1])
    assert brier_score(p_positive, labels) == pytest.approx((0.2**2 + 0.4**2) / 2)
    assert calibration_error(p_positive, labels) == pytest.approx(0.2 / 2 + 0.4 / 2)


def test_intervals_hold_what_was_measured_and_widen_where_people_differ() -> None:
    labels = np.repeat([0, 1], 40)
    alike = np.tile([0.0, 1.0], 40)
    unlike = np.repeat(np.arange(8.0) % 4, 10)
    subjects = np.repeat([f"{i}" for i in range(8)], 10)

    def widths(values: np.ndarray) -> float:
        def mean(weights: np.ndarray | None) -> dict[str, float | None]:
            return {"mean": float(np.average(values, weights=weights)), "nothing": None}

        found = intervals_of(mean, labels, subjects, 200, 0)
        assert list(found) == ["mean"]
        low, high = found["mean"]
        assert low <= values.mean() <= high
        return high - low

    assert widths(alike) == pytest.approx(0, abs=1e-9)
    assert widths(unlike) > 0.5


@pytest.mark.parametrize(
    ("negative", "positive", "words"),
    [
        ([50] * 4, [50] * 4, []),
        ([20] * 4, [50] * 4, ["only 80 cells are healthy"]),
        ([100], [50, 50], ["healthy cells come from 1 person", "ill cells come from 2 people"]),
        ([34] * 3, [200] * 3, ["healthy and ill stand 102 to 600, more unequal than 1 to 4"]),
    ],
)
def test_a_tiny_or_lopsided_set_is_warned_of(
    negative: list[int], positive: list[int], words: list[str]
) -> None:
    subjects = np.array([f"{i}" for i, n in enumerate([*negative, *positive]) for _ in range(n)])
    labels = np.array([0] * sum(negative) + [1] * sum(positive))
    cells = Predictions(logits_of(labels - 0.5), labels, subjects)
    found = cautions(cells, ("healthy", "ill"))
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))


def test_separable_cells_need_no_wide_band() -> None:
    p_positive = np.array([0.01, 0.02, 0.98, 0.99])
    band = choose_band(p_positive, np.array([0, 0, 1, 1]), 0, 0)
    assert measure_band(band, p_positive, np.array([0, 0, 1, 1])).referred == 0


def test_people_weigh_alike_where_that_is_asked_for() -> None:
    # one person's 90 cells are all missed, nine people's 10 each are found
    margins = np.r_[np.full(90, -3.0), np.full(90, 3.0), np.linspace(-4, -2, 90)]
    labels = np.repeat([1, 1, 0], 90)
    subjects = np.r_[np.full(90, "1"), np.repeat([f"{i}" for i in range(2, 11)], 10)]
    subjects = np.r_[subjects, np.repeat([f"H{i}" for i in range(9)], 10)]
    cells = Predictions(logits_of(margins), labels, subjects)
    by_cells, by_people = (
        calibrate([cells], 0.15, 0.15, replicates=20, alike=a) for a in (False, True)
    )
    assert not by_cells.people_alike
    assert by_people.people_alike
    assert by_cells.on_these is not None
    assert by_people.on_these is not None
    assert by_people.on_these.missed == pytest.approx(0.1)
    assert by_people.on_these.referred < by_cells.on_these.referred
    assert by_people.temperature < by_cells.temperature
    first = by_people.intervals["on_these.missed"]
    assert first[0] < 0.1 < first[1]


def test_the_command_saves_what_conversion_reads(tmp_path: Path) -> None:
    files = [predictions_file(tmp_path / f"{i}.csv", 300) for i in range(2)]
    out = tmp_path / "new" / "calibration.json"
    done = CliRunner().invoke(app, ["probabilities", *map(str, files), "--out", str(out)])
    assert done.exit_code == 0, done.output
    saved = read_calibration(out)
    few = calibrate([*map(read_predictions, files)], 0.05, 0.05, replicates=3)
    for name in ("temperature", "refer_band", "on_these", "ece_after", "folds"):
        assert getattr(saved, name) == getattr(few, name)
    assert saved.cells == 600
    assert [fold.metrics and fold.metrics.crops for fold in saved.folds] == [300, 300]
    assert saved.folds[0].people == (tuple("0123456"),) * 2
    assert f"temperature {saved.temperature:.3f}" in done.stdout
    low, high = saved.intervals["temperature"]
    assert low <= saved.temperature <= high
    assert f"(95 %: {low:.3f} to {high:.3f})" in done.stdout
    for name in ("ece_after", "brier_before", "refer_band.low", "on_these.missed"):
        assert name in saved.intervals
    assert [point.coverage for point in saved.risk_coverage] == list(COVERAGES)
    assert all(point.low <= point.risk <= point.high for point in saved.risk_coverage)
    assert "of positive cells decided negative" in done.stdout
    assert saved.brier_after < saved.brier_before
    assert saved.warnings == ()
    assert saved.int8 is None


def test_a_few_int8_predictions_get_a_temperature_of_their_own_and_a_warning(
    tmp_path: Path,
) -> None:
    file, quantized = predictions_file(tmp_path / "p-held-out.csv", 80), tmp_path / "int8.csv"
    (tmp_path / "p.json").write_text('{"schema": 1}')  # a record of the first version
    header, *lines = file.read_text().splitlines()
    halved = [line.rpartition(",") for line in lines]
    rows = [f"{before},{float(margin) / 2}" for before, _, margin in halved]
    quantized.write_text("\n".join([header, *rows]) + "\n")
    out = tmp_path / "calibration.json"
    options = ["--int8", str(quantized), "--sensitivity", "0.95", "--out", str(out)]
    done = CliRunner().invoke(app, ["probabilities", str(file), *options])
    assert done.exit_code == 0, done.output
    saved = read_calibration(out)
    assert saved.int8 is not None
    assert saved.int8.temperature == pytest.approx(saved.temperature / 2, rel=1e-3)
    assert saved.int8.brier_after == pytest.approx(saved.brier_after, rel=1e-3)
    assert saved.sensitivity_target == 0.95
    assert "int8 alone: temperature" in done.stdout
    assert "of leukemia cells decided healthy" in done.stdout
    assert (saved.labels, saved.positive) == (("hem", "all"), "all")
    assert "int8.ece_after" in saved.intervals
    assert len(saved.warnings) == 2
    for warning in saved.warnings:
        assert f"warning: {warning}" in done.stderr
    quantized.write_text("\n".join([header, *rows[:-1]]) + "\n")
    refused = CliRunner().invoke(app, ["probabilities", str(file), *options])
    assert refused.exit_code == 2
    assert "the 79 int8 predictions are not of the same cells" in refused.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,subject,label,margin\na,H1,0,-1\n", "no cell of label 1"),
        ("name,label\na,0\n", "is no file of predictions"),
        ("name,subject,label,margin\na,H1,zero,-1\n", "is no file of predictions"),
        (None, "is no file of predictions"),
    ],
)
def test_predictions_that_cannot_be_used_are_refused_in_a_sentence(
    tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "p.csv"
    if content is not None:
        file.write_text(content)
    done = CliRunner().invoke(app, ["probabilities", str(file), "--out", str(tmp_path / "c.json")])
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "c.json").exists()


def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(DataRefused, match=r"c\.json is no calibration of edge-all-calibrate"):
        read_calibration(tmp_path / "c.json")


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (1, 3), (40, 400), (399, 400)])
def test_the_interval_of_a_share_is_wilsons(successes: int, n: int) -> None:
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((expected.low, expected.high))
