"""A network to be trained: one of the paper's, or a Keras model that somebody brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Network:
    """A network to be trained.

    Attributes
    ----------
    name : str
        Of its files in the run folder.
    build : callable
        Makes it anew each time: crops (n, side, side, 3) to probabilities (n, labels).
    white : float
        What a pixel of 255 is for it; black is 0.
    file : Path or None
        That it was read from; None for the paper's.
    sha256 : str
        Of that file; empty for the paper's.
    """

    name: str
    build: Callable[[], keras.Model]
    white: float = 1.0
    file: Path | None = None
    sha256: str = ""
