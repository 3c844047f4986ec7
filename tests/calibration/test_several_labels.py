"""Calibration of more than two labels: fitted, saved by the command, read again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from typer.testing import CliRunner

from calibration.cli import app
from calibration.probabilities.calibrate import calibrate, read_calibration
from calibration.probabilities.called import Called, call_labels, recorded_labels
from calibration.probabilities.cautions import cautions
from calibration.probabilities.logits_fit import fit_logits
from calibration.probabilities.predictions import (
    Predictions,
    columns_of,
    join,
    logits_of,
    read_predictions,
)
from calibration.probabilities.temperature import fit_temperature
from edge.contract import Contract, make_labels
from edge.errors import DataRefused
from edge.statistics.balanced import balance
from edge.statistics.risk_coverage import COVERAGES

KINDS = ("lymphocyte", "monocyte", "neutrophil")
CONTRACT = Contract(
    64, make_labels(KINDS, "monocyte", ("lymphocytes", "monocytes", "granulocytes")), "monocyte"
)

PARASITES = Contract(64, make_labels(("none", "ring"), "ring"), "ring")


def draw_predictions(n: int = 400, temperature: float = 2.0, seed: int = 5) -> Predictions:
    """Logits whose true probabilities are those at `temperature`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (n, 3)).round(5)
    labels = (logits / temperature + random.gumbel(size=(n, 3))).argmax(axis=1)
    return Predictions(logits, labels, np.array([f"{i % 7}" for i in range(n)]), KINDS)


def write_predictions(path: Path, cells: Predictions) -> Path:
    rows = zip(cells.subjects, cells.labels, cells.logits.tolist(), strict=True)
    lines = [
        ",".join(map(str, (f"{i}.png", whose, label, *logits)))
        for i, (whose, label, logits) in enumerate(rows)
    ]
    path.write_text("\n".join([",".join(columns_of(KINDS)), *lines]) + "\n")
    return path


def write_record(path: Path, contract: Contract = CONTRACT) -> Path:
    path.write_text(json.dumps({"schema": 2, "contract": dataclasses.asdict(contract)}))
    return path


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["probabilities", *map(str, arguments)])


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_the_fitted_temperature_is_the_one_the_labels_were_drawn_with(temperature: float) -> None:
    cells = draw_predictions(20_000, temperature)
    assert fit_temperature(cells.logits, cells.labels) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_has_a_smaller_cross_entropy() -> None:
    cells = draw_predictions(200)

    def loss(temperature: float) -> float:
        powers = np.exp(cells.logits / temperature)
        p = powers / powers.sum(axis=1, keepdims=True)
        return float(log_loss(cells.labels, p, sample_weight=balance(cells.labels, kinds=3)))

    best = fit_temperature(cells.logits, cells.labels)
    assert all(loss(best) <= loss(best * factor) for factor in (0.5, 0.98, 1.02, 2))


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1))
def test_margins_come_back_from_logits_exactly(margins: list[float]) -> None:
    cells = Predictions(logits_of(np.array(margins)), np.array([0]), np.array(["7"]))
    assert cells.margins.tolist() == margins


def test_temperature_makes_overconfident_probabilities_better() -> None:
    cells = draw_predictions(2000, 3.0)
    found = fit_logits(cells.logits, cells.labels)
    assert found.ece_after < found.ece_before / 3
    assert found.brier_after < found.brier_before


def test_predictions_survive_their_file(tmp_path: Path) -> None:
    cells = draw_predictions(50)
    found = read_predictions(write_predictions(tmp_path / "p.csv", cells))
    assert found.names == KINDS
    assert (found.logits == cells.logits).all()
    assert (found.labels == cells.labels).all()
    assert (found.subjects == cells.subjects).all()


