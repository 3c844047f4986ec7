"""What was read somewhere as it may stand in a message: on one line, printable, not too long."""

from __future__ import annotations

import os


def printable(text: str) -> str:
    """Text without characters that would move the cursor or break the line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """Several lines with texts from outside in them, each :func:`printable`."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str, most: int) -> str:
    """Text without its middle, if it has more characters than `most`."""
    if len(text) <= most:
        return text
    start = (most - 3) // 2
    return f"{text[:start]}...{text[start + 3 - most :]}"


def named(path: str | os.PathLike[str]) -> str:
    """Path as a message names it: its end, which tells files apart, is kept."""
    text = printable(os.fsdecode(path))
    return text if len(text) <= 100 else f"...{text[-97:]}"
