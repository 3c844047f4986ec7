"""Temperature, and refer band or thresholds, from predictions on held-out cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.probabilities.called import Called, call_labels
from calibration.probabilities.cautions import cautions
from calibration.probabilities.chosen import Chosen, chosen_band, chosen_thresholds, prefixed
from calibration.probabilities.earlier import as_schema_2
from calibration.probabilities.logits_fit import LogitsFit, fit_logits
from calibration.probabilities.predictions import Predictions, join
from calibration.probabilities.refer_band import BandMetrics, ReferBand
from calibration.probabilities.temperature import caution
from calibration.probabilities.thresholds import ThresholdMetrics
from edge.errors import DataRefused
from edge.models.metadata import LEAST_THRESHOLD
from edge.records.json_text import read_json
from edge.records.typed_json import as_type
from edge.statistics.balanced import people_alike
from edge.statistics.bootstrap import Weights, intervals_of
from edge.statistics.evaluation import REPLICATES
from edge.statistics.metrics import Metrics, measure
from edge.statistics.risk_coverage import COVERAGES, RiskPoint
from edge.statistics.several import SeveralScores, measure_several

_RISKS = tuple(f"risk at {coverage}" for coverage in COVERAGES)

SCHEMA = 2
"""Version of the file that is written. Files that say none are of edge-all 0.1.0, read as well."""


@dataclass(frozen=True)
class Fold:
    """How good the network of one fold is on the people held out of it.

    Attributes
    ----------
    people : tuple of tuple of str
        Of each label, in the order of the logits.
    metrics : Metrics or None
        Of two labels: at temperature 1, decided at probability 0.5. None of more.
    scores : SeveralScores or None
        Of more labels: at temperature 1, the likeliest being decided. None of two.
    """

    people: tuple[tuple[str, ...], ...]
    metrics: Metrics | None
    scores: SeveralScores | None


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities and decisions.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`.
    labels : tuple of str or None
        Names of the labels, in the order of the logits; None where nothing said them: of two.
    positive : str or None
        Name of the label that `missed_target` is for; of two labels it is for the second.
    temperature : float
        Of the float logits.
    refer_band : ReferBand or None
        Of two labels; None of more.
    thresholds : tuple of float or None
        Of more labels: the probability from which on each is decided where it is the likeliest.
        None of two.
    cells, subjects : int
        What it was fitted on.
    missed_target, false_alarm_target : float
        Targets the band or the thresholds were chosen for.
    sensitivity_target : float or None
        Likewise; None where none was given.
    on_these : BandMetrics or None
        What the band does on the cells it was chosen on: flattering by construction.
    thresholds_on_these : ThresholdMetrics or None
        What the thresholds do on them, likewise.
    ece_before, ece_after, brier_before, brier_after : float
        As in :class:`calibration.probabilities.logits_fit.LogitsFit`.
    intervals : dict
        Name of a number above (``refer_band.low``, ``on_these.missed``, ``thresholds.LABEL``), or
        of ``int8`` -> ends of its 95 % interval (:func:`edge.statistics.bootstrap.intervals_of`).
        Those of temperature, band and thresholds are of fitting them again to resampled people;
        the others of measuring what was chosen on them.
    risk_coverage : tuple of RiskPoint
        How often the likeliest label is wrong if only the surest decisions are made.
    warnings : tuple of str
        Sentences on what makes these numbers unsure.
    int8 : LogitsFit or None
        The same fit on int8 logits of the same cells; None where none were given.
    folds : tuple of Fold
        What it was fitted on, fold by fold: the same recipe on other people.
    people_alike : bool
        Whether everybody of a label weighed the same in all numbers but those of folds, however
        many cells there are.
    """

    schema: int
    labels: tuple[str, ...] | None
    positive: str | None
    temperature: float
    refer_band: ReferBand | None
    thresholds: tuple[float, ...] | None
    cells: int
    subjects: int
    missed_target: float
    false_alarm_target: float
    sensitivity_target: float | None
    on_these: BandMetrics | None
    thresholds_on_these: ThresholdMetrics | None
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    intervals: dict[str, tuple[float, float]]
    risk_coverage: tuple[RiskPoint, ...]
    warnings: tuple[str, ...]
    int8: LogitsFit | None
    folds: tuple[Fold, ...]
    people_alike: bool = False


