"""Model files: a TFLite flatbuffer with a zip at its end.

Layout, front to back: the flatbuffer, which any TFLite runtime loads as it is;
a zip with ``edge-all.json``, ``golden/inputs.npy``, ``golden/logits.npy`` and, where
there is one, the data-drift reference ``reference.json``; as the zip's comment, the
sha256 of every byte before the comment. So one flipped or missing byte anywhere is
noticed, with nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.drift_reference import DriftReference, parse_reference
from edge.errors import ModelFileRefused
from edge.metadata import SCHEMA, Metadata, parse_metadata, schema_of
from edge.preprocess import CROP_SIDE, UInt8Image

SHIPPED_MODEL = Path(__file__).with_name("models") / "cnn.tflite"
"""The model file used when none is given."""

_SEAL = "edge-all sha256:"
_SEAL_SIZE = len(_SEAL) + 64
_SEAL_PATTERN = re.compile(rf"{_SEAL}([0-9a-f]{{64}})")
_METADATA, _INPUTS, _LOGITS = "edge-all.json", "golden/inputs.npy", "golden/logits.npy"
_REFERENCE = "reference.json"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
_AGAIN = "download or convert it again"


@dataclass(frozen=True)
class GoldenVectors:
    """Inputs with the outputs they must give on every machine.

    Attributes
    ----------
    inputs : ndarray of uint8, shape (n, 70, 70, 3)
        Drawn crops.
    logits : ndarray of int8, shape (n, 2)
        Raw outputs of the network.
    """

    inputs: UInt8Image
    logits: npt.NDArray[np.int8]


@dataclass(frozen=True)
class ModelFile:
    """A model file whose hashes are right.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the whole file.
    flatbuffer : bytes
        The TFLite part.
    metadata : Metadata
    golden : GoldenVectors
    reference : DriftReference or None
        None in a file made without one: data drift cannot be measured then.
    """

    path: Path
    sha256: str
    flatbuffer: bytes
    metadata: Metadata
    golden: GoldenVectors
    reference: DriftReference | None = None


def write_model_file(
    path: Path,
    flatbuffer: bytes,
    metadata: Metadata,
    golden: GoldenVectors,
    reference: DriftReference | None = None,
) -> None:
    """Write a model file: whole under its name, or not at all."""
    buffer = io.BytesIO(flatbuffer)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, _METADATA, metadata.to_json().encode())
        _add(archive, _INPUTS, _npy(golden.inputs))
        _add(archive, _LOGITS, _npy(golden.logits))
        if reference is not None:
            _add(archive, _REFERENCE, reference.to_json().encode())
        archive.comment = b"." * _SEAL_SIZE
    body = buffer.getvalue()[:-_SEAL_SIZE]
    seal = _SEAL + hashlib.sha256(body).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(body + seal.encode())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_model_file(path: Path) -> ModelFile:
    """Read a model file and check every hash in it.

    Whether its golden vectors reproduce is checked where a runtime is at hand
    (:func:`edge.classifier.check_golden`).

    Parameters
    ----------
    path : Path

    Returns
    -------
    ModelFile

    Raises
    ------
    ModelFileRefused
        ``missing``, ``not-a-model``, ``truncated``, ``changed``, ``schema`` or ``metadata``.
    """
    data = _read(path)
    size = _flatbuffer_size(data)
    hashes = _check_seal(path, data, size)
    try:
        return _parse(path, data, size, hashes)
    except ModelFileRefused:
        raise
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFileRefused("metadata", f"{path}: {error}; {_AGAIN}") from error


def read_twin(path: Path, model: ModelFile) -> bytes:
    """Read the float twin of a model file: the flatbuffer whose hash the model file has.

    Parameters
    ----------
    path : Path
    model : ModelFile

    Returns
    -------
    bytes

    Raises
    ------
    ModelFileRefused
        ``missing``, or ``changed`` if it is any other file.
    """
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != model.metadata.twin_sha256:
        raise ModelFileRefused(
            "changed",
            f"{path} is not the float twin of {model.path} (sha256 differs); take the one that"
            " edge-all-convert wrote beside it",
        )
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileRefused("missing", f"{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class _Hashes:
    """sha256 of a model file, and of the flatbuffer it begins with."""

    file: str
    flatbuffer: str


def _flatbuffer_size(data: bytes) -> int:
    """Bytes before the zip; 0 where there is none, as in a file that was cut off."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return min((entry.header_offset for entry in archive.infolist()), default=0)
    except Exception:  # zipfile raises many things over damaged bytes; the seal refuses them next
        return 0


def _check_seal(path: Path, data: bytes, size: int) -> _Hashes:
    """Compare the seal with what it seals; both hashes come out of the same pass over the file."""
    if data[4:8] != b"TFL3":
        raise ModelFileRefused("not-a-model", f"{path} is not a TFLite file")
    seal = _SEAL_PATTERN.fullmatch(data[-_SEAL_SIZE:].decode("latin-1"))
    if seal is None:
        raise ModelFileRefused(
            "truncated",
            f"{path} does not end like a model file of edge-all: it was cut off, or is a bare"
            f" .tflite; {_AGAIN}, or pack a bare one with edge-all-convert",
        )
    view = memoryview(data)
    digest = hashlib.sha256(view[:size])
    flatbuffer = digest.hexdigest()
    digest.update(view[size:-_SEAL_SIZE])
    if seal[1] != digest.hexdigest():
        raise ModelFileRefused(
            "changed", f"{path} was changed after it was made (sha256 differs); {_AGAIN}"
        )
    digest.update(view[-_SEAL_SIZE:])
    return _Hashes(digest.hexdigest(), flatbuffer)


def _parse(path: Path, data: bytes, size: int, hashes: _Hashes) -> ModelFile:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(_METADATA)
        if schema_of(text) != SCHEMA:
            raise ModelFileRefused(
                "schema",
                f"{path} has metadata schema {schema_of(text)}, this edge-all reads {SCHEMA};"
                " install the edge-all that made it, or convert the model again",
            )
        metadata = parse_metadata(text)
        golden = _read_golden(archive, len(metadata.labels))
        reference = _read_reference(archive)
    if hashes.flatbuffer != metadata.flatbuffer_sha256:
        raise ModelFileRefused("changed", f"{path}: its metadata are of another model; {_AGAIN}")
    return ModelFile(path, hashes.file, data[:size], metadata, golden, reference)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _read_golden(archive: zipfile.ZipFile, labels: int) -> GoldenVectors:
    inputs, logits = (
        np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in (_INPUTS, _LOGITS)
    )
    n = len(inputs)
    if n == 0 or inputs.shape != (n, CROP_SIDE, CROP_SIDE, 3) or inputs.dtype != np.uint8:
        raise ValueError(f"golden inputs are {inputs.dtype} {inputs.shape}")
    if logits.shape != (n, labels) or logits.dtype != np.int8:
        raise ValueError(f"golden logits are {logits.dtype} {logits.shape}")
    return GoldenVectors(inputs, logits)


def _read_reference(archive: zipfile.ZipFile) -> DriftReference | None:
    if _REFERENCE not in archive.namelist():
        return None
    return parse_reference(archive.read(_REFERENCE))
