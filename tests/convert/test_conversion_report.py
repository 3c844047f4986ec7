"""The report of a conversion, on made-up logits: what it says, keeps, refuses and leaves out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calibration.probabilities.refer_band import ReferBand
from convert.cli.main import app
from convert.report.cell_scores import cell_scores
from convert.report.figures import MOST_LAYERS, shown_layers
from convert.report.junit import gates_as_junit
from convert.report.schema import (
    Attempt,
    ConversionReport,
    LayerRow,
    Made,
    Network,
    ProbabilityCalibration,
    RepresentativeSet,
    Stability,
    StageFile,
    network_of,
    read_report,
)
from convert.report.write import write_reports
from convert.verify.fidelity import Stages, compare
from convert.verify.gates import judge_fidelity
from edge.crops.drawn import draw_cell
from edge.errors import DataRefused, OutputFailed, ReportRefused
from edge.models.cnmc import CONTRACT
from edge.models.metadata import Operator
from edge.models.model_file import SHIPPED_MODEL, read_model_file

ROOT = Path(__file__).parents[2]
CELLS = 60
NETWORK = Network(
    "cnn",
    "made-up cells",
    (
        StageFile("Keras", "4e" * 32, 800_000),
        StageFile("float TFLite", "f1" * 32, 600_000),
        StageFile("int8 TFLite", "18" * 32, 200_000),
    ),
    "static int8, made up",
    (Operator("CONV_2D", 1, 10),),
    "1.5.0",
    {"keras": "3.0", "numpy": "2.0"},
)
LAYERS = (
    LayerRow("conv_1", "CONV_2D", 31.25, 0.9996, 0.5, 0.001, 2),
    LayerRow("conv_2", "CONV_2D", 12.5, 0.97, 0.25, 0.03, 1),
    LayerRow("pool", "MAX_POOL_2D", None, 1.0, 0.5, 0.0, 3),
)
EXTRAS: dict[str, Any] = {
    "layers": LAYERS,
    "attempts": (
        Attempt("equalise weights", 0.99, 0.01, "1 flip fewer", "nothing"),
        Attempt("cut ranges off", 0.9, 0.3, "nothing", "nothing", kept=False),
    ),
    "representative": RepresentativeSet(
        "one of each person",
        300,
        "made-up",
        Stability(7, (("conv_2", 1.42),)),
        ("few people",),
    ),
    "calibration": ProbabilityCalibration(
        1.5, None, 0.4, 0.6, None, 0.09, 0.05, None, None, "made-up", "others", ("few cells",)
    ),
    "made": Made("2026-01-02T03:04:05Z", {"convert": 1.5}),
}


def stages(labels: bool = True, flips: int = 2) -> Stages:
    """Stages of 60 cells of eight people; the first few flip, just beside the boundary."""
    is_all = np.arange(CELLS) % 2
    margins = np.where(is_all == 1, 1.0, -1.0) * np.linspace(0.1, 3, CELLS)
    margins[:flips] = 0.01
    twin = np.stack([-margins / 2, margins / 2], axis=1)
    int8 = twin.copy()
    int8[:flips] *= -1
    names = np.array([f"hem/cell-{i:03d}.png" for i in range(CELLS)])
    subjects = np.array([f"s-{i % 8}" for i in range(CELLS)])
    given_labels, given_subjects = (is_all, subjects) if labels else (None, None)
    return Stages(
        twin + 1e-6, twin, int8, 0.01, names, given_labels, given_subjects, "60 made-up cells"
    )


@functools.cache
def measured(labels: bool, flips: int) -> ConversionReport:
    of_stages = stages(labels, flips)
    fidelity = compare(of_stages, 1.5, ReferBand(0.4, 0.6))
    gates = judge_fidelity(fidelity)
    return ConversionReport(NETWORK, CONTRACT, gates, fidelity, cell_scores(of_stages))


def made_up(labels: bool = True, flips: int = 2, **extras: Any) -> ConversionReport:
    return replace(measured(labels, flips), **extras)


@pytest.fixture(scope="module")
def report() -> ConversionReport:
    return made_up(**EXTRAS)


@pytest.fixture(scope="module")
def written(report: ConversionReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report"
    files = write_reports(report, out)
    assert sorted(files) == sorted(out.iterdir())
    return out


@pytest.fixture(scope="module")
def markdown(written: Path) -> str:
    return (written / "cnn-report.md").read_text()


def row(markdown: str, first: str, after: str) -> list[str]:
    """Cells of the first row that starts so, below a caption."""
    below = markdown[markdown.index(after) :].splitlines()
    line = next(line for line in below if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_what_is_written_is_one_json_three_renderings_and_the_figures(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {
        "cnn-report.json",
        "cnn-report.md",
        "cnn-report.html",
        "cnn-report.junit.xml",
        "cnn-report-logits.svg",
        "cnn-report-reliability.svg",
        "cnn-report-layers.svg",
    }


def test_the_json_gives_the_report_back(report: ConversionReport, written: Path) -> None:
    assert read_report(written / "cnn-report.json") == report
    assert (written / "cnn-report.json").read_text() == report.to_json()


def test_everything_is_rendered_again_from_the_json_alone(written: Path, tmp_path: Path) -> None:
    file = tmp_path / "cnn-report.json"
    file.write_bytes((written / "cnn-report.json").read_bytes())
    done = CliRunner().invoke(app, ["report", str(file)])
    assert done.exit_code == 3  # two of sixty cells flip
    for path in written.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_reports_of_the_same_conversion_differ_in_made_only(report: ConversionReport) -> None:
    later = replace(report, made=Made("2027-01-01T00:00:00Z", {"convert": 9.0}))
    assert later.to_json() != report.to_json()
    assert later.without_made().to_json() == report.without_made().to_json()
    fields = {key: value for key, value in json.loads(later.to_json()).items() if key != "made"}
    assert fields == {k: v for k, v in json.loads(report.to_json()).items() if k != "made"}


def test_the_verdict_comes_first_then_the_sections_in_their_order(markdown: str) -> None:
    assert re.findall("^## (.*)", markdown, re.MULTILINE) == [
        "Verdict",
        "What was converted",
        "Fidelity in three stages",
        "Flips",
        "Layer by layer",
        "Accuracy control",
        "Representative set",
        "Probabilities",
    ]
    assert "1 of 5 gates failed." in markdown
    assert "it gives no diagnosis" in markdown[: markdown.index("## Verdict")]


def test_the_gates_are_shown_with_what_was_measured(markdown: str) -> None:
    agreement = row(markdown, "same label", "**Gates**")
    assert agreement[2:] == ["96.67%", "at least 99.50%", "FAILED"]
    assert row(markdown, "largest logit error", "**Gates**")[2:] == [
        "1e-06",
        "at most 0.001",
        "passed",
    ]
    assert "Failed: int8 agrees with float on 96.67% of 60 cells (2 differ)" in markdown


def test_the_tables_hold_what_the_report_holds(report: ConversionReport, markdown: str) -> None:
    int8 = report.fidelity.quantization
    assert int8.accuracy is not None
    stages = "**Each stage against the one before**"
    assert row(markdown, "flips", stages)[1:] == ["0", "2"]
    assert row(markdown, "every flip lies within a margin of", stages)[1:] == ["-", "0.0100"]
    assert row(markdown, "mean logit error, in int8 steps", stages)[2] == f"{int8.mean_steps:.2f}"
    f1 = int8.accuracy.of("weighted_f1")
    shown = row(markdown, "weighted F1", "**Accuracy of each stage")
    assert shown[2:4] == [f"{f1.before:.4f}", f"{f1.after:.4f}"]
    assert shown[4].startswith(f"{f1.difference:+.4f} (")
    # one of the two is turned from wrong to right
    assert "by float alone: 1 cell; by int8 alone: 1 cell; p = 1.000" in markdown
    assert row(markdown, "hem/cell-000.png", "## Flips")[1:4] == ["healthy", "0.0100", "-0.0100"]
    assert row(markdown, "int8 TFLite", "**Stages**")[1:] == ["0.20", "25.0%", "18" * 32]


def test_the_layer_that_loses_most_comes_first(markdown: str) -> None:
    below = markdown[markdown.index("layers that lose most") :]
    assert below.index("| conv_2 |") < below.index("| conv_1 |") < below.index("| pool |")
    assert row(markdown, "pool", "layers that lose most")[2] == "exact"


def test_what_was_tried_and_reverted_is_told(markdown: str) -> None:
    assert row(markdown, "cut ranges off", "## Accuracy control")[-1] == "reverted"
    assert row(markdown, "equalise weights", "## Accuracy control")[-3:-1] == [
        "1 flip fewer",
        "nothing",
    ]


def test_unstable_ranges_and_warnings_are_told(markdown: str) -> None:
    assert row(markdown, "conv_2", "**Tensors whose range depends")[1] == "1.42"
    assert "Warning: few people." in markdown


def test_what_was_not_done_is_said_and_not_invented(tmp_path: Path) -> None:
    write_reports(made_up(labels=False, flips=0), tmp_path)
    markdown = (tmp_path / "cnn-report.md").read_text()
    assert "4 of 5 gates passed; 1 gate could not be judged" in markdown
    assert row(markdown, "loss of weighted F1", "**Gates**")[2:] == [
        "not measured",
        "at most 0.0020",
        "skipped",
    ]
    assert "which have no labels: nothing here says how good the network is" in markdown
    assert "Float and int8 give every cell the same label." in markdown
    assert "Layers were not compared." in markdown
    assert "Accuracy control was off" in markdown
    assert "## Probabilities" not in markdown
    assert not (tmp_path / "cnn-report-reliability.svg").exists()


def test_the_page_needs_no_other_file(written: Path) -> None:
    page = (written / "cnn-report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) > 3
    assert all(source.startswith(("data:image/svg+xml;base64,", "#")) for source in sources)
    assert "<script" not in page


def test_junit_has_a_test_case_per_gate(report: ConversionReport) -> None:
    root = ElementTree.fromstring(gates_as_junit(report))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("5", "1", "0")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert set(cases) == {gate.name for gate in report.gates}
    failure = cases["agreement"].find("failure")
    assert failure is not None
    assert "96.67%" in failure.get("message", "")
    assert cases["agreement"].get("classname") == "cnn.float-to-int8"
    assert cases["parity"].find("failure") is None


def test_junit_skips_a_gate_that_could_not_be_judged() -> None:
    root = ElementTree.fromstring(gates_as_junit(made_up(labels=False, flips=0)))
    (skipped,) = root.iter("skipped")
    assert "are not of every label" in skipped.get("message", "")
    assert (root.get("failures"), root.get("skipped")) == ("0", "1")


@given(st.text(min_size=1))
def test_junit_is_xml_whatever_a_file_is_called(name: str) -> None:
    found = made_up()
    gate = replace(found.gates[1], says=f"first {name}", name=name, stage=name)
    ElementTree.fromstring(gates_as_junit(replace(found, gates=(gate,))))


def put_pictures(folder: Path) -> Path:
    (folder / "hem").mkdir(parents=True)
    bgr = cv2.resize(draw_cell(0), (70, 70))[:, :, ::-1]
    assert cv2.imwrite(str(folder / "hem" / "cell-000.png"), bgr)
    return folder


def test_pictures_of_flips_are_there_only_when_asked_for(tmp_path: Path) -> None:
    found, out = made_up(), tmp_path / "out"
    write_reports(found, out, put_pictures(tmp_path / "crops"))
    assert (out / "cnn-report-flips.png").exists()
    assert "hold pictures of real cells" in (out / "cnn-report.md").read_text()
    other = out / "vgg16-report-flips.png"
    other.write_bytes(b"of another network")
    write_reports(found, out)
    assert not (out / "cnn-report-flips.png").exists()
    assert "image/png" not in (out / "cnn-report.html").read_text()
    assert "Pictures of the cells are left out" in (out / "cnn-report.md").read_text()
    assert other.exists()


def test_a_folder_without_pictures_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataRefused, match="holds no image"):
        write_reports(made_up(), tmp_path / "out", tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed, match="file/out"):
        write_reports(made_up(labels=False), tmp_path / "file" / "out")


def test_a_number_that_json_does_not_know_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    bad = made_up(layers=(replace(LAYERS[0], cosine=float("nan")),))
    with pytest.raises(ReportRefused, match="the report of cnn holds NaN"):
        write_reports(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_of_many_layers_shows_those_that_lose_most() -> None:
    many = [replace(LAYERS[0], name=f"conv_{i}", rank=200 - i) for i in range(200)]
    shown = shown_layers(many)
    assert [layer.name for layer in shown] == [f"conv_{i}" for i in range(200 - MOST_LAYERS, 200)]


def test_what_a_report_says_of_a_network_is_what_its_model_file_says() -> None:
    shipped = read_model_file(SHIPPED_MODEL)
    found = network_of("mine", shipped.metadata, 3, 2, len(shipped.flatbuffer))
    assert (found.name, found.operators) == ("mine", shipped.metadata.operators)
    assert "a part of C-NMC 2019" in found.trained_on
    assert found.files[2] == StageFile(
        "int8 TFLite", hashlib.sha256(shipped.flatbuffer).hexdigest(), len(shipped.flatbuffer)
    )
    assert [file.size for file in found.files[:2]] == [3, 2]


def test_the_command_says_where_the_pages_are_and_how_the_gates_went(tmp_path: Path) -> None:
    file = tmp_path / "cnn-report.json"
    file.write_text(made_up(flips=0).to_json())
    out = tmp_path / "pages"
    done = CliRunner().invoke(app, ["report", str(file), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert f"saved {out / 'cnn-report.html'}" in done.stdout
    assert "5 of 5 gates passed." in done.stdout
    assert (out / "cnn-report.json").read_bytes() == file.read_bytes()


def test_the_command_fails_where_a_gate_failed_after_it_has_written(tmp_path: Path) -> None:
    file = tmp_path / "cnn-report.json"
    file.write_text(made_up().to_json())
    done = CliRunner().invoke(app, ["report", str(file)])
    assert done.exit_code == 3
    assert "gate failed: int8 agrees with float on 96.67%" in done.stderr
    assert (tmp_path / "cnn-report.html").exists()


def dataclasses_in(kind: Any) -> set[Any]:
    """All dataclasses that a type is made of."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind).values()
        return {kind}.union(*map(dataclasses_in, hints))
    return set().union(*map(dataclasses_in, typing.get_args(kind)))


def test_every_field_of_the_schema_is_documented() -> None:
    text = (ROOT / "docs" / "report-schema.md").read_text()
    kinds = dataclasses_in(ConversionReport)
    assert len(kinds) > 15
    for kind in kinds:
        for field in dataclasses.fields(kind):
            assert f"`{field.name}`" in text, f"{kind.__name__}.{field.name}"
