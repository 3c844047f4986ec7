"""Runs that a report refuses, or takes though they look odd, each in a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_report import REPLICATES, write_run

from edge.contract import NATURAL, Contract, make_labels
from edge.errors import DataRefused, OutputFailed
from edge.models import cnmc
from train.report.runs import read_runs
from train.report.write import write_report


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        *parents, last = path
        for parent in parents:
            record = record[parent]
        del record[last]

    return change


def with_value(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        *parents, last = path
        for parent in parents:
            record = record[parent]
        record[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("split"), "it lacks 'split'"),
        (without("split", "sha256"), "it lacks 'sha256'"),
        (with_value(3, "schema"), "schema 3, and this edge-all reads schema 1 and 2"),
        (with_value("vgg16", "network"), "it is a record of 'vgg16'"),
        (with_value("random", "split", "protocol"), "'random' is none of paper, holdout"),
        (with_value("paper", "split"), "indices must be"),
        (with_value([{"epoch": 1}], "history"), "it lacks 'accuracy'"),
        (with_value(11, "held_out", "crops", "hem"), "held out 11 hem and 10 all crops"),
        (with_value(["H1", "H9"], "training", "subjects"), "yet subjects H1 stand on both sides"),
        (
            with_value({"subjects": ["7"], "crops": {"hem": 0, "all": 1}}, "validation"),
            "yet subjects 7 stand on both sides",
        ),
    ],
)
def test_a_damaged_record_is_named_in_one_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    run = write_run(tmp_path, change=change)
    with pytest.raises(DataRefused, match=words) as refused:
        read_runs([run])
    assert str(run / "cnn.json") in str(refused.value)
    assert "\n" not in str(refused.value)


def of_contract(contract: Contract) -> Callable[[dict[str, Any]], None]:
    """Make a record one of schema 2."""

    def change(record: dict[str, Any]) -> None:
        record |= {"schema": 2, "contract": dataclasses.asdict(contract)}

    return change


def test_records_of_both_schemas_make_the_same_report(tmp_path: Path) -> None:
    first = write_run(tmp_path)
    second = write_run(tmp_path / "again", change=of_contract(cnmc.CONTRACT))
    for run, out in ((first, "one"), (second, "other")):
        write_report([run], tmp_path / out, None, REPLICATES)
    one, other = ((tmp_path / out / "report.md").read_bytes() for out in ("one", "other"))
    assert one == other


@pytest.mark.parametrize(
    "contract",
    [
        Contract(70, make_labels(["a", "b", "c"])),
        Contract(70, make_labels(["all", "hem"])),
        dataclasses.replace(cnmc.CONTRACT, side=96),
        dataclasses.replace(cnmc.CONTRACT, background=NATURAL),
    ],
)
def test_what_cannot_stand_beside_the_paper_is_refused(tmp_path: Path, contract: Contract) -> None:
    run = write_run(tmp_path, change=of_contract(contract))
    with pytest.raises(DataRefused, match="other scores stand in the record") as refused:
        read_runs([run])
    assert len(str(refused.value)) - len(str(run)) < 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "both classes"),
        ("name,subject,label\na,H1,0\n", "no column 'margin'"),
        ("name,subject,label,margin\na,H1,0\n", "NoneType"),
        ("name,subject,label,margin\na,H1,2,0.5\n", "line 2 has label '2'"),
        ("name,subject,label,margin\na,H1,0,nan\n", "line 2 has label '0' and margin 'nan'"),
        ("name,subject,label,margin\na,H1,0,0.5\n", "both classes"),
        ("name,subject,label,margin\na,H1,0,much\n", "could not convert"),
    ],
)
def test_damaged_predictions_are_named_in_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    run = write_run(tmp_path)
    (run / "cnn-held-out.csv").write_text(text)
    with pytest.raises(DataRefused, match=words) as refused:
        read_runs([run])
    assert str(run / "cnn-held-out.csv") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_or_unfinished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="at least one"):
        read_runs([])
    with pytest.raises(DataRefused, match="absent is not a folder"):
        read_runs([tmp_path / "absent"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataRefused, match=r"empty holds no finished run"):
        read_runs([tmp_path / "empty"])
    run = write_run(tmp_path)
    (run / "cnn.json").unlink()
    with pytest.raises(DataRefused, match=r"cnn\.json is missing beside cnn-held-out\.csv"):
        read_runs([run])
    (run / "cnn.json").write_text("{")
    with pytest.raises(DataRefused, match=r"cnn\.json is no record of a finished run"):
        read_runs([run])


def test_the_same_system_twice_on_a_split_is_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path), write_run(tmp_path, folder="again")]
    with pytest.raises(DataRefused, match=r"are both cnn, recipe paper, on split holdout-H1"):
        read_runs(folders)


def test_systems_tested_on_other_crops_are_not_compared(tmp_path: Path) -> None:
    first = write_run(tmp_path)
    other_hash = write_run(tmp_path, "vgg16", change=with_value("other", "split", "sha256"))
    with pytest.raises(DataRefused, match="not tested on the same crops"):
        read_runs([first, other_hash])
    other_crops = write_run(tmp_path, "rf-pca")
    path = other_crops / "rf-pca-held-out.csv"
    path.write_text(path.read_text().replace("UID_7_1_3_all", "UID_7_1_99_all"))
    with pytest.raises(DataRefused, match="not tested on the same crops"):
        read_runs([first, other_crops])


def test_crops_are_paired_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (before,) = read_runs([run])
    path = run / "cnn-held-out.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(lines)]) + "\n")
    (after,) = read_runs([run])
    assert (after.names == before.names).all()
    assert (after.margins == before.margins).all()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputFailed, match=r"cannot write .*out"):
        write_report([write_run(tmp_path)], tmp_path / "out", None, REPLICATES)
