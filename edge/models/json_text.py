"""JSON that others wrote, read within bounds; every refusal is a ValueError."""

from __future__ import annotations

import json
from typing import Any

MOST_JSON = 1 << 20
"""Longest text that is read, in bytes: the shipped model's metadata have 10,000."""


def parse_json(text: bytes | str) -> Any:
    """Read JSON.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, has a NaN or an infinity, which JSON lacks, is longer than
        :data:`MOST_JSON`, or nested as nothing is that edge-all writes.
    """
    if len(text) > MOST_JSON:
        raise ValueError(f"{len(text)} bytes of JSON, at most {MOST_JSON} are read")
    try:
        decoded = text if isinstance(text, str) else text.decode()
        return json.loads(decoded, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"its JSON has a {word}, which is no number")
