"""Quantization drift: an int8 network against its float twin on the cells at hand."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt

import edge
from edge.crops.preprocess import UInt8Image
from edge.drift.clipping import LOOKED_INTO, LayerClipping, measure_clipping
from edge.drift.comparison import Answered, Cells, Comparison, compare_networks, refuse_not_finite
from edge.drift.drawing import EvenDraw
from edge.drift.gates import NOT_HELD, DriftGate, DriftLimits, judge_clipping, judge_drift
from edge.drift.labels import Labels
from edge.drift.layers import (
    LAYERS_COMPARED_ON,
    LayerNoise,
    compare_layers,
    first_bad_layer,
)
from edge.drift.two_networks import Seen, TwoNetworks
from edge.errors import NoInputs
from edge.files import file_name
from edge.machine import processor_name
from edge.models.metadata import Metadata
from edge.reference.histogram import Histogram, empty_histogram
from edge.rows import smear_of
from edge.samples import Sample
from edge.statistics.answers import Logits, answers_of, likeliest_of

SCHEMA = 1
"""Version of the schema of the JSON report."""

FLOAT, INT8 = "float TFLite", "int8 TFLite"
"""Names of the two networks."""

MOST_FLIPS_KEPT = 240
"""Crops of flips that are kept, for pictures and for a replay."""

_TIMED = 16  # cells
_STEPS = tuple(n / 2 for n in range(-20, 21))  # of the int8 output, where errors are counted


@dataclass(frozen=True)
class Latency:
    """How long a cell takes, in milliseconds, one after the other in one thread.

    Attributes
    ----------
    int8, twin : float
        Shortest of three times over all `cells`, without reading and decoding.
    cells : int
    """

    int8: float
    twin: float
    cells: int


@dataclass(frozen=True)
class Where:
    """What was compared, and where.

    Attributes
    ----------
    created : str
        ISO 8601, UTC.
    edge_all, runtime, machine : str
    network, model, model_sha256, twin_sha256 : str
    sources : tuple of str
    """

    created: str
    edge_all: str
    runtime: str
    machine: str
    network: str
    model: str
    model_sha256: str
    twin_sha256: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class RightCells:
    """Of the cells whose label is known, how many each network finds likeliest; accuracy."""

    labelled: int
    twin: int
    int8: int


@dataclass(frozen=True)
class QuantizationDrift:
    """What was measured; the JSON report has these fields.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`.
    where : Where
    cells : int
        That both networks saw.
    failed : tuple of tuple of str
        Inputs that could not be read, and why.
    comparison : Comparison
        Float before, int8 after.
    right : RightCells or None
        None without labels.
    errors : Histogram
        Of ``int8 - float`` of all logits, in steps of the int8 output; those beyond lie in the
        first and last bin.
    latency : Latency
    gates : tuple of DriftGate
    layers : tuple of LayerNoise
        Where a gate failed, or where it was asked for.
    first_bad : LayerNoise or None
        First that is noisy, or cuts off more than the limit, where that gate failed.
    clipping : tuple of LayerClipping
        On at most :data:`edge.drift.clipping.LOOKED_INTO` cells, drawn evenly.
    """

    schema: int
    where: Where
    cells: int
    failed: tuple[tuple[str, str], ...]
    comparison: Comparison
    right: RightCells | None
    errors: Histogram
    latency: Latency
    gates: tuple[DriftGate, ...]
    layers: tuple[LayerNoise, ...]
    first_bad: LayerNoise | None
    clipping: tuple[LayerClipping, ...]

    @property
    def has_failed(self) -> bool:
        """Whether a gate failed."""
        return any(gate.passed is False for gate in self.gates)


@dataclass
class Kept:
    """What is kept of the cells while they go by.

    Attributes
    ----------
    names, labels, people : list
        Of every cell.
    int8, twin : list of ndarray of float, shape (labels,)
    failed : list of tuple of str
    flips : dict
        Position -> crop, of the first :data:`MOST_FLIPS_KEPT` flips.
    others : dict
        Position -> crop, of the first cells that do not flip.
    drawn : EvenDraw
        Crops, drawn evenly from all: the first may be of one person.
    """

    names: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    int8: list[npt.NDArray[np.float64]] = field(default_factory=list)
    twin: list[npt.NDArray[np.float64]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    flips: dict[int, UInt8Image] = field(default_factory=dict)
    others: dict[int, UInt8Image] = field(default_factory=dict)
    drawn: EvenDraw[UInt8Image] = field(default_factory=lambda: EvenDraw(LOOKED_INTO))

    def add(self, seen: Seen, labels: Labels) -> None:
        """Keep what is needed of one cell."""
        sample, crop = seen.prepared.sample, seen.prepared.crop
        name = file_name(sample.id)
        if crop is None or seen.int8 is None or seen.twin is None:
            error = seen.prepared.error
            self.failed.append((name, str(error) if error else ""))
            return
        pair = np.stack([seen.int8, seen.twin])
        first, second = likeliest_of(pair).tolist()
        keep, most = (
            (self.flips, MOST_FLIPS_KEPT) if first != second else (self.others, LAYERS_COMPARED_ON)
        )
        if len(keep) < most:
            keep[len(self.names)] = crop
        self.drawn.add(crop)
        self.names.append(name)
        self.labels.append(labels.label_of(sample.file))
        self.people.append(labels.person_of(sample.file, smear_of(sample.source, sample.file)))
        self.int8.append(seen.int8)
        self.twin.append(seen.twin)

    def some_crops(self) -> dict[int, UInt8Image]:
        """Crops to look into the layers with: of flips first."""
        return dict([*self.flips.items(), *self.others.items()][:LAYERS_COMPARED_ON])


def measure_drift(
    two: TwoNetworks,
    samples: Iterable[Sample],
    labels: Labels,
    limits: DriftLimits,
    sources: tuple[str, ...] = (),
    with_layers: bool = False,
) -> tuple[QuantizationDrift, Kept]:
    """Show cells to both networks and compare what they say.

    Parameters
    ----------
    two : TwoNetworks
    samples : iterable of Sample
    labels : Labels
    limits : DriftLimits
    sources : tuple of str
        As they were named, for the record.
    with_layers : bool
        Compare layer by layer even where every gate holds.

    Returns
    -------
    QuantizationDrift
    Kept
        Crops and logits behind it.

    Raises
    ------
    NoInputs
        If no sample is a cell.
    GateFailed
        If a network gives NaN or infinity.
    """
    kept = Kept()
    for seen in two.see(samples):
        kept.add(seen, labels)
    if not kept.names:
        first = f"; {kept.failed[0][0]}: {kept.failed[0][1]}" if kept.failed else ""
        raise NoInputs(f"no cell could be compared: {len(kept.failed)} inputs failed{first}")
    int8, twin = np.array(kept.int8), np.array(kept.twin)
    comparison = _compare(two, kept, int8, twin, labels)
    clipping = measure_clipping(two.twin, two.model.flatbuffer, kept.drawn.kept)
    gates = (
        *judge_drift(comparison, len(kept.names), limits),
        judge_clipping(clipping, limits.clipped_cells),
    )
    some = kept.some_crops()
    layers: tuple[LayerNoise, ...] = ()
    if with_layers or any(gate.passed is False for gate in gates):
        layers = compare_layers(two.twin, two.model.flatbuffer, list(some.values()))
    timed = list(some.values())[:_TIMED]
    times = two.milliseconds(timed)
    return QuantizationDrift(
        schema=SCHEMA,
        where=where_of(two, sources),
        cells=len(kept.names),
        failed=tuple(kept.failed),
        comparison=comparison,
        right=_right_cells(int8, twin, np.array(kept.labels)),
        errors=empty_histogram(_STEPS).add(((int8 - twin) / two.logit_step).ravel()),
        latency=Latency(*times, len(timed)),
        gates=gates,
        layers=layers,
        first_bad=_first_bad(layers, clipping, limits.clipped_cells),
        clipping=clipping,
    ), kept


def where_of(two: TwoNetworks, sources: tuple[str, ...]) -> Where:
    """What is compared, and where."""
    model = two.model
    return Where(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        edge_all=edge.__version__,
        runtime=f"{two.runtime.name} {two.runtime.version}",
        machine=f"{platform.machine()}, {processor_name()}",
        network=model.metadata.network,
        model=file_name(model.path),
        model_sha256=model.sha256,
        twin_sha256=model.metadata.twin_sha256,
        sources=sources,
    )


def answered(name: str, logits: Logits, metadata: Metadata) -> Answered:
    """What a network's logits say by the rules of a model file."""
    says = answers_of(logits, metadata.temperature, metadata.refer_band, metadata.thresholds)
    return Answered(name, logits, says)


def _compare(
    two: TwoNetworks, kept: Kept, int8: Logits, twin: Logits, labels: Labels
) -> Comparison:
    names = np.array(kept.names)
    for name, logits in ((FLOAT, twin), (INT8, int8)):
        refuse_not_finite(name, logits, names)
    metadata = two.model.metadata
    given = np.array(kept.labels) if labels.are_given else None
    return compare_networks(
        answered(FLOAT, twin, metadata),
        answered(INT8, int8, metadata),
        Cells(names, given, np.array(kept.people)),
        metadata.temperature,
        two.logit_step,
    )


def _first_bad(
    layers: Sequence[LayerNoise], clipping: Sequence[LayerClipping], limit: float
) -> LayerNoise | None:
    """First layer that is noisy or cuts off too much: those behind it inherit both."""
    noisy = first_bad_layer(layers)
    cutting = {layer.name for layer in clipping if limit < NOT_HELD and layer.is_beyond(limit)}
    return next((layer for layer in layers if layer == noisy or layer.name in cutting), None)


def _right_cells(int8: Logits, twin: Logits, labels: npt.NDArray[np.integer]) -> RightCells | None:
    known = labels >= 0
    if not known.any():
        return None
    right = [int(np.sum(likeliest_of(each[known]) == labels[known])) for each in (twin, int8)]
    return RightCells(int(known.sum()), *right)
