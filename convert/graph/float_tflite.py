"""Keras logits model to the float TFLite twin."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from convert.graph.flatbuffer import with_any_batch
from convert.network.reasons import in_short
from edge.errors import ConversionFailed

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

    crop = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name=INPUT_NAME)
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
