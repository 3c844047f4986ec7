"""Recipes compared: the better one first, and what a change bought, with honest intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from calibration.probabilities.predictions import Predictions, logits_of
from edge.documents.markdown import to_markdown
from edge.errors import DataRefused
from train.baselines.features import DESCRIPTORS
from train.baselines.importance import GROUPS
from train.report.ranking import describe_ranking
from train.report.trials import Trial, rank
from train.study import Study, System, Variant

PEOPLE = np.array([f"{kind}{i}" for kind in "HP" for i in range(6) for _ in range(20)])
LABELS = np.repeat([0, 1], 120)


def predictions(skill: float, seed: int) -> Predictions:
    """Margins that tell the labels apart by so much, some people being harder than others."""
    random = np.random.default_rng(seed)
    of_people = np.repeat(random.normal(size=12), 20)
    margins = skill * (2 * LABELS - 1) + of_people + random.normal(size=240)
    return Predictions(logits_of(margins), LABELS, PEOPLE)


def trial(name: str, skill: float, base: str = "", changes: Mapping[str, object] = {}) -> Trial:
    seeds = [predictions(skill, seed) for seed in range(3)]
    return Trial(
        f"CNN, {name}", "cnn", name, base, changes, {"A": seeds, "B": seeds}, {"wide": seeds}
    )


def test_the_better_recipe_stands_first_and_its_change_bought_something() -> None:
    ranked = rank([trial("plain", 0.3), trial("people", 1.5, "plain", {"sampling": "person"})])
    assert [each.trial.recipe for each in ranked] == ["people", "plain"]
    bought = ranked[0].bought(ranked[1])
    assert 0 < bought.low < bought.value < bought.high
    assert bought.value == pytest.approx(ranked[0].mean.value - ranked[1].mean.value)
    assert ranked[0].others["wide"].lowest < ranked[0].others["wide"].highest


def test_a_change_that_does_nothing_buys_nothing_for_certain() -> None:
    same, base = rank([trial("same", 0.8, "plain"), trial("plain", 0.8)])
    found = same.bought(base)
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_two_seeds_that_differ_widen_the_interval() -> None:
    steady = trial("steady", 0.8)
    one = steady.held_out["A"][0]
    apart = [one, Predictions(-one.logits, one.labels, one.subjects)]
    wavering = replace(steady, held_out={"A": apart, "B": apart})
    steadier = replace(steady, held_out={"A": [one, one], "B": [one, one]})
    wide, narrow = rank([wavering])[0].mean, rank([steadier])[0].mean
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_systems_measured_on_other_cells_are_not_compared() -> None:
    other = trial("other", 1.0)
    fewer = {name: [_some(each) for each in found] for name, found in other.held_out.items()}
    with pytest.raises(DataRefused, match="not measured on the same splits and cells"):
        rank([trial("plain", 1.0), replace(other, held_out=fewer)])


def _some(found: Predictions) -> Predictions:
    return Predictions(found.logits[10:], found.labels[10:], found.subjects[10:])


def test_the_report_has_a_row_a_recipe_and_says_what_was_changed() -> None:
    study = Study(
        "drawn cells",
        {"A": ("H1",), "B": ("H2",)},
        (System("cnn", ("A", "B")),),
        {"people": Variant("best", {"sampling": "person"})},
        ("wide",),
    )
    ranked = rank([trial("plain", 0.3), trial("people", 1.5, "plain", {"sampling": "person"})])
    lost = {"boosted trees": [dict.fromkeys([*GROUPS, *DESCRIPTORS], 0.01) for _ in "AB"]}
    text = to_markdown(describe_ranking(study, ranked, lost))
    assert text.index("| CNN, people |") < text.index("| CNN, plain |")
    assert "| CNN, people | plain | sampling person | +0." in text
    assert "nothing here is a diagnosis" in text
    for title in ("People told apart", "Decided in both directions", "What the trees see"):
        assert f"## {title}" in text
