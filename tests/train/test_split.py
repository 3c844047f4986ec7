"""Splits: who stands on which side, saved, applied, audited."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calibration.cells.crop_set import CropSet
from edge.contract import BLACK
from edge.errors import DataRefused, LeakFound
from edge.models.cnmc import NAMES
from train.cli.main import app
from train.data.audit import audit, refuse_leaks
from train.data.split import (
    choose_subjects,
    holdout_split,
    official_split,
    paper_split,
    subject_splits,
    validation_part,
)
from train.data.split_file import Split, apply_split, load_split, save_split


def crop_set(people: list[tuple[str, int]], parts: list[str] | None = None) -> CropSet:
    """A crop set of (subject, crops) pairs; subjects starting with H are healthy."""
    subjects = [subject for subject, crops in people for _ in range(crops)]
    n = len(subjects)
    return CropSet(
        crops=np.zeros((n, 70, 70, 3), np.uint8),
        labels=np.array([not subject.startswith("H") for subject in subjects], np.int32),
        subjects=np.array(subjects),
        names=np.array([f"{i}.png" for i in range(n)]),
        parts=np.array(parts or [""] * n),
        hashes=np.array([f"hash{i}" for i in range(n)]),
        sha256="data",
        label_names=NAMES,
        background=BLACK,
    )


def many(healthy: int = 20, leukemic: int = 40, crops: int = 10) -> CropSet:
    return crop_set(
        [(f"H{i}", crops) for i in range(healthy)] + [(f"{i}", crops) for i in range(leukemic)]
    )


counts = st.lists(st.integers(1, 40), min_size=2, max_size=12)


@given(healthy=counts, leukemic=counts, seed=st.integers(0, 1000))
def test_chosen_subjects_leave_both_classes_on_both_sides(
    healthy: list[int], leukemic: list[int], seed: int
) -> None:
    people = [(f"H{i}", n) for i, n in enumerate(healthy)]
    data = crop_set(people + [(f"{i}", n) for i, n in enumerate(leukemic)])
    chosen = choose_subjects(data, seed)
    split = holdout_split(data, chosen)  # raises if a class is missing on a side
    assert split.test_subjects == chosen
    assert audit(split).clean


def test_about_a_quarter_of_each_class_is_held_out() -> None:
    split = holdout_split(many(), choose_subjects(many(), seed=3))
    assert sum(member.label == 0 for member in split.test) == 50
    assert sum(member.label == 1 for member in split.test) == 100


def test_the_same_seed_makes_the_same_split_and_another_seed_another() -> None:
    assert choose_subjects(many(), 1) == choose_subjects(many(), 1) != choose_subjects(many(), 2)
    one, same, other = (paper_split(many(), seed) for seed in (1, 1, 2))
    assert one.sha256 == same.sha256 != other.sha256


def test_the_paper_split_takes_a_fifth_of_the_images_whoever_they_are_of() -> None:
    split = paper_split(many(crops=209), seed=0)  # 12,540 crops
    assert len(split.test) == 2508
    found = audit(split)
    assert not found.clean
    assert len(found.subjects) == 60
    assert found.test_crops_of_them == 2508
    refuse_leaks(split)  # the paper's protocol promises nothing


def test_the_papers_counts_come_out_of_its_12528_images() -> None:
    split = paper_split(crop_set([("H1", 4037), ("7", 8491)]), seed=0)
    assert (len(split.training), len(split.test)) == (10_022, 2_506)


def test_subject_folds_test_everybody_once_and_never_on_known_people() -> None:
    splits = subject_splits(many(), folds=5, seed=0)
    tested = [member.name for split in splits for member in split.test]
    assert sorted(tested) == sorted(many().names.tolist())
    for split in splits:
        assert audit(split).clean
        assert {member.label for member in split.test} == {0, 1}


@pytest.mark.parametrize("folds", [1, 4])
def test_more_folds_than_people_of_a_class_are_refused(folds: int) -> None:
    with pytest.raises(DataRefused, match="one has 3; give 2 to 3"):
        subject_splits(many(healthy=3), folds, seed=0)


def test_the_official_split_tests_on_the_preliminary_set() -> None:
    parts = ["fold_0"] * 2 + ["preliminary"] * 2
    split = official_split(crop_set([("H1", 1), ("7", 1), ("H2", 1), ("8", 1)], parts))
    assert split.test_subjects == ["8", "H2"]
    refuse_leaks(split)
    with pytest.raises(DataRefused, match="only C-NMC's training folds"):
        official_split(many())


def test_an_official_split_with_a_person_on_both_sides_fails_hard() -> None:
    parts = ["fold_0"] * 2 + ["preliminary"] * 2
    split = official_split(crop_set([("H1", 1), ("7", 1), ("H1", 1), ("8", 1)], parts))
    with pytest.raises(LeakFound, match=r"official leaks: 1 people .*\(H1\): 1 of 2 test crops"):
        refuse_leaks(split)


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        (["H1", "99"], "no crop of subject 99; there are 7, 8, H1, H2"),
        (["H1"], "the test part has no all crop"),
        (["H1", "H2", "7"], "the training part has no hem crop"),
    ],
)
def test_a_split_without_a_class_is_refused(subjects: list[str], words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        holdout_split(crop_set([("H1", 2), ("H2", 2), ("7", 2), ("8", 2)]), subjects)


def test_many_subjects_make_a_short_name_that_is_their_own() -> None:
    names = {holdout_split(many(), choose_subjects(many(), seed)).name for seed in range(5)}
    assert len(names) == 5
    assert all(name.startswith("holdout-15-subjects-") and len(name) < 40 for name in names)
    assert holdout_split(many(), ["H1", "7"]).name == "holdout-7-H1"


def test_the_validation_part_of_a_leak_free_split_is_of_other_people() -> None:
    data = many()
    kept = validation_part(data, 0.1, by_subject=True, seed=0)
    assert not set(data.subjects[kept]) & set(data.subjects[~kept])
    assert kept.sum() == 60
    by_image = validation_part(data, 0.1, by_subject=False, seed=0)
    assert by_image.sum() == 60
    assert set(data.subjects[by_image]) & set(data.subjects[~by_image])
    assert not validation_part(data, 0.0, by_subject=True, seed=0).any()


def saved(tmp_path: Path) -> tuple[Split, Path]:
    split = holdout_split(many(), ["H1", "7"])
    save_split(split, tmp_path / "split.json")
    return split, tmp_path / "split.json"


def test_a_split_survives_being_saved(tmp_path: Path) -> None:
    split, path = saved(tmp_path)
    assert load_split(path) == split


def test_a_split_takes_its_crops_from_data_in_any_order(tmp_path: Path) -> None:
    split, _ = saved(tmp_path)
    data = many()
    shuffled = data.take(np.random.default_rng(0).permutation(len(data)))
    for one, other in zip(apply_split(split, data), apply_split(split, shuffled), strict=True):
        assert (one.names == other.names).all()
    training, test = apply_split(split, data)
    assert set(test.subjects) == {"H1", "7"}
    assert len(training) + len(test) == len(data)


def test_data_without_a_crop_of_the_split_are_refused(tmp_path: Path) -> None:
    split, _ = saved(tmp_path)
    with pytest.raises(DataRefused, match=r"2 crops of split holdout-7-H1 .* first is 0\.png"):
        apply_split(split, many().take(np.arange(2, 600)))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: {**content, "schema": 2}, "has schema 2"),
        (lambda content: {**content, "training": content["training"][1:]}, "changed by hand"),
        (lambda content: {"schema": 1}, "is no split"),
        (lambda content: [], "is no split"),
    ],
)
def test_a_split_that_is_not_as_it_was_saved_is_refused(
    tmp_path: Path, spoil: object, words: str
) -> None:
    _, path = saved(tmp_path)
    assert callable(spoil)
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(DataRefused, match=words):
        load_split(path)


def test_the_split_command_saves_what_the_audit_command_reads(
    labelled: Path, tmp_path: Path
) -> None:
    for options in (["--protocol", "paper"], ["--protocol", "subject", "--folds", "3"], []):
        arguments = ["split", "--data", str(labelled), "--out", str(tmp_path / "s"), *options]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    paths = sorted((tmp_path / "s").iterdir())
    assert len(paths) == 5
    audited = CliRunner().invoke(app, ["audit", *map(str, paths)])
    assert audited.exit_code == 0, audited.output
    printed = audited.stdout.splitlines()
    assert sum(line.startswith("  hem: ") for line in printed) == 5
    lines = dict(line.split(": ", 1) for line in printed if not line.startswith(" "))
    assert lines.pop("paper-seed-0").startswith("6 people stand on both sides")
    assert all(line.startswith("no person and no image") for line in lines.values())


def test_the_audit_command_fails_on_a_leak_that_is_not_the_papers(tmp_path: Path) -> None:
    leaking = dataclasses.replace(paper_split(many(), 0), protocol="holdout")
    save_split(leaking, tmp_path / "split.json")
    done = CliRunner().invoke(app, ["audit", str(tmp_path / "split.json")])
    assert done.exit_code == 3
    assert "people stand on both sides" in done.stdout
    assert "not leak-free" in done.stderr


def test_a_duplicate_on_both_sides_is_named() -> None:
    data = many()
    data.hashes[0] = data.hashes[10]  # a crop of H0 and one of H1
    found = audit(holdout_split(data, ["H1", "7"]))
    assert found.subjects == ()
    assert found.duplicates == ("10.png",)
