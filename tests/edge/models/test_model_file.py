"""Model files: what is written is read again, and what was altered is refused by name."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import write_changed_model
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contract import INTENDED_USE
from edge.crops.image_statistics import image_statistics
from edge.decisions.decision import Verdict
from edge.engine.classifier import Classifier
from edge.errors import EdgeAllError, ModelFileRefused
from edge.models.cnmc import CONTRACT
from edge.models.metadata import SCHEMA, Metadata, parse_metadata
from edge.models.model_file import (
    SHIPPED_MODEL,
    GoldenVectors,
    ModelFile,
    read_model_file,
    write_model_file,
)
from edge.reference.drift_reference import DriftReference, no_cells_yet

SHIPPED = read_model_file(SHIPPED_MODEL)
SHIPPED_BYTES = SHIPPED_MODEL.read_bytes()
FLATBUFFER = b"\x1c\0\0\0TFL3" + bytes(range(200))  # enough for a reader, not for a runtime
METADATA = dataclasses.replace(
    SHIPPED.metadata, flatbuffer_sha256=hashlib.sha256(FLATBUFFER).hexdigest()
)
GOLDEN = GoldenVectors(np.zeros((2, 70, 70, 3), np.uint8), np.array([[1, -2], [3, 127]], np.int8))
REQUIRED = [f.name for f in dataclasses.fields(Metadata) if f.default is dataclasses.MISSING]

repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=300)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a few kilobytes."""
    path = tmp_path_factory.mktemp("model") / "small.tflite"
    write_model_file(path, FLATBUFFER, METADATA, GOLDEN)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path to write to, again and again."""
    return tmp_path_factory.mktemp("altered") / "model.tflite"


def refusal(path: Path, data: bytes | None = None) -> ModelFileRefused:
    """Why a file, or the bytes put into it, are refused."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelFileRefused) as refused:
        read_model_file(path)
    return refused.value


def sealed(
    entries: dict[str, bytes],
    flatbuffer: bytes = FLATBUFFER,
    how: int = zipfile.ZIP_STORED,
    change: Callable[[bytearray], object] = bytes,
) -> bytes:
    """Build a model file by hand: anything at all, changed at will, with a seal that is right."""
    buffer = io.BytesIO(flatbuffer)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", how) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        archive.comment = bytes(len("edge-all sha256:") + 64)
    body = bytearray(buffer.getvalue()[: -len(archive.comment)])
    change(body)
    return body + b"edge-all sha256:" + hashlib.sha256(body).hexdigest().encode()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def entries(**changes: object) -> dict[str, bytes]:
    """Make the parts of a sound model file, with metadata fields changed; None: left out."""
    fields = {**json.loads(METADATA.to_json()), **changes}
    fields = {
        name: value for name, value in fields.items() if value is not None or name not in changes
    }
    return {
        "edge-all.json": json.dumps(fields).encode(),
        "golden/inputs.npy": npy(GOLDEN.inputs),
        "golden/logits.npy": npy(GOLDEN.logits),
    }


def flipped(data: bytes, at: int, bits: int = 0xFF) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def same(one: ModelFile, flatbuffer: bytes, metadata: Metadata, golden: GoldenVectors) -> bool:
    return (
        one.flatbuffer == flatbuffer
        and one.metadata == metadata
        and (one.golden.inputs == golden.inputs).all()
        and (one.golden.logits == golden.logits).all()
    )


def test_what_was_written_is_read_again(small: Path) -> None:
    read = read_model_file(small)
    assert same(read, FLATBUFFER, METADATA, GOLDEN)
    assert read.path == small
    assert read.sha256 == hashlib.sha256(small.read_bytes()).hexdigest()


def a_reference() -> DriftReference:
    cells = [
        (image_statistics(crop), Verdict("all", "refer", (0.4, 0.6))) for crop in GOLDEN.inputs
    ]
    return no_cells_yet(CONTRACT.words, "two black crops").add(cells)


def test_a_drift_reference_is_read_again_and_may_be_absent(small: Path, tmp_path: Path) -> None:
    with_one = tmp_path / "with.tflite"
    write_model_file(with_one, FLATBUFFER, METADATA, GOLDEN, a_reference())
    assert read_model_file(with_one).reference == a_reference()
    assert read_model_file(small).reference is None
    assert same(read_model_file(with_one), FLATBUFFER, METADATA, GOLDEN)


