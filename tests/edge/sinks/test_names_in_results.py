"""Names of files in results: any name is written, read back, and never taken for a formula."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink_helpers import RUN, take
from test_results_and_sinks import DECIDED, FAILED, rows, write

from edge.files import file_name
from edge.sinks.formats import as_text, from_text
from edge.sinks.outputs import Outputs


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
@pytest.mark.parametrize(
    "file",
    [
        pytest.param("crops/zellé 細胞.png", id="not ASCII"),
        pytest.param('two\nlines, "quoted"; it\'s.png', id="line break and quotes"),
        pytest.param("carriage\rreturn.png", id="carriage return"),
        pytest.param(file_name(os.fsdecode(b"crops/\xff\xfe.png")), id="not UTF-8"),
    ],
)
def test_any_file_name_is_written_and_read_back(tmp_path: Path, name: str, file: str) -> None:
    write(tmp_path / name, replace(DECIDED, file=file, source=file), FAILED)
    first, second = rows(tmp_path / name)
    assert (first["source"], first["file"]) == (file, file)
    assert second["file"] == FAILED.file


FORMULAS = ["=1+1.png", "+1", "-x.png", "@SUM(A1)", "\tx", "\r=x", "'=x", "''@x", "＝1", "'", "'x"]  # noqa: RUF001


@pytest.mark.parametrize("name", FORMULAS)
def test_no_spreadsheet_takes_a_name_for_a_formula_and_resume_reads_it_back(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "out.csv"
    result = replace(DECIDED, source=name, file=name, sample=name)
    write(path, result)
    (row,) = rows(path)
    assert row["file"] == row["source"]
    assert row["file"] in (name, f"'{name}")
    assert not row["file"].startswith(("=", "+", "-", "@", "\t", "\r", "＝"))  # noqa: RUF001
    assert row["logit_hem"] == "-1.5"  # a number is no text
    with Outputs([path], RUN, resume=True) as files:
        assert take(files, result) == [replace(result, probabilities=(1 - 0.123457, 0.123457))]


@given(text=st.text(st.sampled_from("'=+-@\t\r\nx＝")))  # noqa: RUF001
def test_every_text_is_given_back_and_none_looks_like_a_formula(text: str) -> None:
    assert from_text(as_text(text)) == text
    assert not as_text(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))  # noqa: RUF001
    if "'" not in text:  # as files of earlier versions hold it
        assert from_text(text) == text


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_names_are_written_as_they_read_not_as_escapes(tmp_path: Path, name: str) -> None:
    assert (
        "zellé 細胞.png" in write(tmp_path / name, replace(DECIDED, file="zellé 細胞.png")).decode()
    )


def test_names_that_are_not_utf_8_are_written_with_their_bytes() -> None:
    assert file_name(os.fsdecode(b"crops/\xff.png")) == r"crops/\xff.png"
