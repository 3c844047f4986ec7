"""Result rows, the files they are written to, and many files at once."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_helpers import COLUMNS, RUN, begun, database_rows, file_size_limit, results

from edge.contract import check_name, make_labels
from edge.decisions.decision import Verdict, softmax
from edge.errors import EdgeAllError, OutputFailed
from edge.models.cnmc import CONTRACT
from edge.rows import Result, columns_of, labels_in
from edge.sinks import outputs
from edge.sinks.outputs import BATCH, Outputs, check_outputs
from edge.sinks.text import ResultFile

BLANK = Result(
    "crops", "crops/cell.png", 0, model="cnn", model_sha256="0123abcd", sample="crops/cell.png"
)
DECIDED = BLANK.with_verdict(Verdict("all", "refer", (0.876543211, 0.123456789)), (-1.5, 2.25))
FAILED = replace(
    BLANK,
    file="crops/bad.png",
    sample="crops/bad.png",
    index=1,
    error="truncated",
    message="copy it again",
)
FIELD = "crops/field.png"
CUT = replace(
    DECIDED, file=FIELD, index=2, sample=f"{FIELD}@0,8,70,70", parent=FIELD, box="0,8,70,70"
)

CSV = """\
source,file,index,label,decision,p_leukemia,logit_hem,logit_all,quality,model,model_sha256,error,supersedes,file_version,sample,parent,box,um_per_pixel,cell_area,p_hem,p_all
crops,crops/cell.png,0,all,refer,0.123457,-1.5,2.25,,cnn,0123abcd,,,,crops/cell.png,,,,,0.876543,0.123457
crops,crops/bad.png,1,,,,,,,cnn,0123abcd,truncated,,,crops/bad.png,,,,,,
crops,crops/field.png,2,all,refer,0.123457,-1.5,2.25,,cnn,0123abcd,,,,"crops/field.png@0,8,70,70",crops/field.png,"0,8,70,70",,,0.876543,0.123457
"""
JSONL = (
    '{"source": "crops", "file": "crops/cell.png", "index": 0, "label": "all",'
    ' "decision": "refer", "p_leukemia": 0.123457, "logit_hem": -1.5, "logit_all": 2.25,'
    ' "quality": null, "model": "cnn", "model_sha256": "0123abcd", "error": null,'
    ' "supersedes": null, "file_version": null, "sample": "crops/cell.png", "parent": null,'
    ' "box": null, "um_per_pixel": null, "cell_area": null, "p_hem": 0.876543,'
    ' "p_all": 0.123457}\n'
    '{"source": "crops", "file": "crops/bad.png", "index": 1, "label": null,'
    ' "decision": null, "p_leukemia": null, "logit_hem": null, "logit_all": null,'
    ' "quality": null, "model": "cnn", "model_sha256": "0123abcd", "error": "truncated",'
    ' "supersedes": null, "file_version": null, "sample": "crops/bad.png", "parent": null,'
    ' "box": null, "um_per_pixel": null, "cell_area": null, "p_hem": null, "p_all": null}\n'
    '{"source": "crops", "file": "crops/field.png", "index": 2, "label": "all",'
    ' "decision": "refer", "p_leukemia": 0.123457, "logit_hem": -1.5, "logit_all": 2.25,'
    ' "quality": null, "model": "cnn", "model_sha256": "0123abcd", "error": null,'
    ' "supersedes": null, "file_version": null, "sample": "crops/field.png@0,8,70,70",'
    ' "parent": "crops/field.png", "box": "0,8,70,70",'
    ' "um_per_pixel": null, "cell_area": null, "p_hem": 0.876543, "p_all": 0.123457}\n'
)


def write(path: Path, *results: Result) -> bytes:
    with begun(ResultFile(path, RUN)) as file:
        for result in results:
            file.write(result)
    return path.read_bytes()


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV or JSONL file as another program would."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file]


def write_slowly(paths: list[Path], some: list[Result]) -> None:
    with Outputs(paths, RUN) as files:
        for result in some:
            files.write(result)
            time.sleep(0.001)


def failing_after(flush: Callable[[ResultFile], None], calls: int) -> Callable[[ResultFile], None]:
    """A flush that works so often, and then finds the disk full."""
    left = iter(range(calls))

    def flushing(file: ResultFile) -> None:
        if next(left, None) is None:
            raise OutputFailed("no space")
        flush(file)

    return flushing


def test_the_columns_are_those_of_version_3_in_their_order() -> None:
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
        "supersedes",
        "file_version",
        "sample",
        "parent",
        "box",
        "um_per_pixel",
        "cell_area",
        "p_hem",
        "p_all",
    )


def test_other_labels_have_columns_of_their_own_and_none_of_c_nmc() -> None:
    columns = columns_of(("ring", "rod", "band"))
    assert columns[:6] == ("source", "file", "index", "label", "decision", "quality")
    assert columns[-8:] == (
        "um_per_pixel",
        "cell_area",
        *("p_ring", "p_rod", "p_band"),
        *("logit_ring", "logit_rod", "logit_band"),
    )
    assert labels_in(columns) == ("ring", "rod", "band")
    assert not {"p_leukemia", "logit_hem", "logit_all"} & set(columns)


def is_name(text: str) -> bool:
    try:
        check_name(text)
    except ValueError:
        return False
    return text.casefold() not in ("refer", "failed")  # decisions of no label


NAMES_OF_LABELS = st.lists(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(is_name),
    min_size=2,
    max_size=6,
    unique_by=str.casefold,
).map(tuple)


@settings(max_examples=60)
@given(labels=NAMES_OF_LABELS, numbers=st.data())
def test_rows_of_any_labels_are_read_again_from_every_file(
    tmp_path_factory: pytest.TempPathFactory, labels: tuple[str, ...], numbers: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    logits = numbers.draw(st.tuples(*[st.floats(-30, 30)] * len(labels)))
    found = replace(
        BLANK,
        labels=labels,
        label=labels[0],
        decision="refer",
        probabilities=softmax(logits, 1.0),
        logits=logits,
    )
    run = replace(RUN, contract=replace(CONTRACT, labels=make_labels(labels), positive=None))
    for name in ("r.csv", "r.jsonl", "r.db"):
        with Outputs([folder / name], run) as outputs:
            outputs.write(found)
        with Outputs([folder / name], run, resume=True) as outputs:
            (read,) = outputs.rows()
        assert read.row() == found.row()
        assert read.labels == labels


def test_a_row_has_every_field_but_the_message_for_people() -> None:
    assert tuple(DECIDED.row()) == COLUMNS
    assert {field.name for field in fields(Result)} - set(COLUMNS) == {
        "message",
        "crop",
        "labels",
        "probabilities",
        "logits",
        "area",
    }


@pytest.mark.parametrize("result", [DECIDED, FAILED, CUT], ids=["decided", "failed", "cut out"])
def test_a_row_is_read_again_from_values_and_from_the_texts_of_csv(result: Result) -> None:
    row = result.row()
    texts = {column: "" if value is None else str(value) for column, value in row.items()}
    assert Result.from_row(row).row() == Result.from_row(texts).row() == row


@pytest.mark.parametrize(
    "change",
    [
        {"index": "x"},
        {"p_leukemia": "much"},
        {"p_leukemia": "nan"},
        {"file": ""},
        {"supersedes": 9},
        {"decision": "heal\0hy"},
        {"p_leukemia": ""},
        {"logit_hem": None, "logit_all": None},
        {"decision": None},
    ],
)
def test_a_row_that_is_no_result_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(
        ValueError,
        match=r"invalid literal|not convert|names no|no decision|finite|supersedes no|its numbers",
    ):
        Result.from_row({**DECIDED.row(), **change})


def test_a_row_is_rounded_to_6_digits_and_the_result_is_not() -> None:
    assert DECIDED.row()["p_leukemia"] == 0.123457
    assert DECIDED.probability == DECIDED.p("all") == 0.123456789


def test_a_verdict_adds_what_the_network_says_and_keeps_the_rest() -> None:
    said = {"label": "all", "decision": "refer", "probabilities": (0.876543211, 0.123456789)}
    said |= {"logits": (-1.5, 2.25)}
    assert asdict(DECIDED) == {**asdict(BLANK), **said}


@pytest.mark.parametrize(("name", "text"), [("out.csv", CSV), ("out.jsonl", JSONL)])
def test_a_decision_an_error_and_a_cell_of_a_field_are_written_like_this(
    tmp_path: Path, name: str, text: str
) -> None:
    assert write(tmp_path / name, DECIDED, FAILED, CUT).decode() == text


@pytest.mark.parametrize("name", ["out.CSV", "out.JSONL", "crops.png.csv"])
def test_the_suffix_chooses_the_format_in_either_case(tmp_path: Path, name: str) -> None:
    text = write(tmp_path / name, DECIDED, FAILED, CUT).decode()
    assert text == (CSV if name.lower().endswith("csv") else JSONL)


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.gz", ".csv", "out.json", "out.html"])
def test_an_unknown_suffix_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        OutputFailed, match=r"the name must end in \.csv, \.jsonl, \.db or \.sqlite"
    ):
        check_outputs([tmp_path / "out.csv", tmp_path / name], None)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_a_page(tmp_path: Path) -> None:
    assert check_outputs([], tmp_path / "x.HTM") == [tmp_path / "x.HTM"]
    with pytest.raises(OutputFailed, match=r"x\.csv: the name must end in \.html or \.htm"):
        check_outputs([], tmp_path / "x.csv")


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").symlink_to(tmp_path / "out.csv")
    with pytest.raises(OutputFailed, match=r"other\.csv is named twice"):
        check_outputs([tmp_path / "out.csv", tmp_path / "other.csv"], None)


def test_a_missing_folder_is_refused_before_any_file_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match=r"no such folder as .*/missing; make it first"):
        check_outputs([tmp_path / "out.csv", tmp_path / "missing" / "out.db"], None)


def test_a_missing_folder_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="No such file or directory; check the folder"):
        ResultFile(tmp_path / "missing" / "out.csv", RUN)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputFailed, match="Is a directory"):
        ResultFile(tmp_path / "out.csv", RUN)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_full_disk_is_an_error_of_edge_all(tmp_path: Path, suffix: str) -> None:
    full = tmp_path / f"out{suffix}"
    full.symlink_to("/dev/full")
    with pytest.raises(OutputFailed, match="No space left on device; check the folder and the"):
        write(full, DECIDED)


def test_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", *[DECIDED] * 10)
    assert write(tmp_path / "out.csv", DECIDED, FAILED, CUT).decode() == CSV


@pytest.mark.parametrize(("name", "text"), [("out.csv", CSV), ("out.jsonl", JSONL)])
def test_what_was_flushed_can_be_read_while_the_file_is_still_open(
    tmp_path: Path, name: str, text: str
) -> None:
    path, lines = tmp_path / name, text.splitlines(keepends=True)
    header = len(lines) - 3
    with begun(ResultFile(path, RUN)) as file:
        assert path.read_text() == "".join(lines[:header])
        for n, result in enumerate([DECIDED, FAILED, CUT], start=1):
            file.write(result)
            file.flush()
            assert path.read_text() == "".join(lines[: header + n])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_disk_that_fills_up_leaves_whole_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with file_size_limit(1000), begun(ResultFile(path, RUN)) as file:
        file.write(DECIDED)
        file.flush()
        whole = path.read_bytes()
        for _ in range(20):
            file.write(DECIDED)
        with pytest.raises(OutputFailed, match="File too large; check the folder and the free"):
            file.flush()
        assert path.read_bytes() == whole
    assert path.read_bytes() == whole


def test_a_file_that_another_run_is_writing_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with begun(ResultFile(path, RUN)) as file:
        file.write(DECIDED)
        file.flush()
        for resume in (False, True):
            with pytest.raises(OutputFailed, match="another run is writing it"):
                ResultFile(path, RUN, resume)
    assert len(rows(path)) == 1


def test_results_go_to_all_files(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "a.jsonl", "a.db", "a.html")]
    with Outputs(paths, RUN) as files:
        for result in results(200):
            files.write(result)
    assert rows(paths[0]) == [
        {column: "" if value is None else str(value) for column, value in row.items()}
        for row in rows(paths[1])
    ]
    assert database_rows(paths[2]) == rows(paths[1]) == [each.row() for each in results(200)]
    assert "200" in paths[3].read_text()
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_batch_is_flushed_when_it_is_full(tmp_path: Path) -> None:
    with Outputs([tmp_path / "a.jsonl"], RUN) as files:
        for result in results(BATCH - 1):
            files.write(result)
        assert rows(tmp_path / "a.jsonl") == []
        files.write(results(BATCH)[-1])
        assert len(rows(tmp_path / "a.jsonl")) == BATCH


def test_a_result_is_flushed_in_time_though_no_other_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(outputs, "SYNC_SECONDS", 0.0)
    paths = [tmp_path / "a.jsonl", tmp_path / "a.db"]
    with Outputs(paths, RUN) as files:
        files.write(DECIDED)
        for _ in range(500):
            if rows(paths[0]) and database_rows(paths[1]):
                break
            time.sleep(0.01)
        assert rows(paths[0]) == database_rows(paths[1]) == [DECIDED.row()]


def test_a_failure_of_one_file_ends_the_run_and_the_others_stay_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(ResultFile, "flush", failing_after(ResultFile.flush, calls=1))
    with pytest.raises(OutputFailed, match="no space"):
        write_slowly([tmp_path / "a.csv", tmp_path / "a.db"], results(1000))
    found = database_rows(tmp_path / "a.db")
    assert found == [each.row() for each in results(len(found))]
    assert 0 < len(found) < 1000


def test_a_failure_after_the_last_result_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ResultFile, "flush", failing_after(ResultFile.flush, calls=1))
    with pytest.raises(OutputFailed, match="no space"):
        write_slowly([tmp_path / "a.csv"], results(1))


def test_a_failed_output_is_an_error_of_edge_all_and_of_the_system() -> None:
    assert issubclass(OutputFailed, EdgeAllError)
    assert issubclass(OutputFailed, OSError)
