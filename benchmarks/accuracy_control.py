"""What each cure does for int8: the tables of docs/accuracy-control.md.

``python benchmarks/accuracy_control.py MODEL.keras --cells DIR``, with MODEL.json, which names
the held-out subjects, beside the model. Each network is quantized in every way on cells of its
training subjects, and compared with its float twin on the held-out cells.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.chosen_cells import labelled_cells
from convert.graph.float_tflite import to_float_tflite
from convert.graph.layers import layers
from convert.job import terms_of
from convert.network.asked import Asked
from convert.network.fitting import load_for_device
from convert.quantize.accuracy_control import control, judge_on
from convert.quantize.equalisation import Exponents, equalise, find_exponents
from convert.quantize.range_estimators import ESTIMATORS, MINMAX
from convert.quantize.ranges import observe_all_ranges
from convert.quantize.recipe import Recipe
from convert.record import read_record
from convert.verify.evaluate import float_logits, int8_logits
from convert.verify.latency import latency_ratio
from convert.verify.layer_fidelity import compare_layers
from edge.cli.command import one_sentence
from edge.crops.preprocess import UInt8Image
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.statistics.answers import likeliest_of

Logits = npt.NDArray[np.floating]


@one_sentence
def main() -> None:
    """Measure the networks named on the command line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keras_files", nargs="+", type=Path, metavar="MODEL.keras")
    parser.add_argument("--cells", type=Path, required=True, help="folder of labelled crops")
    parser.add_argument("-n", type=int, default=300, help="size of the representative set")
    parser.add_argument("--agreement", type=float, default=0.995, help="least agreement")
    parser.add_argument(
        "--float-until",
        type=int,
        nargs="*",
        default=[],
        metavar="K",
        help="also measure the network with its first K operators in float",
    )
    given = parser.parse_args()
    for keras_file in given.keras_files:
        measure(keras_file, given.cells, given.n, given.agreement, given.float_until)


def measure(
    keras_file: Path, data: Path, n: int, least_agreement: float, float_until: list[int]
) -> None:
    """Print all tables of one network."""
    record = read_record(keras_file.with_suffix(".json"))
    source, terms = load_for_device(keras_file, terms_of(keras_file, record, Asked(), data))
    twin = to_float_tflite(source.model)
    cells = labelled_cells(data, terms.contract, record.held_out, n)
    assert cells.representative is not None
    assert cells.tuning is not None
    exact = float_logits(twin, cells.evaluation)
    print(f"## {source.network}\n\nOn {cells.evaluation_are.partition(', sha256')[0]};", end=" ")
    print(f"representative: {cells.representative_are.partition(', sha256')[0]}.\n")

    print("| int8 network | agreement | cells that flip | logit error, mean | most | int8 step |")
    print("|---|---|---|---|---|---|")
    recipes = list(cheap_recipes(twin, cells.representative))
    for recipe in recipes:
        row(
            recipe.departs or "plain: ranges by min-max",
            exact,
            recipe.build(twin),
            cells.evaluation,
        )
    judge = judge_on(twin, cells.tuning, least_agreement)
    found = control(twin, cells.representative, judge)
    row(
        f"controlled: {short(found.recipe.departs) or 'plain'}",
        exact,
        found.flatbuffer,
        cells.evaluation,
    )
    shaken = noisy(twin, cells.evaluation)
    row_of("float, every pixel off by up to half a grey level", exact, shaken, 0.0)
    print(f"\n{noise_gain(cells.evaluation, exact, shaken)}")

    print(
        f"\nControlled, judged on {len(cells.tuning)} cells of training subjects: {found.ended}.\n"
    )
    print("| tried | agreement | mean logit error | bought | latency |\n|---|---|---|---|---|")
    for a in found.attempts:
        ratio = "1 (nothing in float)" if a.latency_ratio is None else f"{a.latency_ratio:.2f}"
        print(
            f"| {short(a.what)} | {a.agreement:.2%} | {a.mean_logit_error:.4f} | {a.bought:+.4f}"
            f" | {ratio} |"
        )

    best = next(recipe for recipe in recipes if recipe.estimator == "mse")
    if float_until:
        print("\n| computed in float, ranges by mse | agreement | mean logit error | latency |")
        print("|---|---|---|---|")
    plain = best.build(twin)
    for count in float_until:
        kept = tuple(layer.name for layer in layers(twin)[:count])
        flatbuffer = Recipe(best.estimator, best.ranges, {}, kept).build(twin)
        logits = int8_logits(flatbuffer, cells.evaluation)
        agreement = 1 - flipped(exact, logits) / len(exact)
        print(
            f"| the first {count} of {len(layers(twin))} operators | {agreement:.2%}"
            f" | {np.abs(logits - exact).mean():.4f} | {latency_ratio(flatbuffer, plain):.2f} |"
        )

    print("\n| plain int8, worst layers | operator | SNR, own | SNR | codes used | saturated |")
    print("|---|---|---|---|---|---|")
    rows = compare_layers(twin, recipes[0].build(twin), cells.representative[:60])
    for layer in sorted(rows, key=lambda layer: layer.rank)[:8]:
        print(
            f"| {short(layer.name)} | {layer.operator} | {layer.own_snr_db:.1f} dB"
            f" | {layer.snr_db:.1f} dB | {layer.range_use:.0%} | {layer.saturated:.3%} |"
        )
    print()


