"""The report on made-up runs: what it says, what it refuses, what it leaves out."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.documents.html import to_html
from edge.documents.markdown import to_markdown
from edge.documents.model import Report, Section, Table
from edge.errors import DataRefused
from train.report import figures, paper
from train.report.results import measure_runs
from train.report.runs import read_runs
from train.report.write import write_report

SPLITS = {
    ("paper", "paper"): ("H1", "H2", "7", "8"),
    ("holdout", "holdout-H1"): ("H1", "7"),
    ("holdout", "holdout-H2"): ("H2", "8"),
}
SYSTEMS = ("cnn", "vgg16", "rf-pca", "mlp-descriptors")
CROPS = 10  # of a subject
REPLICATES = 40


def made_up_record(name: str, protocol: str, split: str, tested: tuple[str, ...]) -> dict[str, Any]:
    """What a finished run leaves in NAME.json."""
    network = "-" not in name
    trained = ("H1", "H2", "7", "8") if protocol == "paper" else ("H9", "9")
    epochs = [
        {"epoch": i, "loss": 1 / i, "accuracy": 1 - 0.3 / i, "test_accuracy": 0.9 - 0.2 / i}
        for i in (1, 2, 4)
    ]
    return {
        "schema": 1,
        "network": name,
        "kind": "network" if network else "baseline",
        "dataset": "made-up cells",
        "split": {"protocol": protocol, "name": split, "sha256": f"{split}-hash"},
        "training": {"subjects": list(trained), "crops": {"hem": 30, "all": 50}},
        "held_out": {
            "subjects": list(tested),
            "crops": {label: CROPS * len(tested) // 2 for label in ("hem", "all")},
        },
        "data_sha256": "da7a" * 16,
        "recipe": {"name": "paper", "epochs": 3} if network else {"name": "paper"},
        "versions": {"keras": "3.0"},
        "machine": "a made-up machine",
        "code": "0.1 (abc)",
        "seconds_per_epoch": 4.0 if network else None,
        "history": epochs if network else [],
    }


def write_run(
    root: Path,
    name: str = "cnn",
    split: tuple[str, str] = ("holdout", "holdout-H1"),
    change: Callable[[dict[str, Any]], None] = lambda record: None,
    folder: str = "",
) -> Path:
    """Write a made-up finished run: 10 crops of each subject, about one in five decided wrongly."""
    tested = SPLITS[split]
    run = root / (folder or f"{split[1]}-{name}")
    run.mkdir(parents=True)
    record = made_up_record(name, *split, tested)
    change(record)
    (run / f"{name}.json").write_text(json.dumps(record))
    random = np.random.default_rng(SYSTEMS.index(name))
    with (run / f"{name}-held-out.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "subject", "label", "margin"])
        for subject in tested:
            label = int(not subject.startswith("H"))
            for cell in range(1, CROPS + 1):
                file_name = f"UID_{subject}_1_{cell}_{('hem', 'all')[label]}.png"
                margin = random.normal(2 * label - 1, 1.2)
                writer.writerow([file_name, subject, label, round(margin, 5)])
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [write_run(root, name, split) for split in SPLITS for name in SYSTEMS]


@pytest.fixture(scope="module")
def written(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report"
    files = write_report(runs, out, None, REPLICATES)
    assert [file.name for file in files[:2]] == ["report.md", "report.html"]
    assert sorted(files) == sorted(out.iterdir())
    return out


def row(markdown: str, first: str, after: str) -> list[str]:
    """Cells of the first row that starts so, below a caption."""
    below = markdown[markdown.index(after) :].splitlines()
    line = next(line for line in below if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_top_says_what_data_it_rests_on_and_what_it_is_not(written: Path) -> None:
    for name in ("report.md", "report.html"):
        page = (written / name).read_text()
        top = page[: page.index("What is left without the leak")]
        assert "nothing here is a diagnosis" in top
        assert "made-up cells; 120 crops (50 healthy, 70 leukemia) of 4 subjects" in top
        assert "a part of C-NMC and never the paper" in top
        assert "4 of the 4 test subjects stand on both sides" in top


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on as many crops as the paper's; the report of it lies in ``out``."""

    def enlarge(record: dict[str, Any]) -> None:
        record["training"]["crops"] = {"hem": 4000, "all": 8424}

    run = write_run(tmp_path_factory.mktemp("large"), change=enlarge)
    write_report([run], run / "out", None, REPLICATES)
    return run


