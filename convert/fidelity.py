"""How close an int8 network is to its float twin, and the twin to Keras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import GateFailed

PARITY_LIMIT = 1e-3
"""Largest difference allowed between Keras' logits and the float twin's."""

Logits = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Fidelity:
    """Quantization drift: int8 against its float twin on the same cells.

    Attributes
    ----------
    cells : int
    cells_are : str
        Where the cells come from, in words.
    parity : float
        Largest difference of a logit between Keras and the float twin.
    agreement : float
        Share of cells whose more probable label is the same, 0..1.
    flips : int
        Cells whose label differs.
    flip_margin : float
        Largest distance ``|logit_all - logit_hem|`` from the boundary, in the float
        twin, of a cell that flips; 0 without flips.
    mean_logit_error, max_logit_error : float
        Of ``|int8 - float|`` over both logits.
    logit_step : float
        One step of the int8 output, in logits.
    """

    cells: int
    cells_are: str
    parity: float
    agreement: float
    flips: int
    flip_margin: float
    mean_logit_error: float
    max_logit_error: float
    logit_step: float


def compare(
    keras: Logits, twin: Logits, int8: Logits, logit_step: float, cells_are: str
) -> Fidelity:
    """Compare the logits of the three stages on the same cells.

    Parameters
    ----------
    keras, twin, int8 : ndarray of float, shape (n, 2)
    logit_step : float
    cells_are : str

    Returns
    -------
    Fidelity
    """
    error = np.abs(int8 - twin)
    margin = twin[:, 1] - twin[:, 0]
    flipped = (margin >= 0) != (int8[:, 1] - int8[:, 0] >= 0)
    return Fidelity(
        cells=len(twin),
        cells_are=cells_are,
        parity=float(np.abs(keras - twin).max()),
        agreement=float(1 - np.mean(flipped)),
        flips=int(flipped.sum()),
        flip_margin=float(np.abs(margin[flipped]).max(initial=0.0)),
        mean_logit_error=float(error.mean()),
        max_logit_error=float(error.max()),
        logit_step=logit_step,
    )


def check(fidelity: Fidelity, least_agreement: float) -> None:
    """Fail if the twin is not Keras' equal or int8 decides differently too often.

    Raises
    ------
    GateFailed
    """
    if not fidelity.parity <= PARITY_LIMIT:
        raise GateFailed(
            f"float TFLite differs from Keras by {fidelity.parity:.2g} in a logit,"
            f" {PARITY_LIMIT:.0e} is allowed: the export changed the network"
        )
    if fidelity.agreement < least_agreement:
        raise GateFailed(
            f"int8 agrees with float on {fidelity.agreement:.2%} of {fidelity.cells} cells,"
            f" {least_agreement:.2%} is required; give more and more varied representative cells"
        )
