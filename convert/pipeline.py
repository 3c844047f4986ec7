"""One Keras model through all stages: float twin, int8, fidelity, model file, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from convert.graph.float_tflite import to_float_tflite
from convert.graph.layers import float_layers
from convert.job import Job
from convert.network.contract import Terms
from convert.network.fitting import load_for_device
from convert.network.logits_model import LogitsModel
from convert.packing import describe_model_file, pack
from convert.probabilities import Probabilities, fit_probabilities
from convert.quantize.accuracy_control import control, judge_on
from convert.quantize.quantized import Quantized
from convert.quantize.ranges import observe_cells
from convert.quantize.recipe import load_recipe
from convert.quantize.stability import scales_of_halves
from convert.report.compose import compose
from convert.report.schema import ConversionReport, Made, network_of
from convert.report.write import write_reports
from convert.staging import staged
from convert.stopwatch import Stopwatch
from convert.verify.evaluate import evaluate, logits_in
from convert.verify.fidelity import Fidelity, Stages, compare
from convert.verify.gates import (
    Gate,
    judge_fidelity,
    judge_float_layers,
    judge_golden,
    judge_onnx,
    judge_profile,
)
from convert.verify.golden import make_golden
from convert.verify.layer_fidelity import compare_layers
from convert.verify.network_fidelity import measure_network
from convert.verify.network_gates import judge_network

LAYERS_COMPARED_ON = 64
"""Cells: sums over all values of a layer settle with few, and keeping all tensors is slow."""


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes
    ----------
    model : Path
        The model file; there only if every gate holds that could be judged.
    report : ConversionReport
    """

    model: Path
    report: ConversionReport


def convert(
    job: Job,
    out: Path,
    key: str = "",
    threads: int = 1,
    say: Callable[[str], object] = lambda step: None,
) -> Converted:
    """Convert a Keras model into a verified int8 model file.

    Writes ``NAME.tflite`` (the model file), ``NAME-float.tflite`` (its twin),
    ``NAME-ranges.json`` and ``NAME-reference.json`` (with which it can be made again without
    cells), ``NAME.onnx`` if asked for, and the report. If a gate fails, only the report is
    written, and networks of an earlier conversion are removed.

    Parameters
    ----------
    job : Job
    out : Path
        Folder.
    key : str
        Hash of all that the result depends on (:mod:`convert.unchanged`), for the report.
    threads : int
        Processors to use.
    say : callable
        Told the name of each step as it begins.

    Returns
    -------
    Converted

    Raises
    ------
    ConversionFailed
        If a stage refuses the model; nothing is written then.
    OutputFailed
        If the files cannot be written; nothing is changed then.
    """
    watch = Stopwatch(say)
    with watch.step("load"):
        source, terms = load_for_device(job.keras_file, job.terms)
    with watch.step("probabilities"):
        probabilities = job.probabilities or _fit(job, source, terms)
    with watch.step("float TFLite"):
        twin = to_float_tflite(source.model)
    with watch.step("int8"):
        quantized = _quantize(job, source, twin)
    with watch.step("layers"):
        quantized = _compare_layers(job, quantized)
    with watch.step("evaluate"):
        stages = evaluate(source.model, twin, quantized.flatbuffer, job.cells, threads)
    with watch.step("golden vectors"):
        golden = make_golden(quantized.flatbuffer)
    with watch.step("fidelity"):
        found = probabilities.calibration
        fidelity = compare(stages, found.temperature, found.refer_band, found.thresholds)
    with watch.step("network"):
        gates = [*_judge_network(job, source, terms, stages, fidelity)]
    gates += [*judge_fidelity(fidelity, job.options.limits), judge_golden(golden.seen)]
    in_float, chosen = float_layers(quantized.flatbuffer), quantized.recipe.kept_float
    gates.append(judge_float_layers(in_float, chosen, job.options.allow_float))
    if job.options.profile:
        gates.append(judge_profile(quantized.flatbuffer, job.options.profile))
    onnx = b""
    if job.options.onnx:
        with watch.step("ONNX"):
            onnx, gate = _export_onnx(job, source, stages)
        gates.append(gate)
    metadata = describe_model_file(
        job, source, terms, probabilities, twin, quantized, golden, stages, fidelity
    )
    sizes = job.keras_file.stat().st_size, len(twin), len(quantized.flatbuffer)
    network = network_of(job.name, metadata, *sizes)
    report = compose(
        job, network, terms.contract, probabilities, quantized, stages, fidelity, gates, key
    )
    with staged(out, job.name) as folder:
        if all(gate.passed is not False for gate in gates):
            pack(folder, job, twin, quantized, golden, stages, metadata)
            if onnx:
                (folder / f"{job.name}.onnx").write_bytes(onnx)
        report = replace(report, made=_made(watch, quantized))
        write_reports(report, folder, job.options.test or job.options.cells)
    return Converted(out / f"{job.name}.tflite", report)


def _fit(job: Job, source: LogitsModel, terms: Terms) -> Probabilities:
    """Fit temperature and refer band or thresholds on the cells that are set aside for it."""
    cells = job.cells.calibrating
    assert cells is not None  # else the file beside the network was asked for
    return fit_probabilities(source.model, terms.contract, cells, job.cells.calibrating_are)


def _judge_network(
    job: Job, source: LogitsModel, terms: Terms, stages: Stages, fidelity: Fidelity
) -> tuple[Gate, ...]:
    """Judge the Keras network itself."""
    fed, cells = terms.fed, job.cells.evaluation
    found = measure_network(
        stages,
        job.record,
        fidelity,
        terms.contract.names,
        fed,
        lambda other: logits_in(source.model, cells, fed, other),
    )
    return judge_network(found, terms)


def _quantize(job: Job, source: LogitsModel, twin: bytes) -> Quantized:
    """Find the int8 network on representative cells, or make it by a saved recipe."""
    cells, options = job.cells, job.options
    if cells.representative is None or cells.tuning is None:
        recipe, ranges_are = load_recipe(job.recipe_file, source.sha256)
        return Quantized(recipe.build(twin), recipe, ranges_are)
    observed = observe_cells(twin, cells.representative)
    found = control(
        twin,
        cells.representative,
        judge_on(twin, cells.tuning, options.limits.agreement),
        options.budget,
        ranges=observed.over(),
    )
    return Quantized(
        found.flatbuffer,
        found.recipe,
        cells.representative_are,
        found,
        scales_of_halves(observed),
    )


def _compare_layers(job: Job, quantized: Quantized) -> Quantized:
    """Compare layer by layer, where there are cells to do so on."""
    cells, controlled = job.cells.representative, quantized.controlled
    if cells is None or controlled is None:
        return quantized
    some = cells[:LAYERS_COMPARED_ON]
    return replace(quantized, layers=compare_layers(controlled.twin, quantized.flatbuffer, some))


def _made(watch: Stopwatch, quantized: Quantized) -> Made:
    attempts = quantized.controlled.attempts if quantized.controlled else ()
    return Made(
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        watch.seconds,
        {a.what: round(a.latency_ratio, 3) for a in attempts if a.latency_ratio is not None},
    )


def _export_onnx(job: Job, source: LogitsModel, stages: Stages) -> tuple[bytes, Gate]:
    from convert.graph.onnx_export import check_onnx, to_onnx

    onnx = to_onnx(source.model)
    off = check_onnx(onnx, job.cells.evaluation, stages.keras)
    return onnx, judge_onnx(off, job.options.limits)
