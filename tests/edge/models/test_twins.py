"""Float twins: packed in the model file, beside it, or named; and never any other file."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.engine.classifier import Classifier
from edge.errors import ModelFileRefused
from edge.models.model_file import SHIPPED_MODEL, find_twin, read_model_file, write_model_file

SHIPPED = read_model_file(SHIPPED_MODEL)
TWIN = b"a twin that nothing runs here" * 1000


def write(path: Path, twin: bytes | None = None) -> Path:
    """Write the shipped model as one of this twin, with or without it in the file."""
    sha256 = hashlib.sha256(TWIN).hexdigest()
    metadata = dataclasses.replace(SHIPPED.metadata, twin_sha256=sha256)
    write_model_file(path, SHIPPED.flatbuffer, metadata, SHIPPED.golden, SHIPPED.reference, twin)
    return path


def refusal(model: Path, path: Path | None = None) -> ModelFileRefused:
    with pytest.raises(ModelFileRefused) as refused:
        find_twin(read_model_file(model), path)
    return refused.value


def test_a_packed_twin_is_found_and_any_runtime_loads_the_file_as_before(tmp_path: Path) -> None:
    model = read_model_file(write(tmp_path / "cnn.tflite", TWIN))
    assert model.has_twin
    assert model.flatbuffer == SHIPPED.flatbuffer
    assert find_twin(model) == TWIN
    with Classifier(model.path, threads=1) as classifier:
        assert classifier.model_file.has_twin


def test_a_twin_beside_the_file_or_named_is_found(tmp_path: Path) -> None:
    model = write(tmp_path / "cnn.tflite")
    assert not read_model_file(model).has_twin
    (tmp_path / "elsewhere.bin").write_bytes(TWIN)
    assert find_twin(read_model_file(model), tmp_path / "elsewhere.bin") == TWIN
    (tmp_path / "cnn-float.tflite").write_bytes(TWIN)
    assert find_twin(read_model_file(model)) == TWIN


def test_where_there_is_no_twin_it_is_said_what_to_do(tmp_path: Path) -> None:
    refused = refusal(write(tmp_path / "cnn.tflite"))
    assert refused.reason == "missing"
    assert "--with-twin" in str(refused)
    assert refusal(tmp_path / "cnn.tflite", tmp_path / "none.tflite").reason == "missing"


@pytest.mark.parametrize("place", ["packed", "beside", "named"])
def test_a_twin_of_another_model_is_refused_wherever_it_is(place: str, tmp_path: Path) -> None:
    other = TWIN[:-1]
    model = write(tmp_path / "cnn.tflite", other if place == "packed" else None)
    (tmp_path / "cnn-float.tflite").write_bytes(other)
    refused = refusal(model, tmp_path / "cnn-float.tflite" if place == "named" else None)
    assert refused.reason == "changed"
    assert "cnn.tflite" in str(refused)


@settings(max_examples=25)
@given(at=st.integers(0, 2**31), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_in_a_file_with_a_twin_is_refused(
    at: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("model") / "cnn.tflite", TWIN)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(ModelFileRefused):
        read_model_file(path)
