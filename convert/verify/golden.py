"""Golden vectors: drawn crops with the outputs an int8 network gives for them.

How far outputs may be off elsewhere is learned per network, from the kernels at hand:
TFLite's kernels round differently, and a deep network carries that on. Measured between
XNNPACK and the reference kernels: 1 step of the output's int8 in the CNN and VGG-16, 15
in ResNet-50; between ai-edge-litert 2.3.0 and tflite-runtime 2.14.0: 1, 1 and 16.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.engine.network import Int8Network
from edge.engine.runtime import Runtime, find_runtime, load_runtime
from edge.models.metadata import MOST_GOLDEN_TOLERANCE
from edge.models.model_file import GoldenVectors
from edge.statistics.answers import leads_of, likeliest_of

LEAST_TOLERANCE = 4
"""Steps allowed at least: the CNN is off by up to 2 between x86-64 and aarch64."""
MOST_TOLERANCE = MOST_GOLDEN_TOLERANCE
"""Steps allowed at most."""

_DRAWN, _KEPT = 96, 16
_RUNTIMES = ("ai-edge-litert", "tflite-runtime", "tensorflow")
# XNNPACK, alone and divided among threads; TFLite's own kernels; its reference kernels
_KERNELS = (
    ("AUTO", 1),
    ("AUTO", 2),
    ("BUILTIN_WITHOUT_DEFAULT_DELEGATES", 1),
    ("BUILTIN_REF", 1),
)


@dataclass(frozen=True)
class Golden:
    """Golden vectors of a network, and how closely they can be asked to reproduce.

    Attributes
    ----------
    vectors : GoldenVectors
    seen : int
        Largest difference between the runtimes and kernels of this machine, in steps of
        the output's int8.
    tolerance : int
        Steps allowed on another machine.
    """

    vectors: GoldenVectors
    seen: int
    tolerance: int


def make_golden(flatbuffer: bytes) -> Golden:
    """Draw golden vectors for an int8 network and learn their tolerance."""
    vectors = golden_vectors(Int8Network(flatbuffer, find_runtime()))
    expected = vectors.logits.astype(int)
    seen = max(
        int(np.abs(logits - expected).max()) for logits in _by_kernel(flatbuffer, vectors.inputs)
    )
    return Golden(vectors, seen, tolerance_for(seen))


def tolerance_for(seen: int) -> int:
    """Steps to allow where `seen` were seen: half as many again, between least and most."""
    return min(MOST_TOLERANCE, max(LEAST_TOLERANCE, seen + (seen + 1) // 2))


def golden_vectors(network: Int8Network) -> GoldenVectors:
    """Draw crops and keep those that span the range of the network's scores evenly.

    Of more than two labels, one likeliest label after the other, by its lead over the next. Drawn,
    because a released file carries nobody's images.
    """
    crops = np.stack([draw_crop(seed, network.side) for seed in range(_DRAWN)])
    logits = network.raw_logits_of(crops)
    scores = logits.astype(int)
    if network.labels == 2:
        order = np.argsort(scores[:, 1] - scores[:, 0], kind="stable")
    else:
        order = np.lexsort((leads_of(scores), likeliest_of(scores)))
    kept = order[np.linspace(0, _DRAWN - 1, _KEPT).round().astype(int)]
    return GoldenVectors(crops[kept], logits[kept])


def _by_kernel(flatbuffer: bytes, crops: UInt8Image) -> Iterator[npt.NDArray[np.int8]]:
    """Outputs (n, labels) of every runtime that is installed, with each of its kernels."""
    for name in _RUNTIMES:
        runtime = load_runtime(name)
        if isinstance(runtime, Runtime):
            for kernels, threads in _KERNELS:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # TensorFlow's says it will go some day
                    network = Int8Network(flatbuffer, _with_kernels(runtime, kernels), threads)
                yield network.raw_logits_of(crops)


def _with_kernels(runtime: Runtime, kernels: str) -> Runtime:
    """The same runtime, whose interpreters run on other kernels."""
    resolvers = importlib.import_module(runtime.interpreter.__module__).OpResolverType
    interpreter = partial(
        runtime.interpreter, experimental_op_resolver_type=getattr(resolvers, kernels)
    )
    return replace(runtime, interpreter=interpreter)
