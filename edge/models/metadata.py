"""What a model file says of itself: the schema of ``edge-all.json``.

Schema 2 holds a contract (:mod:`edge.contract`). Files of schema 1, which edge-all 0.1.0
wrote, are read too: they are all of the contract of :mod:`edge.models.cnmc`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from edge.contract import (
    BACKGROUNDS,
    COLOUR_OF_POSITIVE,
    COLOURS,
    FEWEST_PEOPLE,
    INTENDED_USE,
    LARGEST_SIDE,
    MOST_LABELS,
    PERCENTILES,
    SMALLEST_SIDE,
    Contract,
    Diameters,
    Label,
    Sizes,
)
from edge.models import cnmc
from edge.records.checks import (
    Check,
    band,
    exactly,
    facts,
    in_order,
    items,
    mapping,
    near,
    number,
    one_of,
    optional,
    record,
    string,
    whole,
)
from edge.records.json_text import parse_json

SCHEMA = 2
"""Version of the schema that is written."""

SCHEMAS = (1, SCHEMA)
"""Versions that are read; a reader refuses any other."""

MOST_GOLDEN_TOLERANCE = 24
"""Most steps that golden logits may be off: those of the CNN trained on other people are 30 off."""

LEAST_THRESHOLD = 0.55
"""Lowest probability at which one of several labels may be decided: nearer to one half, rounding
decides which label is the likeliest."""


@dataclass(frozen=True)
class Operator:
    """One kind of operator in the flatbuffer.

    Attributes
    ----------
    name : str
        As TFLite names it: ``CONV_2D``.
    version : int
        Highest version used.
    count : int
    """

    name: str
    version: int
    count: int


@dataclass(frozen=True)
class Metadata:
    """The metadata of a model file.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`, whatever that of the file is.
    network : str
        Name of the network: ``cnn``.
    contract : Contract
        What it is fed, and what it answers.
    head : str
        What the outputs are: ``logits``.
    temperature : float
        Divides the logits before the softmax.
    refer_band : tuple of float or None
        Of two labels: probabilities of the second one from the first to the second end, both
        included, are ``refer``; 0.5 is always among them. None of more labels.
    thresholds : tuple of float or None
        Of more labels: the probability from which on each is decided where it is the likeliest;
        below it is ``refer``. None of two labels.
    quantization : str
        How the weights and activations were quantized, for people.
    operators : tuple of Operator
    minimum_runtime : str
        Oldest TFLite runtime that knows all operators, as the converter states it.
    flatbuffer_sha256, twin_sha256, keras_sha256 : str
        Hashes of the int8 flatbuffer, of the float flatbuffer and of the Keras file it comes from.
    golden_tolerance : int
        How far golden logits may be off on another machine, in steps of the output's int8.
    trained_on, accuracy, fidelity, calibration : dict
        Measured facts, for people and reports: subjects and crops; accuracy on held-out
        subjects; int8 against the float twin; where temperature and band come from.
    created_with : dict
        Tool -> version.
    """

    schema: int
    network: str
    contract: Contract
    head: str
    temperature: float
    refer_band: tuple[float, float] | None
    thresholds: tuple[float, ...] | None
    quantization: str
    operators: tuple[Operator, ...]
    minimum_runtime: str
    flatbuffer_sha256: str
    twin_sha256: str
    keras_sha256: str
    golden_tolerance: int
    trained_on: dict[str, Any]
    accuracy: dict[str, Any]
    fidelity: dict[str, Any]
    calibration: dict[str, Any]
    created_with: dict[str, str]

    def to_json(self) -> str:
        """Text of ``edge-all.json``, the same for the same metadata."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def _is_hash(value: str) -> bool:
    return len(value) == 64 and set(value) <= set("0123456789abcdef")


def _is_operator(value: str) -> bool:
    return value.isascii() and value.isidentifier() and value.isupper()


_SHA256 = string(64, _is_hash, "a sha256")
_TENSOR: dict[str, Check] = {
    "channels": exactly("RGB"),
    "dtype": exactly("int8"),
    "scale": near(1 / 255, "1/255"),
    "zero_point": exactly(-128),
}
_INTENDED_USE = string(1000)

_OF_BOTH: dict[str, Check] = {
    "network": string(100, len, "a name of at most 100 printable characters"),
    "head": exactly("logits"),
    "temperature": number(0.01, 100),  # a fit gives 0.05 to 20
    "quantization": string(2000),
    "operators": items(
        record(
            {
                "name": string(100, _is_operator, "the name of an operator"),
                "version": whole(1, 1000),
                "count": whole(1, 100_000),
            }
        ),
        1,
        300,
    ),
    "minimum_runtime": string(100),
    "flatbuffer_sha256": _SHA256,
    "twin_sha256": _SHA256,
    "keras_sha256": _SHA256,
    "golden_tolerance": whole(0, MOST_GOLDEN_TOLERANCE),
    "trained_on": facts,
    "accuracy": facts,
    "fidelity": facts,
    "calibration": facts,
    "created_with": mapping(string(100)),
}

_OF_SCHEMA_1: dict[str, Check] = {
    "schema": exactly(1),
    **_OF_BOTH,
    "labels": in_order(*cnmc.NAMES),
    "input": record({"side": exactly(cnmc.SIDE), **_TENSOR}),
    "refer_band": band(within=(0, 1), around=0.5),
    "intended_use": _INTENDED_USE,
}

_LABEL = record(
    {
        "name": string(100),  # a contract says what a name is
        "words": string(100),
        "colour": one_of(*COLOURS, COLOUR_OF_POSITIVE),
    }
)
_COUNT = whole(1, 10**9)
_MOST_LOG = 100
_DIAMETERS = record(
    {
        "percentiles": items(number(0.1, LARGEST_SIDE * 2), len(PERCENTILES), len(PERCENTILES)),
        "cells": _COUNT,
        "people": _COUNT,
        "sizes": optional(
            record(
                {
                    "people": whole(FEWEST_PEOPLE, 10**9),
                    "largest": number(0, _MOST_LOG),
                    "uneven": number(0, _MOST_LOG),
                    "uneven_spread": number(0, _MOST_LOG),
                    "slope": number(-1000, 1000),
                    "between": number(0, _MOST_LOG),
                    "within": number(0, _MOST_LOG),
                }
            )
        ),
    }
)
_CONTRACT = record(
    {
        "side": whole(SMALLEST_SIDE, LARGEST_SIDE),
        "labels": items(_LABEL, 2, MOST_LABELS),
        "positive": optional(string(100)),
        "background": one_of(*BACKGROUNDS),
        "um_per_pixel": optional(number(0.001, 100)),
        "diameters": optional(_DIAMETERS),
        "intended_use": _INTENDED_USE,
        **_TENSOR,
    }
)

FIELDS: dict[str, Check] = {
    "schema": exactly(SCHEMA),
    **_OF_BOTH,
    "contract": _CONTRACT,
    "refer_band": optional(band(within=(0, 1), around=0.5)),
    "thresholds": optional(items(number(LEAST_THRESHOLD, 1), 3, MOST_LABELS)),
}
"""Field of ``edge-all.json`` -> what it must be. That the flatbuffer is so, too, is checked where
a runtime loads it (:class:`edge.engine.network.Int8Network`)."""

_check_fields = record(FIELDS)
_check_schema_1 = record(_OF_SCHEMA_1, may_lack=frozenset({"intended_use"}))


def parse_metadata(text: bytes | str) -> Metadata:
    """Read ``edge-all.json``.

    Raises
    ------
    ValueError
        If the text is not JSON, or a field is missing, unknown or impossible.
    """
    return metadata_of(parse_json(text))


def metadata_of(fields: Any) -> Metadata:
    """Make the metadata of the fields of an ``edge-all.json``; errors as above."""
    if isinstance(fields, dict) and fields.get("schema") == 1:
        _check_schema_1("", fields)
        return _metadata(_as_schema_2(fields))
    _check_fields("", fields)
    return _metadata(fields)


def _as_schema_2(fields: dict[str, Any]) -> dict[str, Any]:
    """Put the one contract of schema 1 into words."""
    contract = dataclasses.replace(
        cnmc.CONTRACT, intended_use=fields.get("intended_use", INTENDED_USE)
    )
    kept = {name: value for name, value in fields.items() if name in FIELDS}
    return {**kept, "contract": dataclasses.asdict(contract), "thresholds": None}


def _metadata(fields: dict[str, Any]) -> Metadata:
    contract = contract_of(fields["contract"])
    given_band, thresholds = fields["refer_band"], fields["thresholds"]
    wanted = 2 if thresholds is None else len(thresholds)
    if (given_band is None) == (thresholds is None) or wanted != len(contract.labels):
        raise ValueError(
            f"refer_band is for two labels, and thresholds are one for each of more: there are"
            f" {len(contract.labels)} labels"
        )
    return Metadata(
        **{
            **fields,
            "schema": SCHEMA,
            "contract": contract,
            "refer_band": None if given_band is None else tuple(given_band),
            "thresholds": None if thresholds is None else tuple(thresholds),
            "operators": tuple(Operator(**operator) for operator in fields["operators"]),
        }
    )


def contract_of(fields: dict[str, Any]) -> Contract:
    """Make a contract of the fields that ``dataclasses.asdict`` makes of one.

    Raises
    ------
    ValueError
        If a field is missing, unknown or impossible.
    """
    _CONTRACT("contract", fields)
    sizes = fields["diameters"]
    try:
        return Contract(
            **{
                **fields,
                "labels": tuple(Label(**label) for label in fields["labels"]),
                "diameters": None if sizes is None else _diameters(sizes),
            }
        )
    except ValueError as error:
        raise ValueError(f"in its contract, {error}") from error


def _diameters(fields: dict[str, Any]) -> Diameters:
    percentiles = tuple(fields["percentiles"])
    if list(percentiles) != sorted(percentiles):
        raise ValueError("the percentiles of diameters do not rise")
    sizes = None if fields["sizes"] is None else Sizes(**fields["sizes"])
    return Diameters(**{**fields, "percentiles": percentiles, "sizes": sizes})
