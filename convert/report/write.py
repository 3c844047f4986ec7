"""Write the report of a conversion: JSON, Markdown, HTML, JUnit XML and figures."""

from __future__ import annotations

from pathlib import Path

from calibration.cells.pictures import Pictures
from calibration.figures import draw_figure
from convert.report import figures, flips, tables
from convert.report.junit import gates_as_junit
from convert.report.schema import ConversionReport
from convert.verify.gates import verdict
from edge.documents.html import to_html
from edge.documents.markdown import to_markdown
from edge.documents.model import Figure, Part, Report, Section, Text
from edge.errors import OutputFailed
from edge.whole_file import save_bytes


def write_reports(report: ConversionReport, out: Path, pictures: Path | None = None) -> list[Path]:
    """Write ``NETWORK-report.json``, ``.md``, ``.html``, ``.junit.xml`` and figures.

    Everything is rendered from the report alone, and the same report gives the
    same bytes. Figures of an earlier report of the network are removed, so that a
    copy made without pictures of real cells holds none.

    Parameters
    ----------
    report : ConversionReport
    out : Path
        Folder; it is made.
    pictures : Path, optional
        Folder of the evaluation crops, or the CSV file that lists them, to show flips as
        pictures.

    Returns
    -------
    list of Path
        The files written: JSON, Markdown, HTML, JUnit XML, then the figures.

    Raises
    ------
    DataRefused
        If the folder of pictures cannot be used; names it.
    OutputFailed
        If a file cannot be written.
    """
    text = report.to_json()  # first: it refuses what no page could show
    document = describe_report(report, _pictures(report, pictures) if pictures else None)
    name = f"{report.network.name}-report"
    files = {
        f"{name}.json": text.encode(),
        f"{name}.md": to_markdown(document).encode(),
        f"{name}.html": to_html(document).encode(),
        f"{name}.junit.xml": gates_as_junit(report),
        **{figure.file: figure.image for figure in document.figures},
    }
    try:
        for file, content in files.items():
            save_bytes(out / file, content)
        for stale in [*out.glob(f"{name}-*.svg"), *out.glob(f"{name}-*.png")]:
            if stale.name not in files:
                stale.unlink()
    except OSError as error:
        raise OutputFailed(f"the report cannot be written to {out}: {error.strerror}") from error
    return [out / file for file in files]


def _pictures(report: ConversionReport, data: Path) -> Pictures:
    """Crops of a folder, or those below the folder that a CSV file of labels lies in."""
    contract = report.contract
    folder = data.parent if data.is_file() else data
    return Pictures(folder, contract.names, contract.side, contract.background)


def describe_report(report: ConversionReport, pictures: Pictures | None) -> Report:
    """Put everything the report says in order: the verdict first."""
    sections = [
        Section("Verdict", [Text(verdict(report.gates)), *_verdict(report)]),
        _converted(report),
        _fidelity(report),
        _flips(report, pictures),
        _layers(report),
        _attempts(report),
        _representative(report),
        _calibration(report),
    ]
    return Report(
        f"From Keras to int8: {report.network.name}",
        _notices(report, pictures),
        [section for section in sections if section.parts],
    )


def _notices(report: ConversionReport, pictures: Pictures | None) -> list[str]:
    notices = [report.contract.intended_use, f"Trained on: {report.network.trained_on}."]
    if report.cells.labels is None:
        notices.append(
            f"Compared on {report.fidelity.cells_are}, which have no labels: nothing here says how"
            " good the network is."
        )
    if pictures:
        notices.append("This copy may hold pictures of real cells: their terms are their owners'.")
    if report.made:
        seconds = "; ".join(f"{step} {took:.1f} s" for step, took in report.made.seconds.items())
        notices.append(f"Made at {report.made.at}{f': {seconds}' if seconds else ''}.")
    return notices


def _verdict(report: ConversionReport) -> list[Part]:
    bad = [gate for gate in report.gates if not gate.passed]
    return [
        tables.gates_table(report.gates),
        *(Text(f"{gate.result.capitalize()}: {gate.says}.") for gate in bad),
    ]


def _converted(report: ConversionReport) -> Section:
    network = report.network
    return Section(
        "What was converted",
        [
            tables.files_table(network),
            Text(f"Quantization: {network.scheme}."),
            tables.operators_table(network),
            tables.tools_table(network),
        ],
    )


