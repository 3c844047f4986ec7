"""Keras logits model to ONNX, and the proof that it computes the same."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert.network.reasons import in_short
from edge.crops.preprocess import UInt8Image
from edge.errors import ConversionFailed
from edge.process.environment import quieten_libraries

if TYPE_CHECKING:
    import keras

OPSET = 18
"""Version of ONNX' operator set that the file uses, the newest tf2onnx 1.17 writes."""

INPUT_NAME, OUTPUT_NAME, BATCH = "crop", "logits", "batch"


def to_onnx(model: keras.Model) -> bytes:
    """Convert a Keras model into an ONNX model of any batch size.

    Input ``crop``, float32 in 0..1, shape (batch, side, side, 3) as everywhere in edge-all;
    output ``logits``, float32, shape (batch, labels). Batch normalisation stands as Mul and Add
    behind the convolutions; ONNX runtimes fold it when they load the file.

    Parameters
    ----------
    model : keras.Model
        Crops in 0..1 to logits.

    Returns
    -------
    bytes

    Raises
    ------
    ConversionFailed
        If Keras cannot export the model.
    """
    import keras
    import onnx

    shape = model.inputs[0].shape[1:]
    crop = keras.InputSpec(shape=(None, *shape), dtype="float32", name=INPUT_NAME)
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own patch of tf2onnx for numpy 2
        path = Path(folder) / "model.onnx"
        try:
            # said outright: a layer that augments takes training for granted where nothing is said
            given = keras.Input(shape)
            inference = keras.Model(given, model(given, training=False))
            inference.export(
                path, format="onnx", verbose=False, input_signature=[crop], opset_version=OPSET
            )
        except Exception as error:  # tf2onnx raises whatever the operator that failed raises
            raise ConversionFailed(
                f"Keras cannot export the model to ONNX: {in_short(error)}"
            ) from error
        exported = onnx.load(path)
    _rename(exported)
    onnx.checker.check_model(exported)
    return bytes(exported.SerializeToString(deterministic=True))


def check_onnx(
    onnx_bytes: bytes, crops: UInt8Image, keras_logits: npt.NDArray[np.floating]
) -> float:
    """Largest difference of a logit between ONNX, run by onnxruntime, and Keras.

    Parameters
    ----------
    onnx_bytes : bytes
    crops : ndarray of uint8, shape (n, side, side, 3)
    keras_logits : ndarray of float, shape (n, labels)
        What Keras says of the same crops.

    Raises
    ------
    ConversionFailed
        If onnxruntime cannot run the model.
    """
    quieten_libraries()
    import onnxruntime

    inputs = crops.astype(np.float32) / 255
    try:
        session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
        (logits,) = session.run([OUTPUT_NAME], {INPUT_NAME: inputs})
    except Exception as error:  # onnxruntime's own exception types have no common base
        raise ConversionFailed(
            f"onnxruntime cannot run the ONNX model: {in_short(error)}"
        ) from error
    return float(np.abs(logits - keras_logits).max())


def _rename(model: Any) -> None:
    """Name everything by its place: the exporter's numbers differ from run to run."""
    graph = model.graph
    (crop,), (logits,) = graph.input, graph.output
    names = {crop.name: INPUT_NAME, logits.name: OUTPUT_NAME}
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        for place, name in enumerate(node.input):  # not yet named: a constant
            names.setdefault(name, f"{node.name}_input_{place}")
        for place, name in enumerate(node.output):
            names.setdefault(name, f"{node.name}_output_{place}")
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for constant in graph.initializer:
        constant.name = names[constant.name]
    graph.initializer.sort(key=lambda constant: constant.name)
    del graph.value_info[:]  # shapes inside, which every reader infers
    graph.name, graph.doc_string = "edge-all", ""
    crop.name, logits.name = INPUT_NAME, OUTPUT_NAME
    for value in (crop, logits):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
