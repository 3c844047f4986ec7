"""What a conversion starts from: the Keras file, what lies beside it, cells and limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from calibration.probabilities.calibrate import Calibration, read_calibration
from convert.chosen_cells import Cells, drawn_cells, labelled_cells
from convert.graph.profiles import too_new
from convert.network.input_range import InputRange
from convert.quantize.accuracy_control import Budget
from convert.record import TrainingRecord, as_input_range, read_record
from convert.verify.gates import Limits
from edge.errors import ConversionFailed


@dataclass(frozen=True)
class Options:
    """What is asked of every conversion.

    Attributes
    ----------
    cells : Path or None
        Folder of labelled crops: training subjects set the int8 ranges, held-out subjects
        measure the fidelity. None: saved ranges and drawn cells.
    representative : Path or None
        Manifest of the cells that set the ranges.
    n : int
        Size of the representative set, where there is no manifest.
    limits : Limits
    budget : Budget
    profile : str or None
        Runtime that the model must load in (:data:`convert.graph.profiles.PROFILES`).
    onnx : bool
        Whether to export ONNX as well.
    allow_float : int or None
        Layers that may run in float; None: those that accuracy control leaves in float.
    labels : tuple of str or None
        What each output of the Keras model stands for, where its record does not say so.
    input_range : InputRange or None
        What 0 and 255 of a crop are for it, where neither record nor layers say so.
    """

    cells: Path | None = None
    representative: Path | None = None
    n: int = 300
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    profile: str | None = None
    onnx: bool = False
    allow_float: int | None = None
    labels: tuple[str, ...] | None = None
    input_range: InputRange | None = None


@dataclass(frozen=True)
class Job:
    """One conversion.

    Attributes
    ----------
    keras_file : Path
    record : TrainingRecord
        ``NAME.json`` beside it.
    calibration : Calibration
        ``NAME-calibration.json`` beside it.
    recipe_file, reference_file : Path
        ``NAME-ranges.json`` and ``NAME-reference.json`` beside it, where an earlier
        conversion left them: they stand in for cells.
    cells : Cells
    options : Options
    """

    keras_file: Path
    record: TrainingRecord
    calibration: Calibration
    recipe_file: Path
    reference_file: Path
    cells: Cells
    options: Options

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """All that lies beside the Keras file, whether or not it is there."""
        return (
            beside(self.keras_file, ".json"),
            beside(self.keras_file, "-calibration.json"),
            self.recipe_file,
            self.reference_file,
        )

    @property
    def name(self) -> str:
        """What the names of all files written begin with."""
        return self.keras_file.stem


def prepare(keras_file: Path, options: Options) -> Job:
    """Read what lies beside a Keras file, and take its cells.

    Raises
    ------
    ConversionFailed
        If the record is missing, or the file's name cannot name others.
    DataRefused
        If the calibration or the cells cannot be used.
    """
    if not re.fullmatch(r"\w[\w.-]*", keras_file.stem):
        raise ConversionFailed(
            f"{keras_file}: rename it to letters, digits, '-', '_' and '.', as all files written"
            " are named after it"
        )
    if options.profile:
        too_new((), options.profile)  # refuses one that is not known, before the work begins
    record = read_record(beside(keras_file, ".json"))
    cells = drawn_cells()
    if options.cells:
        cells = labelled_cells(
            options.cells, record.held_out, options.n, manifest=options.representative
        )
    return Job(
        keras_file,
        record,
        read_calibration(beside(keras_file, "-calibration.json")),
        beside(keras_file, "-ranges.json"),
        beside(keras_file, "-reference.json"),
        cells,
        options,
    )


def beside(keras_file: Path, ending: str) -> Path:
    """File of the same name with another ending."""
    return keras_file.with_name(f"{keras_file.stem}{ending}")


def parse_labels(given: str | None) -> tuple[str, ...] | None:
    """Read ``--labels hem,all``."""
    return None if given is None else tuple(label.strip() for label in given.split(","))


def parse_input_range(given: str | None) -> InputRange | None:
    """Read ``--input-range 0,255``.

    Raises
    ------
    ConversionFailed
        If it is no two numbers, the lower one first.
    """
    try:
        ends = as_input_range(None if given is None else [float(e) for e in given.split(",")])
    except ValueError as error:
        raise ConversionFailed(
            f"--input-range {given!r} is no LOW,HIGH: give what black and white were in training,"
            " such as 0,255"
        ) from error
    return None if ends is None else InputRange(*ends)
