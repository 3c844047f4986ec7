"""``edge-all`` as a user meets it: words, tables, files and exit codes."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from command_helpers import Done, edge_all
from conftest import REAL_DATA
from edge_helpers import encoded, small_cell, write_cells, write_changed_model
from sink_helpers import COLUMNS

from edge.cli.main import COMMANDS
from edge.models.model_file import SHIPPED_MODEL, read_model_file

C_NMC = REAL_DATA / "cnmc-bmp"
NOT_A_DIAGNOSIS = "Research software: this is not a diagnosis."


def table(result: Done) -> list[list[str]]:
    """Split the printed table into rows: decision, probability or reason, file."""
    lines = [re.sub(r"  \([a-z -]+\)$", "", line) for line in result.stdout.splitlines()]
    return [line.split(maxsplit=2) for line in lines[1:-3]]


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder of 12 cells."""
    folder = tmp_path / "crops"
    folder.mkdir()
    write_cells(folder, 12)
    return folder


@pytest.fixture
def with_one_bad_file(crops: Path) -> Path:
    """The same folder, the fourth cell cut off."""
    bad = crops / "cell-03.png"
    bad.write_bytes(bad.read_bytes()[:-20])
    return crops


def test_a_folder_gives_a_row_for_each_cell_and_a_summary(crops: Path) -> None:
    result = edge_all("classify", crops)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines()[0].split() == ["decision", "p(leukemia)", "file"]
    rows = table(result)
    assert [file for _, _, file in rows] == [str(path) for path in sorted(crops.iterdir())]
    assert {decision for decision, _, _ in rows} <= {"healthy", "leukemia", "refer"}
    assert all(0 <= float(p) <= 1 for _, p, _ in rows)


def test_the_summary_counts_decisions_and_says_with_what_they_were_made(crops: Path) -> None:
    result = edge_all("classify", crops)
    counts, speed, last = result.stdout.splitlines()[-3:]
    decisions = [decision for decision, _, _ in table(result)]
    expected = [f"{decisions.count(word)} {word}" for word in ("healthy", "leukemia", "refer")]
    assert counts.startswith(f"12 cells: {', '.join(expected)} (a person looks")
    assert counts.endswith("), 0 failed")
    model = read_model_file(SHIPPED_MODEL)
    assert re.match(r"\d+ cells/s with \d+ threads, model ", speed)
    assert f"model {model.metadata.network} {model.sha256[:12]}, runtime " in speed
    assert last == NOT_A_DIAGNOSIS


def test_one_cell_is_one_cell(crops: Path) -> None:
    assert "\n1 cell: " in edge_all("classify", crops / "cell-00.png").stdout


def test_a_bad_file_is_a_row_and_a_line_on_stderr_and_exit_code_1(with_one_bad_file: Path) -> None:
    result = edge_all("classify", with_one_bad_file)
    bad = str(with_one_bad_file / "cell-03.png")
    assert result.exit_code == 1
    assert [row for row in table(result) if row[0] == "failed"] == [["failed", "truncated", bad]]
    assert len(table(result)) == 12
    assert "1 failed\n" in result.stdout
    assert result.stderr.startswith(f"failed: {bad}: truncated: ")
    assert "copy the file again" in result.stderr


