"""Every JSON file of the build side: what others made of it is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibration.cells.exclusion import without_excluded
from calibration.probabilities.calibrate import read_calibration
from calibration.representative.select import load_representative
from convert.quantize.recipe import load_recipe
from convert.record import read_record
from convert.report.schema import read_report
from edge.errors import EdgeAllError
from edge.records.json_text import parse_json, read_json
from train.data.split_file import load_split
from train.report.runs import read_runs

RELEASED = Path(__file__).parents[2] / "train" / "released"


def read_run(path: Path) -> Any:
    rows = "name,subject,label,margin\na.png,H1,0,-1.5\nb.png,1,1,2.5\n"
    path.with_name("file-held-out.csv").write_text(rows)
    return read_runs([path.parent])


READERS: dict[str, Callable[[Path], Any]] = {
    "record": read_record,
    "calibration": read_calibration,
    "manifest": load_representative,
    "excluded cells": lambda path: without_excluded([str(path)], [], path.parent),
    "split": load_split,
    "recipe": lambda path: load_recipe(path, ""),
    "report": read_report,
    "run": read_run,
}

NAMES = (
    *("training", "held_out", "metrics", "versions", "recipe", "dataset", "data_sha256"),
    *("refer_band", "cells", "folds", "ranges", "exponents", "representative", "keras_sha256"),
    *("gates", "left_out", "test", "sha256"),
)

TEXTS = {
    "empty": "",
    "cut off": '{"schema": 1, "ga',
    "deep": "[" * 100_000,
    "deep inside": '{"schema":' * 50_000,
    "not a number": '{"schema": NaN}',
    "infinite": '{"schema": 1e999}',
    "half of a character": '{"schema": 1, "cells": "\\ud800", "gates": []}',
    "many digits": '{"schema": ' + "9" * 10_000 + "}",
    "null": "null",
    "list": "[1, 2]",
    "text": '"schema"',
    "nothing in it": "{}",
    "all of another type": json.dumps({"schema": 1} | dict.fromkeys(NAMES, 3)),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_damaged_or_foreign_is_refused_in_a_sentence(
    reader: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.json"
    path.write_text(TEXTS[text])
    with pytest.raises(EdgeAllError) as refused:
        READERS[reader](path)
    words = str(refused.value)
    assert "file.json" in words
    assert words.isprintable()
    assert len(words) - len(str(path)) < 250


@pytest.mark.parametrize("reader", READERS)
def test_bytes_that_are_no_text_are_refused_likewise(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b'{"schema": "\xff\xfe"}')
    with pytest.raises(EdgeAllError, match=r"file\.json"):
        READERS[reader](path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0),
        ("temperature", "1"),
        ("refer_band", {"low": 0.6, "high": 0.7}),
        ("refer_band", {"low": -1.0, "high": 0.7}),
        ("intervals", {"temperature": [1]}),
        ("warnings", "one"),
    ],
)
def test_a_calibration_of_impossible_values_is_refused(
    field: str, value: Any, tmp_path: Path
) -> None:
    fields = json.loads((RELEASED / "cnn-calibration.json").read_text())
    path = tmp_path / "cnn-calibration.json"
    path.write_text(json.dumps(fields | {field: value}))
    with pytest.raises(EdgeAllError, match=r"cnn-calibration\.json is no calibration .*edge-all"):
        read_calibration(path)


def test_people_that_are_no_list_are_refused(tmp_path: Path) -> None:
    fields = json.loads((RELEASED / "cnn.json").read_text())
    for people in ("H22", [1, 2], {"H22": 1}):
        path = tmp_path / "cnn.json"
        path.write_text(json.dumps(fields | {"held_out": {"subjects": people}}))
        with pytest.raises(EdgeAllError, match=r"cnn\.json is no training record: held_out"):
            read_record(path)


def test_whole_characters_that_are_escaped_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    assert parse_json('{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf[1.5]")
    assert read_json(tmp_path / "x.json") == [1.5]
    with pytest.raises(ValueError, match="at most 3 are read"):
        read_json(tmp_path / "x.json", most=3)