def _fidelity(report: ConversionReport) -> Section:
    parts: list[Part] = [tables.fidelity_table(report.fidelity, report.contract)]
    accuracy = tables.accuracy_table(report.fidelity, report.contract)
    if accuracy and report.fidelity.quantization.accuracy:
        parts += [accuracy, Text(tables.mcnemar_words(report.fidelity.quantization.accuracy))]
    else:
        parts.append(
            Text(
                "The cells are not of every label: the change of accuracy, weighted F1, AUROC and"
                " ECE is not known."
            )
        )
    parts.append(_logits_figure(report))
    if report.cells.labels is not None:
        parts.append(_reliability_figure(report))
    return Section("Fidelity in three stages", parts)


def _logits_figure(report: ConversionReport) -> Figure:
    what = "margin" if report.is_of_two else "logit"
    caption = (
        f"Each cell: the {what} of int8 against that of float (left), and the difference in int8"
        " steps (right)."
    )
    if report.is_of_two:
        caption += f" Right of 0, {report.contract.words[1]} is likelier. Shaded: cells that float"
        caption += " refers."
    return _figure(
        report,
        "logits",
        draw_figure(figures.logit_scatter, report),
        f"Logit{' margins' if report.is_of_two else 's'} of float and int8, cell by cell; the table"
        " above has the errors.",
        caption,
    )


def _reliability_figure(report: ConversionReport) -> Figure:
    of_what = "the likeliest label is right"
    if report.is_of_two:
        of_what = f"are {report.contract.words[1]}"
    shares = f"Share of cells {'that' if report.is_of_two else 'of which'} {of_what}"
    return _figure(
        report,
        "reliability",
        draw_figure(figures.reliability_curves, report),
        f"{shares} against the calibrated probability, in float and int8; the table above has the"
        " calibration errors.",
        f"{shares} against the calibrated probability, in ten bins. On the dotted line a"
        " probability means what it says.",
    )


def _flips(report: ConversionReport, pictures: Pictures | None) -> Section:
    found, words = report.fidelity.quantization.flips, report.contract.words
    if not found:
        return Section("Flips", [Text("Float and int8 give every cell the same label.")])
    parts: list[Part] = [tables.flips_table(found, report.contract)]
    if pictures:
        image = draw_figure(flips.sheet, found, pictures, words, suffix="png")
        of_what = words[1] if report.is_of_two else "the likeliest label"
        caption = f"Float probability to int8 probability of {of_what}."
        if len(found) > flips.MOST_PICTURES:
            caption += f" The first {flips.MOST_PICTURES} of {len(found)}."
        name = f"{report.network.name}-report-flips.png"
        parts.append(Figure(name, image, "Pictures of the cells of the table above.", caption))
    else:
        parts.append(Text("Pictures of the cells are left out of this copy."))
    return Section("Flips", parts)


def _layers(report: ConversionReport) -> Section:
    if report.layers is None:
        return Section("Layer by layer", [Text("Layers were not compared.")])
    shown = figures.shown_layers(report.layers)
    caption = "Int8 against float in the output of each layer, in the order of the network."
    if len(shown) < len(report.layers):
        caption += f" The {len(shown)} of {len(report.layers)} that lose most."
    return Section(
        "Layer by layer",
        [
            tables.layers_table(report.layers),
            _figure(
                report,
                "layers",
                draw_figure(figures.layer_bars, shown),
                "Signal-to-noise ratio of each layer; the table above has the worst.",
                f"{caption} Longer is better; the ten that lose most are red.",
            ),
        ],
    )


def _attempts(report: ConversionReport) -> Section:
    title = "Accuracy control"
    if report.attempts is None:
        return Section(title, [Text("Accuracy control was off: the first int8 network stands.")])
    if not report.attempts:
        return Section(title, [Text("Nothing had to be tried: the first int8 network stands.")])
    return Section(title, [tables.attempts_table(report.attempts)])


def _representative(report: ConversionReport) -> Section:
    found = report.representative
    if found is None:
        return Section("Representative set", [])
    parts: list[Part] = [tables.representative_table(found)]
    if found.stability and found.stability.unstable:
        parts.append(tables.unstable_table(found.stability.unstable))
    return Section(
        "Representative set", [*parts, *(Text(f"Warning: {words}.") for words in found.warnings)]
    )


def _calibration(report: ConversionReport) -> Section:
    found = report.calibration
    if found is None:
        return Section("Probabilities", [])
    warnings = (Text(f"Warning: {words}.") for words in found.warnings)
    return Section("Probabilities", [tables.calibration_table(found, report.contract), *warnings])


def _figure(report: ConversionReport, name: str, image: bytes, alt: str, caption: str) -> Figure:
    return Figure(f"{report.network.name}-report-{name}.svg", image, alt, caption)
