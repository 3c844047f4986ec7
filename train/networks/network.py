"""A network to be trained: one of the paper's, or a Keras model that somebody brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    sha256 : str
        Of the file it was read from; empty for the paper's.
    """

    name: str
    build: Callable[[], keras.Model]
    white: float = 1.0
    sha256: str = ""
