"""A source whose images all have one scale, which people know and files do not say."""

from __future__ import annotations

from dataclasses import replace

from edge.contract import Contract
from edge.errors import ScaleUnknown
from edge.samples import Sample, Source
from edge.sources.changed import Changed


class Scaled(Changed):
    """Another source, whose samples get a scale where they have none; a context manager.

    Parameters
    ----------
    source : Source
    um_per_pixel : float
        Micrometres that a pixel of its images spans.
    contract : Contract
        Of the network that they are for.

    Raises
    ------
    ScaleUnknown
        If the contract has no scale: then that of an image is of no use.
    """

    def __init__(self, source: Source, um_per_pixel: float, contract: Contract) -> None:
        super().__init__(source)
        if contract.um_per_pixel is None:
            raise ScaleUnknown(
                f"images of {um_per_pixel:g} um a pixel cannot be brought to the scale of this"
                " network, as its model file does not say it; leave the pixel size out, and give"
                " images at the scale of those it was trained on"
            )
        self._um_per_pixel = um_per_pixel

    def change(self, sample: Sample) -> Sample:
        """Give a sample the scale, if it has none."""
        if sample.um_per_pixel is not None:
            return sample
        return replace(sample, um_per_pixel=self._um_per_pixel)
