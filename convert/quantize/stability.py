"""Whether a representative set is large enough: either half must give much the same scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convert.quantize.ranges import CellRanges
from edge.errors import DataRefused

LARGEST_DIFFERENCE = 0.2
"""By how much the scale of a tensor may differ between halves, relative to the larger."""


@dataclass(frozen=True)
class UnstableTensor:
    """A tensor whose int8 scale depends on which half of the set it is seen on.

    Attributes
    ----------
    name : str
    scales : tuple of float
        On either half: one int8 step, in units of the tensor.
    difference : float
        By how much the smaller lies below the larger, as a share of it, 0..1.
    """

    name: str
    scales: tuple[float, float]
    difference: float


@dataclass(frozen=True)
class Stability:
    """What two disjoint halves of a representative set say of its size.

    Attributes
    ----------
    cells : tuple of int
        Cells in either half.
    tensors : int
        Tensors compared.
    worst : float
        Largest difference of any tensor's scale, as in :class:`UnstableTensor`.
    unstable : tuple of UnstableTensor
        Those that differ by more than :data:`LARGEST_DIFFERENCE`, the worst first.
    """

    cells: tuple[int, int]
    tensors: int
    worst: float
    unstable: tuple[UnstableTensor, ...]

    @property
    def warning(self) -> str:
        """One sentence if the set is too small, empty if it is not."""
        if not self.unstable:
            return ""
        named = ", ".join(
            f"{_short(tensor.name)} by {tensor.difference:.0%}" for tensor in self.unstable[:3]
        )
        more = f" and {len(self.unstable) - 3} more" if len(self.unstable) > 3 else ""
        return (
            f"the representative set is too small: between halves of {self.cells[0]} and"
            f" {self.cells[1]} cells the int8 scale differs by more than"
            f" {LARGEST_DIFFERENCE:.0%} in {len(self.unstable)} of {self.tensors} tensors"
            f" ({named}{more}); give more cells"
        )


def scales_of_halves(observed: CellRanges, seed: int = 0) -> Stability:
    """Compare the int8 scales that two random, disjoint halves of a set would give.

    A scale is ``(max(highest, 0) - min(lowest, 0)) / 255`` (Jacob et al. 2018,
    Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference, section 3: the range, made to hold 0, over the steps of 8 bits).

    Parameters
    ----------
    observed : CellRanges
        Of the representative set (:func:`convert.quantize.ranges.observe_cells`).
    seed : int
        Of the halves.

    Returns
    -------
    Stability

    Raises
    ------
    DataRefused
        If there are fewer than two cells.
    """
    n = len(observed.low)
    if n < 2:
        raise DataRefused(f"{n} cells have no halves to compare; give more cells")
    halves = np.array_split(np.random.default_rng(seed).permutation(n), 2)
    scales = [[_scale(*ends) for ends in observed.over(half).values()] for half in halves]
    compared = [
        UnstableTensor(name, (one, other), _difference(one, other))
        for name, one, other in zip(observed.tensors, *scales, strict=True)
    ]
    unstable = [tensor for tensor in compared if tensor.difference > LARGEST_DIFFERENCE]
    return Stability(
        cells=(len(halves[0]), len(halves[1])),
        tensors=len(compared),
        worst=max(tensor.difference for tensor in compared),
        unstable=tuple(sorted(unstable, key=lambda tensor: -tensor.difference)),
    )


def _short(name: str) -> str:
    """First of the names that the converter joined, of all that it fused."""
    first = name.partition(";")[0]
    return first if len(first) <= 40 else f"...{first[-37:]}"


def _scale(low: float, high: float) -> float:
    return (max(high, 0.0) - min(low, 0.0)) / 255


def _difference(one: float, other: float) -> float:
    smaller, larger = sorted((one, other))
    return 1 - smaller / larger if larger else 0.0
