"""``edge-all doctor``: what this machine has, what is missing, how to get it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from edge.contract import Contract
from edge.crops.quality import FEWEST_CELLS
from edge.engine.classifier import check_contract, check_golden, golden_error
from edge.engine.network import Int8Network
from edge.engine.runtime import Runtime, find_runtime, load_runtime
from edge.errors import EdgeAllError
from edge.machine import (
    available_processors,
    cpu_features,
    installed_version,
    memory,
    processor_name,
)
from edge.models.metadata import Metadata
from edge.models.model_file import ModelFile, read_model_file
from edge.reference.drift_reference import DriftReference

_LIGHT_RUNTIMES = ("ai-edge-litert", "tflite-runtime")
_LITTLE_SHIFT = "how people differ is not known: only a scale far off is noticed"
_NO_SHIFT = "nothing tells that cells come at another scale"
_LIBRARIES = ("edge-all", "numpy", "opencv-python-headless", "rich")


def examine(model: Path) -> Iterator[str]:
    """Describe machine, libraries, runtimes and the model file, line by line.

    Parameters
    ----------
    model : Path
        Model file to verify.

    Yields
    ------
    str

    Raises
    ------
    RuntimeMissing
        If there is no TFLite runtime.
    ModelFileRefused
        If the model file is refused.
    """
    yield f"machine   {platform.machine()}, {platform.system()} {platform.release()}"
    yield f"processor {processor_name()}, {available_processors()} usable"
    yield f"int8 help {', '.join(cpu_features()) or 'none found: expect several times slower'}"
    yield f"memory    {memory()}"
    yield f"python    {platform.python_version()}"
    for name in _LIBRARIES:
        yield f"library   {name} {installed_version(name)}"
    for name in _LIGHT_RUNTIMES:
        found = load_runtime(name)
        yield f"runtime   {name} {found.version if isinstance(found, Runtime) else found}"
    # not imported to see whether it loads: that alone takes seconds
    yield f"runtime   tensorflow {installed_version('tensorflow')}"
    runtime = find_runtime()
    yield f"in use    {runtime.name} {runtime.version}"
    yield from _examine_model(read_model_file(model), runtime)


def _examine_model(model: ModelFile, runtime: Runtime) -> Iterator[str]:
    facts = model.metadata
    yield f"model     {model.path}"
    yield f"          {facts.network}, int8, {len(model.flatbuffer) / 1e6:.2f} MB, hashes verified"
    yield f"          sha256 {model.sha256}"
    network = Int8Network(model.flatbuffer, runtime)
    check_contract(model, network)
    check_golden(model, network)
    yield (
        f"          {len(model.golden.inputs)} golden vectors reproduce: off by at most"
        f" {golden_error(model, network)} int8 steps, {facts.golden_tolerance} allowed"
    )
    yield f"          {_quality(model.reference)}"
    yield f"          {_contract(facts.contract)}"
    yield f"          {_scale(facts.contract)}"
    yield f"          {_decisions(facts)}, temperature {facts.temperature:.3f}"
    yield f"use       {facts.contract.intended_use}"


def _contract(contract: Contract) -> str:
    words = [
        label.name if label.name == label.words else f"{label.name} ({label.words})"
        for label in contract.labels
    ]
    missed = f"; not to be missed: {contract.positive_words}" if contract.positive else ""
    return (
        f"tells {', '.join(words)} apart{missed}; crops of {contract.side} pixels a side,"
        f" {contract.background} background"
    )


def _scale(contract: Contract) -> str:
    scale = (
        f"{contract.um_per_pixel:g} um a pixel of a crop"
        if contract.um_per_pixel
        else "scale not known: no crop is brought to it"
    )
    cells = contract.diameters
    if cells is None:
        return f"{scale}; {_NO_SHIFT}"
    of_people = f"of {cells.people} people" + ("" if cells.sizes else f"; {_LITTLE_SHIFT}")
    return (
        f"{scale}; cells of {cells.percentiles[0]:.1f} to {cells.percentiles[-1]:.1f} pixels,"
        f" median {cells.median:.1f}, {of_people}"
    )


def _decisions(facts: Metadata) -> str:
    if facts.refer_band is not None:
        low, high = facts.refer_band
        return f"refers from p = {low:.3f} to {high:.3f}"
    pairs = zip(facts.contract.words, facts.thresholds or (), strict=True)
    decided = ", ".join(f"{words} from p = {threshold:.3f}" for words, threshold in pairs)
    return f"decides {decided}, else refers"


def _quality(reference: DriftReference | None) -> str:
    if reference is None or reference.cells < FEWEST_CELLS:
        return (
            "judges no size, light or focus of a cell: it was made without a reference of"
            f" {FEWEST_CELLS} cells or more"
        )
    return f"judges size, light and focus of a cell by {reference.cells} cells of its reference"


def versions() -> str:
    """One line: the version of edge-all and of all it runs on."""
    try:
        runtime = find_runtime()
        named = f"{runtime.name} {runtime.version}"
    except EdgeAllError:
        named = "no TFLite runtime"
    libraries = [f"{name} {installed_version(name)}" for name in _LIBRARIES]
    return ", ".join([*libraries[:-1], named, f"Python {platform.python_version()}"])
