"""``edge-all drift``: found where int8 is not its twin any more, and not found where it is."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from command_helpers import edge_all
from edge_helpers import encoded
from float_twins import (
    shipped_twin,
    with_other_weights,
    with_ranges_of,
    with_scale_edited,
    write_model_with_twin,
)
from hypothesis import given
from hypothesis import strategies as st

from edge.crops.drawn import draw_cell
from edge.decoding.decode import read_crop
from edge.drift.drawing import EvenDraw, is_drawn
from edge.drift.gates import DriftLimits, limits_of

pytestmark = pytest.mark.usefixtures("one_model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models with their twins, and 12 drawn cells of four people in folders of their labels."""
    folder = tmp_path_factory.mktemp("drift")
    write_model_with_twin(folder / "good.tflite")
    write_model_with_twin(folder / "scale.tflite", with_scale_edited(layer=4, factor=2.0))
    write_model_with_twin(folder / "weights.tflite", with_other_weights())
    few = [read_crop(drawn_file(folder / "few", seed), 70) for seed in range(100, 105)]
    write_model_with_twin(folder / "few.tflite", with_ranges_of(np.stack(few)))
    for seed in range(12):
        label = "all" if seed % 2 else "hem"
        drawn_file(folder / "cells" / label, seed, f"UID_{label[0]}{seed % 4}_1_{seed}.png")
    return folder


def drawn_file(folder: Path, seed: int, name: str = "") -> Path:
    path = folder / (name or f"{seed}.png")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(np.ascontiguousarray(draw_cell(seed)[::3, ::3])))
    return path


