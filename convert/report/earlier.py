"""Reports of schema 1, which edge-all 0.1.0 wrote: all of them are of the contract of C-NMC."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edge.models import cnmc

_NOT_SAID = "not said: the report is of an earlier edge-all"


def as_schema_2(fields: dict[str, Any]) -> dict[str, Any]:
    """Put what schema 1 says into the fields of schema 2.

    Raises
    ------
    ValueError
        If one of the fields that changed is missing, or of another type.
    """
    try:
        found = {**fields, "schema": 2, "contract": _json(asdict(cnmc.CONTRACT))}
        found["cells"] = {**fields["cells"], "float_logits": None, "int8_logits": None}
        found["fidelity"] = {**fields["fidelity"], "thresholds": None}
        for stage in ("export", "quantization"):
            found["fidelity"][stage] = _comparison(fields["fidelity"][stage])
        if fields["calibration"] is not None:
            found["calibration"] = {
                **fields["calibration"],
                "thresholds": None,
                "fitted_on": _NOT_SAID,
                "warnings": [],
            }
    except KeyError as error:
        raise ValueError(f"report.{error.args[0]} must be there") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"a field of it is none of schema 1: {error}") from error
    return found


def _json(value: Any) -> Any:
    """Lists for tuples, as JSON has them."""
    if isinstance(value, dict):
        return {name: _json(inner) for name, inner in value.items()}
    return [_json(inner) for inner in value] if isinstance(value, tuple) else value


def _comparison(fields: dict[str, Any]) -> dict[str, Any]:
    found = {**fields, "flips": [_flip(flip) for flip in fields["flips"]]}
    if fields["accuracy"] is not None:
        accuracy = dict(fields["accuracy"])
        accuracy["of_labels"] = [accuracy.pop(name) for name in cnmc.PEOPLE_FIELDS]
        found["accuracy"] = accuracy
    return found


def _flip(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        **fields,
        "likeliest_before": int(fields["margin_before"] >= 0),
        "likeliest_after": int(fields["margin_after"] >= 0),
    }
