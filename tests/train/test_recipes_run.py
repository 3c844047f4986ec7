"""A network trained by what a recipe can say: sampled, averaged, measured on another set."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_labelled
from test_any_labels import write_network

from train.data.prepare import Prepared, Wanted, prepare, prepare_other
from train.data.split import holdout_split
from train.networks.find import find_network
from train.training.recipe import Recipe, best_recipe
from train.training.run import Job, train_network

SIDE = 32
RECIPE = replace(
    best_recipe("cnn"),
    epochs=3,
    batch_size=16,
    validation_share=0.0,
    sampling="person",
    colour="mild",
    turns="quarter",
    mix="cutmix",
    zoom=0.0,
    averaged_epochs=2,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = write_labelled(tmp_path_factory.mktemp("data"), per_subject=6)
    return prepare(Wanted(folder, side=SIDE), False, lambda remark: None)


def job(data: Prepared, out: Path, recipe: Recipe = RECIPE, **more: Any) -> Job:
    keras_file = out.parent / "own.keras"
    if not keras_file.is_file():
        write_network(keras_file, 2, side=SIDE)
    network = find_network(str(keras_file), SIDE, 2)
    split = holdout_split(data.crops, ["H2", "8"])
    return Job(network, data.contract, data.crops, split, recipe, "drawn cells", out, **more)


def train(wanted: Job, epochs: list[Any] | None = None) -> dict[str, Any]:
    return train_network(wanted, (epochs if epochs is not None else []).append)


def test_the_record_says_whose_crops_an_epoch_held(data: Prepared, tmp_path: Path) -> None:
    once = replace(RECIPE, epochs=1, averaged_epochs=1)
    record = train(job(data, tmp_path / "run", once))
    assert record["recipe"]["sampling"] == "person"
    assert record["training"]["people"] == {"hem": 2, "all": 2}
    assert record["training"]["largest_share"] == {"hem": 0.5, "all": 0.5}


@pytest.mark.slow
def test_weights_are_the_mean_of_the_last_epochs(data: Prepared, tmp_path: Path) -> None:
    import keras

    def weights(name: str, recipe: Recipe) -> list[Any]:
        train(job(data, tmp_path / name, recipe))
        return list(keras.models.load_model(tmp_path / name / "own.keras").get_weights())

    # constant rate: the first two epochs of three are those of a run of two
    steady = replace(RECIPE, cosine=False)
    second = weights("second", replace(steady, epochs=2, averaged_epochs=1))
    third = weights("third", replace(steady, averaged_epochs=1))
    for mean, one, other in zip(weights("mean", steady), second, third, strict=True):
        np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-6)


@pytest.mark.slow
def test_a_run_stopped_among_the_averaged_epochs_ends_with_the_same_weights(
    data: Prepared, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stop(epoch: dict[str, float]) -> None:
        if epoch["epoch"] == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train_network(job(data, tmp_path / "stopped"), stop)
    train(job(data, tmp_path / "stopped"))
    train(job(data, tmp_path / "whole"))
    margins = [_margins(tmp_path / name / "own-held-out.csv") for name in ("stopped", "whole")]
    np.testing.assert_allclose(*margins, atol=1e-4)


def test_another_set_is_measured_besides(data: Prepared, tmp_path: Path) -> None:
    folder = write_labelled(tmp_path / "wide", per_subject=3)
    wide = prepare_other(folder, Wanted(folder, side=SIDE), data, lambda remark: None)
    plain = replace(RECIPE, epochs=1, averaged_epochs=1, augment=False, mix="none")
    record = train(job(data, tmp_path / "run", plain, also={"wide": wide}))
    assert record["also"]["wide"]["crops"] == {"hem": 9, "all": 9}
    assert 0 <= record["also"]["wide"]["metrics"]["auroc"] <= 1
    assert len(_margins(tmp_path / "run" / "own-wide.csv")) == 18


def _margins(path: Path) -> list[float]:
    with path.open(newline="") as file:
        return [float(row["margin"]) for row in csv.DictReader(file)]
