"""The contract of a conversion: what the record beside a Keras model, or the user, says of it.

What nobody says is never assumed: it is asked for, all of it in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from convert.network.asked import Asked
from convert.network.input_range import UNIT, InputRange
from convert.record import TrainingRecord
from edge.contract import Contract, make_labels
from edge.documents.words import listed
from edge.errors import ConversionFailed
from edge.models import cnmc


@dataclass(frozen=True)
class Terms:
    """What a Keras model takes and gives, who says so, and the contract that comes of it.

    Attributes
    ----------
    contract : Contract
    outputs : tuple of str
        What each output stands for, in the order of the Keras model; of a sigmoid the label where
        it says 0, then that where it says 1.
    outputs_from : str
        ``--labels`` or ``its record``.
    input_range : InputRange or None
        What black and full light of a crop are for the model; None where its layers are to say
        (:func:`convert.network.fitting.fit_to_device`).
    range_from : str
        In words: ``--input-range``, ``its record``, ``its first layers``; empty where nobody
        says so and it is what edge-all-train trains on.
    background_from : str
        In words: ``--background``, ``its record``, ``the cells``.
    """

    contract: Contract
    outputs: tuple[str, ...]
    outputs_from: str
    input_range: InputRange | None = None
    range_from: str = ""
    background_from: str = "its record"

    @property
    def fed(self) -> InputRange:
        """The input range, once it is certain."""
        if self.input_range is None:
            raise ValueError("the layers of the model were not asked what they want")
        return self.input_range

    @property
    def departs(self) -> str:
        """What the exported network does in place of the Keras model, in words; else empty."""
        changes = []
        if self.fed != UNIT:
            changes.append(f"crops scaled to {self.fed} inside ({self.range_from})")
        if self.outputs != self.contract.names:
            changes.append(f"outputs put in order from {', '.join(self.outputs)}")
        return "; ".join(changes)


@dataclass(frozen=True)
class Shape:
    """What a Keras model itself shows.

    Attributes
    ----------
    side : int
        Of the crops it takes, in pixels.
    labels : int
        How many it tells apart.
    tells_range : bool
        Whether its first layers say what range of values they want.
    """

    side: int
    labels: int
    tells_range: bool


def agree_on_terms(
    keras_file: Path,
    record: TrainingRecord,
    asked: Asked,
    look: Callable[[], Shape],
    background_of_cells: Callable[[], str] | None = None,
) -> Terms:
    """Find out what a Keras model takes and gives; what was asked for outranks the record.

    Parameters
    ----------
    keras_file : Path
    record : TrainingRecord
    asked : Asked
    look : callable
        Looks at the model itself; called only where the record holds no contract, as loading a
        model takes seconds.
    background_of_cells : callable, optional
        Looks at what lies around the labelled cells at hand, if there are any.

    Raises
    ------
    ConversionFailed
        If nobody says what the outputs stand for, what lies around the cells, or what range of
        values the model wants; if the record and an option name other labels; or a label is none.
    """
    shape = None if record.contract else look()
    names = asked.labels or record.labels
    if shape is not None:
        missing = _missing(record, asked, shape, background_of_cells is not None)
        if missing:
            raise ConversionFailed(_ask(keras_file, record, missing))
    assert names is not None  # a record with a contract has labels; without, they were asked for
    _check_names(keras_file, record, asked, shape)
    try:
        base, background_from = _base(record, asked, shape, names, background_of_cells)
        contract = _contract(base, asked, names)
    except ValueError as error:
        raise ConversionFailed(
            f"{keras_file}: {error}; see --labels, --positive and --words"
        ) from error
    return Terms(
        contract=contract,
        outputs=names,
        outputs_from="--labels" if asked.labels else "its record",
        input_range=asked.input_range or record.input_range,
        range_from=_said_by("--input-range", asked.input_range, record.input_range),
        background_from=background_from,
    )


def _missing(record: TrainingRecord, asked: Asked, shape: Shape, are_cells: bool) -> dict[str, str]:
    """What nobody says: in words -> how to say it."""
    names = asked.labels or record.labels
    missing = {}
    if names is None:
        missing[f"what its {shape.labels} outputs stand for"] = (
            f"--labels with {shape.labels} names in their order, such as"
            f" {','.join('abcdef'[: shape.labels])}"
        )
    # with labelled cells, a gate tries the other ranges
    told = asked.input_range or record.input_range or shape.tells_range or are_cells
    if not told:
        missing["what black and white were in training"] = "--input-range LOW,HIGH, such as 0,255"
    if not (asked.background or are_cells or _is_of_cnmc(names)):
        missing["what lies around its cells"] = "--background black or natural"
    return missing


def _ask(keras_file: Path, record: TrainingRecord, missing: dict[str, str]) -> str:
    name = keras_file.with_suffix(".json").name
    who = f"{name} does not say" if record.is_there else f"no {name} lies beside it to say"
    return f"{keras_file}: {who} {listed(list(missing))}; give {listed(list(missing.values()))}"


def _check_names(
    keras_file: Path, record: TrainingRecord, asked: Asked, shape: Shape | None
) -> None:
    """Refuse names that contradict the record, or are too few or too many."""
    names, known = asked.labels or record.labels or (), record.labels
    if asked.labels and known and sorted(names) != sorted(known):
        raise ConversionFailed(
            f"{keras_file} tells {', '.join(known)} apart, as its record says, and --labels names"
            f" {', '.join(names)}: give the same names in the order of its outputs; what people"
            " read instead of them is for --words"
        )
    if shape is not None and len(names) != shape.labels:
        raise ConversionFailed(
            f"{keras_file} tells {shape.labels} labels apart, and"
            f" {'--labels' if asked.labels else 'its record'} names {len(names)}:"
            f" {', '.join(names)}; name each once, in the order of its outputs"
        )


def _base(
    record: TrainingRecord,
    asked: Asked,
    shape: Shape | None,
    names: tuple[str, ...],
    background_of_cells: Callable[[], str] | None,
) -> tuple[Contract, str]:
    """Make the contract as it is but for its labels, and say who knows the background."""
    if record.contract is not None:
        base, background_from = record.contract, "its record"
    else:
        assert shape is not None
        base, background_from = _without_contract(shape.side, names), "its labels"
    if asked.background:
        if asked.background != base.background:  # cells are told from other pixels then
            base = replace(base, background=asked.background, diameters=None)
        return base, "--background"
    if record.contract is None and background_of_cells and not _is_of_cnmc(names):
        return replace(base, background=background_of_cells()), "the cells"
    return base, background_from


def _without_contract(side: int, names: tuple[str, ...]) -> Contract:
    """Contract of a network of which nothing but its size and its labels is known."""
    if _is_of_cnmc(names):  # nothing else has labels of these names
        return replace(cnmc.CONTRACT, side=side)
    return Contract(side, make_labels(names))


def _contract(base: Contract, asked: Asked, outputs: tuple[str, ...]) -> Contract:
    """Change in a contract what was asked for."""
    positive = asked.positive or base.positive
    order, words = base.names, base.words
    if len(order) == 2 and positive in order:
        order = tuple(sorted(order, key=lambda name: name == positive))
    if asked.words and len(asked.words) != len(outputs):
        raise ValueError(f"{len(asked.words)} words for {len(outputs)} labels")
    read = dict(zip(base.names, words, strict=True))
    if asked.words:
        read = dict(zip(outputs, asked.words, strict=True))
    wanted = tuple(read[name] for name in order)
    labels = base.labels
    if (order, positive, wanted) != (base.names, base.positive, words):
        labels = make_labels(order, positive, wanted)
    return replace(
        base,
        labels=labels,
        positive=positive,
        um_per_pixel=asked.um_per_pixel or base.um_per_pixel,
        intended_use=asked.intended_use or base.intended_use,
    )


def _said_by(option: str, asked: InputRange | None, recorded: InputRange | None) -> str:
    if asked is not None:
        return option
    return "" if recorded is None else "its record"


def _is_of_cnmc(names: tuple[str, ...] | None) -> bool:
    """Whether labels are those of C-NMC, in either order."""
    return names is not None and set(names) == set(cnmc.NAMES)
