"""The baselines on drawn cells that can be told by their colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from calibration.cells.crop_set import CropSet, load_crops
from calibration.cells.labelled_crops import find_labelled_crops
from train.baselines.baselines import (
    BASELINES,
    LARGEST_MARGIN,
    BaselineRun,
    fit_baseline,
    run_baselines,
)
from train.baselines.features import FEATURES

Parts = tuple[CropSet, CropSet]
Runs = dict[tuple[str, str], BaselineRun]
DRAWN_BY_LOT = ["rf", "sgd", "mlp", "gb"]
ALL = [(features, baseline) for features in FEATURES for baseline in BASELINES]


def keep(data: CropSet, most: dict[int, int]) -> CropSet:
    """At most so many crops of each class."""
    chosen = np.zeros(len(data), np.bool_)
    for label, crops in most.items():
        chosen[np.flatnonzero(data.labels == label)[:crops]] = True
    return data.take(chosen)


def recalls(margins: npt.NDArray[np.float64], test: CropSet) -> list[float]:
    """Share of the crops of each class decided right."""
    return [float(np.mean((margins >= 0)[test.labels == label] == label)) for label in (0, 1)]


def auroc(margins: npt.NDArray[np.float64], test: CropSet) -> float:
    """Share of the pairs of a healthy and a leukemic crop that stand the right way round."""
    healthy, leukemic = (margins[test.labels == label] for label in (0, 1))
    return float(np.mean(leukemic[:, None] > healthy))


@pytest.fixture(scope="module")
def parts(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """144 crops of two subjects a class, and 72 of two others; 48 pixels can be told as well."""
    data = load_crops(find_labelled_crops(labelled), 48, cache=tmp_path_factory.mktemp("cache"))
    test = np.isin(data.subjects, ["H3", "9"])
    return data.take(~test), data.take(test)


@pytest.fixture(scope="module")
def runs(parts: Parts) -> Runs:
    return {(run.features, run.baseline): run for run in run_baselines(*parts, seed=0)}


@pytest.fixture(scope="module")
def again(parts: Parts) -> Runs:
    """Once more, of those that are drawn by lot."""
    few = run_baselines(*parts, seed=0, names=DRAWN_BY_LOT, features=["descriptors"])
    return {(run.features, run.baseline): run for run in few}


def test_the_six_of_the_paper_and_boosted_trees_are_there_with_both_features(
    runs: Runs,
) -> None:
    assert list(BASELINES) == ["rf", "lr", "svm", "knn", "sgd", "mlp", "gb"]
    assert list(runs) == ALL


@pytest.mark.parametrize("which", ALL, ids="-".join)
def test_margins_are_finite_log_odds(which: tuple[str, str], runs: Runs, parts: Parts) -> None:
    margins = runs[which].margins
    assert margins.dtype == np.float64
    assert margins.shape == parts[1].labels.shape
    assert np.all(np.abs(margins) <= LARGEST_MARGIN)
    assert len(set(margins.tolist())) > 5  # no bare decisions


@pytest.mark.parametrize("which", ALL, ids="-".join)
def test_every_baseline_tells_learnable_cells_of_unseen_subjects_apart(
    which: tuple[str, str], runs: Runs, parts: Parts
) -> None:
    margins = runs[which].margins
    assert np.mean(recalls(margins, parts[1])) > 0.8  # chance is 0.5; the paper's MLP has 0.27
    assert auroc(margins, parts[1]) > 0.9


@pytest.mark.parametrize("features", FEATURES)
def test_the_mlp_does_not_fall_behind(features: str, runs: Runs, parts: Parts) -> None:
    accuracy = {
        baseline: np.mean(recalls(runs[features, baseline].margins, parts[1]))
        for baseline in BASELINES
    }
    assert accuracy["mlp"] > np.median(list(accuracy.values())) - 0.1


@pytest.mark.parametrize(
    ("rare", "features"),
    [
        (0, "pca"),
        (1, "descriptors"),
        pytest.param(0, "descriptors", marks=pytest.mark.slow),
        pytest.param(1, "pca", marks=pytest.mark.slow),
    ],
)
def test_a_class_ten_times_rarer_is_not_ignored(rare: int, features: str, parts: Parts) -> None:
    training, test = parts
    training = keep(training, {rare: 7, 1 - rare: 70})
    for run in run_baselines(training, test, seed=0, features=[features]):
        assert min(recalls(run.margins, test)) > 0.5, f"{run.baseline} on {run.features}"


def test_the_same_seed_gives_the_same_margins(runs: Runs, again: Runs) -> None:
    assert len(again) == len(DRAWN_BY_LOT)
    for which, run in again.items():
        np.testing.assert_array_equal(run.margins, runs[which].margins)


def test_another_seed_gives_other_margins(runs: Runs, parts: Parts) -> None:
    for run in run_baselines(*parts, seed=1, names=DRAWN_BY_LOT, features=["descriptors"]):
        assert not np.array_equal(run.margins, runs["descriptors", run.baseline].margins)


def test_one_baseline_alone_says_what_it_says_among_all(runs: Runs, parts: Parts) -> None:
    alone = fit_baseline("svm", "pca", *parts, seed=0)
    np.testing.assert_array_equal(alone, runs["pca", "svm"].margins)


def test_nothing_is_learned_from_the_test_part(runs: Runs, parts: Parts) -> None:
    training, test = parts
    few = test.take(np.arange(len(test)) < 9)
    # test_features.py holds it of what is learned for the features
    for run in run_baselines(training, few, seed=0, features=["pca"]):
        # not exactly: matrix products of another size may round otherwise
        expected = runs[run.features, run.baseline].margins[:9]
        np.testing.assert_allclose(run.margins, expected, rtol=1e-3, atol=1e-4)


def test_fewer_crops_than_neighbours_or_a_batch_will_do(parts: Parts) -> None:
    training, test = parts
    for run in run_baselines(keep(training, {0: 6, 1: 6}), test, seed=0, features=["pca"]):
        assert np.all(np.isfinite(run.margins))
