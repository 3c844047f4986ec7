"""Replay packages: what two networks were shown and what they gave, to look at elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.drift.quantization import Kept, QuantizationDrift
from edge.drift.two_networks import TwoNetworks
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import ReportRefused
from edge.records.json_text import MOST_JSON, parse_json
from edge.statistics.answers import likeliest_of
from edge.whole_file import save_bytes

FACTS, CROPS, INT8, TWIN = "replay.json", "crops.npy", "int8.npy", "float.npy"
INT8_NETWORK, TWIN_NETWORK = "int8.tflite", "float.tflite"
"""Names of the members."""

_SCHEMA = 1
_MOST_CELLS = 4096
_MOST_BYTES = 2 << 30
_TIME = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes


@dataclass(frozen=True)
class Replayed:
    """What this machine makes of a package.

    Attributes
    ----------
    cells : int
    int8_off, twin_off : float
        Largest difference to the logits of the package.
    flips_there, flips_here : int
        Cells whose likeliest label differs between int8 and float.
    """

    cells: int
    int8_off: float
    twin_off: float
    flips_there: int
    flips_here: int


def save_replay(path: Path, found: QuantizationDrift, kept: Kept, two: TwoNetworks) -> int:
    """Write a package: flips first, then other cells; it holds images of cells.

    Returns
    -------
    int
        How many cells are in it.

    Raises
    ------
    OutputFailed
    """
    cells = {**kept.flips, **kept.others}
    places = list(cells)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        facts = {
            "schema": _SCHEMA,
            "where": asdict(found.where),
            "gates": [asdict(gate) for gate in found.gates],
            "layers": [asdict(layer) for layer in found.layers],
            "clipping": [asdict(layer) for layer in found.clipping],
            "cells": [kept.names[place] for place in places],
        }
        _add(archive, FACTS, (json.dumps(facts, indent=1) + "\n").encode())
        _add(archive, CROPS, _bytes_of(np.stack(list(cells.values()))))
        _add(archive, INT8, _bytes_of(np.array([kept.int8[place] for place in places])))
        _add(archive, TWIN, _bytes_of(np.array([kept.twin[place] for place in places])))
        _add(archive, INT8_NETWORK, two.model.flatbuffer)
        _add(archive, TWIN_NETWORK, two.twin)
    save_bytes(path, buffer.getvalue())
    return len(places)


def run_replay(path: Path) -> Replayed:
    """Run the networks of a package on its cells, here.

    Raises
    ------
    ReportRefused
        If it is no package.
    ModelFileRefused
        If the runtime of this machine cannot load a network.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = parse_json(_read(archive, FACTS, MOST_JSON))
            if not isinstance(facts, dict) or facts.get("schema") != _SCHEMA:
                raise ValueError(f"it is not of schema {_SCHEMA}")
            arrays = [_array_of(archive, name) for name in (CROPS, INT8, TWIN)]
            networks = [_read(archive, name) for name in (INT8_NETWORK, TWIN_NETWORK)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ReportRefused(
            f"{path} is no replay package: {error}; edge-all drift --replay writes them"
        ) from error
    crops, int8, twin = arrays
    runtime = find_runtime()
    here = Int8Network(networks[0], runtime), FloatNetwork(networks[1], runtime)
    if crops.shape[1:] != (here[0].side, here[0].side, 3) or int8.shape != twin.shape:
        raise ReportRefused(f"{path}: its cells are not those of its networks; write it again")
    found_int8, found_twin = (network.logits_of(crops) for network in here)
    return Replayed(
        cells=len(crops),
        int8_off=float(np.abs(found_int8 - int8).max()),
        twin_off=float(np.abs(found_twin - twin).max()),
        flips_there=_flips(int8, twin),
        flips_here=_flips(found_int8, found_twin),
    )


def _flips(int8: npt.NDArray[Any], twin: npt.NDArray[Any]) -> int:
    return int(np.sum(likeliest_of(int8) != likeliest_of(twin)))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _TIME), data, zipfile.ZIP_DEFLATED)


def _bytes_of(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _read(archive: zipfile.ZipFile, name: str, most: int = _MOST_BYTES) -> bytes:
    member = archive.getinfo(name)
    if member.file_size > most:
        raise ValueError(f"{name} has {member.file_size} bytes")
    return archive.read(member)


def _array_of(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    found = np.load(io.BytesIO(_read(archive, name)), allow_pickle=False)
    if not isinstance(found, np.ndarray) or not 0 < len(found) <= _MOST_CELLS:
        raise ValueError(f"{name} is no array of cells")
    return found
