"""Calibrations that edge-all 0.1.0 wrote: they are called after its two labels."""

from __future__ import annotations

from typing import Any

_SAID_SINCE = {"labels": None, "positive": None, "thresholds": None, "thresholds_on_these": None}
_PEOPLE = ("healthy", "leukemic")
_NAMES_SINCE = {"healthy_subjects": "negative_subjects", "leukemia_subjects": "positive_subjects"}


def as_schema_2(fields: Any) -> Any:
    """Rename what edge-all 0.1.0 called after its labels, and add what it did not say.

    Parameters
    ----------
    fields : Any
        JSON of a calibration of any version, or of anything else: that comes back as it is, for
        the reader to refuse.
    """
    if not isinstance(fields, dict) or "schema" in fields:
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
    others = {name: value for name, value in fields.items() if name not in _PEOPLE}
    people = [fields.get(name) for name in _PEOPLE]
    return {**others, "people": people, "metrics": metrics, "scores": None}
