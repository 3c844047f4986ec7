"""OpenVINO behind the interface of the TFLite interpreter: it reads the same flatbuffers.

It does not say how inputs and outputs of a flatbuffer are quantized; the TFLite runtime does, and
nothing is run on that.
"""

from __future__ import annotations

import tempfile
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

_DEVICE = "CPU"


class Interpreter:
    """A flatbuffer on OpenVINO's kernels; the methods of a TFLite interpreter that are used here.

    Parameters
    ----------
    model_content : bytes
    num_threads : int

    Raises
    ------
    RuntimeError, ValueError
        If OpenVINO, or the TFLite runtime beside it, does not take the flatbuffer.
    """

    def __init__(self, model_content: bytes, num_threads: int = 1) -> None:
        from edge.engine.runtime import find_runtime

        self._threads = num_threads
        self._model = _read(model_content)
        ends = find_runtime().interpreter(model_content=model_content)
        self._inputs = ends.get_input_details()
        self._outputs = ends.get_output_details()
        self._given: npt.NDArray[Any] | None = None
        self._found: Any = None
        self._request: Any = None

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantization of the inputs."""
        return self._inputs  # type: ignore[no-any-return]

    def get_output_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantization of the outputs."""
        return self._outputs  # type: ignore[no-any-return]

    def resize_tensor_input(self, index: int, shape: Any) -> None:
        """Take inputs of another shape; the first of it is how many crops."""
        self._model.reshape([int(n) for n in shape])
        self._request = None

    def allocate_tensors(self) -> None:
        """Compile the network."""
        options = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # interpreters side by side would share a processor
            "INFERENCE_PRECISION_HINT": "f32",  # not bfloat16, where a processor has it
        }
        compiled = _core().compile_model(self._model, _DEVICE, options)
        self._request = compiled.create_infer_request()

    def set_tensor(self, index: int, values: npt.NDArray[Any]) -> None:
        """Give the input."""
        self._given = np.ascontiguousarray(values)

    def invoke(self) -> None:
        """Run the network on the input that was given."""
        self._found = self._request.infer([self._given], share_inputs=True)

    def get_tensor(self, index: int) -> npt.NDArray[Any]:
        """Output of the last run."""
        return np.array(self._found[0])


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


def _read(flatbuffer: bytes) -> Any:
    """Read it from a file: of bytes, OpenVINO takes other formats only."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(flatbuffer)
        file.flush()
        return _core().read_model(file.name)
