"""True activation ranges of a float twin over the representative set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from convert.flatbuffer import activation_tensors
from convert.float_tflite import FloatNetwork
from edge.errors import ConversionFailed
from edge.preprocess import UInt8Image

Ranges = dict[str, tuple[float, float]]
"""Tensor name -> smallest and largest value."""


def observe_ranges(flatbuffer: bytes, representative: UInt8Image) -> Ranges:
    """Run the float twin over the representative set and note every tensor's true range.

    The input's range is 0..1 whatever the set holds, so that its int8 scale is exactly 1/255.

    Parameters
    ----------
    flatbuffer : bytes
    representative : ndarray of uint8, shape (n, 70, 70, 3)

    Returns
    -------
    Ranges
    """
    network = FloatNetwork(flatbuffer, keep_tensors=True)
    interpreter = network.interpreter
    names = activation_tensors(flatbuffer)
    low = dict.fromkeys(names, np.inf)
    high = dict.fromkeys(names, -np.inf)
    for crop in representative:
        network.logits(crop)
        for index in names:
            values = interpreter.get_tensor(index)
            low[index] = min(low[index], float(values.min()))
            high[index] = max(high[index], float(values.max()))
    crop_index = interpreter.get_input_details()[0]["index"]
    low[crop_index], high[crop_index] = 0.0, 1.0
    return {name: (low[index], high[index]) for index, name in names.items()}


def save_ranges(path: Path, ranges: Ranges, keras_sha256: str, representative: str) -> None:
    """Save ranges, so that the conversion can be repeated without the cells.

    Parameters
    ----------
    path : Path
    ranges : Ranges
    keras_sha256 : str
        Hash of the Keras file they belong to.
    representative : str
        What they were observed on, in words.
    """
    content = {"keras_sha256": keras_sha256, "representative": representative, "ranges": ranges}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_ranges(path: Path, keras_sha256: str) -> tuple[Ranges, str]:
    """Load saved ranges, with the words that say what they were observed on.

    Raises
    ------
    ConversionFailed
        If the file is not readable or belongs to another Keras file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        ranges = {
            name: (float(low), float(high)) for name, (low, high) in content["ranges"].items()
        }
        representative = str(content["representative"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionFailed(f"{path} holds no ranges: {error}") from error
    if content["keras_sha256"] != keras_sha256:
        raise ConversionFailed(
            f"{path} was observed on another Keras file; give representative cells instead"
        )
    return ranges, representative
