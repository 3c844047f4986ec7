"""The contract of a conversion: of the record, of what was asked for, and nothing assumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.network.asked import Asked, parse_background, parse_names
from convert.network.contract import Shape, Terms, agree_on_terms
from convert.network.input_range import UNIT
from convert.record import NO_RECORD, TrainingRecord
from edge.contract import BLACK, NATURAL, Contract, Diameters, make_labels
from edge.errors import ConversionFailed
from edge.models.cnmc import CONTRACT, NAMES

KERAS_FILE = Path("small.keras")
DIAMETERS = Diameters((1, 2, 3, 4, 5, 6, 7, 8, 9), 99, 3, None)
OURS = Contract(
    96, make_labels("abc", "c", ("round", "long", "odd")), "c", NATURAL, 0.25, DIAMETERS, "To try."
)
RECORD = TrainingRecord({}, (), {}, OURS.names, contract=OURS)


def agreed(record: TrainingRecord = RECORD, cells: str | None = None, **asked: Any) -> Terms:
    """Terms of a model of 96 pixels and three labels whose layers say nothing."""
    see = None if cells is None else lambda: cells
    return agree_on_terms(KERAS_FILE, record, Asked(**asked), lambda: Shape(96, 3, False), see)


def refusal(record: TrainingRecord = NO_RECORD, cells: str | None = None, **asked: Any) -> str:
    with pytest.raises(ConversionFailed) as caught:
        agreed(record, cells, **asked)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert len(said) < 300
    assert "small.keras" in said
    return said


def test_the_contract_of_a_record_is_taken_as_it_is_without_a_look_at_the_model() -> None:
    terms = agree_on_terms(KERAS_FILE, RECORD, Asked(), pytest.fail)
    assert terms.contract == OURS
    assert (terms.outputs, terms.outputs_from, terms.background_from) == (
        ("a", "b", "c"),
        "its record",
        "its record",
    )


def test_what_is_asked_for_outranks_the_record_and_leaves_the_rest() -> None:
    found = agreed(
        labels=("c", "a", "b"),
        positive="a",
        words=("Odd", "Round", "Long"),
        um_per_pixel=0.5,
        intended_use="Another.",
    )
    assert found.outputs == ("c", "a", "b")
    contract = found.contract
    assert contract.names == ("a", "b", "c")  # a device keeps the order of the record
    assert contract.words == ("Round", "Long", "Odd")
    assert (contract.positive, contract.um_per_pixel) == ("a", 0.5)
    assert contract.intended_use == "Another."
    assert (contract.side, contract.background, contract.diameters) == (96, NATURAL, DIAMETERS)


def test_cells_on_another_background_are_measured_again() -> None:
    found = agreed(background=BLACK)
    assert (found.contract.background, found.background_from) == (BLACK, "--background")
    assert found.contract.diameters is None


def test_of_two_labels_the_positive_one_is_the_second() -> None:
    record = replace(RECORD, labels=("a", "b"), contract=Contract(96, make_labels("ab")))
    found = agreed(record, positive="a")
    assert (found.outputs, found.contract.names) == (("a", "b"), ("b", "a"))
    assert found.contract.positive_words == "a"


def test_what_nobody_says_is_asked_for_in_one_sentence() -> None:
    said = refusal()
    assert (
        "no small.json lies beside it to say what its 3 outputs stand for, what black and white"
        " were in training and what lies around its cells; give --labels with 3 names in their"
        " order, such as a,b,c, --input-range LOW,HIGH, such as 0,255 and --background" in said
    )
    assert "stand for; give --labels" in refusal(cells=BLACK)
    assert "say what lies around its cells; give" in refusal(
        labels=("a", "b", "c"), input_range=UNIT
    )
    assert "small.json does not say what its 3" in refusal(TrainingRecord({}, (), {}), cells=BLACK)


def test_a_model_of_elsewhere_needs_labels_and_cells_alone() -> None:
    found = agreed(NO_RECORD, NATURAL, labels=("x", "y", "z"))
    assert found.contract == Contract(96, make_labels("xyz"), background=NATURAL)
    assert (found.outputs_from, found.background_from) == ("--labels", "the cells")
    assert found.input_range is None  # its layers are asked when it is loaded


def test_labels_of_c_nmc_bring_what_is_known_of_them() -> None:
    shape = Shape(70, 2, True)
    terms = agree_on_terms(KERAS_FILE, NO_RECORD, Asked(labels=NAMES[::-1]), lambda: shape)
    assert terms.contract == CONTRACT
    assert terms.outputs == NAMES[::-1]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"labels": ("a", "b")}, "tells 3 labels apart, and --labels names 2: a, b; name each"),
        ({"labels": ("a", "b", "b")}, "are not all different"),
        ({"labels": ("a", "b", "re/fer")}, "cannot be a label"),
        ({"labels": ("a", "b", "refer")}, "means something else here"),
        ({"labels": ("a", "b", "c"), "positive": "d"}, "the positive label d is none of a, b, c"),
        ({"labels": ("a", "b", "c"), "words": ("one",)}, "1 words for 3 labels"),
        ({"labels": ("a", "b", "c"), "words": ("u", "u", "v")}, "are not all different"),
    ],
)
def test_labels_that_are_none_are_refused(asked: dict[str, Any], words: str) -> None:
    assert words in refusal(cells=BLACK, **asked)


def test_options_are_read() -> None:
    assert parse_names("a, b b ,c") == ("a", "b b", "c")
    assert parse_names(None) is None
    assert parse_background("natural") == NATURAL
    with pytest.raises(ConversionFailed, match="'white' is not black or natural"):
        parse_background("white")