def test_as_many_crops_as_the_papers_are_not_called_a_part(large: Path) -> None:
    page = (large / "out" / "report.md").read_text()
    assert "a part of C-NMC" not in page
    assert "never the paper's result" in page


def test_the_papers_numbers_stand_beside_ours(written: Path) -> None:
    page = (written / "report.md").read_text()
    for name, title in (("cnn", "CNN"), ("vgg16", "VGG-16"), ("resnet50", "ResNet-50")):
        assert row(page, title, "Table 2")[1] == f"{paper.NETWORKS[name].parameters:,}"
        cells = row(page, title, "Table 3")
        assert cells[2] == f"{paper.NETWORKS[name].test_accuracy:.4f}"
        assert cells[6] == f"{paper.NETWORKS[name].auroc:.2f}"
    assert row(page, "multilayer perceptron", "Table 5")[1] == "0.2733"
    assert "below chance" in page
    assert row(page, "ResNet-50", "Table 6")[1:3] == ["28", "not run"]
    assert "0.925 on the preliminary and 0.910 on the final" in page
    assert paper.NOT_STATED in row(page, "CNN", "Table 3")


def test_our_numbers_are_the_measured_ones(runs: list[Path], written: Path) -> None:
    page = (written / "report.md").read_text()
    run = next(run for run in read_runs(runs) if run.name == "vgg16")
    assert run.split.protocol == "paper"
    accuracy = np.mean((run.margins >= 0) == run.labels)
    cells = row(page, "VGG-16", "Table 3")
    assert cells[4].startswith(f"{accuracy:.3f} (")
    mean = np.mean([0.9 - 0.2 / i for i in (1, 2, 4)])
    assert cells[3] == f"{mean:.3f} over 3 epochs"
    right = (run.margins >= 0) == run.labels
    per_subject = row(page, "H2 (healthy, 10 crops)", "held out, paper split")
    assert per_subject[2] == f"{np.mean(right[run.subjects == 'H2']):.3f}"
    # 4 s for 80 crops
    assert row(page, "VGG-16", "Table 6")[4] == f"{4 * 10_022 / 80:.2f}"


def test_the_leak_free_mean_is_over_the_healthy_subjects(runs: list[Path], written: Path) -> None:
    from sklearn.metrics import roc_auc_score

    page = (written / "report.md").read_text()
    found = [
        roc_auc_score(run.labels, run.margins)
        for run in read_runs(runs)
        if run.name == "cnn" and run.split.protocol == "holdout"
    ]
    cells = row(page, "CNN", "AUROC: paper split against people never seen")
    assert cells[2] == f"{np.mean(found):.3f}, mean of 2"
    assert cells[3] == f"{min(found):.3f}-{max(found):.3f}"
    assert row(page, "H2", "Each healthy subject")[3].startswith(f"{found[1]:.3f} /")
    assert "1 subject (its crops were resampled" in page


