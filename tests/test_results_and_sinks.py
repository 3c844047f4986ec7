"""Result rows and the files they are written to."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from edge.decision import Verdict
from edge.decode import file_name
from edge.errors import EdgeAllError, OutputFailed
from edge.results import COLUMNS, Result
from edge.sinks import ResultFile, check_suffix

BLANK = Result("crops", "crops/cell.png", 0, model="cnn", model_sha256="0123abcd")
DECIDED = BLANK.with_verdict(Verdict("all", "refer", 0.123456789), (-1.5, 2.25))
FAILED = replace(BLANK, file="crops/bad.png", index=1, error="truncated", message="copy it again")

CSV = """\
source,file,index,label,decision,p_leukemia,logit_hem,logit_all,quality,model,model_sha256,error
crops,crops/cell.png,0,all,refer,0.123457,-1.5,2.25,,cnn,0123abcd,
crops,crops/bad.png,1,,,,,,,cnn,0123abcd,truncated
"""
JSONL = (
    '{"source": "crops", "file": "crops/cell.png", "index": 0, "label": "all",'
    ' "decision": "refer", "p_leukemia": 0.123457, "logit_hem": -1.5, "logit_all": 2.25,'
    ' "quality": null, "model": "cnn", "model_sha256": "0123abcd", "error": null}\n'
    '{"source": "crops", "file": "crops/bad.png", "index": 1, "label": null,'
    ' "decision": null, "p_leukemia": null, "logit_hem": null, "logit_all": null,'
    ' "quality": null, "model": "cnn", "model_sha256": "0123abcd", "error": "truncated"}\n'
)


def write(path: Path, *results: Result) -> bytes:
    with ResultFile(path) as file:
        for result in results:
            file.write(result)
    return path.read_bytes()


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV or JSONL file as another program would."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file]


def test_the_columns_are_those_of_version_1_in_their_order() -> None:
    assert COLUMNS == (
        "source",
        "file",
        "index",
        "label",
        "decision",
        "p_leukemia",
        "logit_hem",
        "logit_all",
        "quality",
        "model",
        "model_sha256",
        "error",
    )


def test_a_row_has_every_field_but_the_message_for_people() -> None:
    assert tuple(DECIDED.row()) == COLUMNS
    assert {field.name for field in fields(Result)} - set(COLUMNS) == {"message"}


def test_a_row_is_rounded_to_6_digits_and_the_result_is_not() -> None:
    assert DECIDED.row()["p_leukemia"] == 0.123457
    assert DECIDED.p_leukemia == 0.123456789


def test_a_verdict_adds_what_the_network_says_and_keeps_the_rest() -> None:
    said = {"label": "all", "decision": "refer", "p_leukemia": 0.123456789}
    said |= {"logit_hem": -1.5, "logit_all": 2.25}
    assert asdict(DECIDED) == {**asdict(BLANK), **said}


@pytest.mark.parametrize(("name", "text"), [("out.csv", CSV), ("out.jsonl", JSONL)])
def test_a_decision_and_an_error_are_written_like_this(
    tmp_path: Path, name: str, text: str
) -> None:
    assert write(tmp_path / name, DECIDED, FAILED).decode() == text


@pytest.mark.parametrize("name", ["out.CSV", "out.JSONL", "crops.png.csv"])
def test_the_suffix_chooses_the_format_in_either_case(tmp_path: Path, name: str) -> None:
    text = write(tmp_path / name, DECIDED, FAILED).decode()
    assert text == (CSV if name.lower().endswith("csv") else JSONL)


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.gz", ".csv", "out.json"])
def test_an_unknown_suffix_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    for refuse in (check_suffix, ResultFile):
        with pytest.raises(OutputFailed, match=r"the name must end in \.csv or \.jsonl"):
            refuse(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="No such file or directory; check the folder"):
        ResultFile(tmp_path / "missing" / "out.csv")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputFailed, match="Is a directory"):
        ResultFile(tmp_path / "out.csv")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_full_disk_is_an_error_of_edge_all(tmp_path: Path, suffix: str) -> None:
    full = tmp_path / f"out{suffix}"
    full.symlink_to("/dev/full")
    with pytest.raises(OutputFailed, match="No space left on device; check the folder and the"):
        write(full, DECIDED)


def test_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", *[DECIDED] * 10)
    assert write(tmp_path / "out.csv", DECIDED, FAILED).decode() == CSV


@pytest.mark.parametrize(("name", "text"), [("out.csv", CSV), ("out.jsonl", JSONL)])
def test_every_row_can_be_read_while_the_file_is_still_open(
    tmp_path: Path, name: str, text: str
) -> None:
    path, lines = tmp_path / name, text.splitlines(keepends=True)
    header = len(lines) - 2
    with ResultFile(path) as file:
        assert path.read_text() == "".join(lines[:header])
        for n, result in enumerate([DECIDED, FAILED], start=1):
            file.write(result)
            assert path.read_text() == "".join(lines[: header + n])


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
@pytest.mark.parametrize(
    "file",
    [
        pytest.param("crops/zellé 細胞.png", id="not ASCII"),
        pytest.param('two\nlines, "quoted"; it\'s.png', id="line break and quotes"),
        pytest.param(file_name(os.fsdecode(b"crops/\xff\xfe.png")), id="not UTF-8"),
    ],
)
def test_any_file_name_is_written_and_read_back(tmp_path: Path, name: str, file: str) -> None:
    write(tmp_path / name, replace(DECIDED, file=file, source=file), FAILED)
    first, second = rows(tmp_path / name)
    assert (first["source"], first["file"]) == (file, file)
    assert second["file"] == FAILED.file


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_names_are_written_as_they_read_not_as_escapes(tmp_path: Path, name: str) -> None:
    assert (
        "zellé 細胞.png" in write(tmp_path / name, replace(DECIDED, file="zellé 細胞.png")).decode()
    )


def test_names_that_are_not_utf_8_are_written_with_their_bytes() -> None:
    assert file_name(os.fsdecode(b"crops/\xff.png")) == r"crops/\xff.png"


def test_a_failed_output_is_an_error_of_edge_all_and_of_the_system() -> None:
    assert issubclass(OutputFailed, EdgeAllError)
    assert issubclass(OutputFailed, OSError)