def calibrate(
    folds: Sequence[Predictions],
    missed: float,
    false_alarms: float,
    sensitivity: float | None = None,
    int8: Sequence[Predictions] = (),
    replicates: int = REPLICATES,
    seed: int = 0,
    called: Called | None = None,
    alike: bool = False,
) -> Calibration:
    """Fit the temperature, then choose the refer band or the thresholds, on all folds together.

    Parameters
    ----------
    folds : sequence of Predictions
        Of networks of the same recipe, each on people held out of its training.
    missed : float
        Largest share of the cells of the positive label that may be decided as another one; of
        two labels the second is the positive one.
    false_alarms : float
        Largest share of the cells of any other label that may be decided as another one. Of more
        than two labels both shares hold for every such other label by itself
        (:func:`calibration.probabilities.thresholds.choose_thresholds`).
    sensitivity : float, optional
        Of two labels: as for :func:`calibration.probabilities.refer_band.choose_band`.
    int8 : sequence of Predictions
        Of the int8 networks made of them, on the same cells in the same order.
    replicates, seed : int
        Of the bootstrap over people behind the intervals.
    called : Called, optional
        What the labels are called, and which is the positive one; by default as the predictions
        say, and of more than two labels none is.
    alike : bool
        Whether everybody of a label weighs the same, and not every cell.

    Returns
    -------
    Calibration

    Raises
    ------
    DataRefused
        If predictions are of other labels, the int8 ones of other cells, or the cells of a label
        have no higher logits of it than others.
    """
    cells = join(folds)
    called = called or call_labels(cells)
    quantized = _same_cells(cells, join(int8)) if int8 else None
    base = people_alike(cells.labels, cells.subjects) if alike else None
    fit = fit_logits(cells.logits, cells.labels, base)
    at_limits = [caution(fit.temperature, cells, called.words)]
    int8_fit = fit_logits(quantized.logits, cells.labels, base) if quantized else None
    if quantized and int8_fit:
        at_limits.append(caution(int8_fit.temperature, quantized, called.words))
    chosen = _choose(cells, fit.temperature, missed, false_alarms, sensitivity, called, base)

    def measure_all(drawn: Weights | None) -> dict[str, float | None]:
        """Fit temperature and what decides again; measure those that were chosen."""
        weights = base if drawn is None else drawn if base is None else drawn * base
        again = fit_logits(cells.logits, cells.labels, weights, fit.temperature)
        found = {**asdict(again), **chosen.measure_again(again.temperature, weights)}
        if quantized and int8_fit:
            of_int8 = fit_logits(quantized.logits, cells.labels, weights, int8_fit.temperature)
            found |= prefixed("int8.", asdict(of_int8))
        return found | dict(zip(_RISKS, chosen.risks(weights).tolist(), strict=True))

    risks = chosen.risks(base).tolist()
    intervals = intervals_of(measure_all, cells.labels, cells.subjects, replicates, seed)
    return Calibration(
        schema=SCHEMA,
        labels=called.names,
        positive=called.positive,
        **asdict(fit),
        refer_band=chosen.refer_band,
        thresholds=chosen.thresholds,
        cells=len(cells.labels),
        subjects=len(set(cells.subjects.tolist())),
        missed_target=missed,
        false_alarm_target=false_alarms,
        sensitivity_target=sensitivity,
        on_these=chosen.on_these,
        thresholds_on_these=chosen.thresholds_on_these,
        risk_coverage=tuple(
            RiskPoint(coverage, risk, *intervals.pop(name))
            for coverage, risk, name in zip(COVERAGES, risks, _RISKS, strict=True)
        ),
        intervals=intervals,
        warnings=(
            *cautions(cells, called.words),
            *filter(None, (*at_limits, _unused_target(called, missed, false_alarms))),
        ),
        int8=int8_fit,
        folds=tuple(map(_measure_fold, folds)),
        people_alike=alike,
    )


