"""Calibrations of earlier versions: those of edge-all 0.1.0 are called after its two labels."""

from __future__ import annotations

from typing import Any

from edge.models import cnmc

_SAID_SINCE = {"labels": None, "positive": None, "thresholds": None, "thresholds_on_these": None}
_NAMES_SINCE = dict(
    zip(cnmc.SUBJECT_FIELDS, ("negative_subjects", "positive_subjects"), strict=True)
)


def as_schema_2(fields: Any) -> Any:
    """Rename what edge-all 0.1.0 called after its labels, and add what they did not say.

    Parameters
    ----------
    fields : Any
        JSON of a calibration of any version, or of anything else: that comes back as it is, for
        the reader to refuse.
    """
    if not isinstance(fields, dict):
        return fields
    fields = {"people_alike": False, **fields}
    if "schema" in fields:
        return fields
    folds = fields.get("folds")
    if isinstance(folds, list):
        folds = [_fold(fold) for fold in folds]
    return {**fields, **_SAID_SINCE, "schema": 2, "folds": folds}


def _fold(fields: Any) -> Any:
    if not isinstance(fields, dict):
        return fields
    metrics = fields.get("metrics")
    if isinstance(metrics, dict):
        metrics = {_NAMES_SINCE.get(name, name): value for name, value in metrics.items()}
    others = {name: value for name, value in fields.items() if name not in cnmc.PEOPLE_FIELDS}
    people = [fields.get(name) for name in cnmc.PEOPLE_FIELDS]
    return {**others, "people": people, "metrics": metrics, "scores": None}
