"""Reports of conversions that cannot be read: refused in a sentence, by the place of the value."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_conversion_report import EXTRAS, made_up
from typer.testing import CliRunner

from convert.cli.main import app
from convert.report.schema import (
    read_report,
)
from edge.errors import ReportRefused
from edge.records.typed_json import as_type


def spoilt(change: Callable[[dict[str, Any]], None]) -> str:
    fields = json.loads(made_up().to_json())
    change(fields)
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no report of a conversion"),
        ('{"schema": 1}', "is no report of a conversion"),
        (spoilt(lambda f: f.update(schema=7)), "has report schema 7, this edge-all reads 1 and 2"),
        (spoilt(lambda f: f.pop("cells")), "report.cells must be there"),
        (spoilt(lambda f: f.update(cell=1)), "report.cell must be left out: it is no field"),
        (spoilt(lambda f: f.update(gates={})), "report.gates must be a list"),
        (spoilt(lambda f: f["gates"][0].update(passed="yes")), r"gates\[0\].passed must be bool"),
        (spoilt(lambda f: f["network"].update(name="../cnn")), "network.name must be a word"),
        (spoilt(lambda f: f["network"].update(trained_on="\ud800")), "has half of a character"),
        (spoilt(lambda f: f["cells"]["labels"].pop()), "as many labels as margins or logits"),
        (
            spoilt(lambda f: f["cells"]["labels"].__setitem__(0, 2)),
            "labels must be numbers from 0 to 1",
        ),
        (spoilt(lambda f: f["fidelity"].update(temperature=0)), "must be positive"),
        (spoilt(lambda f: f["fidelity"].update(logit_step=float("nan"))), "has a NaN"),
        (spoilt(lambda f: f["gates"][0].update(limit=float("inf"))), "has a Infinity"),
        (spoilt(lambda f: f["fidelity"]["refer_band"].update(low=0.7)), "must hold 0.5"),
        (
            spoilt(lambda f: f["fidelity"]["quantization"]["accuracy"]["scores"].pop()),
            "must hold the scores sensitivity",
        ),
        (spoilt(lambda f: f["fidelity"].update(cells=61)), "must be of the same cells"),
        (spoilt(lambda f: f["fidelity"]["quantization"]["flips"][0].update(cell=60)), "same cells"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "cnn-report.json"
    file.write_text(text)
    done = CliRunner().invoke(app, ["report", str(file)])
    assert done.exit_code == 2
    assert re.search(words, done.stderr)
    assert str(file) in done.stderr or "the report of cnn" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["cnn-report.json"]


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportRefused, match=r"none-report\.json cannot be read"):
        read_report(tmp_path / "none-report.json")


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, True, "x must be int"),
        (float, "1", "x must be float"),
        (float, 10**400, "x must be a number of usual size"),
        (tuple[str, float], ["a"], "x must be a list of 2"),
        (tuple[int, ...], [1, "b"], r"x\[1\] must be int"),
        (dict[str, float], {"a": None}, r"x\.a must be float"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_place(kind: Any, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        as_type(kind, value, "x")


def test_a_whole_number_serves_where_a_number_is_asked_for() -> None:
    assert as_type(tuple[float, ...], [1, 2.5], "x") == (1.0, 2.5)
    assert type(as_type(float, 1, "x")) is float
    assert as_type(int | None, None, "x") is None


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value with every key of it."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = SIMPLE | st.just([]) | st.just({})


@given(st.integers(0), JSON)
def test_a_report_with_any_value_changed_is_read_or_refused(which: int, value: Any) -> None:
    fields = json.loads(made_up(**EXTRAS).to_json())
    every = list(places(fields))
    container, key = every[which % len(every)]
    container[key] = value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cnn-report.json"
        file.write_text(json.dumps(fields))
        with contextlib.suppress(ReportRefused):
            assert read_report(file).schema == 2
