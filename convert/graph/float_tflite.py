"""Keras logits model to the float TFLite twin, and how to run it."""

from __future__ import annotations

import tempfile
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convert.graph.flatbuffer import with_any_batch
from convert.network.reasons import in_short
from edge.crops.preprocess import CROP_SIDE, UInt8Image
from edge.engine.runtime import find_runtime
from edge.errors import ConversionFailed
from edge.process.native_messages import native_messages_silenced

if TYPE_CHECKING:
    import keras

INPUT_NAME = "crop"
"""Name of the input in the signature of the flatbuffer."""


def to_float_tflite(model: keras.Model) -> bytes:
    """Convert a Keras model into a float TFLite flatbuffer of batch size 1.

    Goes through a SavedModel, the road that Keras 3 supports; the converter
    folds batch normalisation into convolutions and fuses ReLU. Resizing the input
    to another batch size works, and gives the same bits per crop.

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
        If the TensorFlow converter refuses the model.
    """
    import keras
    import tensorflow as tf

    crop = tf.TensorSpec((1, CROP_SIDE, CROP_SIDE, 3), tf.float32, name=INPUT_NAME)
    archive = keras.export.ExportArchive()
    archive.track(model)
    # said outright: a layer that augments takes training for granted where nothing is said
    archive.add_endpoint(
        "serve", lambda crop: model.call(crop, training=False), input_signature=[crop]
    )
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder:
        try:
            archive.write_out(folder, verbose=False)
            flatbuffer = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:  # the converter raises its own exception type
            raise ConversionFailed(
                f"TensorFlow cannot convert the model: {in_short(error)}"
            ) from error
    return with_any_batch(flatbuffer)


class FloatNetwork:
    """The float twin in one interpreter.

    Parameters
    ----------
    flatbuffer : bytes
        As :func:`to_float_tflite` makes it.
    keep_tensors : bool
        Keep every intermediate tensor readable (slower).
    threads : int
        Processors to use.

    Raises
    ------
    ConversionFailed
        If TFLite cannot run it.
    """

    def __init__(self, flatbuffer: bytes, keep_tensors: bool = False, threads: int = 1) -> None:
        with native_messages_silenced(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping tensors takes memory is no news here
            try:
                self.interpreter = find_runtime().interpreter(
                    model_content=flatbuffer,
                    num_threads=threads,
                    experimental_preserve_all_tensors=keep_tensors,
                )
                self.interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:  # as the interpreter raises them
                raise ConversionFailed(
                    f"TFLite cannot run the network: {in_short(error)}"
                ) from error
        self._input = self.interpreter.get_input_details()[0]["index"]
        self._output = self.interpreter.get_output_details()[0]["index"]

    def logits(self, crop: UInt8Image) -> npt.NDArray[np.float32]:
        """Logits of one crop: (70, 70, 3) uint8 to (2,)."""
        self.interpreter.set_tensor(self._input, crop[None].astype(np.float32) / 255)
        self.interpreter.invoke()
        return np.asarray(self.interpreter.get_tensor(self._output)[0], dtype=np.float32)