def test_the_same_drift_reference_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_model_file(tmp_path / name, FLATBUFFER, METADATA, GOLDEN, a_reference())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def of_reference(**changes: object) -> bytes:
    """Text of a drift reference with fields changed."""
    return json.dumps({**json.loads(a_reference().to_json()), **changes}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        of_reference(schema=3),
        of_reference(images={}),
        of_reference(images=7),
        of_reference(decisions=[1, 2, 3]),
        of_reference(decisions={"healthy": 1, "refer": 2, "leukemia": 3}),
        of_reference(probability={"edges": [0, 1], "counts": [1, 1]}),
        of_reference(probability={"edges": [0, 1, "x"], "counts": [1, 1]}),
        of_reference(probability={"edges": [0, 2, 1], "counts": [1, 1]}),
        of_reference(probability={"edges": [0, 0.5, 1], "counts": [3, -1]}),
        of_reference(probability={"edges": [0, 0.5, 1], "counts": [0.5, 1.5]}),
        of_reference(of_the_future=1),
    ],
)
def test_a_drift_reference_that_cannot_be_one_is_refused(file: Path, text: bytes) -> None:
    assert refusal(file, sealed({**entries(), "reference.json": text})).reason == "metadata"


def test_the_shipped_model_written_again_is_the_same_model(tmp_path: Path) -> None:
    again = tmp_path / "again.tflite"
    write_model_file(again, SHIPPED.flatbuffer, SHIPPED.metadata, SHIPPED.golden)
    assert same(read_model_file(again), SHIPPED.flatbuffer, SHIPPED.metadata, SHIPPED.golden)


def test_the_same_content_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = tmp_path / "deeper" / "again.tflite"
    write_model_file(again, FLATBUFFER, METADATA, GOLDEN)
    assert again.read_bytes() == small.read_bytes()


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    write_model_file(tmp_path / "model.tflite", FLATBUFFER, METADATA, GOLDEN)
    write_model_file(tmp_path / "model.tflite", FLATBUFFER, METADATA, GOLDEN)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


def test_a_model_file_is_a_flatbuffer_and_a_zip(small: Path) -> None:
    assert small.read_bytes().startswith(FLATBUFFER)
    with zipfile.ZipFile(small) as archive:
        assert json.loads(archive.read("edge-all.json"))["schema"] == SCHEMA
        assert archive.testzip() is None
        times = {entry.date_time for entry in archive.infolist()}
    assert times == {(1980, 1, 1, 0, 0, 0)}  # else the same content gave other bytes tomorrow


def test_a_file_sealed_by_hand_is_accepted(file: Path) -> None:
    file.write_bytes(sealed(entries()))
    assert same(read_model_file(file), FLATBUFFER, METADATA, GOLDEN)


def test_every_byte_of_a_small_model_file_counts(small: Path, file: Path) -> None:
    data = small.read_bytes()
    for at in range(len(data)):
        assert refusal(file, flipped(data, at)).reason in {"changed", "truncated", "not-a-model"}


@repeatable
@given(at=st.integers(0, len(SHIPPED_BYTES) - 1), bits=st.integers(1, 255))
def test_a_byte_changed_anywhere_in_the_shipped_model_is_noticed(
    file: Path, at: int, bits: int
) -> None:
    reason = refusal(file, flipped(SHIPPED_BYTES, at, bits)).reason
    assert reason in {"changed", "truncated", "not-a-model"}


def test_a_byte_changed_in_the_last_300_is_noticed(file: Path) -> None:
    for at in range(len(SHIPPED_BYTES) - 300, len(SHIPPED_BYTES)):
        assert refusal(file, flipped(SHIPPED_BYTES, at, 1)).reason in {"changed", "truncated"}


def test_a_small_model_file_cut_anywhere_is_refused(small: Path, file: Path) -> None:
    data = small.read_bytes()
    for length in range(len(data)):
        reason = refusal(file, data[:length]).reason
        assert reason == ("truncated" if length >= 8 else "not-a-model")


@repeatable
@given(length=st.integers(8, len(SHIPPED_BYTES) - 1))
def test_the_shipped_model_cut_anywhere_is_refused_as_truncated(file: Path, length: int) -> None:
    assert refusal(file, SHIPPED_BYTES[:length]).reason == "truncated"


def test_bytes_appended_to_a_model_file_are_noticed(small: Path, file: Path) -> None:
    assert refusal(file, small.read_bytes() + b"\n").reason == "truncated"


@pytest.mark.parametrize("name", ["nothing.tflite", "."])
def test_what_cannot_be_read_is_refused_as_missing(tmp_path: Path, name: str) -> None:
    refused = refusal(tmp_path / name)
    assert refused.reason == "missing"
    assert str(tmp_path) in str(refused)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n" + bytes(500), bytes(10_000)])
def test_what_is_no_tflite_file_is_refused_as_not_a_model(file: Path, data: bytes) -> None:
    assert refusal(file, data).reason == "not-a-model"


def test_a_bare_tflite_file_is_refused_with_the_way_to_pack_it(file: Path) -> None:
    refused = refusal(file, SHIPPED.flatbuffer)  # it looks like a model file cut short
    assert refused.reason == "truncated"
    assert "a bare .tflite" in str(refused)
    assert "edge-all-convert" in str(refused)


def test_another_schema_is_refused_before_anything_else_is_read(file: Path) -> None:
    for schema in (SCHEMA + 1, 0, "1"):
        data = sealed({"edge-all.json": json.dumps({"schema": schema}).encode()})
        refused = refusal(file, data)
        assert refused.reason == "schema"
        assert f"schema {schema}, this edge-all reads 1 and {SCHEMA}" in str(refused)