def test_the_command_saves_thresholds_that_are_read_again(tmp_path: Path) -> None:
    parts = [draw_predictions(200, seed=seed) for seed in (1, 2)]
    files = [write_predictions(tmp_path / f"{i}-held-out.csv", p) for i, p in enumerate(parts)]
    for i in range(2):
        write_record(tmp_path / f"{i}.json")
    out = tmp_path / "calibration.json"
    done = run(*files, "--missed", "0.02", "--false-alarms", "0.1", "--out", out)
    assert done.exit_code == 0, done.output
    saved = read_calibration(out)
    expected = calibrate(
        parts,
        0.02,
        0.1,
        replicates=3,
        called=Called(KINDS, CONTRACT.words, CONTRACT.positive),
    )
    for name in ("temperature", "thresholds", "thresholds_on_these", "labels", "folds"):
        assert getattr(saved, name) == getattr(expected, name)
    assert (saved.refer_band, saved.on_these) == (None, None)
    assert (saved.labels, saved.positive, saved.cells, saved.subjects) == (
        KINDS,
        "monocyte",
        400,
        7,
    )
    assert saved.thresholds_on_these is not None
    for label, each in enumerate(saved.thresholds_on_these.labels):
        others = [share for other, share in enumerate(each.decided) if other != label]
        assert max(others) <= (0.02 if label == 1 else 0.1)
    assert [fold.scores and len(fold.scores.labels) for fold in saved.folds] == [3, 3]
    assert [point.coverage for point in saved.risk_coverage] == list(COVERAGES)
    assert all(point.low <= point.risk <= point.high for point in saved.risk_coverage)
    assert saved.thresholds is not None
    for name, threshold in zip(KINDS, saved.thresholds, strict=True):
        low, high = saved.intervals[f"thresholds.{name}"]
        assert low <= threshold <= high
    assert "granulocytes from p = " in done.stdout
    assert "decided as another" in done.stdout
    assert saved.warnings == ()


def test_the_label_not_to_be_missed_can_be_named() -> None:
    cells = draw_predictions(400)
    called = call_labels(cells).with_positive(KINDS[2])
    found = calibrate([cells], 0, 0.4, replicates=3, called=called)
    assert found.positive == KINDS[2]
    assert found.thresholds_on_these is not None
    shares = [each.wrong for each in found.thresholds_on_these.labels]
    assert shares[2] == 0
    assert min(shares[:2]) > 0


def test_a_target_that_is_for_no_label_is_said_to_be_for_none() -> None:
    cells = draw_predictions(400)
    said = "at most 0.01 of its cells may be missed was for none, and 0.1 was for all"
    assert said in calibrate([cells], 0.01, 0.1, replicates=3).warnings[-1]
    assert calibrate([cells], 0.1, 0.1, replicates=3).warnings == ()


def test_int8_predictions_get_a_temperature_of_their_own(tmp_path: Path) -> None:
    cells = draw_predictions(120)
    halved = dataclasses.replace(cells, logits=cells.logits / 2)
    found = calibrate([cells], 0.1, 0.1, int8=[halved], replicates=3)
    assert found.int8 is not None
    assert found.int8.temperature == pytest.approx(found.temperature / 2, rel=1e-3)
    assert "int8.ece_after" in found.intervals
    margins = Predictions(logits_of(np.arange(120)), cells.labels, cells.subjects)
    with pytest.raises(DataRefused, match="the int8 predictions are of other labels"):
        calibrate([cells], 0.1, 0.1, int8=[margins], replicates=3)


