"""Predictions that no temperature can be fitted on are refused, each with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.probabilities.calibrate import calibrate
from calibration.probabilities.predictions import Predictions, logits_of, read_predictions
from edge.errors import DataRefused

HEAD = b"name,subject,label,margin\n"
SOUND = b"a,H1,0,-1.5\nb,7,1,2\n"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"c,7,1,nan\n", "line 4: the margin nan is no finite number"),
        (b"c,7,1,inf\n", "line 4: the margin inf is no finite number"),
        (b"c,7,1,-Infinity\n", "line 4: the margin -Infinity is no finite"),
        (b"c,7,1,1e300\n", "line 4: the margin 1e300 is no finite number"),
        (b"c,7,1\n", "line 4 is cut off"),
        (b"c\n", "line 4 is cut off"),
        (b"c,7,2,1\n", "line 4: the label 2 is none of 0 to 1, numbers of two labels"),
        (b"c,7,-1,1\n", "line 4: the label -1 is none of"),
        (b"c,7,1.0,1\n", "is no file of predictions"),
        (b"c,7,1,\n", "is no file of predictions"),
        (b"c,7,1,1\xff\n", "is no file of predictions"),
        (b'c,7,1,"' + b"1" * 200_000 + b'"\n', "is no file of predictions"),
    ],
)
def test_a_row_that_is_no_prediction_is_refused(row: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes(HEAD + SOUND + row)
    with pytest.raises(DataRefused) as caught:
        read_predictions(path)
    said = str(caught.value)
    assert str(path) in said
    assert words in said
    assert len(said) - len(str(path)) < 250


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes(b"name,subject,label\na,H1,0\n")
    with pytest.raises(DataRefused, match="it has no column margin"):
        read_predictions(path)


def told(margins: list[float], labels: list[int]) -> tuple[str, ...]:
    """Warnings of a calibration on the margins, each of two people of its label."""
    subjects = np.array([f"{label}-{i % 2}" for i, label in enumerate(labels)])
    cells = Predictions(logits_of(np.array(margins)), np.array(labels), subjects)
    return calibrate([cells], 0.05, 0.05, replicates=2).warnings


def test_swapped_labels_are_refused() -> None:
    with pytest.raises(DataRefused, match="the labels are swapped, or the network tells nothing"):
        told([3.0, 2.0, -1.0, -2.0], [0, 0, 1, 1])


def test_margins_that_are_all_alike_are_refused() -> None:
    with pytest.raises(DataRefused, match="do not lie above those of negative cells"):
        told([1.0, 1.0, 1.0, 1.0], [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("scale", "words"), [(1e-6, "ended at 0.05, where its search"), (1e6, "ended at 20, where")]
)
def test_a_temperature_at_the_end_of_its_search_is_warned_of(scale: float, words: str) -> None:
    margins = np.array([-2.0, -1.0, 1.5, 1.0, 3.0, -1.2])
    labels = [0, 0, 0, 1, 1, 1]
    assert any(words in warning for warning in told(list(scale * margins), labels))
    assert not any("its search ends" in warning for warning in told(list(margins), labels))