def _choose(
    cells: Predictions,
    temperature: float,
    missed: float,
    false_alarms: float,
    sensitivity: float | None,
    called: Called,
    weights: Weights | None,
) -> Chosen:
    if called.names is None or len(called.names) == 2:
        return chosen_band(cells, temperature, missed, false_alarms, sensitivity, weights)
    if sensitivity is not None:
        raise DataRefused(
            f"a sensitivity is of two labels, and these are {len(called.names)}; give the share"
            " missed instead"
        )
    targets = [missed if name == called.positive else false_alarms for name in called.names]
    return chosen_thresholds(cells, called.names, temperature, targets, weights)


def _unused_target(called: Called, missed: float, false_alarms: float) -> str:
    """Say that a target was for no label; empty if not."""
    if len(called.words) == 2 or called.positive is not None or missed == false_alarms:
        return ""
    return (
        f"no label is said to be the positive one: that at most {missed:g} of its cells may be"
        f" missed was for none, and {false_alarms:g} was for all"
    )


def _same_cells(cells: Predictions, quantized: Predictions) -> Predictions:
    """Refuse int8 predictions that are not of the cells of the float ones."""
    if quantized.names != cells.names:
        raise DataRefused("the int8 predictions are of other labels than the float ones")
    for mine, other in ((cells.labels, quantized.labels), (cells.subjects, quantized.subjects)):
        if not np.array_equal(mine, other):
            raise DataRefused(
                f"the {len(quantized.labels)} int8 predictions are not of the same cells, in the"
                f" same order, as the {len(cells.labels)} float ones; give both for the same folds"
            )
    return quantized


def _measure_fold(fold: Predictions) -> Fold:
    kinds = fold.logits.shape[1]
    people = tuple(
        tuple(sorted(set(fold.subjects[fold.labels == label].tolist()))) for label in range(kinds)
    )
    if kinds > 2:
        return Fold(people, None, measure_several(fold.logits, fold.labels))
    return Fold(people, measure(fold.margins, fold.labels, fold.subjects), None)


def read_calibration(path: Path) -> Calibration:
    """Read what ``edge-all-calibrate`` wrote.

    Raises
    ------
    DataRefused
        If the file is not readable.
    """
    try:
        found: Calibration = as_type(Calibration, as_schema_2(read_json(path)), "it")
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
    if found.schema != SCHEMA:
        raise ValueError(f"it has schema {found.schema}, this edge-all reads {SCHEMA}")
    if found.temperature <= 0:
        raise ValueError(f"its temperature is {found.temperature:g}")
    if (found.refer_band is None) == (found.thresholds is None):
        raise ValueError("it has neither a refer band of two labels nor thresholds of more")
    if found.refer_band is not None:
        _check_band(found.refer_band)
    if found.thresholds is not None:
        _check_thresholds(found.thresholds)
    wanted = 2 if found.thresholds is None else len(found.thresholds)
    if found.labels is not None and len(found.labels) != wanted:
        raise ValueError(f"it names {len(found.labels)} labels and decides on {wanted}")
    if found.positive is not None and found.positive not in (found.labels or ()):
        raise ValueError(f"its positive label {found.positive[:40]} is none of its labels")


def _check_band(band: ReferBand) -> None:
    if not 0 <= band.low < 0.5 < band.high <= 1:
        raise ValueError(
            f"its refer band from {band.low:g} to {band.high:g} does not lie around 0.5 within 0..1"
        )


def _check_thresholds(thresholds: tuple[float, ...]) -> None:
    if len(thresholds) < 3:
        raise ValueError(f"it has {len(thresholds)} thresholds; two labels have a refer band")
    for threshold in thresholds:
        if not LEAST_THRESHOLD <= threshold <= 1:
            raise ValueError(
                f"its threshold {threshold:g} does not lie within {LEAST_THRESHOLD:g}..1"
            )
