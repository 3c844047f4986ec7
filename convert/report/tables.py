"""Tables of the report of a conversion."""

from __future__ import annotations

from collections.abc import Sequence

from convert.report.flips import what_it_is
from convert.report.schema import (
    Attempt,
    LayerRow,
    Network,
    ProbabilityCalibration,
    RepresentativeSet,
)
from convert.verify.fidelity import Fidelity
from convert.verify.gates import Gate
from edge.contract import Contract
from edge.documents.model import Table
from edge.documents.words import basis_words, counted, p_value
from edge.drift.comparison import Comparison, Flip
from edge.statistics.accuracy_change import AccuracyChange, ScoreChange

MOST_FLIPS, WORST_LAYERS = 40, 10
"""Rows shown; the JSON has all."""

_STAGES = {
    "record-to-keras": "record to Keras",
    "keras-to-float": "Keras to float TFLite",
    "float-to-int8": "float to int8 TFLite",
    "int8-to-device": "int8 TFLite on devices",
    "keras-to-onnx": "Keras to ONNX",
}
_GATES = {  # name -> its title, format, and which side of the limit is allowed
    "answers-vary": ("spread of the probability", ".3g", "at least"),
    "better-than-chance": ("least AUROC (95 % interval)", ".3f", "above"),
    "as-recorded": ("accuracy as recorded", ".3f", "about"),
    "input-range": ("least gain in another input range", ".3f", "at most"),
    "parity": ("largest logit error", ".2g", "at most"),
    "agreement": ("same label", ".2%", "at least"),
    "mean-p-error": ("mean error of the probability", ".3g", "at most"),
    "flips-outside-band": ("flips that nobody looks at", ".0f", "at most"),
    "weighted-f1-loss": ("loss of weighted F1", ".4f", "at most"),
    "golden-spread": ("int8 steps between kernels", ".0f", "at most"),
    "runtime-profile": ("operators the runtime lacks", ".0f", "at most"),
    "onnx-parity": ("largest logit error", ".2g", "at most"),
}
_SCORES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "weighted_f1": "weighted F1",
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "ece": "ECE",
}
_NONE = "not measured"


def gates_table(gates: Sequence[Gate]) -> Table:
    """Every gate: measured, limit, result."""
    rows = []
    for gate in gates:
        title, form, side = _GATES.get(gate.name, (gate.name, ".4g", "limit"))
        value = _NONE if gate.value is None else format(gate.value, form)
        rows.append(
            (
                title,
                _STAGES.get(gate.stage, gate.stage),
                value,
                f"{side} {gate.limit:{form}}",
                gate.result.upper() if gate.passed is False else gate.result,
            )
        )
    return Table("Gates", ("gate", "stage", "measured", "limit", "result"), rows)


def files_table(network: Network) -> Table:
    """Hash and size of every stage."""
    keras = max([file.size for file in network.files[:1]] + [1])
    return Table(
        "Stages",
        ("stage", "size (MB)", "of the first", "sha256"),
        [
            (file.stage, f"{file.size / 1e6:,.2f}", f"{file.size / keras:.1%}", file.sha256)
            for file in network.files
        ],
        "Of the TFLite stages, the bare flatbuffer; a model file adds metadata and golden vectors."
        " A Keras file may hold the state of the training as well.",
    )


def operators_table(network: Network) -> Table:
    """Operators of the int8 network."""
    return Table(
        "Operators of the int8 network",
        ("operator", "version", "count"),
        [(o.name, str(o.version), str(o.count)) for o in network.operators],
        f"Oldest TFLite runtime that knows them: {network.minimum_runtime}.",
    )


def tools_table(network: Network) -> Table:
    """Versions of the tools."""
    return Table("Made with", ("tool", "version"), sorted(network.created_with.items()))


