"""What a model file says of itself: the schema of ``edge-all.json``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

SCHEMA = 1
"""Version of the schema; a reader refuses any other."""

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

    def __post_init__(self) -> None:
        low, high = self.refer_band
        if not 0 <= low <= 0.5 <= high <= 1:
            raise ValueError(f"refer_band {low}..{high} is not a band of probabilities around 0.5")
        if not self.temperature > 0:
            raise ValueError(f"temperature {self.temperature} is not positive")
        if self.head != "logits" or len(self.labels) != 2:
            raise ValueError("the head must be logits of two labels")

    def to_json(self) -> str:
        """Text of ``edge-all.json``, the same for the same metadata."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def parse_metadata(text: bytes | str) -> Metadata:
    """Read ``edge-all.json`` of the current schema.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the text is not JSON, or a field is missing, unknown or impossible.
    """
    fields = json.loads(text)
    fields["labels"] = tuple(fields["labels"])
    fields["refer_band"] = tuple(fields["refer_band"])
    fields["input"] = InputContract(**fields["input"])
    fields["operators"] = tuple(Operator(**operator) for operator in fields["operators"])
    return Metadata(**fields)


def schema_of(text: bytes | str) -> Any:
    """Schema version that a text claims, before anything else is read from it."""
    fields = json.loads(text)
    return fields.get("schema") if isinstance(fields, dict) else None
