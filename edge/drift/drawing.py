"""Which cells are drawn: by a seeded rule that asks for nothing but the id of the cell."""

from __future__ import annotations

import hashlib

_ALL = 2**64


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
    text = f"{seed}:{sample}".encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(text, digest_size=8)
    return int.from_bytes(digest.digest(), "big") < share * _ALL
