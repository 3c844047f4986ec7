"""edge-all and the other ways to run the same network, each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.cli.command import say

HERE = Path(__file__).parent
PEERS_PYTHON = Path(".venv-peers/bin/python")
"""Has what benchmarks/peers/requirements.txt names; ``make bench`` sets it up."""


Measured = dict[str, Any]
"""What a program measured of itself: ``name``, ``crops_per_second`` from files to results,
``engine_crops_per_second`` of crops in memory, ``setting`` and more."""


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes
    ----------
    name : str
    command : tuple of str
    least : float
        How many times as fast as it edge-all is to be.
    """

    name: str
    command: tuple[str, ...]
    least: float

    def run(self) -> Measured:
        """Measure it."""
        return _measured(self.command)


def edge_all(model: Path, crops: Path) -> Measured:
    """Measure edge-all."""
    return _measured((sys.executable, str(HERE / "ours.py"), str(model), "--list", str(crops)))


def peers_of(model: Path, crops: Path, representative: Path, out: Path) -> list[Peer]:
    """Others that can run the network: those that need its float ONNX file, if it lies beside.

    Parameters
    ----------
    model : Path
        ``cnn.tflite``, beside which ``cnn.onnx`` may lie (``edge-all-convert run --onnx``).
    crops, representative : Path
        Lists of crops: to classify, and to quantize on.
    out : Path
        Folder for quantized networks.
    """
    onnx = model.with_suffix(".onnx")
    if not PEERS_PYTHON.exists():
        say(f"not compared: no {PEERS_PYTHON}; make bench sets it up for files with .onnx beside")
        return []
    if not onnx.exists():
        say(f"not compared: no {onnx}; edge-all-convert run --onnx writes it")
        return []

    def command(script: str, network: Path, *options: str) -> tuple[str, ...]:
        program = (str(PEERS_PYTHON), str(HERE / "peers" / script))
        return (*program, str(network), "--list", str(crops), *options)

    quantizing = ("--representative", str(representative), "--cache", str(out / "peers"))
    return [
        Peer("the plain script", command("plain.py", model), 3.0),
        Peer("onnxruntime", command("onnxruntime_int8.py", onnx, *quantizing), 1.1),
        Peer("OpenVINO", command("openvino_int8.py", onnx, *quantizing), 1.1),
    ]


def _measured(command: tuple[str, ...]) -> Measured:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed: {done.stderr}")
    return dict(json.loads(done.stdout))
