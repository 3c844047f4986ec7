"""JSON that others wrote, read within bounds; every refusal is a ValueError."""

from __future__ import annotations

import codecs
import json
import math
from pathlib import Path
from typing import Any

MOST_JSON = 1 << 20
"""Longest text that is read, in bytes: the shipped model's metadata have 10,000."""

MOST_JSON_FILE = 1 << 28
"""Likewise of a file of the build side: a split names every crop, 200 bytes each."""


def parse_json(text: bytes | str, most: int = MOST_JSON) -> Any:
    """Read JSON.

    Parameters
    ----------
    text : bytes or str
    most : int
        Longest text that is read.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, has a NaN or an infinity, which JSON lacks, or half of a
        character, which no file can hold, is too long, or nested as nothing is that edge-all
        writes.
    """
    if len(text) > most:
        raise ValueError(f"{len(text)} bytes of JSON, at most {most} are read")
    try:
        decoded = text if isinstance(text, str) else text.decode()
        found = json.loads(decoded, parse_constant=_refuse_constant, parse_float=_finite)
        _check_characters(decoded, found)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    return found


def read_json(path: Path, most: int = MOST_JSON_FILE) -> Any:
    """Read a file of JSON, as :func:`parse_json` does.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
    """
    with path.open("rb") as file:
        text = file.read(most + 1)
    return parse_json(text if len(text) > most else text.removeprefix(codecs.BOM_UTF8), most)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"its JSON has a {word}, which is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"its JSON has a number too large: {text[:20]}")
    return number


def _check_characters(text: str, found: Any) -> None:
    if "\\ud" not in text.lower():  # nothing is escaped that may be half of a character
        return
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("its JSON has half of a character") from None
