"""Runs in an environment with edge-all installed, and says what it finds there, as JSON.

It calls the command line as a function: an emulated Python cannot start itself again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from edge.cli.main import main as edge_all
from edge.crops.drawn import write_samples
from edge.decoding.decode import read_crop
from edge.doctor.faults import find_faults
from edge.doctor.surroundings import look_around
from edge.doctor.versions import versions
from edge.engine.classifier import golden_error
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.models.model_file import SHIPPED_MODEL, read_model_file

COMPARED = 6
"""Cells shown to the float twin: it takes long where the processor is emulated."""


def main(model: Path, cells: Path, fields: Path, out: Path) -> None:
    """Look at the machine, draw, classify, find cells, compare with the twin; write it down."""
    shipped = read_model_file(SHIPPED_MODEL)
    found = {
        "versions": versions(),
        "faults": [fault.what for fault in find_faults(look_around()) if fault.is_fatal],
        "golden": golden_error(shipped, Int8Network(shipped.flatbuffer, find_runtime())),
        "drawn": _drawn(out),
        "cells": _cells(cells, out),
        "field": _classified(out, fields, "--fields"),
        "drift": _drift(model, cells, out),
    }
    (out / "found.json").write_text(json.dumps(found), encoding="utf-8")


def _drawn(out: Path) -> str:
    """Hash of the pixels of sample cells."""
    write_samples(out / "samples", 6)
    files = sorted((out / "samples").glob("*.png"))
    return _sha256(b"".join(read_crop(path, 70).tobytes() for path in files))


def _cells(cells: Path, out: Path) -> list[dict[str, Any]]:
    """Each cell: hash of what the network is shown, its logits in int8 steps, what is decided."""
    model = read_model_file(SHIPPED_MODEL)
    contract = model.metadata.contract
    network = Int8Network(model.flatbuffer, find_runtime())
    rows = _classified(out, cells)
    for row in rows:
        crop = read_crop(cells / row["name"], contract.side, contract.background)
        row["crop"] = _sha256(crop.tobytes())
        row["logits"] = network.raw_logits(crop).tolist()
    return rows


def _classified(out: Path, source: Path, *options: str) -> list[dict[str, Any]]:
    table = out / f"{source.name}.csv"
    _run("classify", str(source), "--out", str(table), *options)
    with table.open(newline="", encoding="utf-8") as file:
        return [
            {
                "name": Path(row["file"]).relative_to(source).as_posix(),
                **{key: row[key] for key in ("label", "decision", "quality", "box", "error")},
            }
            for row in csv.DictReader(file)
        ]


def _drift(model: Path, cells: Path, out: Path) -> dict[str, Any]:
    report = out / "drift.json"
    most = ("--most", str(COMPARED))
    code = _run("drift", str(cells), "--model", str(model), "--out", str(report), *most)
    return {"exit": code, "report": json.loads(report.read_text(encoding="utf-8"))}


def _run(*arguments: str) -> int:
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            edge_all(arguments)
    except SystemExit as end:
        if end.code not in (0, 1, 3, None):
            raise RuntimeError(f"edge-all {' '.join(arguments)}: {said.getvalue()}") from end
        return int(end.code or 0)
    return 0


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