HEAD = ",".join(columns_of(KINDS)) + "\n"
SOUND = "a,1,0,1,2,3\nb,2,1,1,2,3\nc,3,2,1,2,3\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEAD + SOUND + "d,1,0,1,2,nan\n", "line 5: the logit_neutrophil nan is no finite number"),
        (HEAD + SOUND + "d,1,0,1,2\n", "line 5 is cut off"),
        (HEAD + SOUND + "d,1,3,1,2,3\n", "the label 3 is none of 0 to 2, numbers of lymphocyte, "),
        (HEAD + "a,1,0,1,2,3\n", "has no cell of label monocyte, neutrophil; predictions must be"),
        ("name,subject,label,logit_a,logit_b\n", "logits of 2 different labels, not of 3 to 60"),
        ("name,subject,label,logit_a,logit_a,logit_b\n", "logits of 2 different labels"),
        ("name,subject,label,logit_a,logit_b,logit_=c\n", "cannot be a label"),
    ],
)
def test_a_file_that_holds_no_predictions_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(content)
    with pytest.raises(DataRefused) as caught:
        read_predictions(path)
    assert words in str(caught.value)
    assert len(str(caught.value)) - len(str(path)) < 300


def test_what_is_asked_of_other_labels_is_refused(tmp_path: Path) -> None:
    cells = draw_predictions(30)
    others = dataclasses.replace(cells, names=("a", "b", "c"))
    with pytest.raises(DataRefused, match="lymphocyte, monocyte, neutrophil and of a, b, c cannot"):
        join([cells, others])
    with pytest.raises(DataRefused, match="a sensitivity is of two labels, and these are 3"):
        calibrate([cells], 0.1, 0.1, 0.9, replicates=3)
    with pytest.raises(
        DataRefused, match="the positive label basophil is none of lymphocyte, mono"
    ):
        call_labels(cells).with_positive("basophil")
    file = write_predictions(tmp_path / "p-held-out.csv", cells)
    write_record(
        tmp_path / "p.json",
        dataclasses.replace(CONTRACT, labels=make_labels("abc")[:3], positive=None),
    )
    done = run(file, "--out", tmp_path / "c.json")
    assert done.exit_code == 2
    assert (
        "p.json is of a network for a, b, c, but the predictions beside it are not" in done.stderr
    )


def test_records_of_networks_for_other_labels_are_refused(tmp_path: Path) -> None:
    files = [
        write_predictions(tmp_path / f"{name}-held-out.csv", draw_predictions(30)) for name in "ab"
    ]
    write_record(tmp_path / "a.json")
    write_record(tmp_path / "b.json", dataclasses.replace(CONTRACT, positive=None))
    done = run(*files, "--out", tmp_path / "c.json")
    assert done.exit_code == 2
    assert "are of networks for other labels" in done.stderr
    (tmp_path / "b.json").write_text('{"schema": 2}')
    assert "b.json is no record of edge-all-train: it has no contract" in run(*files).stderr


def test_a_positive_label_that_cannot_be_is_refused(tmp_path: Path) -> None:
    file = write_predictions(tmp_path / "p.csv", draw_predictions(30))
    refused = run(file, "--positive", "basophil", "--out", tmp_path / "c.json")
    assert refused.exit_code == 2
    assert "the positive label basophil is none of lymphocyte, monocyte" in refused.stderr
    with pytest.raises(DataRefused, match="of two labels the second, ring, is the positive one"):
        Called(("none", "ring"), ("none", "ring"), None).with_positive("none")
    with pytest.raises(DataRefused, match="the positive label ring is none of negative and"):
        Called(None, ("negative", "positive"), None).with_positive("ring")


@pytest.mark.parametrize(
    ("record", "called"),
    [
        ({"schema": 1}, Called(("hem", "all"), ("healthy", "leukemia"), "all")),
        ({"schema": 2, "contract": PARASITES}, Called(("none", "ring"), ("none", "ring"), "ring")),
        (None, Called(None, ("negative", "positive"), None)),
    ],
)
def test_labels_are_called_as_the_training_record_says(
    tmp_path: Path, record: dict[str, Any] | None, called: Called
) -> None:
    file = tmp_path / "net-held-out.csv"
    file.write_text("name,subject,label,margin\na,1,0,-1\nb,2,1,1\n")
    if record:
        (tmp_path / "net.json").write_text(json.dumps(record, default=dataclasses.asdict))
    assert recorded_labels([file], read_predictions(file)) == called