def test_the_page_needs_no_network_and_no_script(written: Path) -> None:
    page = (written / "report.html").read_text()
    assert not re.search(r"https?://|<script|@import|url\(", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert page.count("<img") == page.count('alt="') - page.count('alt=""')


def test_every_figure_of_the_markdown_lies_beside_it(written: Path) -> None:
    named = re.findall(r"\]\(([^)]+)\)", (written / "report.md").read_text())
    assert {"figure-roc.svg", "figure-confusion-1.svg"} < set(named)
    assert set(named) == {file.name for file in written.iterdir()} - {"report.md", "report.html"}


def test_the_same_runs_in_any_order_give_the_same_bytes(
    runs: list[Path], written: Path, tmp_path: Path
) -> None:
    write_report(runs[::-1], tmp_path, None, REPLICATES)
    again = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert again == {file.name: file.read_bytes() for file in written.iterdir()}


def put_pictures(folder: Path) -> Path:
    for subject in ("H1", "H2", "7", "8"):
        label = "hem" if subject.startswith("H") else "all"
        (folder / label).mkdir(parents=True, exist_ok=True)
        for cell in range(1, CROPS):  # the last one is not there
            pixels = np.full((20, 20, 3), 20 * cell, np.uint8)
            assert cv2.imwrite(str(folder / label / f"UID_{subject}_1_{cell}_{label}.png"), pixels)
    return folder


def test_pictures_of_cells_are_there_only_when_asked_for(tmp_path: Path) -> None:
    run, out = write_run(tmp_path), tmp_path / "out"
    write_report([run], out, put_pictures(tmp_path / "crops"), REPLICATES)
    assert [file.name for file in out.glob("*.png")] == ["worst-errors-holdout-h1-cnn.png"]
    assert "data:image/png" in (out / "report.html").read_text()
    write_report([run], out, None, REPLICATES)
    assert not list(out.glob("*.png"))
    assert "data:image/png" not in (out / "report.html").read_text()
    assert "left out" in (out / "report.md").read_text()


def test_the_surest_errors_are_named_first(large: Path) -> None:
    (read,) = read_runs([large])
    healthy = np.where(read.labels == 0, read.margins, -np.inf)
    name = str(read.names[np.argmax(healthy)])
    assert row((large / "out" / "report.md").read_text(), "CNN", "Surest errors")[1] == name


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"nowhere holds no image"):
        write_report([write_run(tmp_path)], tmp_path / "out", tmp_path / "nowhere", REPLICATES)


def test_two_recipes_of_a_network_stand_side_by_side(tmp_path: Path) -> None:
    def best(record: dict[str, Any]) -> None:
        record["recipe"]["name"] = "best"
        record["validation"] = {"subjects": ["10"], "crops": {"hem": 1, "all": 2}}
        for epoch in record["history"]:
            epoch |= {"validation_accuracy": 0.7, "validation_loss": 0.5, "test_loss": 0.6}

    folders = [write_run(tmp_path), write_run(tmp_path, change=best, folder="best")]
    write_report(folders, tmp_path / "out", None, REPLICATES)
    page = (tmp_path / "out" / "report.md").read_text()
    assert row(page, "CNN, paper recipe", "Table 3")[4] == "not run"
    assert row(page, "CNN, best recipe", "Table 6")[3] == "83"  # with the crops set aside


def test_baselines_alone_make_a_report(tmp_path: Path) -> None:
    folders = [write_run(tmp_path, name) for name in ("rf-pca", "mlp-descriptors")]
    write_report(folders, tmp_path / "out", None, REPLICATES)
    assert not list((tmp_path / "out").glob("figure-training-*"))
    assert (tmp_path / "out" / "figure-roc.svg").is_file()


def test_crops_of_unknown_people_are_not_called_people(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    path = run / "cnn-held-out.csv"
    path.write_text(re.sub(r"(UID_(\w+)\.png),\w+", r"\1,\2", path.read_text()))
    write_report([run], tmp_path / "out", None, REPLICATES)
    page = (tmp_path / "out" / "report.md").read_text()
    assert "each crop counts as its own subject" in page
    assert "The files do not say whose cells these are." in page


def test_marks_of_markdown_and_html_in_data_stay_words() -> None:
    table = Table("caption", ("a|b", "n"), [("<b>_x_ *y*", "1"), ("a_b", "-")], "note")
    report = Report("title", ["notice"], [Section("section", [table])])
    markdown = to_markdown(report)
    assert r"| \<b\>\_x\_ \*y\* | 1 |" in markdown
    assert r"| a\|b | n |" in markdown
    assert "| a_b | - |" in markdown
    assert "&lt;b&gt;_x_ *y*" in to_html(report)


def test_the_area_under_a_drawn_roc_curve_is_the_auroc_beside_its_name(runs: list[Path]) -> None:
    panels = figures.roc(measure_runs(read_runs(runs), REPLICATES)).axes
    curves = [line for axes in panels for line in axes.lines if "  0." in str(line.get_label())]
    assert len(curves) >= len(SPLITS)
    for curve in curves:
        x, y = curve.get_xdata(), curve.get_ydata()
        area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
        assert area == pytest.approx(float(str(curve.get_label()).split()[-1]), abs=6e-4)
