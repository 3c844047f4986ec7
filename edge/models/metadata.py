"""What a model file says of itself: the schema of ``edge-all.json``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from edge.records.checks import (
    band,
    exactly,
    facts,
    in_order,
    items,
    mapping,
    near,
    number,
    record,
    string,
    whole,
)
from edge.records.json_text import parse_json

SCHEMA = 1
"""Version of the schema; a reader refuses any other."""

MOST_GOLDEN_TOLERANCE = 24
"""Most steps that golden logits may be off: those of the CNN trained on other people are 30 off."""

INTENDED_USE = (
    "Research and pre-classification of single-cell crops. Not a medical device:"
    " it gives no diagnosis, and a qualified person looks at every case."
)


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
class InputContract:
    """What the network is fed.

    Attributes
    ----------
    side : int
        Pixels; the crop is square.
    channels : str
        Order of the channels: ``RGB``.
    dtype : str
        ``int8``.
    scale, zero_point : float, int
        A pixel x stands for x * 1/255: scale 1/255 and zero point -128, so that
        ``crop ^ 0x80`` seen as int8 is the input.
    """

    side: int
    channels: str
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Metadata:
    """The metadata of a model file.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`.
    network : str
        ``cnn``, ``vgg16`` or ``resnet50``.
    labels : tuple of str
        Class names in the order of the logits; the second is the positive class.
    input : InputContract
    head : str
        What the outputs are: ``logits``.
    temperature : float
        Divides the logits before the softmax.
    refer_band : tuple of float
        Probabilities of leukemia from the first to the second, both included, are
        ``refer``; 0.5 is always among them.
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
    intended_use : str
    """

    schema: int
    network: str
    labels: tuple[str, str]
    input: InputContract
    head: str
    temperature: float
    refer_band: tuple[float, float]
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
    intended_use: str = INTENDED_USE

    def to_json(self) -> str:
        """Text of ``edge-all.json``, the same for the same metadata."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def _is_hash(value: str) -> bool:
    return len(value) == 64 and set(value) <= set("0123456789abcdef")


def _is_operator(value: str) -> bool:
    return value.isascii() and value.isidentifier() and value.isupper()


_SHA256 = string(64, _is_hash, "a sha256")

FIELDS = {
    "schema": exactly(SCHEMA),
    "network": string(100, len, "a name of at most 100 printable characters"),
    "labels": in_order("hem", "all"),
    "input": record(
        {
            "side": exactly(70),
            "channels": exactly("RGB"),
            "dtype": exactly("int8"),
            "scale": near(1 / 255, "1/255"),
            "zero_point": exactly(-128),
        }
    ),
    "head": exactly("logits"),
    "temperature": number(0.01, 100),  # a fit gives 0.05 to 20
    "refer_band": band(within=(0, 1), around=0.5),
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
    "intended_use": string(1000),
}
"""Field of ``edge-all.json`` -> what it must be. That the flatbuffer is so, too, is checked where
a runtime loads it (:class:`edge.engine.network.Int8Network`)."""

_check_fields = record(FIELDS, may_lack=frozenset({"intended_use"}))


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
    _check_fields("", fields)
    fields = dict(fields)
    fields["labels"] = tuple(fields["labels"])
    fields["refer_band"] = tuple(fields["refer_band"])
    fields["input"] = InputContract(**fields["input"])
    fields["operators"] = tuple(Operator(**operator) for operator in fields["operators"])
    return Metadata(**fields)
