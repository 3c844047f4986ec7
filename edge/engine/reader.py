"""From a sample to the crops a network sees: bytes, pixels, stages, crop and frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.contract import BLACK, Contract
from edge.crops.frame import Frame, frame_of
from edge.crops.preprocess import BoolImage, UInt8Image, to_crop
from edge.decoding.decode import crop_and_frame_of, decode
from edge.errors import CropUnreadable, StagesRefused
from edge.samples import Sample, Stage


@dataclass(frozen=True)
class Prepared:
    """A sample ready for a network, or the reason why it is not.

    Attributes
    ----------
    sample : Sample
        Without its pixels: many wait for a network at once.
    crop : ndarray of uint8, shape (side, side, 3), or None
    frame : Frame or None
    error : CropUnreadable or None
    """

    sample: Sample
    crop: UInt8Image | None = None
    frame: Frame | None = None
    error: CropUnreadable | None = None


class Reader:
    """Reads samples, and puts them through stages; any thread may use it.

    A sample that comes with its scale is brought to that of the contract.

    Parameters
    ----------
    contract : Contract
        What crops must be like.
    stages : sequence of Stage
        In their order; without any, every sample is one crop.
    """

    def __init__(self, contract: Contract, stages: Sequence[Stage] = ()) -> None:
        self._contract = contract
        self.stages = tuple(stages)

    def prepare(self, sample: Sample) -> list[Prepared]:
        """Make the crops of a sample: one, or as many as the stages give, but never none."""
        if self.stages:
            return list(self._through_stages(sample))
        try:
            return [self._crop_of(sample)]
        except CropUnreadable as error:
            return [Prepared(_light(sample), error=error)]

    def _through_stages(self, sample: Sample) -> Iterator[Prepared]:
        try:
            samples = [_with_pixels(sample)]
        except CropUnreadable as error:
            yield Prepared(_light(sample), error=error)
            return
        for stage in self.stages:
            passed: list[Sample] = []
            for each in samples:
                try:
                    given = list(stage(each))
                except CropUnreadable as error:
                    yield Prepared(_light(each), error=error)
                    continue
                if not given:
                    yield Prepared(_light(each), error=_nothing_found())
                passed += given
            samples = passed
        if len(samples) > 1 and any(each.parent is None for each in samples):
            raise StagesRefused(
                f"stages gave {len(samples)} samples of {sample.file}, one of them no part of it: a"
                " run could not be resumed; give parts made by edge.samples.cut_out"
            )
        for each in samples:
            try:
                yield self._crop_of(each)
            except CropUnreadable as error:
                yield Prepared(_light(each), error=error)

    def _crop_of(self, sample: Sample) -> Prepared:
        if sample.error:
            raise sample.error
        contract, zoom = self._contract, self._zoom_of(sample)
        shape = contract.side, contract.background, zoom
        if sample.pixels is None:
            return Prepared(sample, *crop_and_frame_of(sample.read(), *shape))
        try:
            pixels = _on_background(sample.pixels, sample.mask, contract.background)
            crop = to_crop(pixels, *shape)
            frame = frame_of(pixels, crop, zoom)
        except CropUnreadable:  # which is a ValueError, too
            raise
        except ValueError as error:
            raise CropUnreadable("not-an-image", str(error)) from error
        return Prepared(_light(sample), crop, frame)

    def _zoom_of(self, sample: Sample) -> float | None:
        """Pixels of the crop that one of the sample becomes; None where a scale is not known."""
        if sample.um_per_pixel is None or self._contract.um_per_pixel is None:
            return None
        return sample.um_per_pixel / self._contract.um_per_pixel


def _with_pixels(sample: Sample) -> Sample:
    return sample if sample.pixels is not None else replace(sample, pixels=decode(sample.read()))


def _on_background(pixels: UInt8Image, mask: BoolImage | None, background: str) -> UInt8Image:
    """Pixels with black around the cell, where that is wanted and known."""
    if mask is None or background != BLACK:
        return pixels
    return np.asarray(np.where(mask[..., None], pixels, 0), np.uint8)


def _light(sample: Sample) -> Sample:
    """Sample without its pixels."""
    return sample if sample.pixels is None else replace(sample, pixels=None, mask=None)


def _nothing_found() -> CropUnreadable:
    return CropUnreadable("no-cells", "no cell was found in it; look at the field and its focus")