def test_labels_that_are_swapped_are_refused() -> None:
    cells = draw_predictions(60)
    swapped = dataclasses.replace(cells, logits=-cells.logits)
    with pytest.raises(DataRefused, match="the logits of the cells' own labels do not lie above"):
        calibrate([swapped], 0.1, 0.1, replicates=3)


def test_what_no_threshold_can_keep_apart_is_refused() -> None:
    logits = np.array([[900.0, 0, 0], [0, 900, 0], [0, 0, 900], [900, 0, 0]] * 3)
    labels = np.array([0, 1, 2, 2] * 3)
    cells = Predictions(logits, labels, np.array([f"{i}" for i in range(12)]), KINDS)
    with pytest.raises(DataRefused, match=r"50\.0% of the neutrophil cells are lymphocyte with"):
        calibrate([cells], 0.1, 0.1, replicates=3)


def test_a_label_of_few_cells_of_few_people_is_named_with_how_many_there_are() -> None:
    labels = np.repeat([0, 1, 2], [200, 150, 3])
    logits = np.eye(3)[labels] * np.array([1, 1, -1])
    subjects = np.array([f"{i % 4}" for i in range(350)] + ["0", "0", "1"])
    found = cautions(Predictions(logits, labels, subjects, KINDS), ("L", "M", "eosinophils"))
    assert len(found) == 4
    for sentence, words in zip(
        found,
        (
            "only 3 cells are eosinophils, fewer than 100: temperature and thresholds",
            "the eosinophils cells come from 2 people",
            "on eosinophils cells the logit of eosinophils is no higher",
            "the labels eosinophils and L stand 3 to 200",
        ),
        strict=True,
    ):
        assert words in sentence


def damaged(calibration: dict[str, Any], **changes: Any) -> str:
    return json.dumps(calibration | changes)


def test_a_calibration_that_cannot_be_is_refused(tmp_path: Path) -> None:
    cells = draw_predictions(30)
    sound = dataclasses.asdict(calibrate([cells], 0.1, 0.1, replicates=3))
    path = tmp_path / "c.json"
    for changes, words in (
        ({"schema": 3}, "it has schema 3, this edge-all reads 2"),
        ({"thresholds": None}, "neither a refer band of two labels nor thresholds of more"),
        ({"thresholds": [0.6, 0.7]}, "it has 2 thresholds; two labels have a refer band"),
        ({"thresholds": [0.6, 0.7, 0.5]}, r"its threshold 0\.5 does not lie within 0\.55"),
        ({"labels": ["a", "b"]}, "it names 2 labels and decides on 3"),
        ({"temperature": 0.0}, "its temperature is 0"),
        ({"positive": "basophil"}, "its positive label basophil is none of its labels"),
    ):
        path.write_text(damaged(sound, **changes))
        with pytest.raises(DataRefused, match=words):
            read_calibration(path)
    path.write_text(damaged(sound))
    assert dataclasses.asdict(read_calibration(path)) == sound


def test_a_calibration_of_edge_all_0_1_0_is_read() -> None:
    path = Path(__file__).parents[2] / "train" / "released" / "cnn-calibration.json"
    before, found = json.loads(path.read_text()), read_calibration(path)
    assert "schema" not in before
    assert found.temperature == before["temperature"]
    assert found.refer_band is not None
    assert dataclasses.asdict(found.refer_band) == before["refer_band"]
    assert (found.labels, found.positive, found.thresholds) == (None, None, None)
    assert [fold.people for fold in found.folds] == [
        tuple(tuple(fold[label]) for label in ("healthy", "leukemic")) for fold in before["folds"]
    ]
    for fold, earlier in zip(found.folds, before["folds"], strict=True):
        assert fold.metrics is not None
        assert fold.metrics.negative_subjects == earlier["metrics"]["healthy_subjects"]
        assert fold.metrics.auroc == earlier["metrics"]["auroc"]