@pytest.fixture
def one_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_nothing_is_found_on_an_int8_network_and_its_own_twin(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "drift.json"
    options = ["--model", "good.tflite", "--labels", "folders", "--people", r"UID_(\w\d)_"]
    done = edge_all("drift", "--threads", 1, "cells", *options, "--out", out)
    assert done.exit_code == 0, done.output
    assert "0 flips" in done.stdout
    assert "not a diagnosis" in done.stdout
    found = json.loads(out.read_text())
    assert (found["schema"], found["cells"], found["failed"]) == (1, 12, [])
    assert found["comparison"]["max_steps"] < 4
    assert sum(found["errors"]["counts"]) == 24
    assert found["right"]["twin"] == found["right"]["int8"]
    scores = {each["score"]: each for each in found["comparison"]["accuracy"]["scores"]}
    assert {"sensitivity", "specificity", "weighted_f1", "auroc", "ece"} <= scores.keys()
    assert found["comparison"]["accuracy"]["mcnemar"]["p_value"] == 1
    assert [each["subjects"] for each in found["comparison"]["accuracy"]["of_labels"]] == [2, 2]
    assert found["layers"] == []
    assert sum(each["clipped"] for each in found["clipping"]) == 0


@pytest.mark.parametrize(
    ("model", "first_bad"), [("scale", "re_lu_4_1/Relu"), ("weights", "re_lu_1/Relu")]
)
def test_a_network_that_is_not_its_twins_fails_and_the_first_bad_layer_is_named(
    model: str, first_bad: str, tmp_path: Path
) -> None:
    reports = [tmp_path / f"drift.{suffix}" for suffix in ("json", "html", "xml", "md")]
    out = [option for path in reports for option in ("--out", path)]
    done = edge_all(
        "drift", "--threads", 1, "cells", "--model", f"{model}.tflite", "--most", 8, *out
    )
    assert done.exit_code == 3
    assert "failed   mean-p-error" in done.stdout
    assert f"first bad layer: CONV_2D {first_bad} " in done.stdout
    found = json.loads(reports[0].read_text())
    assert found["first_bad"]["name"].startswith(first_bad)
    page = reports[1].read_text()
    assert page.count("data:image/png;base64,") == 1  # the flips, side by side
    assert page.count("data:image/svg+xml;base64,") == 1
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    failed = ElementTree.parse(reports[2]).getroot().attrib["failures"]
    assert int(failed) == sum(gate["passed"] is False for gate in found["gates"]) > 0
    assert "drift-logit-errors.svg" in reports[3].read_text()
    assert ElementTree.parse(tmp_path / "drift-logit-errors.svg").getroot().tag.endswith("svg")


def test_ranges_of_five_cells_are_found_though_no_cell_flips(tmp_path: Path) -> None:
    out = tmp_path / "drift.json"
    done = edge_all("drift", "--threads", 1, "cells", "--model", "few.tflite", "--out", out)
    found = json.loads(out.read_text())
    assert found["comparison"]["flips"] == []
    assert done.exit_code == 3
    assert "failed   clipped-cells" in done.stdout
    assert "convert it again" in done.stdout
    assert "first bad layer: CONV_2D re_lu_" in done.stdout
    assert "of cells cut off)" in done.stdout
    shares = {each["name"]: each["clipped"] / each["cells"] for each in found["clipping"]}
    assert shares[found["first_bad"]["name"]] > 0.1
    assert all(each["cells"] == 12 for each in found["clipping"])


def test_a_replay_package_gives_the_same_logits_again(tmp_path: Path) -> None:
    package = tmp_path / "replay.zip"
    edge_all(
        "drift",
        "--threads",
        1,
        "cells",
        "--model",
        "scale.tflite",
        "--replay",
        package,
        "--most",
        5,
    )
    done = edge_all("drift", "replay", package)
    assert done.exit_code == 0, done.output
    assert "5 cells: int8 logits differ by 0 at most" in done.stdout
    with zipfile.ZipFile(package) as archive:
        facts = json.loads(archive.read("replay.json"))
        assert archive.read("float.tflite") == shipped_twin()
    assert facts["where"]["runtime"]
    assert len(facts["cells"]) == 5


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_what_is_no_replay_package_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "replay.zip"
    path.write_bytes(content)
    done = edge_all("drift", "replay", path)
    assert done.exit_code == 2
    assert "is no replay package" in done.stderr


def test_a_model_file_without_its_twin_is_refused_and_so_is_another_twin(tmp_path: Path) -> None:
    model = write_model_with_twin(tmp_path / "alone.tflite", packed_in=False)
    some = ("drift", "--threads", 1, "cells", "--most", 2, "--model", model)
    done = edge_all(*some)
    assert done.exit_code == 4
    assert "--with-twin" in done.stderr
    (tmp_path / "alone-float.tflite").write_bytes(shipped_twin() + b" ")
    done = edge_all(*some)
    assert done.exit_code == 4
    assert "refused (changed)" in done.stderr
    (tmp_path / "alone-float.tflite").write_bytes(shipped_twin())
    assert edge_all(*some).exit_code == 0


def test_gates_come_from_the_model_file_and_can_be_given() -> None:
    strict = ("--mean-p-error", 0.000001, "--most", 3)
    done = edge_all("drift", "--threads", 1, "cells", "--model", "good.tflite", *strict)
    assert done.exit_code == 3
    assert "1e-06 is allowed" in done.stdout


@given(
    st.dictionaries(
        st.sampled_from(["agreement", "mean_p_error", "x"]), st.floats(0, 1) | st.none()
    )
)
def test_limits_of_a_model_file_outrank_the_defaults_and_nonsense_does_not(
    gates: dict[str, float | None],
) -> None:
    found = limits_of({"gates": gates, "agreement": 0.5})
    for name in ("agreement", "mean_p_error"):
        wanted = gates.get(name)
        assert getattr(found, name) == (getattr(DriftLimits(), name) if wanted is None else wanted)


def test_inputs_that_fail_are_named_and_the_rest_is_compared(tmp_path: Path) -> None:
    shutil.copytree("cells", tmp_path / "cells")
    (tmp_path / "cells" / "a.png").write_bytes(b"no image")
    done = edge_all(
        "drift", "--threads", 1, tmp_path / "cells", "--model", "good.tflite", "--most", 4
    )
    assert done.exit_code == 1
    assert "a.png: not-an-image" in done.stderr
    assert "on 3 cells" in done.stdout
    done = edge_all("drift", "--threads", 1, tmp_path / "cells" / "a.png", "--model", "good.tflite")
    assert done.exit_code == 2
    assert "no cell could be compared" in done.stderr


def test_the_files_of_a_results_database_are_looked_at_again(tmp_path: Path) -> None:
    database = tmp_path / "results.db"
    edge_all("classify", "cells", "--model", "good.tflite", "--out", database)
    options = ("--model", "good.tflite", "--labels", "folders")
    some = ("drift", "--threads", 1, database, *options, "--since", "1d")
    assert edge_all("drift", "history", database).exit_code == 2  # none was kept
    done = edge_all(*some, "--keep", database)
    assert done.exit_code == 0, done.output
    assert "on 12 cells" in done.stdout
    check_history(database, tmp_path / "history")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE runs SET started = '2001-01-01T00:00:00+00:00'")
    done = edge_all("drift", "--threads", 1, database, *options, "--since", "1d")
    assert done.exit_code == 2
    assert "has decisions of 0 files" in done.stderr
    for wrong in (("cells", "--since", "1d"), (database, "--since", "1"), ("none.db",)):
        assert edge_all("drift", *wrong, *options).exit_code == 2


def check_history(database: Path, out: Path) -> None:
    """One report is kept, and no gate failed in it."""
    done = edge_all("drift", "history", database, "--since", "1d")
    assert done.exit_code == 0, done.output
    assert "12 cells: 100.00% agree" in done.stdout
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO drift_reports (created, model_sha256, has_failed, report)"
            " SELECT created, model_sha256, 1, json_set(report, '$.gates[4].passed', json('false'))"
            " FROM drift_reports"
        )
    words = {"html": "report by report", "md": "clipped.svg", "xml": 'failures="1"', "json": "}"}
    reports = [option for suffix in words for option in ("--out", out.with_suffix(f".{suffix}"))]
    done = edge_all("drift", "history", database, *reports)
    assert done.exit_code == 3, done.output
    for suffix, word in words.items():
        assert word in out.with_suffix(f".{suffix}").read_text()
    found = json.loads(out.with_suffix(".json").read_text())["reports"]
    assert [each["failed"] for each in found] == [[], ["clipped-cells"]]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE drift_reports SET report = '{}'")
    assert "DELETE FROM drift_reports" in edge_all("drift", "history", database).stderr