def fidelity_table(fidelity: Fidelity, contract: Contract) -> Table:
    """Both comparisons, a column each."""
    both = (fidelity.export, fidelity.quantization)
    where = "outside the refer band" if fidelity.refer_band else "of cells not referred"
    return Table(
        "Each stage against the one before",
        ("", *(f"{c.before} to {c.after}" for c in both)),
        [
            ("mean logit error", *(_small(c.mean_logit_error) for c in both)),
            ("mean logit error, in int8 steps", *(_steps(c.mean_steps) for c in both)),
            ("largest logit error", *(_small(c.max_logit_error) for c in both)),
            ("largest logit error, in int8 steps", *(_steps(c.max_steps) for c in both)),
            ("mean error of the probability", *(_small(c.mean_p_error) for c in both)),
            ("largest error of the probability", *(_small(c.max_p_error) for c in both)),
            ("mean shift of the margin", *(_shift(c.margin_shift) for c in both)),
            ("same label", *(f"{c.agreement:.2%}" for c in both)),
            ("flips", *(str(len(c.flips)) for c in both)),
            (f"flips {where}", *(str(len(c.flips_outside_band)) for c in both)),
            ("every flip lies within a margin of", *(_flip_margin(c) for c in both)),
            ("decisions changed", *(str(c.decisions_changed) for c in both)),
            ("mean divergence (nats)", *(_small(c.mean_kl) for c in both)),
            ("largest divergence (nats)", *(_small(c.max_kl) for c in both)),
        ],
        f"On {fidelity.cells_are}. One int8 step is {fidelity.logit_step:.4g} of a logit. A margin"
        f" is {_margin_is(contract)}; a flip is a cell whose likelier label differs; a decision is"
        f" {_decisions(contract)}. Divergence: Kullback-Leibler, of the softmax outputs at"
        " temperature 1.",
    )


def _margin_is(contract: Contract) -> str:
    if len(contract.words) > 2:
        return "the logit of the likeliest label less that of the next"
    first, second = contract.words
    return f"the logit of {second} less that of {first}"


def _decisions(contract: Contract) -> str:
    if len(contract.words) > 2:
        return "one of the labels, or refer"
    first, second = contract.words
    return f"{first}, refer or {second}"


def _shift(shift: float | None) -> str:
    return "-" if shift is None else _small(shift)


def accuracy_table(fidelity: Fidelity, contract: Contract) -> Table | None:
    """Scores of all three stages, and what int8 changes; None without labels."""
    export, int8 = fidelity.export.accuracy, fidelity.quantization.accuracy
    if export is None or int8 is None:
        return None
    rows = []
    for change in int8.scores:
        before = export.of(change.score).before
        numbers = (f"{value:.4f}" for value in (before, change.before, change.after))
        rows.append((_SCORES[change.score], *numbers, _change(change)))
    basis = dict(zip(contract.words, int8.of_labels, strict=True))
    return Table(
        "Accuracy of each stage, and what int8 changes",
        ("score", "Keras", "float TFLite", "int8 TFLite", "int8 - float (95 % interval)"),
        rows,
        f"{_decided(contract)}; ECE of calibrated probabilities, in ten bins. The same people are"
        f" drawn for both stages. {basis_words(basis)}",
    )


def _decided(contract: Contract) -> str:
    if len(contract.words) > 2:
        return (
            "Decided is the likeliest label; F1 weighted by the cells of each label, AUROC the mean"
            " of each label against the others"
        )
    return f"Decided at probability 0.5; {contract.words[1]} is the positive class"


def mcnemar_words(change: AccuracyChange) -> str:
    """McNemar's test in a sentence."""
    found = change.mcnemar
    return (
        f"Decided correctly by float alone: {counted(found.only_first, 'cell')}; by int8 alone:"
        f" {counted(found.only_second, 'cell')}; p = {p_value(found.p_value)} (McNemar's"
        " exact test, two-sided; it takes cells for"
        " independent, and cells of one person are not, so that the true p is larger)."
    )


def flips_table(flips: Sequence[Flip], contract: Contract) -> Table:
    """Cells that flip, those farthest from the boundary first."""
    words = contract.words
    more = f" The first {MOST_FLIPS} of {len(flips)}; the JSON has all."
    return Table(
        "Cells whose likelier label differs between float and int8",
        ("cell", "is", *_sides_are(words), "float decision"),
        [
            (
                flip.name,
                what_it_is(flip, words),
                *(_two_sides(flip) if len(words) == 2 else _several_sides(flip, words)),
                "refer" if flip.in_band else "NOT referred",
            )
            for flip in flips[:MOST_FLIPS]
        ],
        "A person looks at the cells that float refers."
        + (more if len(flips) > MOST_FLIPS else ""),
    )


def _sides_are(words: Sequence[str]) -> tuple[str, ...]:
    """Columns of what float and int8 say."""
    if len(words) > 2:
        return ("likeliest: float", "int8", "its p: float", "int8")
    return ("margin: float", "int8", f"p({words[1]}): float", "int8")


