"""What is drawn by lot: by a seeded rule that asks for nothing but a name."""

from __future__ import annotations

import hashlib

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
