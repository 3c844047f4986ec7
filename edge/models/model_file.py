"""Model files: a TFLite flatbuffer with a zip at its end.

Layout, front to back: the flatbuffer, which any TFLite runtime loads as it is;
a zip with ``edge-all.json``, ``golden/inputs.npy``, ``golden/logits.npy`` and, where
they are there, the data-drift reference ``reference.json`` and the float twin
``twin.tflite``; as the zip's comment, the
sha256 of every byte before the comment. So one flipped or missing byte anywhere is
noticed, with nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.errors import ModelFileRefused
from edge.models.metadata import SCHEMAS, Metadata, metadata_of
from edge.models.model_parts import INPUTS, LOGITS, METADATA, REFERENCE, TWIN, Parts, array_bytes
from edge.records.json_text import parse_json
from edge.reference.drift_reference import DriftReference, parse_reference
from edge.whole_file import replacing
from edge.wording import named, shortened

SHIPPED_MODEL = Path(__file__).with_name("cnn.tflite")
"""The model file used when none is given."""

_SEAL = "edge-all sha256:"
_SEAL_SIZE = len(_SEAL) + 64
_SEAL_PATTERN = re.compile(rf"{_SEAL}([0-9a-f]{{64}})")
_MOST_GOLDEN = 256  # vectors: each is run at every start
_MOST_BYTES = (2 << 30) + (64 << 20)  # a flatbuffer has 2 GiB at most
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
_AGAIN = "download or convert it again"


@dataclass(frozen=True)
class GoldenVectors:
    """Inputs with the outputs they must give on every machine.

    Attributes
    ----------
    inputs : ndarray of uint8, shape (n, side, side, 3)
        Drawn crops.
    logits : ndarray of int8, shape (n, labels)
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
    has_twin : bool
        Whether the float twin is packed in it; it is read where it is asked for
        (:func:`find_twin`).
    """

    path: Path
    sha256: str
    flatbuffer: bytes
    metadata: Metadata
    golden: GoldenVectors
    reference: DriftReference | None = None
    has_twin: bool = False


def write_model_file(
    path: Path,
    flatbuffer: bytes,
    metadata: Metadata,
    golden: GoldenVectors,
    reference: DriftReference | None = None,
    twin: bytes | None = None,
) -> None:
    """Write a model file: whole under its name, or not at all."""
    buffer = io.BytesIO(flatbuffer)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, METADATA, metadata.to_json().encode())
        _add(archive, INPUTS, array_bytes(golden.inputs))
        _add(archive, LOGITS, array_bytes(golden.logits))
        if reference is not None:
            _add(archive, REFERENCE, reference.to_json().encode())
        if twin is not None:
            _add(archive, TWIN, twin)
        archive.comment = b"." * _SEAL_SIZE
    body = buffer.getvalue()[:-_SEAL_SIZE]
    seal = _SEAL + hashlib.sha256(body).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(body + seal.encode())


def read_model_file(path: Path) -> ModelFile:
    """Read a model file, and check every hash and every value in it.

    What only a runtime can tell is checked where one is at hand: whether the flatbuffer is as
    the metadata say (:class:`edge.engine.network.Int8Network`), and whether the golden vectors
    reproduce (:func:`edge.engine.classifier.check_golden`).

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
    try:
        parts, why = Parts(data, _SEAL_SIZE), ""
    except ValueError as error:  # as in a file that was cut off; the seal tells first
        parts, why = None, str(error)
    hashes = _check_seal(path, data, parts.start if parts else 0)
    try:
        if parts is None:
            raise ValueError(why)
        with parts:
            return _parse(path, data, parts, hashes)
    except ModelFileRefused:
        raise
    except ValueError as error:
        raise ModelFileRefused("metadata", f"{named(path)}: {error}; {_AGAIN}") from error


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
    return _checked_twin(named(path), _read(path), model)


def find_twin(model: ModelFile, path: Path | None = None) -> bytes:
    """Find the float twin of a model file: where it is said to be, in the file, or beside it.

    Parameters
    ----------
    model : ModelFile
    path : Path, optional
        By default what is packed in the model file, else ``NAME-float.tflite`` beside it.

    Returns
    -------
    bytes

    Raises
    ------
    ModelFileRefused
        ``missing``, or ``changed`` if its hash is not the one that the model file has.
    """
    if path is not None:
        return read_twin(path, model)
    if model.has_twin:
        with Parts(_read(model.path), _SEAL_SIZE) as parts:
            return _checked_twin(f"{TWIN} in {named(model.path)}", parts.read(TWIN), model)
    beside = model.path.with_name(f"{model.path.stem}-float.tflite")
    if not beside.is_file():
        raise ModelFileRefused(
            "missing",
            f"the float twin of {named(model.path)} is neither in it nor beside it, as"
            f" {named(Path(beside.name))}; name it with --twin, or convert with --with-twin",
        )
    return read_twin(beside, model)


