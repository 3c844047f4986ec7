"""The report of a quantization drift: JSON, Markdown, JUnit and one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from edge.contract import Contract
from edge.documents.charts import bar_chart
from edge.documents.html import to_html
from edge.documents.junit import Check, to_junit
from edge.documents.markdown import to_markdown
from edge.documents.model import Figure, Part, Report, Section, Table, Text
from edge.documents.words import basis_words, counted, p_value
from edge.drift.comparison import Comparison, Flip
from edge.drift.pictures import MOST_PICTURES, sheet_of
from edge.drift.quantization import Kept, QuantizationDrift
from edge.errors import OutputFailed
from edge.statistics.accuracy_change import AccuracyChange
from edge.whole_file import save_bytes

NOTICES = (
    "Quantization drift: the int8 network against the float network it was made from, on the same"
    " cells. It says nothing about whether either is right.",
    "Research software: this is not a diagnosis.",
)


def check_reports(paths: Sequence[Path]) -> None:
    """Refuse files that no report can be written to, before any work is done.

    Raises
    ------
    OutputFailed
    """
    for path in paths:
        if path.suffix.lower() not in _WRITERS:
            raise OutputFailed(
                f"cannot write {path}: a report is {', '.join(_WRITERS)}; name one of these"
            )
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise OutputFailed(f"cannot write {path}: no such folder, or it is one; make it first")
    if len({path.absolute() for path in paths}) < len(paths):
        raise OutputFailed("a report is named twice; name each once")


def write_report(path: Path, found: QuantizationDrift, kept: Kept, contract: Contract) -> None:
    """Write a report in the format of the file's suffix.

    Only the page holds pictures of cells.

    Raises
    ------
    OutputFailed
    """
    _WRITERS[path.suffix.lower()](path, found, kept, contract)


def _write_json(path: Path, found: QuantizationDrift, kept: Kept, contract: Contract) -> None:
    save_bytes(path, (json.dumps(asdict(found), indent=1) + "\n").encode())


def _write_markdown(path: Path, found: QuantizationDrift, kept: Kept, contract: Contract) -> None:
    report = document_of(found, contract, None, f"{path.stem}-logit-errors.svg")
    for figure in report.figures:
        save_bytes(path.with_name(figure.file), figure.image)
    save_bytes(path, to_markdown(report).encode())


def _write_page(path: Path, found: QuantizationDrift, kept: Kept, contract: Contract) -> None:
    save_bytes(path, to_html(document_of(found, contract, kept)).encode())


def _write_junit(path: Path, found: QuantizationDrift, kept: Kept, contract: Contract) -> None:
    group = f"{found.where.network}.quantization-drift"
    checks = [
        Check(
            group,
            gate.name,
            gate.passed,
            gate.says,
            f"value {gate.value}, limit {gate.limit}" if gate.passed is False else "",
        )
        for gate in found.gates
    ]
    save_bytes(path, to_junit("quantization drift", checks))


_WRITERS: dict[str, Callable[[Path, QuantizationDrift, Kept, Contract], None]] = {
    ".json": _write_json,
    ".md": _write_markdown,
    ".html": _write_page,
    ".xml": _write_junit,
}


def document_of(
    found: QuantizationDrift,
    contract: Contract,
    kept: Kept | None = None,
    figure: str = "logit-errors.svg",
) -> Report:
    """Put a quantization drift into a document.

    Parameters
    ----------
    found : QuantizationDrift
    contract : Contract
    kept : Kept, optional
        For pictures of the flips.
    figure : str
        Name of the file of the figure.
    """
    sections = [
        Section("Gates", [_gates(found), Text(_verdict(found))]),
        Section("Int8 against float", [_numbers(found), _errors(found, figure)]),
        Section("Flips", list(_flips(found.comparison, contract, kept))),
    ]
    if found.comparison.accuracy is not None:
        sections.append(Section("Accuracy", list(_accuracy(found, contract))))
    if found.layers:
        sections.append(Section("Layers", list(_layers(found))))
    sections.append(Section("What was compared", [_where(found), *_failures(found)]))
    return Report(f"Quantization drift of {found.where.network}", NOTICES, sections)


def _gates(found: QuantizationDrift) -> Table:
    rows = [(gate.name, gate.result, gate.says) for gate in found.gates]
    return Table("Gates", ("gate", "result", "what was found"), rows)


def _verdict(found: QuantizationDrift) -> str:
    failed = [gate.name for gate in found.gates if gate.passed is False]
    skipped = [gate.name for gate in found.gates if gate.passed is None]
    if not failed:
        unjudged = f" Not judged: {', '.join(skipped)}." if skipped else ""
        return f"No gate failed.{unjudged}"
    if found.first_bad is None:
        return f"Failed: {', '.join(failed)}. No single layer stands out; the noise adds up."
    return f"Failed: {', '.join(failed)}. The first bad layer is {found.first_bad.words}."


def _numbers(found: QuantizationDrift) -> Table:
    each = found.comparison
    rows = [
        ("cells with the same likeliest label", f"{each.agreement:.2%}"),
        ("flips", f"{len(each.flips)}"),
        ("flips where float does not refer", f"{len(each.flips_outside_band)}"),
        ("decisions that change", f"{each.decisions_changed}"),
        ("logit error, mean", f"{each.mean_logit_error:.4f}"),
        ("logit error, largest", f"{each.max_logit_error:.4f}"),
        ("the same in int8 steps, largest", f"{each.max_steps or 0:.1f}"),
        ("probability error, mean", f"{each.mean_p_error:.4f}"),
        ("probability error, largest", f"{each.max_p_error:.4f}"),
        ("Kullback-Leibler divergence, mean, nats", f"{each.mean_kl:.2e}"),
        ("milliseconds a cell, int8", f"{found.latency.int8:.2f}"),
        ("milliseconds a cell, float", f"{found.latency.twin:.2f}"),
    ]
    note = (
        f"Times: shortest of three over {counted(found.latency.cells, 'cell')}, one after the"
        " other in one thread, without reading and decoding."
    )
    return Table(f"On {counted(found.cells, 'cell')}", ("what", "value"), rows, note)


def _errors(found: QuantizationDrift, file: str) -> Figure:
    title = "Histogram of int8 less float, of all logits, in steps of the int8 output"
    chart = bar_chart(found.errors.edges, found.errors.counts, title, "int8 steps")
    caption = "Logits: int8 less float. What lies beyond the axis is in its first and last bar."
    return Figure(file, chart, title, caption)


def _flips(found: Comparison, contract: Contract, kept: Kept | None) -> Iterator[Part]:
    if not found.flips:
        yield Text("No cell has another likeliest label.")
        return
    shown = found.flips[:MOST_PICTURES]
    rows = [
        (
            str(number),
            flip.name,
            contract.words[flip.likeliest_before],
            contract.words[flip.likeliest_after],
            f"{flip.p_before:.3f}",
            f"{flip.p_after:.3f}",
            "yes" if flip.in_band else "no",
        )
        for number, flip in enumerate(shown, 1)
    ]
    columns = ("number", "cell", "float", "int8", "p in float", "p in int8", "referred in float")
    note = f"{len(shown)} of {len(found.flips)}, those farthest from the boundary first."
    yield Table("Cells with another likeliest label", columns, rows, note)
    if kept is not None:
        yield from _pictures(shown, kept)


def _pictures(shown: Sequence[Flip], kept: Kept) -> Iterator[Figure]:
    pictured = {
        number: kept.flips[flip.cell]
        for number, flip in enumerate(shown, 1)
        if flip.cell in kept.flips  # of very many, some are not kept
    }
    if pictured:
        words = "Cells of the table, by their numbers, as the networks see them"
        caption = f"{words}. Do not publish images of others."
        yield Figure("flips.png", sheet_of(pictured), words, caption)


def _accuracy(found: QuantizationDrift, contract: Contract) -> Iterator[Part]:
    change, right = found.comparison.accuracy, found.right
    assert isinstance(change, AccuracyChange)
    assert right is not None
    rows = [
        (
            "accuracy",
            f"{right.twin / right.labelled:.3f}",
            f"{right.int8 / right.labelled:.3f}",
            f"{(right.int8 - right.twin) / right.labelled:+.4f}",
            "-",
        )
    ]
    rows += [
        (
            each.score.replace("_", " "),
            f"{each.before:.3f}",
            f"{each.after:.3f}",
            f"{each.difference:+.4f}",
            f"{each.low:+.4f} to {each.high:+.4f}",
        )
        for each in change.scores
    ]
    columns = ("score", "float", "int8", "difference", "95 % interval")
    of_labels = dict(zip(contract.words, change.of_labels, strict=True))
    test = change.mcnemar
    note = (
        f"{basis_words(of_labels)} Only float is right about"
        f" {counted(test.only_first, 'cell')}, only int8 about {test.only_second};"
        f" McNemar's exact p {p_value(test.p_value)}, which takes cells for independent."
    )
    yield Table("Against the labels", columns, rows, note)


def _layers(found: QuantizationDrift) -> Iterator[Part]:
    cut = {layer.name: f"{layer.share:.1%}" for layer in found.clipping}
    rows = [
        (
            str(number),
            layer.words,
            "not there" if layer.snr_db is None else f"{layer.snr_db:.1f}",
            cut.get(layer.name, ""),
            "first bad" if layer == found.first_bad else "",
        )
        for number, layer in enumerate(found.layers, 1)
    ]
    note = (
        "A layer inherits the noise of all before it. Cells cut off: a value in float beyond what"
        " the int8 range of the layer holds."
    )
    columns = ("layer", "what", "signal to noise, dB", "cells cut off", "")
    yield Table("Int8 against float, layer by layer", columns, rows, note)


def _where(found: QuantizationDrift) -> Table:
    rows = [
        (name.replace("_", " "), ", ".join(value) if isinstance(value, tuple) else str(value))
        for name, value in asdict(found.where).items()
    ]
    return Table("What was compared, and where", ("what", "value"), rows)


def _failures(found: QuantizationDrift) -> Iterator[Table]:
    if found.failed:
        note = f"{min(len(found.failed), MOST_PICTURES)} of {len(found.failed)}."
        rows = found.failed[:MOST_PICTURES]
        yield Table("Inputs that could not be compared", ("input", "why"), rows, note)
