"""A random sample of cells for people to look at: only from one is accuracy right on average.

Cells that are referred are not like others, and neither are those that somebody picks. A cell is
drawn by a rule that looks at neither picture nor decision, so that what reviews of drawn cells say
holds for all cells of the run, with the probability of the draw as their weight.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_WHOLE = 2**64


@dataclass(frozen=True)
class AuditRule:
    """Which cells of a run are drawn; set once for a run and never changed.

    Attributes
    ----------
    run_id : int
    seed : int
    probability : float
        Of each cell, 0..1.
    """

    run_id: int
    seed: int
    probability: float

    def place(self, index: int) -> int:
        """Number of a cell, as if drawn from 0 to 2**64 - 1.

        The first 8 bytes of the SHA-256 of ``seed:run:index``, so that anybody can check it.
        """
        text = f"{self.seed}:{self.run_id}:{index}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    def draws(self, index: int) -> bool:
        """Whether a cell is drawn."""
        return self.place(index) < self.probability * _WHOLE
