"""``edge-all benchmark``: the network alone, in every setting."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import one_sentence, say
from edge.cli.options import add_model, at_least
from edge.errors import ModelFileRefused

if TYPE_CHECKING:
    from edge.engine.runtime import Runtime
    from edge.models.model_file import ModelFile


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_model(parser)
    parser.add_argument(
        "--float",
        dest="twin",
        type=Path,
        metavar="FILE",
        help="float twin (.tflite), to be measured beside it",
    )
    parser.add_argument(
        "--seconds",
        type=at_least(0.01, float),
        default=1.0,
        metavar="S",
        help="how long to measure each setting; 1 by default",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures here, as JSON")


def _runtimes(model: ModelFile) -> list[Runtime]:
    """Runtimes to compare: the default one, and OpenVINO where it may be used at all."""
    from edge.engine.classifier import golden_error
    from edge.engine.network import Int8Network
    from edge.engine.runtime import Runtime, find_runtime, load_runtime

    default, other = find_runtime(), load_runtime("openvino")
    if not isinstance(other, Runtime):
        return [default]
    try:
        off = golden_error(model, Int8Network(model.flatbuffer, other))
    except ModelFileRefused as error:
        say(f"openvino: {error}")
        return [default]
    allowed = model.metadata.golden_tolerance
    steps = f"openvino: golden logits are off by {off} steps, {allowed} are allowed"
    if off > allowed:
        say(f"{steps}: it cannot be used for this model, and is not measured")
        return [default]
    say(f"{steps}; --runtime openvino has classify use it")
    return [default, other]


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Measure, print and save."""
    from edge.engine.benchmark import Benchmark, Network, describe, run_benchmark
    from edge.models.model_file import SHIPPED_MODEL, read_model_file, read_twin
    from edge.sinks.figures import check_figures, save_figures

    if options.out:
        check_figures(options.out, Benchmark)
    model_file = read_model_file(options.model or SHIPPED_MODEL)
    networks = [Network("int8", model_file.flatbuffer)]
    if options.twin:
        networks.append(Network("float", read_twin(options.twin, model_file)))
    runtimes = _runtimes(model_file)
    found = run_benchmark(networks, model_file.golden.inputs, runtimes, options.seconds)
    print(describe(found))
    if options.out:
        save_figures(options.out, found.to_dict())
        print(f"saved {options.out}")
