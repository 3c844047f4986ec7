"""Files of one conversion: all of them under their final names, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import OutputFailed
from edge.whole_file import remove_abandoned

NETWORKS = (".tflite", "-float.tflite", ".onnx")
"""Endings of the networks that a conversion writes: model file, twin, ONNX file."""


@contextmanager
def staged(out: Path, name: str) -> Iterator[Path]:
    """Give a folder to write files in, and move them to `out` if all went well.

    Parameters
    ----------
    out : Path
        Made if need be. A network of an earlier conversion that this one did not make
        again is removed: what failed its gates leaves none to be shipped.
    name : str
        What the names of this conversion's files begin with.

    Yields
    ------
    Path
        An empty folder on the same file system.

    Raises
    ------
    OutputFailed
        If a file cannot be written (a full disk); `out` is as before.
    """
    folder = out / f".{name}.{os.getpid()}"
    remove_abandoned(out / name)
    try:
        folder.mkdir(parents=True)
        yield folder
        written = sorted(folder.iterdir(), key=_model_file_last)
        for ending in NETWORKS:
            (out / f"{name}{ending}").unlink(missing_ok=True)
        for path in written:
            path.replace(out / path.name)
    except OSError as error:
        raise OutputFailed(
            f"the conversion cannot be written to {out}: {error.strerror or error};"
            " check its permissions and the free space"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _model_file_last(path: Path) -> tuple[bool, str]:
    """Who finds the model file finds everything that belongs to it."""
    return path.suffix == ".tflite" and "-" not in path.stem, path.name
