"""Several models: whatever is wrong with one, the others are converted, each with a verdict."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import convert.job
from convert.job import Options
from convert.many import Outcome, _alone, convert_all, convert_one
from convert.network.reasons import in_short
from edge.cli.command import GATE_FAILED, WRONG_USAGE
from edge.errors import ConversionFailed, GateFailed


def keras_files(folder: Path, count: int) -> list[Path]:
    """Files with what a .keras file holds at least; no test here loads them."""
    import zipfile

    files = [folder / f"network{i}.keras" for i in range(count)]
    for file in files:
        with zipfile.ZipFile(file, "w") as parts:
            for name in ("config.json", "model.weights.h5"):
                parts.writestr(name, b"")
    return files


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("uint8"), WRONG_USAGE),
        (AttributeError("no shape\nand a second line"), WRONG_USAGE),
        (MemoryError(), WRONG_USAGE),
        (RuntimeError("x" * 17_777), WRONG_USAGE),
        (ConversionFailed("of its own"), WRONG_USAGE),
        (GateFailed("NaN for 3 cells"), GATE_FAILED),
    ],
)
def test_whatever_one_raises_becomes_a_sentence_that_names_it_and_the_rest_goes_on(
    error: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(keras_file: Path, options: Options) -> None:
        raise error

    monkeypatch.setattr(convert.job, "prepare", prepare)
    files = keras_files(tmp_path, 3)
    outcomes = list(convert_all(files, Options(), tmp_path / "out"))
    assert [outcome.name for outcome in outcomes] == [file.stem for file in files]
    for file, outcome in zip(files, outcomes, strict=True):
        assert outcome.exit_code == code
        assert str(file) in outcome.words
        assert len(outcome.words.splitlines()) == 1
        assert len(outcome.words) - len(str(file)) < 250


def test_a_file_that_is_no_model_is_told_so_and_not_that_it_lacks_a_record(tmp_path: Path) -> None:
    outcome = convert_one(tmp_path / "none.keras", Options(), tmp_path / "out", 1)
    assert outcome.exit_code == WRONG_USAGE
    assert "none.keras cannot be read" in outcome.words


def test_no_model_at_all_is_nothing_to_do(tmp_path: Path) -> None:
    assert list(convert_all([], Options(), tmp_path / "out", workers=2)) == []


def _killed(file: Path) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_process_that_is_killed_ends_with_a_sentence() -> None:
    outcome = _alone(_killed, Path("network.keras"))
    assert outcome.exit_code == WRONG_USAGE
    assert "network.keras: its process was killed" in outcome.words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("a"), "KeyError: 'a'"),
        (MemoryError(), "MemoryError"),
        (ValueError("two\nlines"), "ValueError: two"),
        (ValueError("\x1b[31mred"), r"ValueError: \x1b[31mred"),
        (
            RuntimeError("<unknown>:0: error: loc('f'): 'tf.Erfinv' op is neither a custom op nor"),
            "TFLite has no operator for tf.Erfinv",
        ),
    ],
)
def test_an_exception_of_a_tool_is_said_in_a_few_words(error: Exception, words: str) -> None:
    assert in_short(error) == words


def test_a_long_exception_is_cut() -> None:
    assert len(in_short(ValueError("x" * 17_777))) < 160
