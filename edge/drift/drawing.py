"""What is drawn by lot: by a seeded rule that asks for nothing but a name."""

from __future__ import annotations

import hashlib
import random
from typing import Generic, TypeVar

_ALL = 2**64


def uniform_of(name: str, seed: int = 0) -> float:
    """Number of 0..1, uniform over names, the same for the same name on every machine."""
    text = f"{seed}:{name}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / _ALL


def is_drawn(sample: str, share: float, seed: int = 0) -> bool:
    """Whether a cell belongs to a share of all.

    The same cell is always drawn or never, whatever comes before it: a resumed run draws as one
    that was not cut off, and two devices draw the same of the same cells. A larger share holds
    every smaller one.

    Parameters
    ----------
    sample : str
        Id of the cell.
    share : float
        0..1.
    seed : int
    """
    return share >= 1 or uniform_of(sample, seed) < share


_Item = TypeVar("_Item")


class EvenDraw(Generic[_Item]):
    """So many of a stream of unknown length, each as likely to be kept as every other.

    Vitter 1985, Random sampling with a reservoir, algorithm R. The same stream gives the same.

    Parameters
    ----------
    most : int
    seed : int

    Attributes
    ----------
    kept : list
    """

    def __init__(self, most: int, seed: int = 0) -> None:
        self.kept: list[_Item] = []
        self._most, self._seen = most, 0
        self._random = random.Random(seed)

    def add(self, item: _Item) -> None:
        """Keep an item, perhaps in the place of one before it, or let it go."""
        self._seen += 1
        if len(self.kept) < self._most:
            self.kept.append(item)
        elif (place := self._random.randrange(self._seen)) < self._most:
            self.kept[place] = item
