"""What a model file holds, and whether it does here what it did where it was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.contract import Contract
from edge.crops.quality import FEWEST_CELLS
from edge.engine.classifier import check_contract, check_golden, golden_error
from edge.engine.network import Int8Network
from edge.engine.plan import memory_of_interpreter
from edge.engine.runtime import find_runtime
from edge.models.metadata import Metadata
from edge.models.model_file import read_model_file
from edge.reference.drift_reference import DriftReference

_LITTLE_SHIFT = "how people differ is not known: only a scale far off is noticed"
_NO_SHIFT = "nothing tells that cells come at another scale"


def describe_model(path: Path) -> Iterator[str]:
    """Describe the runtime and the model file, and run its golden vectors.

    Parameters
    ----------
    path : Path
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
    runtime = find_runtime()
    yield f"in use    {runtime.name} {runtime.version}"
    model = read_model_file(path)
    facts = model.metadata
    yield f"model     {model.path}"
    yield f"          {facts.network}, int8, {len(model.flatbuffer) / 1e6:.2f} MB, hashes verified"
    yield f"          sha256 {model.sha256}"
    needed = memory_of_interpreter(len(model.flatbuffer))
    yield f"          takes about {needed / 1e6:.0f} MB a processor"
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
