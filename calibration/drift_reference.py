"""The data-drift reference that a model file carries."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract import Contract
from edge.crops.image_statistics import image_statistics
from edge.crops.preprocess import UInt8Image
from edge.decisions.decision import Verdict
from edge.reference.drift_reference import DriftReference, no_cells_yet


def drift_reference(
    crops: UInt8Image, verdicts: Sequence[Verdict], cells_are: str, contract: Contract
) -> DriftReference:
    """Count the cells that a device's cells are to be compared with.

    Give cells the network was not trained on: on others its probabilities lie nearer to
    0 and 1 than any device will see.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, side, side, 3)
    verdicts : sequence of Verdict
        What the int8 network says of them (:func:`edge.decisions.decision.judge`).
    cells_are : str
        Whose cells they are, in words.
    contract : Contract
        Of the network: its labels, and what lies around the cells.

    Returns
    -------
    DriftReference
    """
    seen = (
        (image_statistics(crop, contract.background), verdict)
        for crop, verdict in zip(crops, verdicts, strict=True)
    )
    return no_cells_yet(contract.words, cells_are).add(seen)
