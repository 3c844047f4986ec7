"""Data-drift reference: statistics of a crop, fixed bins, and how far today's cells are off."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.drift_reference import drift_reference
from edge.contract import NATURAL, Contract, make_labels
from edge.crops.drawn import draw_crop
from edge.crops.image_statistics import STATISTICS, image_statistics
from edge.crops.preprocess import UInt8Image
from edge.decisions.decision import Verdict
from edge.errors import NotComparable
from edge.reference.drift_reference import DriftReference, no_cells_yet, parse_reference
from edge.reference.histogram import Histogram, divergence_by_chance, empty_histogram
from edge.statistics.distances import jensen_shannon

SIDE = 70
CROPS = np.stack([draw_crop(seed, SIDE) for seed in range(40)])
PARASITES = Contract(SIDE, make_labels(("none", "ring"), "ring", ("uninfected", "ring stage")))


def disc(rgb: tuple[int, int, int], radius: int) -> UInt8Image:
    """A round cell of one colour on black."""
    y, x = np.mgrid[:70, :70] - 34.5
    return ((np.hypot(x, y) < radius)[:, :, None] * np.array(rgb)).astype(np.uint8)


def test_statistics_of_a_plain_disc_are_those_worked_out_by_hand() -> None:
    found = image_statistics(disc((100, 40, 80), 20))
    assert (found.red, found.green, found.blue) == (100, 40, 80)
    assert found.foreground == pytest.approx(np.pi * 20**2 / 70**2, rel=0.01)
    assert found.saturation == pytest.approx(0.6)
    assert found.focus == 0  # the step to black at its rim is no detail


@pytest.mark.parametrize("level", [0, 8])
def test_a_black_crop_has_no_statistics_but_zeros(level: int) -> None:
    black = np.full((70, 70, 3), level, np.uint8)
    assert set(dataclasses.astuple(image_statistics(black))) == {0.0}


def test_a_cell_too_thin_to_judge_has_focus_zero() -> None:
    assert image_statistics(disc((90, 30, 90), 2)).focus == 0


@pytest.mark.parametrize("seed", range(5))
def test_blur_lowers_the_focus_and_light_leaves_it(seed: int) -> None:
    crop = CROPS[seed]
    focus = image_statistics(crop).focus
    assert image_statistics(cv2.GaussianBlur(crop, (0, 0), 1.0)).focus < 0.6 * focus
    brighter = np.clip(crop * 1.5, 0, 255).round().astype(np.uint8)
    assert image_statistics(brighter).focus == pytest.approx(focus, rel=0.15)


def test_the_focus_of_the_sharpest_crop_there_can_be_is_exact() -> None:
    columns = np.indices((70, 70))[1]
    crop = np.where(columns % 2, 255, 9)[:, :, None].repeat(3, axis=2).astype(np.uint8)
    crop[:4] = 9  # else the sides balance
    grey = crop.sum(axis=2, dtype=np.int64)
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    expected = (4 * inner - around).var() / inner.mean() ** 2
    assert image_statistics(crop).focus == pytest.approx(expected, rel=1e-12)


def test_a_cell_turned_or_mirrored_has_the_same_statistics() -> None:
    expected = image_statistics(CROPS[0])
    for turned in (CROPS[0][::-1], CROPS[0][:, ::-1], np.rot90(CROPS[0])):
        assert image_statistics(np.ascontiguousarray(turned)) == expected


values = st.lists(st.floats(-1e6, 1e6), max_size=50)
EDGES = (0.0, 0.5, 1.0, 4.0)


@given(values)
def test_every_value_lies_in_exactly_one_bin(numbers: list[float]) -> None:
    found = empty_histogram(EDGES).add(numbers)
    assert found.total == len(numbers)
    low = sum(number < 0.5 for number in numbers)
    high = sum(number >= 1 for number in numbers)
    assert found.counts == (low, len(numbers) - low - high, high)


@given(values, values)
def test_merging_is_counting_everything_at_once(one: list[float], other: list[float]) -> None:
    empty = empty_histogram(EDGES)
    assert empty.add(one).merge(empty.add(other)) == empty.add(one + other)


def test_what_lies_in_no_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN lies in no bin"):
        empty_histogram(EDGES).add([1.0, float("nan")])


@pytest.mark.parametrize(
    ("edges", "counts"),
    [((0.0,), ()), ((0.0, 1.0), (1, 2)), ((0.0, 0.0), (1,)), ((1.0, 0.0), (1,)), ((0, 1), (-1,))],
)
def test_histograms_that_cannot_be_are_refused(
    edges: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"do not make|whole number"):
        Histogram(edges, counts)


def test_divergence_is_the_one_worked_out_by_hand() -> None:
    assert jensen_shannon([1, 0], [0, 5]) == pytest.approx(1)
    assert jensen_shannon([2, 6], [1, 3]) == pytest.approx(0)
    # H(3/4, 1/4) - (H(1/2, 1/2) + H(1, 0)) / 2
    assert jensen_shannon([4, 4], [3, 0]) == pytest.approx(0.8112781 - 0.5)


counted = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


@given(counted, counted)
def test_divergence_is_symmetric_and_between_0_and_1(one: list[int], other: list[int]) -> None:
    assert 0 <= jensen_shannon(one, other) <= 1 + 1e-12
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one), abs=1e-12)
    assert jensen_shannon(one, one) == pytest.approx(0, abs=1e-12)


def test_the_divergence_expected_by_chance_is_the_one_that_samples_have() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(12, 2.0))
    pairs = [
        (random.multinomial(600, shares).tolist(), random.multinomial(80, shares).tolist())
        for _ in range(300)
    ]
    measured = np.mean([jensen_shannon(*pair) for pair in pairs])
    assert np.mean([divergence_by_chance(*pair) for pair in pairs]) == pytest.approx(
        measured, rel=0.15
    )


def counted_cells(
    crops: UInt8Image, words: str = "drawn cells", contract: Contract = PARASITES
) -> DriftReference:
    first, second = contract.words[:2]
    verdicts = [
        Verdict(contract.names[0], (first, "refer", second)[i % 3], (0.8 - p, 0.2 + p))
        for i, p in enumerate(np.arange(len(crops)) % 3 * 0.3)
    ]
    return drift_reference(crops, verdicts, words, contract)


def test_a_reference_counts_every_cell_in_every_histogram() -> None:
    found = counted_cells(CROPS)
    assert found.cells == 40
    assert {histogram.total for histogram in found.images.values()} == {40}
    assert found.decisions == {"uninfected": 14, "refer": 13, "ring stage": 13}
    assert sum(count > 0 for count in found.images["foreground"].counts) >= 5


def test_references_survive_json_and_merge_like_their_cells() -> None:
    whole = counted_cells(CROPS)
    assert parse_reference(whole.to_json(), PARASITES.words) == whole
    assert parse_reference(whole.to_json(), PARASITES.words).to_json() == whole.to_json()
    assert counted_cells(CROPS[:21]).merge(counted_cells(CROPS[21:])) == whole
    other = counted_cells(CROPS, "others").merge(whole)
    assert other.cells_are == "others and drawn cells"


def test_only_what_changed_is_far_from_the_reference() -> None:
    reference = counted_cells(CROPS)
    redder = np.clip(CROPS * np.array([1.5, 1, 1]), 0, 255).astype(np.uint8)
    shifts = reference.compare(counted_cells(redder))
    assert set(shifts) == {*STATISTICS, "probability", "decisions"}
    assert shifts["red"].divergence > 4 * shifts["red"].by_chance
    for name in ("green", "blue", "foreground", "probability", "decisions"):
        assert shifts[name].divergence < shifts[name].by_chance, name


def test_what_cannot_be_compared_is_refused_in_a_sentence() -> None:
    reference = counted_cells(CROPS[:3])
    with pytest.raises(NotComparable, match="no cell to compare"):
        reference.compare(no_cells_yet(PARASITES.words))
    coarser = dataclasses.replace(reference, probability=Histogram((0.0, 1.0), (3,)))
    with pytest.raises(NotComparable, match="20 and 1 bins"):
        reference.compare(coarser)
    with pytest.raises(NotComparable, match="20 and 1 bins"):
        reference.merge(coarser)
    later = reference.to_json().replace('"schema": 2', '"schema": 3')
    with pytest.raises(NotComparable, match="schema 3, this edge-all reads 1 and 2"):
        parse_reference(later, PARASITES.words)


def test_a_reference_of_schema_1_is_that_of_its_two_labels() -> None:
    reference = counted_cells(CROPS[:3])
    earlier = reference.to_json().replace('"schema": 2', '"schema": 1')
    earlier = earlier.replace('"probability"', '"p_leukemia"')
    assert parse_reference(earlier, PARASITES.words) == reference
    with pytest.raises(ValueError, match="p_leukemia"):
        parse_reference(earlier.replace('"p_leukemia"', '"probability"'), PARASITES.words)


def test_references_of_other_labels_are_refused_by_name() -> None:
    ours, others = counted_cells(CROPS[:3]), no_cells_yet(("lymphocyte", "monocyte"))
    for compare in (ours.compare, ours.merge):
        with pytest.raises(NotComparable, match="lymphocyte, monocyte, refer"):
            compare(others)
    with pytest.raises(ValueError, match=r"it lacks decisions\.lymphocyte"):
        parse_reference(ours.to_json(), ("lymphocyte", "monocyte"))


def test_cells_of_several_labels_are_counted_by_the_probability_of_the_likeliest() -> None:
    kinds = Contract(SIDE, make_labels(("lymphocyte", "monocyte", "neutrophil")))
    verdict = Verdict("neutrophil", "neutrophil", (0.1, 0.2, 0.7))
    found = drift_reference(CROPS[:1], [verdict], "one", kinds)
    assert found.decisions == {"lymphocyte": 0, "monocyte": 0, "neutrophil": 1, "refer": 0}
    (bin_of,) = np.flatnonzero(found.probability.counts)
    assert found.probability.edges[bin_of] <= 0.7 < found.probability.edges[bin_of + 1]


def test_on_natural_background_the_stained_middle_is_the_cell() -> None:
    natural = dataclasses.replace(PARASITES, background=NATURAL)
    field = np.full((SIDE, SIDE, 3), 220, np.uint8)
    nucleus = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2)) < 12
    field[nucleus] = (120, 60, 140)
    verdict = Verdict("none", "uninfected", (0.9, 0.1))
    on_natural, on_black = (
        drift_reference(field[None], [verdict], "one", contract).images["foreground"]
        for contract in (natural, PARASITES)
    )
    (share,) = np.flatnonzero(on_natural.counts)
    assert on_natural.edges[share] <= nucleus.mean() < on_natural.edges[share + 1]
    assert on_black.counts[-1] == 1  # on black, all that is not dark is cell
