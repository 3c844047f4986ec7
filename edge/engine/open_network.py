"""A network of which every tensor can be read and set: for ranges, and layer by layer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.engine.network import as_float, as_int8
from edge.engine.runtime import find_runtime, words_of
from edge.errors import ModelFileRefused
from edge.process.native_messages import native_messages_silenced


class OpenNetwork:
    """A float or int8 network in one interpreter that keeps all tensors.

    It runs on TFLite's own kernels, as only they show what lies between, and is slow: for plain
    logits there is :mod:`edge.engine.network`.

    Parameters
    ----------
    flatbuffer : bytes
        Its first input takes crops.

    Attributes
    ----------
    details : list of dict
        Name, index, shape, dtype and quantization of every tensor.
    ends : tuple of int
        Indices of the inputs, then of the outputs.
    operators : tuple of (str, str)
        Name of every operator and of its first output, in the order in which they run.

    Raises
    ------
    ModelFileRefused
        ``runtime`` if TFLite cannot run it.
    """

    def __init__(self, flatbuffer: bytes) -> None:
        with native_messages_silenced(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping tensors takes memory is no news here
            try:
                self._interpreter = find_runtime().interpreter(
                    model_content=flatbuffer,
                    num_threads=1,
                    experimental_preserve_all_tensors=True,
                )
                self._interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:  # as the interpreter raises them
                raise ModelFileRefused(
                    "runtime", f"TFLite cannot run the network: {words_of(error)}"
                ) from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self.details: list[dict[str, Any]] = self._interpreter.get_tensor_details()
        self.ends = tuple(int(detail["index"]) for detail in (*inputs, *outputs))
        by_index = {detail["index"]: detail["name"] for detail in self.details}
        self.operators = tuple(
            (operator["op_name"], by_index[int(operator["outputs"][0])])
            for operator in self._interpreter._get_ops_details()
            if operator["op_name"] != "DELEGATE"  # those that follow are the same again
        )
        self._crop = self.ends[0]
        self._feed = as_int8 if inputs[0]["dtype"] is np.int8 else as_float

    def feed(self, crop: UInt8Image, given: Mapping[int, npt.NDArray[Any]] | None = None) -> None:
        """Run the network on a crop of shape (side, side, 3) and on the values of other inputs."""
        for index, values in (given or {}).items():
            self._interpreter.set_tensor(index, values)
        self._interpreter.set_tensor(self._crop, self._feed(crop[None]))
        self._interpreter.invoke()

    def tensor(self, index: int) -> npt.NDArray[Any]:
        """Values of a tensor after the last run."""
        return np.asarray(self._interpreter.get_tensor(index))