def test_a_report_of_no_kind_is_refused_before_any_work(tmp_path: Path) -> None:
    for path in (tmp_path / "drift.pdf", tmp_path / "none" / "drift.json"):
        done = edge_all("drift", "--threads", 1, "cells", "--model", "good.tflite", "--out", path)
        assert done.exit_code == 2
        assert "cannot write" in done.stderr


@given(st.text(), st.floats(0, 1), st.floats(0, 1), st.integers())
def test_a_larger_share_holds_every_smaller_one(
    sample: str, one: float, other: float, seed: int
) -> None:
    small, large = sorted((one, other))
    assert not is_drawn(sample, small, seed) or is_drawn(sample, large, seed)
    assert is_drawn(sample, 1, seed)
    assert not is_drawn(sample, 0, seed)


def test_about_the_share_that_was_asked_for_is_drawn() -> None:
    drawn = sum(is_drawn(f"cell-{n}.png", 0.05) for n in range(20_000))
    assert 900 <= drawn <= 1100


@given(st.integers(1, 40), st.integers(0, 200), st.integers())
def test_an_even_draw_keeps_so_many_of_the_stream_and_the_same_again(
    most: int, given: int, seed: int
) -> None:
    one, again = EvenDraw[int](most, seed), EvenDraw[int](most, seed)
    for item in range(given):
        one.add(item)
        again.add(item)
    assert one.kept == again.kept
    assert len(set(one.kept)) == min(most, given)


def test_an_even_draw_favours_no_part_of_the_stream() -> None:
    counts = np.zeros(50)
    for seed in range(2000):
        draw = EvenDraw[int](10, seed)
        for item in range(50):
            draw.add(item)
        counts[draw.kept] += 1
    assert abs(counts / 2000 - 0.2).max() < 0.05
