"""Temperature and refer band from predictions on held-out cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.probabilities.cautions import cautions
from calibration.probabilities.logits_fit import LogitsFit, fit_logits
from calibration.probabilities.predictions import Predictions, join
from calibration.probabilities.refer_band import BandMetrics, ReferBand, choose_band, measure_band
from calibration.probabilities.temperature import caution
from edge.decisions.decision import probability
from edge.errors import DataRefused
from edge.records.json_text import read_json
from edge.records.typed_json import as_type
from edge.statistics.bootstrap import Weights, intervals_of
from edge.statistics.evaluation import REPLICATES
from edge.statistics.metrics import Metrics, measure
from edge.statistics.reliability import probabilities
from edge.statistics.risk_coverage import COVERAGES, RiskPoint, selective_risks

_RISKS = tuple(f"risk at {coverage}" for coverage in COVERAGES)


@dataclass(frozen=True)
class Fold:
    """How good the network of one fold is on the people held out of it.

    Attributes
    ----------
    healthy, leukemic : tuple of str
        The people.
    metrics : Metrics
        At temperature 1, decided at probability 0.5.
    """

    healthy: tuple[str, ...]
    leukemic: tuple[str, ...]
    metrics: Metrics


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities and decisions.

    Attributes
    ----------
    temperature : float
        Of the float logits.
    refer_band : ReferBand
    cells, subjects : int
        What it was fitted on.
    missed_target, false_alarm_target : float
        Targets the band was chosen for.
    sensitivity_target : float or None
        Likewise; None where none was given.
    on_these : BandMetrics
        What the band does on the cells it was chosen on: flattering by construction.
    ece_before, ece_after, brier_before, brier_after : float
        As in :class:`calibration.probabilities.logits_fit.LogitsFit`.
    intervals : dict
        Name of a number above (``refer_band.low``, ``on_these.missed``), or of ``int8``
        -> ends of its 95 % interval (:func:`edge.statistics.bootstrap.intervals_of`). Those of
        temperature and band are of fitting them again to resampled people; the others of
        measuring what was chosen on them.
    risk_coverage : tuple of RiskPoint
        How often decisions at probability 0.5 are wrong if only the surest are made.
    warnings : tuple of str
        Sentences on what makes these numbers unsure.
    int8 : LogitsFit or None
        The same fit on int8 logits of the same cells; None where none were given.
    folds : tuple of Fold
        What it was fitted on, fold by fold: the same recipe on other people.
    """

    temperature: float
    refer_band: ReferBand
    cells: int
    subjects: int
    missed_target: float
    false_alarm_target: float
    sensitivity_target: float | None
    on_these: BandMetrics
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    intervals: dict[str, tuple[float, float]]
    risk_coverage: tuple[RiskPoint, ...]
    warnings: tuple[str, ...]
    int8: LogitsFit | None
    folds: tuple[Fold, ...]


