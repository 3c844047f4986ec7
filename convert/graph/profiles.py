"""What a named runtime on a device can load: operators, and the versions of them."""

from __future__ import annotations

from collections.abc import Sequence

from convert.graph.edge_tpu import unmapped
from convert.graph.flatbuffer import operators
from edge.errors import ConversionFailed
from edge.models.metadata import Operator

# highest version -> builtin operators. Asked of the runtimes themselves: each operator in
# each version was given to the interpreter, which refuses what its resolver does not have.
# (BROADCAST_TO has no version 1 any more, and no converter writes it.)
_TFLITE_2_14 = {
    1: "ADD_N ASSIGN_VARIABLE ATAN2 BITCAST BITWISE_XOR BROADCAST_ARGS BUCKETIZE CALL_ONCE CEIL"
    " COMPLEX_ABS CONV_3D CONV_3D_TRANSPOSE COS CUMSUM DENSIFY DYNAMIC_UPDATE_SLICE ELU"
    " EMBEDDING_LOOKUP_SPARSE EXPAND_DIMS FLOOR HARD_SWISH HASHTABLE HASHTABLE_FIND"
    " HASHTABLE_IMPORT HASHTABLE_LOOKUP HASHTABLE_SIZE IF IMAG L2_POOL_2D"
    " LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LSH_PROJECTION"
    " MATRIX_DIAG MATRIX_SET_DIAG MULTINOMIAL NEG NON_MAX_SUPPRESSION_V4"
    " NON_MAX_SUPPRESSION_V5 ONE_HOT POW PRELU RANDOM_STANDARD_NORMAL RANDOM_UNIFORM RANK"
    " READ_VARIABLE REAL REDUCE_ALL REDUCE_ANY RELU_0_TO_1 RELU_N1_TO_1 RESHAPE"
    " REVERSE_SEQUENCE RFFT2D RIGHT_SHIFT ROUND SCATTER_ND SEGMENT_SUM SHAPE SIN SKIP_GRAM"
    " SQRT SQUARE UNIQUE UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD"
    " UNSORTED_SEGMENT_SUM VAR_HANDLE WHILE ZEROS_LIKE",
    2: "DEPTH_TO_SPACE DIV EXP FAKE_QUANT FLOOR_MOD GELU GREATER L2_NORMALIZATION LEAKY_RELU"
    " LESS_EQUAL LOG_SOFTMAX RANGE REDUCE_PROD RSQRT SELECT_V2 SIGN SPACE_TO_DEPTH SPLIT_V"
    " SQUARED_DIFFERENCE SQUEEZE SUM WHERE",
    3: "ARG_MAX ARG_MIN AVERAGE_POOL_2D BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN"
    " BROADCAST_TO EMBEDDING_LOOKUP FLOOR_DIV GREATER_EQUAL LESS LOGISTIC MAX_POOL_2D MEAN"
    " MIRROR_PAD NOT_EQUAL QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 REVERSE_V2 RNN SOFTMAX"
    " SPARSE_TO_DENSE TANH TILE TOPK_V2 UNIDIRECTIONAL_SEQUENCE_RNN",
    4: "BATCH_MATMUL BATCH_TO_SPACE_ND CONCATENATION EQUAL FILL GATHER_ND LSTM MAXIMUM MINIMUM"
    " PACK PAD PADV2 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SELECT SPACE_TO_BATCH_ND SPLIT"
    " SVDF TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK",
    5: "ABS ADD CAST DEQUANTIZE SUB",
    6: "GATHER SLICE TRANSPOSE",
    7: "CONV_2D DEPTHWISE_CONV_2D MUL",
    8: "STRIDED_SLICE",
    10: "FULLY_CONNECTED",
}

PROFILES: dict[str, dict[str, int]] = {
    "tflite-2.14": {
        name: version for version, names in _TFLITE_2_14.items() for name in names.split()
    },
}
"""Name of a runtime -> operator -> highest version it has. ``tflite-2.14`` is
tflite-runtime 2.14.0, the last one on PyPI and the only one for 32-bit ARM."""


EDGE_TPU = "edgetpu"
"""The profile of a chip whose compiler maps operators, or leaves them to the processor."""


def check_profile(profile: str) -> None:
    """Refuse a profile that is not known.

    Raises
    ------
    ConversionFailed
    """
    known = sorted((*PROFILES, EDGE_TPU))
    if profile not in known:
        raise ConversionFailed(
            f"there is no runtime profile {profile}; known are {', '.join(known)}"
        )


def lacking(flatbuffer: bytes, profile: str) -> tuple[str, ...]:
    """What a network needs and a runtime, or a chip, does not have: in words, for people.

    Raises
    ------
    ConversionFailed
        If there is no such profile.
    """
    check_profile(profile)
    return unmapped(flatbuffer) if profile == EDGE_TPU else too_new(operators(flatbuffer), profile)


def too_new(operators: Sequence[Operator], profile: str) -> tuple[str, ...]:
    """Operators, or versions of them, that a network needs and a runtime does not have.

    Parameters
    ----------
    operators : sequence of Operator
        As :func:`convert.graph.flatbuffer.operators` reads them.
    profile : str
        A name of :data:`PROFILES`.

    Returns
    -------
    tuple of str
        In words, for people.

    Raises
    ------
    ConversionFailed
        If there is no such profile.
    """
    check_profile(profile)
    known = PROFILES[profile]
    return tuple(
        f"{operator.name} version {operator.version}"
        + (f" (it has up to {known[operator.name]})" if operator.name in known else " (not in it)")
        for operator in operators
        if operator.version > known.get(operator.name, 0)
    )
