"""``edge-all-convert inspect`` and ``diff``: what is in a file, and how two differ."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import write_changed_model
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_helpers import RELEASED
from typer.testing import CliRunner, Result

from convert.cli.main import app
from convert.graph.float_tflite import to_float_tflite
from convert.inspect.difference import diff
from convert.inspect.inspection import inspect_model
from convert.network.logits_model import load_logits_model
from convert.quantize.int8_tflite import to_int8_tflite
from convert.quantize.recipe import load_recipe
from edge.errors import ModelFileRefused
from edge.models.model_file import SHIPPED_MODEL, GoldenVectors, read_model_file

WIDTH = 96


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("twin") / "cnn-float.tflite"
    path.write_bytes(to_float_tflite(load_logits_model(RELEASED / "cnn.keras").model))
    return path


@pytest.fixture(scope="module")
def wider(twin: Path) -> Path:
    """Folder of int8 flatbuffers, one with a step of the logits twice as large."""
    content = json.loads((RELEASED / "cnn-ranges.json").read_text())
    recipe, _ = load_recipe(RELEASED / "cnn-ranges.json", content["keras_sha256"])
    ranges = recipe.ranges
    (logits,) = [name for name in ranges if name.startswith("StatefulPartitionedCall")]
    for name, factor in (("narrow.tflite", 1), ("wide.tflite", 2)):
        low, high = ranges[logits]
        scaled = {**ranges, logits: (factor * low, factor * high)}
        (twin.parent / name).write_bytes(to_int8_tflite(twin.read_bytes(), scaled))
    return twin.parent


def test_the_text_says_what_a_model_file_is_and_fits_a_terminal() -> None:
    done = run("inspect", SHIPPED_MODEL)
    assert done.exit_code == 0, done.output
    for words in ("network    cnn, logits of hem and all", "CONV_2D", "16 vectors", "1x70x70x3"):
        assert words in done.stdout
    assert "gives no diagnosis" in " ".join(done.stdout.split())
    lines = done.stdout.replace(str(SHIPPED_MODEL), "cnn.tflite").splitlines()
    assert max(map(len, lines)) <= WIDTH


def test_json_has_every_value_in_full() -> None:
    found = json.loads(run("inspect", SHIPPED_MODEL, "--json").stdout)
    shipped = read_model_file(SHIPPED_MODEL)
    assert found["sha256"] == shipped.sha256
    assert found["metadata"] == json.loads(shipped.metadata.to_json())
    sizes = found["sizes"]
    assert sizes["file"] == SHIPPED_MODEL.stat().st_size == sizes["flatbuffer"] + sizes["zip"]
    assert sizes["constants"] == sum(tensor["bytes"] for tensor in found["tensors"])
    first = next(t for t in found["tensors"] if t["shape"] == [128, 2, 2, 3])
    assert (first["dtype"], len(first["scale"]), first["bytes"]) == ("INT8", 128, 1536)


def test_a_bare_tflite_is_shown_without_metadata(twin: Path) -> None:
    done = run("inspect", twin)
    assert done.exit_code == 0, done.output
    assert "none: a bare .tflite" in done.stdout
    assert "FLOAT32" in done.stdout


@settings(max_examples=40)
@given(cut=st.floats(0, 0.9999))
def test_a_file_that_was_cut_off_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: float
) -> None:
    data = SHIPPED_MODEL.read_bytes()
    path = tmp_path_factory.mktemp("cut") / "cnn.tflite"
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(ModelFileRefused) as refused:
        inspect_model(path)
    assert refused.value.reason in ("truncated", "not-a-model")
    assert str(path) in str(refused.value)


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_bare_file_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(read_model_file(SHIPPED_MODEL).flatbuffer)
    # the tables are at both ends, the weights in between
    for _ in range(data.draw(st.integers(1, 30))):
        place = data.draw(st.integers(8, 12_000) | st.integers(-12_000, -1))
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "cnn.tflite"
    path.write_bytes(damaged)
    with contextlib.suppress(ModelFileRefused):
        inspect_model(path).to_json()


@pytest.mark.parametrize("command", [("inspect",), ("diff", SHIPPED_MODEL)])
def test_a_missing_file_is_refused_in_a_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*command, tmp_path / "none.tflite")
    assert done.exit_code == 4
    assert "none.tflite cannot be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_is_the_same_as_itself(tmp_path: Path) -> None:
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(SHIPPED_MODEL.read_bytes())
    done = run("diff", SHIPPED_MODEL, copy)
    assert done.exit_code == 0, done.output
    assert "the files hold the same" in done.stdout


def test_other_metadata_are_a_difference(tmp_path: Path) -> None:
    other = write_changed_model(tmp_path / "other.tflite", temperature=3.25)
    done = run("diff", SHIPPED_MODEL, other)
    assert done.exit_code == 1
    assert "-> 3.25" in done.stdout
    (change,) = json.loads(run("diff", SHIPPED_MODEL, other, "--json").stdout)["metadata"]
    assert change["name"] == "temperature"


def test_other_golden_vectors_are_a_difference(tmp_path: Path) -> None:
    golden = read_model_file(SHIPPED_MODEL).golden
    fewer = GoldenVectors(golden.inputs[1:], golden.logits[1:])
    other = write_changed_model(tmp_path / "other.tflite", golden=fewer)
    found = diff(inspect_model(SHIPPED_MODEL), inspect_model(other))
    assert [change.name for change in found.metadata] == ["golden_vectors"]
    assert not found.same


def test_a_range_that_changed_shows_as_a_ratio_of_scales(wider: Path) -> None:
    found = diff(inspect_model(wider / "narrow.tflite"), inspect_model(wider / "wide.tflite"))
    (change,) = found.quantization
    assert change.tensor.startswith("StatefulPartitionedCall")
    assert change.scale_ratio == pytest.approx((2, 2))
    assert not found.weights
    assert not found.operators
    assert 0 < found.logits.mean < found.logits.largest < 0.1


def test_int8_against_its_twin_shows_the_rounding_of_the_weights(wider: Path, twin: Path) -> None:
    int8, float_ = inspect_model(wider / "narrow.tflite"), inspect_model(twin)
    found = diff(int8, float_)
    steps = {tensor.name: max(tensor.scale, default=1) for tensor in int8.tensors}
    assert len(found.weights) > 20
    for change in found.weights:
        assert change.largest is not None
        assert 0 < change.largest <= 0.5001 * steps[change.tensor] + 1e-6
    done = run("diff", wider / "narrow.tflite", twin)
    assert done.exit_code == 1
    assert "INT8 -> FLOAT32" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= WIDTH


def test_a_network_on_other_inputs_is_refused(twin: Path, tmp_path: Path) -> None:
    shape = np.array([1, 70, 70, 3], np.int32).tobytes()
    other = tmp_path / "other.tflite"
    other.write_bytes(
        twin.read_bytes().replace(shape, np.array([1, 64, 64, 3], np.int32).tobytes())
    )
    done = run("diff", twin, other)
    assert done.exit_code == 4
    assert "networks of crops of side 70 and 64" in done.stderr
