"""Float twin to full-int8 flatbuffer, on the true ranges of the representative set.

Weights of convolutions have a scale per channel, those of dense layers one per tensor.
A scale per channel gains nothing there, measured on C-NMC crops of people held out,
int8 against the float twin, in one run on one thread:

========================  ===========  ===========  ================
network (crops)           mean logit   flipped      ms per crop
                          difference   labels
========================  ===========  ===========  ================
released CNN (837)        0.0080       3 and 2      0.873 and 0.873
VGG-16 (210)              0.0041       none         4.00 and 4.01
ResNet-50 (210)           0.208        6 and 6      1.75 and 1.82
========================  ===========  ===========  ================

(first per channel, then per tensor; the mean differences agree within 0.0005). It costs
11 % of the CNN's flatbuffer, and runtimes older than 2.10 read it wrong without a word
(:mod:`convert.graph.op_versions`).
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from convert.graph.op_versions import with_int8_versions
from convert.network.reasons import in_short
from convert.quantize.ranges import Ranges
from edge.engine.open_network import OpenNetwork
from edge.errors import ConversionFailed

SCHEME = (
    "static int8: activations per tensor, asymmetric, on the minimum and maximum seen over the"
    " representative set; weights symmetric, of convolutions per channel, of dense layers per"
    " tensor; biases int32"
)
"""The quantization in words, for the metadata."""


def to_int8_tflite(flatbuffer: bytes, ranges: Ranges, keep_float: Collection[str] = ()) -> bytes:
    """Quantize the float twin to int8: inputs, outputs and all between but what is kept in float.

    Parameters
    ----------
    flatbuffer : bytes
        The float twin.
    ranges : Ranges
        As :func:`convert.quantize.ranges.observe_ranges` gives them.
    keep_float : collection of str
        Layers to keep in float, by the name of their output tensor in the twin. Input and
        output of the network stay int8 all the same.

    Returns
    -------
    bytes

    Raises
    ------
    ConversionFailed
        If the ranges are those of another network, it has no layer of a name to keep, or the
        quantizer fails.
    """
    from ai_edge_quantizer import qtyping, quantizer

    statistics = _statistics(flatbuffer, ranges)
    work = quantizer.Quantizer(bytearray(flatbuffer))
    work.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    work.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.FULLY_CONNECTED,
        activation_num_bits=8,
        weight_num_bits=8,
        weight_granularity=qtyping.QuantGranularity.TENSORWISE,
    )
    if keep_float:
        _keep_float(work, keep_float, statistics.keys())
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # a bar of its own
        warnings.simplefilter("ignore")  # its own use of the interpreter's debug mode
        try:
            result = work.quantize(statistics, enable_progress_report=False)
        except Exception as error:  # it raises whatever the operator that failed raises
            raise ConversionFailed(
                f"ai-edge-quantizer cannot make the network int8: {in_short(error)}"
            ) from error
    return with_int8_versions(bytes(result.quantized_model))


def _keep_float(work: Any, layers: Collection[str], tensors: Collection[str]) -> None:
    """Exempt layers; the quantizer knows a layer by its output's name, and the last rule wins."""
    from ai_edge_quantizer import algorithm_manager, qtyping

    unknown = sorted(set(layers) - set(tensors))
    if unknown:
        raise ConversionFailed(f"the network has no layer {unknown[0]} that could stay in float")
    name = qtyping.TFLOperationName
    work.update_quantization_recipe(
        regex=f"^({'|'.join(re.escape(layer) for layer in sorted(layers))});$",
        operation_name=name.ALL_SUPPORTED,
        algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE,
    )
    for end in (name.INPUT, name.OUTPUT):  # whatever feeds them: the device speaks int8
        work.add_static_config(
            regex="", operation_name=end, activation_num_bits=8, weight_num_bits=8
        )


def _statistics(flatbuffer: bytes, ranges: Ranges) -> dict[str, dict[str, Any]]:
    """Ranges in the form the quantizer takes: arrays of as many dimensions as the tensor."""
    dimensions = {
        detail["name"]: len(detail["shape"]) for detail in OpenNetwork(flatbuffer).details
    }
    unknown = sorted(ranges.keys() - dimensions.keys())
    if unknown:
        raise ConversionFailed(
            f"the ranges name {unknown[0]}, which the network does not have: they were observed on"
            " another model or TensorFlow version; give representative cells instead"
        )
    return {
        name: {
            "min": np.full((1,) * dimensions[name], low, np.float32),
            "max": np.full((1,) * dimensions[name], high, np.float32),
        }
        for name, (low, high) in ranges.items()
    }