def cheap_recipes(twin: bytes, cells: UInt8Image) -> Iterator[Recipe]:
    """Every estimator, then the better two on equalised channels."""
    choices: list[tuple[Exponents, list[str]]] = [({}, list(ESTIMATORS))]
    if exponents := find_exponents(twin, cells):
        choices.append((exponents, [MINMAX, "mse"]))
    for scales, names in choices:
        for name, ranges in observe_all_ranges(equalise(twin, scales), cells, names).items():
            yield Recipe(name, ranges, scales)


def noisy(twin: bytes, cells: UInt8Image) -> Logits:
    """The float network itself, on crops as much off as rounding to 8 bits makes them."""
    network, rng = find_runtime().interpreter(model_content=twin), np.random.default_rng(0)
    network.allocate_tensors()
    crop = network.get_input_details()[0]["index"]
    out = network.get_output_details()[0]["index"]
    found = []
    for cell in cells:
        shaken = cell + rng.uniform(-0.5, 0.5, cell.shape)
        network.set_tensor(crop, (shaken[None] / 255).astype(np.float32))
        network.invoke()
        found.append(network.get_tensor(out)[0])
    return np.stack(found)


def noise_gain(cells: UInt8Image, exact: Logits, logits: Logits) -> str:
    """How far the noise lies below the crops, and how far below the logits, in words."""
    inside = 10 * np.log10(np.mean(cells.astype(np.float64) ** 2) / (1 / 12))
    outside = 10 * np.log10(np.mean(exact**2) / np.mean((logits - exact) ** 2))
    return f"That noise is {inside:.0f} dB below the crops and {outside:.0f} dB below the logits."


def row(name: str, exact: Logits, flatbuffer: bytes, cells: UInt8Image) -> None:
    """Print how an int8 network compares."""
    step = Int8Network(flatbuffer, find_runtime()).logit_step
    row_of(name, exact, int8_logits(flatbuffer, cells), step)


def row_of(name: str, exact: Logits, logits: Logits, step: float) -> None:
    """Print how logits compare."""
    flips, error = flipped(exact, logits), np.abs(logits - exact)
    print(
        f"| {name} | {1 - flips / len(exact):.2%} | {flips} | {error.mean():.4f}"
        f" | {error.max():.3f} | {f'{step:.4f}' if step else '-'} |",
        flush=True,
    )


def flipped(exact: Logits, logits: Logits) -> int:
    """How many cells get another label."""
    return int((likeliest_of(exact) != likeliest_of(logits)).sum())


def short(words: str) -> str:
    """Leave of each tensor's name, which lists all that was folded into it, only the last part."""
    parts = []
    for word in words.split(", "):
        before, colon, name = word.rpartition(": ")
        parts.append(before + colon + name.rpartition(";")[2] if "/" in name else word)
    return ", ".join(parts)


if __name__ == "__main__":
    main()
