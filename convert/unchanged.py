"""Whether a conversion would only make again what is there: by content, not by time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convert.code import hash_of_code
from convert.job import Job
from convert.report.schema import ConversionReport, read_report
from convert.verify.fidelity import INT8
from convert.versions import created_with
from edge.errors import EdgeAllError
from edge.models.model_file import read_model_file


def key_of(job: Job) -> str:
    """Hash of everything that decides what a conversion gives.

    The Keras file and what lies beside it, the cells, what was asked for, the versions of the
    tools and the code of edge-all that converts.
    """
    options = {
        name: str(value)
        for name, value in asdict(job.options).items()
        if name
        not in ("cells", "test", "representative")  # where they lie; what they hold is hashed
    }
    facts: dict[str, Any] = {
        "files": [
            _hash([path.read_bytes()]) if path.is_file() else ""
            for path in (job.keras_file, *job.files_beside)
        ],
        "cells": _hash(job.cells.content()),
        "options": options,
        "tools": created_with(),
        "code": hash_of_code(),
    }
    return _hash([json.dumps(facts, sort_keys=True).encode()])


def earlier(job: Job, key: str, out: Path) -> ConversionReport | None:
    """Report of the same conversion, if it and what it made lie in a folder unharmed.

    Parameters
    ----------
    job : Job
    key : str
        As :func:`key_of` gives it.
    out : Path
        Folder of the conversion.
    """
    path = out / f"{job.name}-report.json"
    if not path.is_file():
        return None
    try:
        report = read_report(path)
        if report.key != key:
            return None
        if all(gate.passed is not False for gate in report.gates):
            model = read_model_file(out / f"{job.name}.tflite")
            made = {file.stage: file.sha256 for file in report.network.files}
            if model.metadata.flatbuffer_sha256 != made[INT8]:
                return None
    except EdgeAllError:  # damaged, or of another version: converted anew
        return None
    return report


def _hash(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()
