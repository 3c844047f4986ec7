"""Find the white cells of a field."""

from __future__ import annotations

from edge.crops.preprocess import UInt8Image
from edge.fields.cells import Found
from edge.fields.outlines import find_outlines
from edge.fields.parameters import Parameters
from edge.fields.red_cells import find_red_cells
from edge.fields.sorting import sort_out
from edge.fields.work import prepare_field


def find_cells(
    rgb: UInt8Image, parameters: Parameters | None = None, um_per_pixel: float | None = None
) -> Found:
    """Find the white cells of a field.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        Stained (Wright, Giemsa, Leishman), in bright light.
    parameters : Parameters, optional
    um_per_pixel : float, optional
        Scale of the field: then what is too small or too large for a cell is known in um, not by
        the other cells of the field.

    Returns
    -------
    Found
        Nothing where nothing is stained as nuclei are.
    """
    parameters = parameters or Parameters()
    work = prepare_field(rgb, parameters)
    if work.nuclei is None:
        return Found((), {})
    red = find_red_cells(work.density, work.stain, work.nuclei.pieces)
    outlines = find_outlines(work.density, work.nuclei, red, parameters).points
    return sort_out(work, work.nuclei, outlines, parameters, um_per_pixel)