def _two_sides(flip: Flip) -> tuple[str, ...]:
    margins, p = (flip.margin_before, flip.margin_after), (flip.p_before, flip.p_after)
    return tuple(f"{value:.4f}" for value in (*margins, *p))


def _several_sides(flip: Flip, words: Sequence[str]) -> tuple[str, ...]:
    return (
        words[flip.likeliest_before],
        words[flip.likeliest_after],
        f"{flip.p_before:.4f}",
        f"{flip.p_after:.4f}",
    )


def layers_table(layers: Sequence[LayerRow]) -> Table:
    """The layers that lose most."""
    worst = sorted(layers, key=lambda layer: layer.rank)[:WORST_LAYERS]
    return Table(
        f"The {len(worst)} layers that lose most",
        ("layer", "operator", "SNR (dB)", "cosine", "range used", "saturated"),
        [
            (
                layer.name,
                layer.operator,
                "exact" if layer.snr_db is None else f"{layer.snr_db:.1f}",
                f"{layer.cosine:.5f}",
                "in float" if layer.range_use is None else f"{layer.range_use:.1%}",
                "-" if layer.saturated is None else f"{layer.saturated:.2%}",
            )
            for layer in worst
        ],
        "In the order of their loss. Range used: share of the 256 steps; saturated: share of values"
        " at an end of the range.",
    )


def attempts_table(attempts: Sequence[Attempt]) -> Table:
    """What accuracy control tried."""
    return Table(
        "What was tried, in order",
        ("attempt", "same label", "mean logit error", "bought", "cost", "kept"),
        [
            (
                a.what,
                f"{a.agreement:.2%}",
                _small(a.mean_logit_error),
                a.bought,
                a.cost,
                "kept" if a.kept else "reverted",
            )
            for a in attempts
        ],
    )


def representative_table(found: RepresentativeSet) -> Table:
    """How int8 ranges were set."""
    stability = "not checked"
    if found.stability:
        stability = f"{len(found.stability.unstable)} of {found.stability.checked} unstable"
    rows = [
        ("strategy", found.strategy),
        ("cells", _NONE if found.cells is None else f"{found.cells:,}"),
        ("they are", found.cells_are),
        ("ranges under another draw", stability),
    ]
    return Table("Cells that the int8 ranges were set on", ("", "is"), rows)


def unstable_table(unstable: Sequence[tuple[str, float]]) -> Table:
    """Tensors whose range depends on the draw of cells."""
    return Table(
        "Tensors whose range depends on which cells are drawn",
        ("tensor", "largest by smallest range"),
        [(name, f"{ratio:.2f}") for name, ratio in unstable],
    )


def calibration_table(found: ProbabilityCalibration, contract: Contract) -> Table:
    """Temperature, band or thresholds, and what they do."""
    int8 = found.temperature_int8
    rows = [
        ("temperature, float", f"{found.temperature_float:.3f}"),
        ("temperature, int8", "that of float" if int8 is None else f"{int8:.3f}"),
        *_refers(found, contract),
        ("ECE, at temperature 1 and calibrated", _pair(found.ece_before, found.ece_after)),
        ("Brier, at temperature 1 and calibrated", _pair(found.brier_before, found.brier_after)),
    ]
    return Table(
        "Calibration of probabilities",
        ("", "is"),
        rows,
        f"Fitted on: {found.fitted_on}. Measured on: {found.measured_on}.",
    )


def _refers(found: ProbabilityCalibration, contract: Contract) -> list[tuple[str, str]]:
    """Rows of what is referred."""
    if found.refer_low is not None and found.refer_high is not None:
        return [("refer band, probability", f"{found.refer_low:.3f} to {found.refer_high:.3f}")]
    least = zip(contract.words, found.thresholds or (), strict=True)
    return [(f"{words} from a probability of", f"{p:.3f}") for words, p in least]


def _pair(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return _NONE
    return f"{before:.4f}, {after:.4f}"


def _small(value: float) -> str:
    return f"{value:.3g}"


def _steps(steps: float | None) -> str:
    return "-" if steps is None else f"{steps:.2f}"


def _flip_margin(comparison: Comparison) -> str:
    return f"{comparison.flip_margin:.4f}" if comparison.flips else "-"


def _change(change: ScoreChange) -> str:
    return f"{change.difference:+.4f} ({change.low:+.4f} to {change.high:+.4f})"
