"""A network in an interpreter: an int8 one, as a device runs it, or its float twin."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.engine.runtime import Runtime, words_of
from edge.errors import BatchRefused, ModelFileRefused
from edge.process.native_messages import native_messages_silenced

INPUT_SCALE, INPUT_ZERO_POINT = 1 / 255, -128
"""The one input quantization: a pixel x is fed as int8 x - 128."""


_Tensor = npt.NDArray[Any]


def as_int8(crops: UInt8Image) -> npt.NDArray[np.int8]:
    """What an int8 network is fed for crops: a pixel x as x - 128, of any shape."""
    return (crops ^ 0x80).view(np.int8)


def as_float(crops: UInt8Image) -> npt.NDArray[np.float32]:
    """What a float network is fed for crops: a pixel x as x / 255, of any shape."""
    return np.asarray(crops.astype(np.float32) / 255, np.float32)


class Network(ABC):
    """A network in one interpreter; for one thread at a time.

    Parameters
    ----------
    flatbuffer : bytes
        Of a file whose hashes are right (:func:`edge.models.model_file.read_model_file`,
        :func:`edge.models.model_file.read_twin`): tflite-runtime does not check it, and a
        damaged one ends the process.
    runtime : Runtime
    threads : int
        Inside the interpreter. Cells side by side in several interpreters are faster, without
        hand-over inside a cell; threads are for where memory holds too few of them.

    Attributes
    ----------
    side : int
        Of the crops it takes, in pixels.
    labels : int
        How many logits it gives.

    Raises
    ------
    ModelFileRefused
        ``runtime`` if the runtime cannot load it, ``not-a-model`` if it does not take crops as
        this kind of network does.
    """

    side: int
    labels: int

    def __init__(self, flatbuffer: bytes, runtime: Runtime, threads: int = 1) -> None:
        try:
            with native_messages_silenced():
                self._interpreter = runtime.interpreter(
                    model_content=flatbuffer, num_threads=threads
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileRefused(
                "runtime",
                f"{runtime.name} {runtime.version} cannot load the model: {words_of(error)};"
                " install a newer runtime",
            ) from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise _no_model(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not 1 and 1")
        self._check(inputs[0], outputs[0])
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self._batch = 1

    @abstractmethod
    def logits_of(self, crops: UInt8Image, batch: int = 1) -> npt.NDArray[np.float64]:
        """Logits of crops, (n, labels), as :meth:`raw_logits_of` takes them."""

    def logits(self, crop: UInt8Image) -> npt.NDArray[np.float64]:
        """Logits of one crop: (side, side, 3) uint8 to (labels,) float."""
        return np.asarray(self.logits_of(crop[None])[0], dtype=np.float64)

    def raw_logits_of(self, crops: UInt8Image, batch: int = 1) -> _Tensor:
        """Logits of crops as the network gives them: (n, labels).

        Parameters
        ----------
        crops : ndarray of uint8, shape (n, side, side, 3)
        batch : int
            Crops an invocation. The last ones are filled up: another size would cost more.

        Raises
        ------
        BatchRefused
            If the network cannot take so many at once; it goes on with one.
        """
        if len(crops) == 0:
            return np.empty((0, self.labels), np.int8)
        try:
            return np.concatenate(
                [self._invoke(crops[at : at + batch], batch) for at in range(0, len(crops), batch)]
            )
        except (RuntimeError, ValueError) as error:
            if batch == 1:
                raise
            self._resize(1)
            raise BatchRefused(
                f"the network does not take {batch} crops at once: {words_of(error)};"
                " run it crop by crop, or convert it with edge-all-convert"
            ) from error

    def raw_logits(self, crop: UInt8Image) -> _Tensor:
        """Logits of one crop as the network gives them: (labels,)."""
        return np.asarray(self.raw_logits_of(crop[None])[0])

    @abstractmethod
    def _check(self, taken: dict[str, Any], given: dict[str, Any]) -> None:
        """Refuse what is no network of this kind."""

    @abstractmethod
    def _feed(self, crops: UInt8Image) -> _Tensor:
        """What its input is for crops."""

    def _invoke(self, crops: UInt8Image, batch: int) -> _Tensor:
        n = len(crops)
        if n < batch:
            crops = np.concatenate([crops, np.repeat(crops[-1:], batch - n, axis=0)])
        if batch != self._batch:
            self._resize(batch)
        self._interpreter.set_tensor(self._input, self._feed(crops))
        self._interpreter.invoke()
        found = np.asarray(self._interpreter.get_tensor(self._output))
        if len(found) != batch:
            raise ValueError(f"it gives {found.shape}")
        return found[:n]

    def _resize(self, batch: int) -> None:
        self._batch = 0  # unknown, should this fail
        self._interpreter.resize_tensor_input(self._input, (batch, self.side, self.side, 3))
        self._interpreter.allocate_tensors()
        self._batch = batch


class Int8Network(Network):
    """A full-int8 network with the input quantization of edge-all; see :class:`Network`.

    Attributes
    ----------
    logit_step : float
        One step of the int8 output, in logits.
    """

    def logits_of(self, crops: UInt8Image, batch: int = 1) -> npt.NDArray[np.float64]:
        """Logits of crops, (n, labels), as :meth:`raw_logits_of` takes them."""
        raw = self.raw_logits_of(crops, batch).astype(np.float64)
        return np.asarray((raw - self._zero_point) * self.logit_step)

    def _feed(self, crops: UInt8Image) -> _Tensor:
        return as_int8(crops)

    def _check(self, taken: dict[str, Any], given: dict[str, Any]) -> None:
        """Check that it is what every model file says (:mod:`edge.models.metadata`)."""
        shape, kind, (scale, zero_point) = _tensor(taken)
        fits = _is_crop(shape) and abs(scale - INPUT_SCALE) <= 1e-9
        if (kind, zero_point) != ("int8", INPUT_ZERO_POINT) or not fits:
            raise _no_model(
                f"its input is {kind} {shape}, scale {scale:.6g}, zero point {zero_point};"
                " edge-all feeds one square crop of int8, scale 1/255, zero point -128"
            )
        self.side = shape[1]
        shape, kind, (scale, zero_point) = _tensor(given)
        if not _are_logits(shape) or kind != "int8" or not 0 < scale < math.inf:
            raise _no_model(
                f"its output is {kind} {shape}, scale {scale:.6g}; edge-all reads int8 logits of"
                " two labels or more"
            )
        self.labels = shape[1]
        self.logit_step, self._zero_point = scale, zero_point


class FloatNetwork(Network):
    """The float twin of an int8 network; see :class:`Network`."""

    def logits_of(self, crops: UInt8Image, batch: int = 1) -> npt.NDArray[np.float64]:
        """Logits of crops, (n, labels), as :meth:`raw_logits_of` takes them."""
        return self.raw_logits_of(crops, batch).astype(np.float64)

    def _feed(self, crops: UInt8Image) -> _Tensor:
        return as_float(crops)

    def _check(self, taken: dict[str, Any], given: dict[str, Any]) -> None:
        for details, fits, wanted in (
            (taken, _is_crop, "one square crop"),
            (given, _are_logits, "the logits of two labels or more"),
        ):
            shape, kind, _ = _tensor(details)
            if not fits(shape) or kind != "float32":
                raise _no_model(f"it has {kind} {shape} where a float twin has {wanted} in float32")
        self.side, self.labels = _tensor(taken)[0][1], _tensor(given)[0][1]


def _is_crop(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[0] == 1 and shape[1] == shape[2] and shape[3] == 3


def _are_logits(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] == 1 and shape[1] >= 2


def _tensor(details: dict[str, Any]) -> tuple[tuple[int, ...], str, tuple[float, int]]:
    return tuple(map(int, details["shape"])), details["dtype"].__name__, details["quantization"]


def _no_model(words: str) -> ModelFileRefused:
    return ModelFileRefused("not-a-model", f"{words}: convert it with edge-all-convert")
