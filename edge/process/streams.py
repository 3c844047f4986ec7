"""Standard streams that may be absent, full, or gone with their terminal: a run goes on without."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}


def open_standard_streams() -> None:
    """Let the null device stand in for every standard stream that was closed.

    Otherwise the next file that is opened gets its number: a results database would be where
    libraries in C write their messages. Python's own streams are then made to match.
    """
    for name, number in _NUMBERS.items():
        try:
            os.fstat(number)
        except OSError:
            _to_nowhere(number)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, stream)


def give_up_stdout() -> None:
    """Let what is still buffered go nowhere, or Python fails on it again at exit."""
    _to_nowhere(1)


def give_up_stderr() -> None:
    """Let all further messages go nowhere."""
    _to_nowhere(2)


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


class Careful:
    """A stream for a library that prints: what can no longer be written is dropped.

    Parameters
    ----------
    stream : TextIO
        Stderr.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        try:
            return self._stream.write(text)
        except OSError:
            give_up_stderr()
            return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        try:
            self._stream.flush()
        except OSError:
            give_up_stderr()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
