"""The TFLite runtime: find one, and run an int8 network on it."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import CROP_SIDE, UInt8Image
from edge.errors import BatchRefused, ModelFileRefused, RuntimeMissing
from edge.process.native_messages import native_messages_silenced
from edge.wording import shortened

_CANDIDATES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)

INPUT_SCALE, INPUT_ZERO_POINT = 1 / 255, -128
"""The one input quantization: a pixel x is fed as int8 x - 128."""


@dataclass(frozen=True)
class Runtime:
    """An installed TFLite runtime.

    Attributes
    ----------
    name, version : str
        Of the distribution.
    interpreter : type
        Its ``Interpreter`` class; the three runtimes have the same one.
    """

    name: str
    version: str
    interpreter: Any


def find_runtime() -> Runtime:
    """Find the best TFLite runtime that is installed.

    ai-edge-litert before tflite-runtime (on x86 its int8 kernels are several
    times faster) before TensorFlow (the same kernels, in a much larger package).

    Raises
    ------
    RuntimeMissing
        If none can be imported; says what to install.
    """
    for name, _ in _CANDIDATES:
        found = load_runtime(name)
        if isinstance(found, Runtime):
            return found
    raise RuntimeMissing(
        "no TFLite runtime found; install one with: pip install ai-edge-litert"
        " (on armhf: pip install 'edge-all[legacy]')"
    )


def load_runtime(name: str) -> Runtime | str:
    """Import one runtime by the name of its distribution, or say why it cannot be."""
    module = dict(_CANDIDATES)[name]
    try:
        interpreter = importlib.import_module(module).Interpreter
    except ModuleNotFoundError:
        return "not installed"
    except (ImportError, AttributeError, OSError) as error:  # built for another numpy or libc
        return f"installed, but does not load: {error}"
    # not importlib.metadata: every start would pay for importing that
    package = importlib.import_module(module.partition(".")[0])
    return Runtime(name, getattr(package, "__version__", "of unknown version"), interpreter)


class Int8Network:
    """An int8 network in one interpreter; for one thread at a time.

    Parameters
    ----------
    flatbuffer : bytes
        Of a model file whose hashes are right (:func:`edge.models.model_file.read_model_file`):
        tflite-runtime does not check it, and a damaged one ends the process.
    runtime : Runtime
    threads : int
        Inside the interpreter. Cells side by side in several interpreters are faster, without
        hand-over inside a cell; threads are for where memory holds too few of them.

    Attributes
    ----------
    logit_step : float
        One step of the int8 output, in logits.

    Raises
    ------
    ModelFileRefused
        ``runtime`` if the runtime cannot load it, ``not-a-model`` if it is not an
        int8 network on 70x70x3 crops with the input quantization of edge-all.
    """

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
        _check_contract(inputs, outputs)
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self._batch = 1
        self.logit_step, self._zero_point = outputs[0]["quantization"]

    def raw_logits_of(self, crops: UInt8Image, batch: int = 1) -> npt.NDArray[np.int8]:
        """Logits of crops as the network gives them: (n, 70, 70, 3) uint8 to (n, 2) int8.

        Parameters
        ----------
        crops : ndarray of uint8, shape (n, 70, 70, 3)
        batch : int
            Crops an invocation. The last ones are filled up: another size would cost more.

        Raises
        ------
        BatchRefused
            If the network cannot take so many at once; it goes on with one.
        """
        if len(crops) == 0:
            return np.empty((0, 2), np.int8)
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

    def raw_logits(self, crop: UInt8Image) -> npt.NDArray[np.int8]:
        """Logits of one crop as the network gives them: (70, 70, 3) uint8 to (2,) int8."""
        return np.asarray(self.raw_logits_of(crop[None])[0], dtype=np.int8)

    def logits_of(self, crops: UInt8Image, batch: int = 1) -> npt.NDArray[np.float64]:
        """Logits of crops: (n, 70, 70, 3) uint8 to (n, 2) float; as :meth:`raw_logits_of`."""
        raw = self.raw_logits_of(crops, batch).astype(np.float64)
        return np.asarray((raw - self._zero_point) * self.logit_step)

    def logits(self, crop: UInt8Image) -> npt.NDArray[np.float64]:
        """Logits of one crop: (70, 70, 3) uint8 to (2,) float."""
        return np.asarray(self.logits_of(crop[None])[0], dtype=np.float64)

    def _invoke(self, crops: UInt8Image, batch: int) -> npt.NDArray[np.int8]:
        n = len(crops)
        if n < batch:
            crops = np.concatenate([crops, np.repeat(crops[-1:], batch - n, axis=0)])
        if batch != self._batch:
            self._resize(batch)
        self._interpreter.set_tensor(self._input, (crops ^ 0x80).view(np.int8))
        self._interpreter.invoke()
        found = np.asarray(self._interpreter.get_tensor(self._output), dtype=np.int8)
        if len(found) != batch:
            raise ValueError(f"it gives {found.shape}")
        return found[:n]

    def _resize(self, batch: int) -> None:
        self._batch = 0  # unknown, should this fail
        self._interpreter.resize_tensor_input(self._input, (batch, CROP_SIDE, CROP_SIDE, 3))
        self._interpreter.allocate_tensors()
        self._batch = batch


def words_of(error: Exception) -> str:
    """What a runtime says went wrong, in one line: they write several, with empty ones."""
    return shortened(" ".join(str(error).split()), 120)


def _check_contract(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
    """Check that a network is what every model file says (:mod:`edge.models.metadata`)."""
    if len(inputs) != 1 or len(outputs) != 1:
        raise _no_model(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not 1 and 1")
    shape, kind, (scale, zero_point) = _tensor(inputs[0])
    wanted = (1, CROP_SIDE, CROP_SIDE, 3), "int8", INPUT_ZERO_POINT
    if (shape, kind, zero_point) != wanted or not abs(scale - INPUT_SCALE) <= 1e-9:
        raise _no_model(
            f"its input is {kind} {shape}, scale {scale:.6g}, zero point {zero_point};"
            " edge-all feeds int8 (1, 70, 70, 3), scale 1/255, zero point -128"
        )
    shape, kind, (scale, zero_point) = _tensor(outputs[0])
    if (shape, kind) != ((1, 2), "int8") or not 0 < scale < math.inf:
        raise _no_model(
            f"its output is {kind} {shape}, scale {scale:.6g}; edge-all reads int8 (1, 2), the"
            " logits of two labels"
        )


def _tensor(details: dict[str, Any]) -> tuple[tuple[int, ...], str, tuple[float, int]]:
    return tuple(map(int, details["shape"])), details["dtype"].__name__, details["quantization"]


def _no_model(words: str) -> ModelFileRefused:
    return ModelFileRefused("not-a-model", f"{words}: convert it with edge-all-convert")
