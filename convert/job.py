"""What a conversion starts from: the Keras file, what lies beside it, cells and limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from convert.chosen_cells import Cells, background_of, drawn_cells, labelled_cells
from convert.graph.profiles import check_profile
from convert.network.asked import Asked
from convert.network.contract import Shape, Terms, agree_on_terms
from convert.network.input_range import range_of_layers
from convert.network.logits_model import load_logits_model
from convert.probabilities import Probabilities, read_probabilities
from convert.quantize.accuracy_control import Budget
from convert.record import TrainingRecord, record_beside
from convert.verify.gates import Limits
from edge.contract import with_diameters
from edge.errors import ConversionFailed


@dataclass(frozen=True)
class Options:
    """What is asked of every conversion.

    Attributes
    ----------
    cells : Path or None
        Folder or CSV file of labelled crops: training subjects set the int8 ranges, held-out
        subjects measure the fidelity. None: saved ranges and drawn cells.
    test : Path or None
        Another set of labelled crops to measure on, in place of held-out subjects of `cells`.
    representative : Path or None
        Manifest of the cells that set the ranges.
    n : int
        Size of the representative set, where there is no manifest.
    limits : Limits
    budget : Budget
    profile : str or None
        Runtime or chip that the model must run on (:func:`convert.graph.profiles.lacking`).
    onnx : bool
        Whether to export ONNX as well.
    allow_float : int or None
        Layers that may run in float; None: those that accuracy control leaves in float.
    with_twin : bool
        Whether the float twin is packed into the model file, too.
    asked : Asked
        What is said of the model; outranks its record.
    """

    cells: Path | None = None
    test: Path | None = None
    representative: Path | None = None
    n: int = 300
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    profile: str | None = None
    onnx: bool = False
    allow_float: int | None = None
    with_twin: bool = False
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class Job:
    """One conversion.

    Attributes
    ----------
    keras_file : Path
    record : TrainingRecord
        ``NAME.json`` beside it, if it is there.
    terms : Terms
        What the network takes and gives.
    probabilities : Probabilities or None
        Of ``NAME-calibration.json`` beside it; None where the conversion is to fit them.
    recipe_file, reference_file : Path
        ``NAME-ranges.json`` and ``NAME-reference.json`` beside it, where an earlier
        conversion left them: they stand in for cells.
    cells : Cells
    options : Options
    """

    keras_file: Path
    record: TrainingRecord
    terms: Terms
    probabilities: Probabilities | None
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
    """Read what lies beside a Keras file, agree on its terms, and take its cells.

    Raises
    ------
    ConversionFailed
        If nobody says what the network takes and gives, or the file's name cannot name others.
    DataRefused
        If the calibration or the cells cannot be used.
    """
    if not re.fullmatch(r"\w[\w.-]*", keras_file.stem):
        raise ConversionFailed(
            f"{keras_file}: rename it to letters, digits, '-', '_' and '.', as all files written"
            " are named after it"
        )
    if options.profile:
        check_profile(options.profile)  # before the work begins
    record = record_beside(keras_file)
    terms = terms_of(keras_file, record, options.asked, options.cells)
    calibration = beside(keras_file, "-calibration.json")
    # without cells to fit them on, that the file is missing is what there is to say
    fits = options.cells is not None and not calibration.exists()
    probabilities = None if fits else read_probabilities(calibration, terms.contract)
    cells = _cells(options, terms, record, fits)
    if cells.diameters is not None:
        terms = replace(terms, contract=with_diameters(terms.contract, cells.diameters))
    return Job(
        keras_file,
        record,
        terms,
        probabilities,
        beside(keras_file, "-ranges.json"),
        beside(keras_file, "-reference.json"),
        cells,
        options,
    )


def terms_of(
    keras_file: Path, record: TrainingRecord, asked: Asked, cells: Path | None = None
) -> Terms:
    """Agree on the terms of a conversion (:func:`convert.network.contract.agree_on_terms`).

    Parameters
    ----------
    keras_file : Path
    record : TrainingRecord
    asked : Asked
    cells : Path, optional
        Labelled crops, which show what lies around them.
    """
    names = asked.labels or record.labels
    see = None
    if cells is not None:
        see = partial(background_of, cells, names or ())
    is_told = asked.input_range or record.input_range
    look = partial(_look_at, keras_file, is_told is not None)
    return agree_on_terms(keras_file, record, asked, look, see)


def _look_at(keras_file: Path, is_range_told: bool) -> Shape:
    """Load a model only to see what it takes and gives."""
    source = load_logits_model(keras_file)
    tells_range = not is_range_told and range_of_layers(source.model) is not None
    return Shape(source.side, source.labels, tells_range)


def _cells(options: Options, terms: Terms, record: TrainingRecord, calibrates: bool) -> Cells:
    if options.cells is None:
        return drawn_cells(terms.contract.side)
    return labelled_cells(
        options.cells,
        terms.contract,
        record.held_out,
        options.n,
        manifest=options.representative,
        calibrates=calibrates,
        test=options.test,
    )


def beside(keras_file: Path, ending: str) -> Path:
    """File of the same name with another ending."""
    return keras_file.with_name(f"{keras_file.stem}{ending}")
