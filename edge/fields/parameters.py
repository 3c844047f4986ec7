"""What finding cells in a field goes by."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_CELL, LARGEST_CELL = 4.0, 40.0
"""Diameters of white cells on a smear, in um, with room: lymphocytes from 7, monocytes to 25."""

SMALLEST_NUCLEUS = 3.5
"""Diameter of a nucleus, in um, below which it is a platelet (2 to 4 um) or dirt."""

CLOSE_UP = 0.14
"""Diameter of a nucleus, in shorter sides of the image, from which one cell fills the image."""


@dataclass(frozen=True)
class Parameters:
    """What finding cells goes by; lengths are shares of the radius of a nucleus.

    The defaults were chosen on ``wbc_masks`` and some of ``smears`` (docs/fields.md).

    Attributes
    ----------
    floor : float
        Contrast of the stain of nuclei (optical density) below which nothing is a nucleus.
    small : float
        Share of the area of the typical nucleus of the field below which an object is none.
    pale : float
        Share of the typical contrast below which a nucleus is a ghost: a cell that burst.
    ragged : float
        Solidity (area over that of its hull) below which a pale object is a ghost.
    neck : float
        Of the narrowest place between two parts of a nucleus and the parts themselves: above it,
        they are lobes of one cell, below it, cells that touch.
    level : float
        Share of the density of the cytoplasm at which the outline lies.
    faintest : float
        Least density of cytoplasm that is told from an empty place.
    reach : float
        How far from the middle of its nuclei an outline may lie, in radii of them.
    edge : float
        Weight of a clear edge against the area on its sides.
    keeps_cut : bool
        Whether cells are given that the edge of the field cuts.
    """

    floor: float = 0.04
    small: float = 0.3
    pale: float = 0.6
    ragged: float = 0.85
    neck: float = 0.7
    level: float = 0.4
    faintest: float = 0.015
    reach: float = 3.0
    edge: float = 4.0
    keeps_cut: bool = False

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if name != "keeps_cut" and not 0 < getattr(self, name) < 100:
                raise ValueError(f"{name} is {getattr(self, name)}; it has to be above 0")