def test_a_model_written_by_a_later_edge_all_is_refused(tmp_path: Path) -> None:
    later = write_changed_model(tmp_path / "later.tflite", schema=SCHEMA + 1)
    assert refusal(later).reason == "schema"


@pytest.mark.parametrize("field", REQUIRED)
def test_metadata_that_lack_a_field_are_refused(file: Path, field: str) -> None:
    reason = refusal(file, sealed(entries(**{field: None}))).reason
    assert reason == ("schema" if field == "schema" else "metadata")


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0},
        {"temperature": -1.5},
        {"temperature": float("nan")},
        {"refer_band": [0.6, 0.9]},
        {"refer_band": [0.1, 0.4]},
        {"refer_band": [-0.1, 0.9]},
        {"refer_band": [0.1, 1.1]},
        {"refer_band": [0.5]},
        {"labels": ["hem"]},
        {"labels": ["hem", "all", "other"]},
        {"head": "softmax"},
        {"input": {"side": 70}},
        {"operators": [7]},
        {"of_the_future": 1},
    ],
    ids=str,
)
def test_impossible_metadata_are_refused(file: Path, changes: dict[str, object]) -> None:
    assert refusal(file, sealed(entries(**changes))).reason == "metadata"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"not json"])
def test_metadata_that_are_not_json_are_refused(file: Path, text: bytes) -> None:
    assert refusal(file, sealed({**entries(), "edge-all.json": text})).reason == "metadata"


def test_a_zip_without_the_parts_is_refused(file: Path) -> None:
    assert refusal(file, sealed({})).reason == "metadata"
    for name in entries():
        parts = {key: value for key, value in entries().items() if key != name}
        assert refusal(file, sealed(parts)).reason == "metadata", name


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("golden/inputs.npy", np.zeros((0, 70, 70, 3), np.uint8)),
        ("golden/inputs.npy", np.zeros((2, 64, 64, 3), np.uint8)),
        ("golden/inputs.npy", np.zeros((2, 70, 70, 3), np.int8)),
        ("golden/inputs.npy", np.zeros((), np.uint8)),
        ("golden/logits.npy", np.zeros((3, 2), np.int8)),
        ("golden/logits.npy", np.zeros((2, 3), np.int8)),
        ("golden/logits.npy", np.zeros((2, 2), np.float32)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype} {value.shape}",
)
def test_golden_vectors_of_another_shape_are_refused(
    file: Path, name: str, array: np.ndarray
) -> None:
    assert refusal(file, sealed({**entries(), name: npy(array)})).reason == "metadata"


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"not an array"])
def test_golden_vectors_that_are_no_arrays_are_refused(file: Path, data: bytes) -> None:
    assert refusal(file, sealed({**entries(), "golden/inputs.npy": data})).reason == "metadata"


def test_metadata_of_another_flatbuffer_are_refused_as_changed(file: Path) -> None:
    other = sealed(entries(), FLATBUFFER + b"\0")
    refused = refusal(file, other)
    assert refused.reason == "changed"
    assert "of another model" in str(refused)


def test_golden_vectors_that_do_not_reproduce_are_refused_by_the_classifier(
    tmp_path: Path,
) -> None:
    far = 2 * SHIPPED.metadata.golden_tolerance + 1  # this machine may itself be off a little
    logits = SHIPPED.golden.logits
    golden = GoldenVectors(
        SHIPPED.golden.inputs, np.where(logits > 0, logits - far, logits + far).astype(np.int8)
    )
    path = write_changed_model(tmp_path / "elsewhere.tflite", golden=golden)
    with pytest.raises(ModelFileRefused, match="golden logits are off by") as refused:
        Classifier(path)
    assert refused.value.reason == "golden"


def test_the_shipped_model_is_a_whole_honest_model_file() -> None:
    metadata = SHIPPED.metadata
    assert metadata.contract.names == ("hem", "all")
    assert metadata.head == "logits"
    assert metadata.contract.intended_use == INTENDED_USE
    assert "Not a medical device" in INTENDED_USE
    assert "no diagnosis" in INTENDED_USE
    assert metadata.trained_on
    assert metadata.accuracy
    assert metadata.calibration
    assert len(SHIPPED.golden.inputs) >= 2
    assert len(np.unique(SHIPPED.golden.logits)) > 2  # a dead network would pass any check


def test_metadata_survive_json() -> None:
    assert parse_metadata(SHIPPED.metadata.to_json()) == SHIPPED.metadata
    assert parse_metadata(SHIPPED.metadata.to_json()).to_json() == SHIPPED.metadata.to_json()


def test_a_refusal_is_an_error_of_edge_all_and_a_value_error() -> None:
    assert issubclass(ModelFileRefused, EdgeAllError)
    assert issubclass(ModelFileRefused, ValueError)
