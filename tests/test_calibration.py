"""Temperature, refer band, and the command that saves them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calibration.calibrate import calibrate, read_calibration
from calibration.cli import app
from calibration.predictions import read_predictions
from calibration.refer_band import choose_band, measure_band
from calibration.temperature import calibration_error, cross_entropy, fit_temperature
from edge.errors import DataRefused


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
    assert fit_temperature(found.margins, found.labels) == pytest.approx(temperature, rel=0.05)


@given(
    healthy=st.lists(st.floats(-9, 9), min_size=1, max_size=20),
    leukemic=st.lists(st.floats(-9, 9), min_size=1, max_size=20),
)
def test_no_other_temperature_has_a_smaller_cross_entropy(
    healthy: list[float], leukemic: list[float]
) -> None:
    margins = np.array([*healthy, *leukemic])
    labels = np.array([0] * len(healthy) + [1] * len(leukemic))
    best = cross_entropy(margins / fit_temperature(margins, labels), labels)
    for other in (0.05, 0.3, 1, 3, 20):
        assert best <= cross_entropy(margins / other, labels) + 1e-5


def test_calibration_error_is_the_gap_between_probability_and_share() -> None:
    labels = np.array([0, 1] * 50)
    assert calibration_error(np.full(100, 0.5), labels) == pytest.approx(0)
    assert calibration_error(np.full(100, 0.9), labels) == pytest.approx(0.4)
    assert calibration_error(labels.astype(float), labels) == pytest.approx(0)


probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(
    healthy=probabilities,
    leukemic=probabilities,
    missed=st.floats(0, 0.5),
    false_alarms=st.floats(0, 0.5),
)
def test_a_band_keeps_both_errors_within_their_targets(
    healthy: list[float], leukemic: list[float], missed: float, false_alarms: float
) -> None:
    p_leukemia = np.array([*healthy, *leukemic])
    labels = np.array([0] * len(healthy) + [1] * len(leukemic))
    band = choose_band(p_leukemia, labels, missed, false_alarms)
    found = measure_band(band, p_leukemia, labels)
    assert 0 <= band.low <= 0.5 <= band.high <= 1
    assert found.missed <= missed
    assert found.false_alarms <= false_alarms
    assert 0 <= found.referred <= 1


def test_separable_cells_need_no_wide_band() -> None:
    p_leukemia = np.array([0.01, 0.02, 0.98, 0.99])
    band = choose_band(p_leukemia, np.array([0, 0, 1, 1]), 0, 0)
    assert measure_band(band, p_leukemia, np.array([0, 0, 1, 1])).referred == 0


def test_the_command_saves_what_conversion_reads(tmp_path: Path) -> None:
    files = [predictions_file(tmp_path / f"{i}.csv", 300) for i in range(2)]
    out = tmp_path / "new" / "calibration.json"
    done = CliRunner().invoke(app, ["probabilities", *map(str, files), "--out", str(out)])
    assert done.exit_code == 0, done.output
    saved = read_calibration(out)
    expected = calibrate([*map(read_predictions, files)], missed=0.05, false_alarms=0.05)
    assert dataclasses.asdict(saved) == dataclasses.asdict(expected)
    assert saved.cells == 600
    assert [fold.metrics.crops for fold in saved.folds] == [300, 300]
    assert saved.folds[0].healthy == tuple("0123456")
    assert f"temperature {saved.temperature:.3f}" in done.stdout
    assert math.isfinite(saved.ece_after)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,subject,label,margin\na,H1,0,-1\n", "both classes"),
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