def _checked_twin(name: str, data: bytes, model: ModelFile) -> bytes:
    if hashlib.sha256(data).hexdigest() != model.metadata.twin_sha256:
        raise ModelFileRefused(
            "changed",
            f"{name} is not the float twin of {named(model.path)} (sha256 differs);"
            " take the one that edge-all-convert wrote with it",
        )
    return data


def _read(path: Path) -> bytes:
    try:
        found = path.stat()  # first: to open a pipe would wait for who writes into it
        if not stat.S_ISREG(found.st_mode):
            why = "it is no file"
        elif found.st_size > _MOST_BYTES:
            why = "it is larger than any TFLite file"
        else:
            return path.read_bytes()
    except OSError as error:
        why = str(error.strerror)
    except ValueError as error:  # a null byte in its name
        why = str(error)
    raise ModelFileRefused("missing", f"{named(path)} cannot be read: {why}; name a model file")


@dataclass(frozen=True)
class _Hashes:
    """sha256 of a model file, and of the flatbuffer it begins with."""

    file: str
    flatbuffer: str


def _check_seal(path: Path, data: bytes, size: int) -> _Hashes:
    """Compare the seal with what it seals; both hashes come out of the same pass over the file."""
    if data[4:8] != b"TFL3":
        raise ModelFileRefused("not-a-model", f"{named(path)} is not a TFLite file")
    seal = _SEAL_PATTERN.fullmatch(data[-_SEAL_SIZE:].decode("latin-1"))
    if seal is None:
        raise ModelFileRefused(
            "truncated",
            f"{named(path)} does not end like a model file of edge-all: it was cut off, or is"
            f" a bare .tflite; {_AGAIN}, or pack a bare one with edge-all-convert",
        )
    view = memoryview(data)
    digest = hashlib.sha256(view[:size])
    flatbuffer = digest.hexdigest()
    digest.update(view[size:-_SEAL_SIZE])
    if seal[1] != digest.hexdigest():
        raise ModelFileRefused(
            "changed", f"{named(path)} was changed after it was made (sha256 differs); {_AGAIN}"
        )
    digest.update(view[-_SEAL_SIZE:])
    return _Hashes(digest.hexdigest(), flatbuffer)


def _parse(path: Path, data: bytes, parts: Parts, hashes: _Hashes) -> ModelFile:
    fields = parse_json(parts.read(METADATA))
    schema = fields.get("schema") if isinstance(fields, dict) else None
    if type(schema) is not int or schema not in SCHEMAS:
        given = shortened(str(schema), 30) if isinstance(schema, (str, int, float)) else "none"
        raise ModelFileRefused(
            "schema",
            f"{named(path)} has metadata schema {given}, this edge-all reads"
            f" {' and '.join(map(str, SCHEMAS))};"
            " install the edge-all that made it, or convert the model again",
        )
    metadata = metadata_of(fields)
    golden = _read_golden(parts, metadata)
    has_reference = REFERENCE in parts.names
    words = metadata.contract.words
    reference = parse_reference(parts.read(REFERENCE), words) if has_reference else None
    if hashes.flatbuffer != metadata.flatbuffer_sha256:
        raise ModelFileRefused(
            "changed", f"{named(path)}: its metadata are of another model; {_AGAIN}"
        )
    has_twin = TWIN in parts.names
    flatbuffer = data[: parts.start]
    return ModelFile(path, hashes.file, flatbuffer, metadata, golden, reference, has_twin)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)


def _read_golden(parts: Parts, metadata: Metadata) -> GoldenVectors:
    inputs, logits = parts.read_array(INPUTS), parts.read_array(LOGITS)
    contract, n = metadata.contract, len(inputs) if inputs.ndim else 0
    if not 0 < n <= _MOST_GOLDEN:
        raise ValueError(f"it has {n} golden vectors, not 1 to {_MOST_GOLDEN}")
    if inputs.shape != (n, *contract.shape) or inputs.dtype != np.uint8:
        raise ValueError(f"golden inputs are {inputs.dtype} {inputs.shape}")
    if logits.shape != (n, len(contract.labels)) or logits.dtype != np.int8:
        raise ValueError(f"golden logits are {logits.dtype} {logits.shape}")
    return GoldenVectors(inputs, logits)
