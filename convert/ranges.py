"""True activation ranges of a float twin over the representative set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.flatbuffer import activation_tensors
from convert.float_tflite import FloatNetwork
from edge.errors import ConversionFailed
from edge.preprocess import UInt8Image

Ranges = dict[str, tuple[float, float]]
"""Tensor name -> smallest and largest value."""


@dataclass(frozen=True)
class CellRanges:
    """Activation ranges cell by cell.

    Attributes
    ----------
    tensors : tuple of str
    low, high : ndarray of float64, shape (cells, tensors)
        Smallest and largest value of a tensor on a cell.
    """

    tensors: tuple[str, ...]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def over(self, cells: npt.NDArray[np.intp] | slice = slice(None)) -> Ranges:
        """Ranges over some of the cells, by their positions; over all by default."""
        ends = zip(self.low[cells].min(axis=0), self.high[cells].max(axis=0), strict=True)
        return {
            name: (float(low), float(high))
            for name, (low, high) in zip(self.tensors, ends, strict=True)
        }


def observe_cells(flatbuffer: bytes, crops: UInt8Image) -> CellRanges:
    """Run the float twin over crops and note every tensor's range on every one.

    The input's range is 0..1 whatever the crops hold, so that its int8 scale is exactly 1/255.

    Parameters
    ----------
    flatbuffer : bytes
    crops : ndarray of uint8, shape (n, 70, 70, 3)

    Returns
    -------
    CellRanges
    """
    network = FloatNetwork(flatbuffer, keep_tensors=True)
    interpreter = network.interpreter
    tensors = activation_tensors(flatbuffer)
    low, high = np.zeros((2, len(crops), len(tensors)))
    for cell, crop in enumerate(crops):
        network.logits(crop)
        for column, index in enumerate(tensors):
            values = interpreter.get_tensor(index)
            low[cell, column], high[cell, column] = values.min(), values.max()
    fed = list(tensors).index(interpreter.get_input_details()[0]["index"])
    low[:, fed], high[:, fed] = 0.0, 1.0
    return CellRanges(tuple(tensors.values()), low, high)


def observe_ranges(flatbuffer: bytes, representative: UInt8Image) -> Ranges:
    """Note every tensor's true range over the representative set.

    Parameters as for :func:`observe_cells`.
    """
    return observe_cells(flatbuffer, representative).over()


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
