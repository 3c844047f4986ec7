"""What a recipe does to crops, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from train.training.recipe import Recipe, best_recipe

keras = pytest.importorskip("keras")

from train.training.augment import augmenter  # noqa: E402

SIDE = 40
STILL = replace(best_recipe("cnn"), turns="quarter", colour="none", zoom=0.0, seed=3)


def cells(n: int = 16) -> np.ndarray:
    """Discs of noise on black, in 0..1, each of its own colours."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    disc = (y**2 + x**2 < 12**2)[None, :, :, None]
    grain = random.uniform(0.2, 0.8, (n, SIDE, SIDE, 3))
    return np.asarray(disc * grain, np.float32)


def varied(recipe: Recipe, crops: np.ndarray, labels: Any = None, **options: Any) -> np.ndarray:
    labels = np.zeros(len(crops), np.int32) if labels is None else labels
    model = augmenter(recipe, SIDE, **options)
    return np.asarray(keras.ops.convert_to_numpy(model([crops, labels], training=True)))


def values(crop: np.ndarray) -> list[list[float]]:
    """Colours of a cell, whatever their places."""
    return sorted(crop[crop.max(axis=-1) > 0].tolist())


def test_quarter_turns_and_shifts_keep_every_value_of_a_cell() -> None:
    before, after = cells(), varied(STILL, cells())
    assert [values(crop) for crop in after] == [values(crop) for crop in before]
    assert sum(not np.array_equal(*pair) for pair in zip(before, after, strict=True)) > 12


def test_turns_by_any_angle_make_values_that_were_not_there() -> None:
    before, after = cells(1), varied(replace(STILL, turns="any"), cells(1))
    assert values(after[0]) != values(before[0])


@pytest.mark.parametrize("colour", ["mild", "strong", "drained"])
def test_colour_varies_from_cell_to_cell_and_leaves_black_alone(colour: str) -> None:
    same = np.repeat(cells(1), 16, axis=0)
    after = varied(replace(STILL, colour=colour), same)
    means = after.sum(axis=(1, 2, 3))
    assert len(set(means.round(4).tolist())) > 10
    assert np.sum(after.max(axis=-1) > 0) == np.sum(same.max(axis=-1) > 0)
    assert after.min() >= 0
    assert after.max() <= 1


def test_drained_takes_some_cells_nearly_all_their_colour() -> None:
    def least_colourful(colour: str) -> float:
        after = varied(replace(STILL, colour=colour), np.repeat(cells(1), 64, axis=0))
        return float(np.ptp(after, axis=-1).sum(axis=(1, 2)).min() / after.mean())

    assert least_colourful("drained") < 0.6 * least_colourful("strong")


def test_a_closer_outline_takes_a_rim_and_nothing_else() -> None:
    before, after = cells(), varied(replace(STILL, outline=3), cells())
    areas = [np.sum(crop.max(axis=-1) > 0) for crop in after]
    assert max(areas) <= np.sum(before[0].max(axis=-1) > 0)
    assert min(areas) >= 3.14 * 7.5**2
    assert len(set(areas)) > 2
    assert all(map(values(before[0]).__contains__, values(after[0])))


def test_noise_falls_on_cells_alone() -> None:
    after = varied(replace(STILL, noise=0.05), cells())
    assert np.sum(after.max(axis=-1) > 0) <= np.sum(cells().max(axis=-1) > 0)
    assert values(after[0]) != values(cells()[0])


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_crops_are_mixed_inside_their_label_alone(mix: str) -> None:
    labels = np.array([0, 1] * 8, np.int32)
    flat = np.where(labels == 0, 0.25, 0.75)[:, None, None, None] * np.ones((1, SIDE, SIDE, 3))
    grain = np.linspace(0, 0.1, 16)[:, None, None, None]
    recipe = replace(STILL, mix=mix)
    after = varied(recipe, np.asarray(flat + grain, np.float32), labels, background="natural")
    assert after[labels == 0].max() < 0.36
    assert after[labels == 1].min() > 0.74
    assert not np.allclose(after, flat + grain, atol=1e-3)


def test_a_cell_alone_of_its_label_stays_as_it_is() -> None:
    labels = np.array([0, 1, 1, 1], np.int32)
    after = varied(replace(STILL, mix="mixup"), cells(4), labels)
    assert np.allclose(values(after[0]), values(cells(4)[0]), atol=1e-6)


@pytest.mark.parametrize(
    "changed",
    [{"sampling": "people"}, {"colour": "red"}, {"zoom": 2.0}, {"averaged_epochs": 0}, {"mix": ""}],
)
def test_a_recipe_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        replace(STILL, **changed)


def test_a_recipe_of_0_1_0_is_known_by_what_it_was_then() -> None:
    assert list(best_recipe("cnn").facts())[-1] == "seed"
    assert replace(best_recipe("cnn"), sampling="person").facts()["sampling"] == "person"
