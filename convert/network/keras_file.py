"""Load a ``.keras`` file, or say in one sentence why that cannot be done."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.network.reasons import in_short
from edge.errors import ConversionFailed
from edge.process.environment import choose_keras_backend, quieten_libraries
from edge.process.native_messages import native_messages_silenced

_OTHER_FORMATS = {
    (0, b"\x89HDF\r\n\x1a\n"): "is an HDF5 file, which Keras loads without guarding against code"
    " in it: load it where you trust it",
    (4, b"TFL3"): "is a TFLite network already: give the Keras model it was made from",
    (0, b"version https://git-lfs"): "is a pointer of git LFS, not the file itself: fetch it with"
    " git lfs pull",
}
"""Place and bytes that a format begins with -> what to say of it."""


@dataclass(frozen=True)
class KerasFile:
    """A ``.keras`` file that was loaded.

    Attributes
    ----------
    model : keras.Model
    content : bytes
        The file itself.
    """

    model: Any
    content: bytes


def load_keras_file(path: Path) -> KerasFile:
    """Load a ``.keras`` file; code in it is not run.

    Raises
    ------
    ConversionFailed
        If it is missing or damaged, of another format, or holds what Keras does not have.
    """
    content = read_keras_file(path)
    keras = import_keras()
    try:
        return KerasFile(keras.models.load_model(path, compile=False), content)
    except Exception as error:  # Keras raises whatever the part that failed raises
        raise ConversionFailed(_why_not_loaded(path, content, error)) from error


def read_keras_file(path: Path) -> bytes:
    """Read a file that is a ``.keras`` file by what it begins with, by its parts and its name.

    Raises
    ------
    ConversionFailed
        If it is none.
    """
    if path.is_dir():
        raise ConversionFailed(
            f"{path} is a folder, as a SavedModel is; save the model with Keras 3 as a .keras file"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConversionFailed(f"{path} cannot be read: {error.strerror}") from error
    for (place, magic), words in _OTHER_FORMATS.items():
        if content[place:].startswith(magic):
            raise ConversionFailed(f"{path} {words}; edge-all converts .keras files of Keras 3")
    if not zipfile.is_zipfile(io.BytesIO(content)):
        what = "is no .keras file, or one that was cut off" if content else "is empty"
        raise ConversionFailed(f"{path} {what}: copy it again, or save it again with Keras 3")
    if not {"config.json", "model.weights.h5"} <= _parts(content).keys():
        raise ConversionFailed(
            f"{path} is a zip file without the config.json and model.weights.h5 of a Keras model;"
            " save it again with Keras 3"
        )
    if path.suffix != ".keras":
        raise ConversionFailed(f"{path} must end in .keras for Keras to load it; rename it")
    return content


def import_keras() -> Any:
    """Import Keras on TensorFlow, whose drivers and habits are no news to the user."""
    quieten_libraries()
    choose_keras_backend("tensorflow")  # the only one that exports
    with native_messages_silenced():  # TensorFlow reports every driver it does not find
        import keras

        keras.ops.zeros(1)
    # that each model traces a function of its own, as the fifth in a row makes it warn
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return keras


def _parts(content: bytes) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return {part.filename: part for part in parts.infolist()}


def _why_not_loaded(path: Path, content: bytes, error: Exception) -> str:
    version, foreign = _described(content)
    if version.startswith("2."):
        return (
            f"{path} was saved by Keras {version}, whose .keras files Keras 3 does not read;"
            " open it with tf_keras, and set its weights in the same network built in Keras 3"
        )
    if "Lambda" in foreign or "`Lambda` layer" in str(error):  # Keras' safe mode
        return (
            f"{path} has a Lambda layer, which would run code out of the file: nothing of it is"
            " run; build the model again with a layer of Keras in its place"
        )
    if foreign:
        named = ", ".join(foreign[:3])
        return (
            f"{path} uses {named[:80]}, which Keras does not have and whose code is not in the"
            " file; build the model again with layers and functions of Keras in its place"
        )
    return f"{path} is no Keras model that loads here: {in_short(error)}; save it with Keras 3"


def _described(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Version of Keras that a file names, and what it uses that Keras does not have."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            config = json.loads(parts.read("config.json"))
            version = str(json.loads(parts.read("metadata.json"))["keras_version"])
    # of a damaged file, whatever its damage is: that it does not load is said in any case
    except Exception:
        return "", ()
    return version, tuple(dict.fromkeys(_foreign(config)))


def _foreign(config: Any) -> Iterator[str]:
    """Names of classes and functions that are none of Keras, and of Lambda layers."""
    if isinstance(config, list):
        for part in config:
            yield from _foreign(part)
    if not isinstance(config, dict):
        return
    name, inner = config.get("class_name"), config.get("config")
    if name == "function":
        yield str(inner)
    elif name == "Lambda":
        yield "Lambda"
    elif isinstance(name, str) and isinstance(inner, dict):
        module = config.get("module", "keras")
        if str(module).partition(".")[0] != "keras":
            yield name
    for part in config.values():
        yield from _foreign(part)