def calibrate(
    folds: Sequence[Predictions],
    missed: float,
    false_alarms: float,
    sensitivity: float | None = None,
    int8: Sequence[Predictions] = (),
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Calibration:
    """Fit the temperature, then choose the refer band, on all folds together.

    Parameters
    ----------
    folds : sequence of Predictions
        Of networks of the same recipe, each on people held out of its training.
    missed, false_alarms, sensitivity : float
        As for :func:`calibration.probabilities.refer_band.choose_band`.
    int8 : sequence of Predictions
        Of the int8 networks made of them, on the same cells in the same order.
    replicates, seed : int
        Of the bootstrap over people behind the intervals.

    Returns
    -------
    Calibration

    Raises
    ------
    DataRefused
        If the int8 predictions are of other cells, or leukemic cells have no higher margins than
        healthy ones.
    """
    cells = join(folds)
    quantized = _same_cells(cells, join(int8)) if int8 else None
    fit = fit_logits(cells.margins, cells.labels)
    at_limits = [caution(fit.temperature, cells.margins, cells.labels)]
    int8_fit = fit_logits(quantized.margins, cells.labels) if quantized else None
    if quantized and int8_fit:
        at_limits.append(caution(int8_fit.temperature, quantized.margins, cells.labels))
    # as the device works them out: another form differs in the last digit, and ends of the band
    # are among them
    p_positive = np.array([probability(m, fit.temperature) for m in cells.margins.tolist()])
    band = choose_band(p_positive, cells.labels, missed, false_alarms, sensitivity)

    def measure_all(weights: Weights | None) -> dict[str, float | None]:
        """Fit temperature and band again; measure those that were chosen."""
        again = fit_logits(cells.margins, cells.labels, weights, fit.temperature)
        scaled = probabilities(cells.margins / again.temperature)
        band_again = choose_band(scaled, cells.labels, missed, false_alarms, sensitivity, weights)
        found: dict[str, float | None] = {
            **asdict(again),
            **_named("refer_band.", asdict(band_again)),
            **_named("on_these.", asdict(measure_band(band, p_positive, cells.labels, weights))),
        }
        if quantized and int8_fit:
            of_int8 = fit_logits(quantized.margins, cells.labels, weights, int8_fit.temperature)
            found |= _named("int8.", asdict(of_int8))
        risks = selective_risks(cells.margins, cells.labels, weights)
        return found | dict(zip(_RISKS, risks.tolist(), strict=True))

    intervals = intervals_of(measure_all, cells.labels, cells.subjects, replicates, seed)
    risks = selective_risks(cells.margins, cells.labels).tolist()
    return Calibration(
        **asdict(fit),
        refer_band=band,
        cells=len(cells.labels),
        subjects=len(set(cells.subjects.tolist())),
        missed_target=missed,
        false_alarm_target=false_alarms,
        sensitivity_target=sensitivity,
        on_these=measure_band(band, p_positive, cells.labels),
        risk_coverage=tuple(
            RiskPoint(coverage, risk, *intervals.pop(name))
            for coverage, risk, name in zip(COVERAGES, risks, _RISKS, strict=True)
        ),
        intervals=intervals,
        warnings=(*cautions(cells.labels, cells.subjects), *filter(None, at_limits)),
        int8=int8_fit,
        folds=tuple(map(_measure_fold, folds)),
    )


def _named(prefix: str, numbers: dict[str, float | None]) -> dict[str, float | None]:
    return {prefix + name: number for name, number in numbers.items()}


def _same_cells(cells: Predictions, quantized: Predictions) -> Predictions:
    """Refuse int8 predictions that are not of the cells of the float ones."""
    for mine, other in ((cells.labels, quantized.labels), (cells.subjects, quantized.subjects)):
        if not np.array_equal(mine, other):
            raise DataRefused(
                f"the {len(quantized.labels)} int8 predictions are not of the same cells, in the"
                f" same order, as the {len(cells.labels)} float ones; give both for the same folds"
            )
    return quantized


def _measure_fold(fold: Predictions) -> Fold:
    healthy, leukemic = (
        tuple(sorted(set(fold.subjects[fold.labels == label].tolist()))) for label in (0, 1)
    )
    return Fold(healthy, leukemic, measure(fold.margins, fold.labels, fold.subjects))


def read_calibration(path: Path) -> Calibration:
    """Read what ``edge-all-calibrate`` wrote.

    Raises
    ------
    DataRefused
        If the file is not readable.
    """
    try:
        found: Calibration = as_type(Calibration, read_json(path), "it")
        _check_possible(found)
    except OSError as error:
        raise DataRefused(
            f"{path} cannot be read: {error.strerror}; make it with edge-all-calibrate"
            " probabilities"
        ) from error
    except ValueError as error:
        raise DataRefused(
            f"{path} is no calibration of edge-all-calibrate: {error}; make it again with"
            " edge-all-calibrate probabilities"
        ) from error
    return found


def _check_possible(found: Calibration) -> None:
    if found.temperature <= 0:
        raise ValueError(f"its temperature is {found.temperature:g}")
    if not 0 <= found.refer_band.low < 0.5 < found.refer_band.high <= 1:
        raise ValueError(
            f"its refer band from {found.refer_band.low:g} to {found.refer_band.high:g} does not"
            " lie around 0.5 within 0..1"
        )