def test_many_bad_files_are_counted_on_stderr_and_named_in_the_file(tmp_path: Path) -> None:
    for i in range(25):
        (tmp_path / f"{i:02d}.png").write_bytes(b"")
    result = edge_all("classify", tmp_path, "--out", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert len(re.findall("^failed: ", result.stderr, re.MULTILINE)) == 20
    assert result.stderr.endswith("... and 5 more; --out names them all\n")
    assert (tmp_path / "out.csv").read_text().count(",empty,,,") == 25


def test_no_match_is_wrong_usage_said_in_a_sentence(tmp_path: Path) -> None:
    result = edge_all("classify", tmp_path / "missing")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"error: no such file or folder: {tmp_path}/missing\n"


def test_a_folder_without_images_is_wrong_usage_said_in_a_sentence(tmp_path: Path) -> None:
    result = edge_all("classify", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: no image in {tmp_path}: none of .bmp")


@pytest.mark.parametrize("command", [["classify", "CROPS"], ["doctor"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: None, "missing"),
        (lambda data: b"not a model", "not-a-model"),
        (lambda data: data[:-1000], "truncated"),
        (lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], "changed"),
    ],
    ids=["missing", "not-a-model", "truncated", "changed"],
)
def test_a_refused_model_is_exit_code_4_with_the_reason(
    crops: Path, tmp_path: Path, command: list[str], change: object, reason: str
) -> None:
    model = tmp_path / "model.tflite"
    if data := change(SHIPPED_MODEL.read_bytes()):  # type: ignore[operator]
        model.write_bytes(data)
    arguments = [str(crops) if word == "CROPS" else word for word in command]
    result = edge_all(*arguments, "--model", model)
    assert result.exit_code == 4
    assert result.stderr.startswith(f"model file refused ({reason}): {model} ")
    assert "all is well" not in result.stdout


def test_another_model_is_used_when_given(crops: Path, tmp_path: Path) -> None:
    careful = write_changed_model(tmp_path / "careful.tflite", refer_band=(0.0, 1.0))
    result = edge_all("classify", crops, "--model", careful)
    assert {decision for decision, _, _ in table(result)} == {"refer"}
    assert f"model cnn {read_model_file(careful).sha256[:12]}" in result.stdout


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_out_writes_a_row_for_each_input(
    with_one_bad_file: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    result = edge_all("classify", with_one_bad_file, "--out", out)
    assert result.exit_code == 1
    with out.open(newline="") as file:
        csv_rows = name.endswith("csv")
        rows = list(csv.DictReader(file)) if csv_rows else [json.loads(line) for line in file]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert [int(row["index"]) for row in rows] == list(range(12))
    assert [row["error"] or None for row in rows] == [None] * 3 + ["truncated"] + [None] * 8
    assert {row["source"] for row in rows} == {str(with_one_bad_file)}
    assert {row["model_sha256"] for row in rows} == {read_model_file(SHIPPED_MODEL).sha256}


def test_with_out_the_table_is_in_the_file_and_the_summary_on_stdout(
    crops: Path, tmp_path: Path
) -> None:
    result = edge_all("classify", crops, "--out", tmp_path / "out.csv")
    assert result.exit_code == 0
    assert result.stdout.startswith("12 cells: ")
    assert result.stdout.endswith(f"{NOT_A_DIAGNOSIS}\n")
    assert result.stderr == ""  # no progress where stderr is no terminal


def test_an_unknown_suffix_is_refused_before_any_work(tmp_path: Path) -> None:
    result = edge_all("classify", tmp_path / "missing", "--model", "missing", "--out", "out.txt")
    assert result.exit_code == 2
    assert result.stderr == "error: out.txt: the name must end in .csv, .jsonl, .db or .sqlite\n"


def test_a_missing_folder_for_the_rows_is_exit_code_2(crops: Path, tmp_path: Path) -> None:
    result = edge_all("classify", crops, "--out", tmp_path / "missing" / "out.csv")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: cannot write {tmp_path}/missing/out.csv: no such ")


def test_any_number_of_threads_gives_the_same_rows(crops: Path, tmp_path: Path) -> None:
    for threads in (1, 4):
        out = tmp_path / f"{threads}.csv"
        result = edge_all("classify", crops, "--threads", threads, "--out", out)
        assert f"with {threads} threads" in result.stdout
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "4.csv").read_bytes()


def test_no_threads_is_wrong_usage(crops: Path) -> None:
    result = edge_all("classify", crops, "--threads", 0)
    assert result.exit_code == 2
    assert "--threads" in result.stderr


def test_names_that_are_not_plain_text_neither_stop_a_run_nor_move_the_cursor(
    tmp_path: Path,
) -> None:
    names = [b"\xff.png", b"line\nbreak.png", b"esc\x1b[2J.png", "zellé.png".encode()]
    for name in names:
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(encoded(small_cell()))
    result = edge_all("classify", tmp_path)
    assert result.exit_code == 0
    found = sorted(Path(file).name for _, _, file in table(result))
    assert found == sorted([r"\xff.png", r"line\nbreak.png", r"esc\x1b[2J.png", "zellé.png"])


def test_version_names_edge_all_the_runtime_and_python() -> None:
    result = edge_all("--version")
    assert result.exit_code == 0
    assert re.match(r"edge-all \d+\.\d+\S*, numpy \S+, OpenCV \S+, ", result.stdout)
    assert re.search(
        r"(ai-edge-litert|tflite-runtime|tensorflow) \d+\S*, Python 3\.", result.stdout
    )


def test_samples_draws_as_many_cells_as_asked_for(tmp_path: Path) -> None:
    result = edge_all("samples", tmp_path / "new", "-n", 2)
    assert result.exit_code == 0
    assert result.stdout == f"drew 2 cells in {tmp_path}/new\n"
    assert [p.name for p in sorted((tmp_path / "new").iterdir())] == [
        "cell-000.png",
        "cell-001.png",
    ]
    assert edge_all("classify", tmp_path / "new").exit_code == 0


def test_samples_in_place_of_a_file_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = edge_all("samples", tmp_path / "file", "-n", 1)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: cannot write samples to {tmp_path}/file: ")


def test_sources_may_stand_on_both_sides_of_options(crops: Path, tmp_path: Path) -> None:
    first, second = (crops / f"cell-0{n}.png" for n in (0, 1))
    out = tmp_path / "out.csv"
    assert edge_all("classify", first, "--out", out, second).exit_code == 0
    with out.open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [str(first), str(second)]


@pytest.mark.parametrize("name", ["-x.png", "--out", "--", "-"])
def test_what_follows_two_dashes_is_a_file(
    crops: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(crops)
    first = next(iter(sorted(crops.iterdir())))
    shutil.copy(first, name)
    file = "./-" if name == "-" else name
    result = edge_all("classify", first, "--threads", "1", "--", file)
    assert result.exit_code == 0
    assert f"  {file}  (" in result.stdout.splitlines()[2]


def test_a_folder_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert edge_all("samples", "-n", "1", "--", "-drawn").exit_code == 0
    assert len(list(Path("-drawn").iterdir())) == 1


def test_wrong_usage_moves_no_cursor() -> None:
    result = edge_all("classify", "--\x1b[2J.png")
    assert result.exit_code == 2
    assert "unrecognized arguments: --\\x1b[2J.png" in result.stderr


def test_without_a_command_the_help_is_shown() -> None:
    result = edge_all()
    assert result.exit_code == 2
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("line", ["{clasify} .", "classify {--no-such-option}", "doctor {--quick}"])
def test_what_no_command_knows_is_named_below_the_usage(line: str) -> None:
    result = edge_all(*line.replace("{", "").replace("}", "").split())
    assert result.exit_code == 2
    assert result.stderr.startswith("usage: edge-all")
    assert line[line.index("{") + 1 : line.index("}")] in result.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_help_explains_the_command_and_promises_no_diagnosis(command: str) -> None:
    result = edge_all(*command.split(), "--help")
    words = " ".join(re.findall(r"[\w'.:-]+", result.stdout)).lower()
    assert result.exit_code == 0
    assert "usage: " in words
    assert "diagnos" not in re.sub("(not a|gives no) diagnosis", "", words)


@pytest.mark.parametrize("command", ["", "classify"])
def test_the_help_says_that_nothing_here_is_a_diagnosis(command: str) -> None:
    text = edge_all(*command.split(), "--help").stdout
    assert "Not a diagnosis" in text or "it gives no diagnosis" in text


@pytest.mark.skipif(not C_NMC.is_dir(), reason="real C-NMC crops are not in ../shared/data")
def test_original_c_nmc_files_classify_without_an_error(tmp_path: Path) -> None:
    result = edge_all("classify", C_NMC, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 38
    assert {row["error"] for row in rows} == {None}
    assert len({row["p_leukemia"] for row in rows}) > 10
