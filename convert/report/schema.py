"""What the report of a conversion holds, as JSON; docs/report-schema.md describes it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from convert.record import NOBODY_KNOWS
from convert.report.cell_scores import CellScores
from convert.report.earlier import as_schema_2
from convert.verify.fidelity import FLOAT, INT8, KERAS, Fidelity
from convert.verify.gates import Gate
from edge.contract import Contract
from edge.errors import ReportRefused
from edge.models.metadata import Metadata, Operator
from edge.records.json_text import read_json
from edge.records.typed_json import as_type

SCHEMA = 2
"""Version of the schema that is written. Reports of schema 1 are read, too."""


@dataclass(frozen=True)
class StageFile:
    """What a stage is stored as.

    Attributes
    ----------
    stage : str
        ``Keras``, ``float TFLite`` or ``int8 TFLite``.
    sha256 : str
        Of the Keras file, or of the bare flatbuffer.
    size : int
        In bytes.
    """

    stage: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Network:
    """What was converted, into what, by what.

    Attributes
    ----------
    name : str
        That of the Keras file; names the files of the report.
    trained_on : str
        The data, in words.
    files : tuple of StageFile
    scheme : str
        The quantization, in words.
    operators : tuple of Operator
        Of the int8 network.
    minimum_runtime : str
        Oldest TFLite runtime that knows them.
    created_with : dict
        Tool -> version.
    """

    name: str
    trained_on: str
    files: tuple[StageFile, ...]
    scheme: str
    operators: tuple[Operator, ...]
    minimum_runtime: str
    created_with: dict[str, str]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"network.name must be a word that can name files, not {self.name!r}")


@dataclass(frozen=True)
class LayerRow:
    """How far int8 is from float in the output of one layer, each fed with its own past.

    Attributes
    ----------
    name, operator : str
        Of the tensor, and of the operator that makes it: ``CONV_2D``.
    snr_db : float or None
        Signal-to-noise ratio in dB; None where int8 is exact.
    cosine : float
        Cosine similarity, -1..1.
    range_use : float or None
        Share of the 256 steps that the cells use, 0..1; None if the layer stayed in float.
    saturated : float or None
        Share of values at an end of the range, 0..1; None likewise.
    rank : int
        1 is the layer that loses most.
    """

    name: str
    operator: str
    snr_db: float | None
    cosine: float
    range_use: float | None
    saturated: float | None
    rank: int


@dataclass(frozen=True)
class Attempt:
    """One thing accuracy control tried.

    Attributes
    ----------
    what : str
    agreement, mean_logit_error : float
        Float to int8, with it.
    bought, cost : str
        What it gained and what it takes, in words.
    kept : bool
        False where it was reverted.
    """

    what: str
    agreement: float
    mean_logit_error: float
    bought: str
    cost: str
    kept: bool = True


@dataclass(frozen=True)
class Stability:
    """Whether another draw of representative cells would give the same ranges.

    Attributes
    ----------
    checked : int
        Tensors looked at.
    unstable : tuple of (str, float)
        Tensors whose range depends on the draw: name, largest by smallest range.
    """

    checked: int
    unstable: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class RepresentativeSet:
    """The cells that int8 ranges were set on.

    Attributes
    ----------
    strategy : str
        How they were chosen.
    cells : int or None
        How many; None where ranges of an earlier conversion were taken.
    cells_are : str
        Where they come from, in words.
    stability : Stability or None
        None where it was not looked at.
    warnings : tuple of str
    """

    strategy: str
    cells: int | None
    cells_are: str
    stability: Stability | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ProbabilityCalibration:
    """Where temperature and refer band come from, and what they do.

    Attributes
    ----------
    temperature_float : float
    temperature_int8 : float or None
        None where int8 takes that of float.
    refer_low, refer_high : float or None
        The refer band, of two labels.
    thresholds : tuple of float or None
        Of more labels, the least probability at which each is decided.
    ece_before, ece_after, brier_before, brier_after : float or None
        Calibration error and Brier score at temperature 1 and at the temperature
        used; None where not measured.
    measured_on : str
        The cells of these four, in words.
    fitted_on : str
        The cells that temperature and band or thresholds were fitted on, and by what, in words.
    warnings : tuple of str
        What makes the fit unsure, a sentence each.
    """

    temperature_float: float
    temperature_int8: float | None
    refer_low: float | None
    refer_high: float | None
    thresholds: tuple[float, ...] | None
    ece_before: float | None
    ece_after: float | None
    brier_before: float | None
    brier_after: float | None
    measured_on: str
    fitted_on: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """When and how fast: all that differs from run to run.

    Attributes
    ----------
    at : str
        Time in UTC, ISO 8601.
    seconds : dict
        Step -> duration.
    latency : dict
        What accuracy control kept in float -> time of a cell, as a multiple of the
        all-int8 network's.
    """

    at: str
    seconds: dict[str, float]
    latency: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ConversionReport:
    """The report of a conversion.

    Attributes
    ----------
    network : Network
    contract : Contract
        What it is fed, and what it answers.
    gates : tuple of Gate
    fidelity : Fidelity
    cells : CellScores
    layers : tuple of LayerRow or None
        In the order of the network; None where not compared.
    attempts : tuple of Attempt or None
        In the order tried; None where accuracy control was off.
    representative : RepresentativeSet or None
    calibration : ProbabilityCalibration or None
    made : Made or None
        Leave it out to compare two reports.
    key : str
        Hash of all that the conversion depends on (:mod:`convert.unchanged`).
    schema : int
        :data:`SCHEMA`.
    """

    network: Network
    contract: Contract
    gates: tuple[Gate, ...]
    fidelity: Fidelity
    cells: CellScores
    layers: tuple[LayerRow, ...] | None = None
    attempts: tuple[Attempt, ...] | None = None
    representative: RepresentativeSet | None = None
    calibration: ProbabilityCalibration | None = None
    made: Made | None = None
    key: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        n, kinds = len(self.cells), len(self.contract.labels)
        flips = (*self.fidelity.export.flips, *self.fidelity.quantization.flips)
        if self.fidelity.cells != n or any(not 0 <= flip.cell < n for flip in flips):
            raise ValueError("fidelity and cells must be of the same cells")
        numbers = {flip.label for flip in flips if flip.label is not None}
        for flip in flips:
            numbers |= {flip.likeliest_before, flip.likeliest_after}
        if not numbers | set(self.cells.labels or ()) <= set(range(kinds)):
            raise ValueError(f"labels must be numbers from 0 to {kinds - 1}")
        if self.cells.kinds() - {kinds}:
            raise ValueError(f"cells must hold logits of the {kinds} labels of the contract")
        _check_decisions(self.fidelity, kinds)
        if not (self.fidelity.temperature > 0 and self.fidelity.logit_step > 0):
            raise ValueError("temperature and logit_step must be positive")

    @property
    def is_of_two(self) -> bool:
        """Whether there are two labels: then margins say all."""
        return len(self.contract.labels) == 2

    def without_made(self) -> ConversionReport:
        """All that is the same whenever the same conversion is made."""
        return replace(self, made=None)

    def to_json(self) -> str:
        """Text of the report, the same for the same report.

        Raises
        ------
        ReportRefused
            If a number is NaN or infinite, which JSON does not know.
        """
        fields = asdict(self)
        try:
            text = json.dumps({"schema": fields.pop("schema"), **fields}, indent=1, allow_nan=False)
        except ValueError as error:
            raise ReportRefused(
                f"the report of {self.network.name} holds NaN or infinity, which JSON does not"
                f" know: {error}; leave out what was not measured"
            ) from error
        # a list of numbers on one line each: thousands of margins would be thousands of lines
        return re.sub(r"\[\n[-+.\de,\s]*\]", lambda list_: " ".join(list_[0].split()), text) + "\n"


def _check_decisions(fidelity: Fidelity, kinds: int) -> None:
    band, thresholds = fidelity.refer_band, fidelity.thresholds
    if kinds == 2 and band is not None and thresholds is None:
        if not 0 <= band.low <= 0.5 <= band.high <= 1:
            raise ValueError(f"the refer band must hold 0.5, not be {band.low} to {band.high}")
    elif band is not None or thresholds is None or len(thresholds) != kinds or kinds == 2:
        raise ValueError("there must be a refer band of two labels, or a threshold of each of more")


def network_of(
    name: str, metadata: Metadata, keras_size: int, twin_size: int, int8_size: int
) -> Network:
    """Take from a model file's metadata what a report says of the network.

    Parameters
    ----------
    name : str
        What the names of the files of the report begin with.
    metadata : Metadata
    keras_size, twin_size, int8_size : int
        Bytes of the Keras file and of the two flatbuffers.
    """
    return Network(
        name=name,
        trained_on=str(metadata.trained_on.get("dataset", NOBODY_KNOWS)),
        files=(
            StageFile(KERAS, metadata.keras_sha256, keras_size),
            StageFile(FLOAT, metadata.twin_sha256, twin_size),
            StageFile(INT8, metadata.flatbuffer_sha256, int8_size),
        ),
        scheme=metadata.quantization,
        operators=metadata.operators,
        minimum_runtime=metadata.minimum_runtime,
        created_with=metadata.created_with,
    )


def read_report(path: Path) -> ConversionReport:
    """Read a report.

    Raises
    ------
    ReportRefused
        If the file cannot be read, is no report of a conversion, or is one of another schema.
    """
    try:
        fields = read_json(path)
    except OSError as error:
        raise ReportRefused(
            f"{path} cannot be read: {error.strerror}; give the NETWORK-report.json of a conversion"
        ) from error
    except ValueError as error:
        raise ReportRefused(f"{path} is not JSON: {error}; convert again") from error
    if not isinstance(fields, dict) or "schema" not in fields or "gates" not in fields:
        raise ReportRefused(
            f"{path} is no report of a conversion; give the NETWORK-report.json of one"
        )
    if fields["schema"] not in (1, SCHEMA):
        raise ReportRefused(
            f"{path} has report schema {fields['schema']!r}, this edge-all reads 1 and {SCHEMA};"
            " render it with the version that wrote it, or convert again"
        )
    try:
        if fields["schema"] == 1:
            fields = as_schema_2(fields)
        report: ConversionReport = as_type(ConversionReport, fields, "report")
    except ValueError as error:
        raise ReportRefused(f"{path} is damaged: {error}; convert again") from error
    return report
