"""Keras logits model to the float TFLite twin."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from convert.graph.flatbuffer import with_any_batch, with_output_named
from convert.network.reasons import in_short
from edge.errors import ConversionFailed

if TYPE_CHECKING:
    import keras

INPUT_NAME = "crop"
"""Name of the input in the signature of the flatbuffer."""

OUTPUT_TENSOR = "StatefulPartitionedCall_1:0"
"""Name of the tensor of the logits: what TensorFlow makes of a SavedModel with variables, and
what saved ranges therefore call it."""


def to_float_tflite(model: keras.Model) -> bytes:
    """Convert a Keras model into a float TFLite flatbuffer of batch size 1.

    Goes through a SavedModel, the road that Keras 3 supports; the converter
    folds batch normalisation into convolutions and fuses ReLU. Resizing the input
    to another batch size works, and gives the same bits per crop.

    The SavedModel holds the weights as constants: with variables, most of the time went into
    functions that save and restore each of them.

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
    import tensorflow as tf

    crop = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name=INPUT_NAME)
    trained = [tf.constant(variable.numpy()) for variable in model.trainable_variables]
    others = [tf.constant(variable.numpy()) for variable in model.non_trainable_variables]

    # training is said outright: a layer that augments takes it for granted where nothing is said
    def logits_of(crop: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": model.stateless_call(trained, others, crop, training=False)[0]}

    holder = tf.Module()
    holder.serve = tf.function(logits_of, input_signature=[crop], autograph=False)
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder:
        try:
            tf.saved_model.save(holder, folder, {"serving_default": holder.serve})
            flatbuffer = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:  # the converter raises its own exception type
            raise ConversionFailed(
                f"TensorFlow cannot convert the model: {in_short(error)}"
            ) from error
    return with_any_batch(with_output_named(flatbuffer, OUTPUT_TENSOR))
