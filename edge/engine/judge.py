"""From logits, crop and frame to a result: quality first, then temperature and refer band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.crops.quality import limits_of, quality_of
from edge.decisions.decision import judge
from edge.engine.reader import Prepared
from edge.errors import CropUnreadable
from edge.files import file_name
from edge.models.model_file import ModelFile
from edge.reasons import SCALE_UNKNOWN
from edge.rows import Result
from edge.samples import Sample


class Judge:
    """Decides on cells as a model file says; any thread may use it.

    Parameters
    ----------
    model_file : ModelFile
    strict : bool
        Refuse a crop that has quality codes. Otherwise its decision is ``refer``.
    keep_crops : bool
        Whether results carry their crop, for a report with thumbnails.
    """

    def __init__(self, model_file: ModelFile, strict: bool, keep_crops: bool) -> None:
        self._model = model_file
        self._limits = limits_of(model_file.reference)
        self._strict = strict
        self._keep_crops = keep_crops

    def result_of(self, prepared: Prepared, logits: npt.NDArray[np.float64]) -> Result:
        """Decide on a crop.

        Parameters
        ----------
        prepared : Prepared
            With a crop.
        logits : ndarray of float64, shape (labels,)

        Returns
        -------
        Result
            Its index is 0: whoever puts results in order numbers them.
        """
        assert prepared.crop is not None
        assert prepared.frame is not None
        contract = self._model.metadata.contract
        quality = quality_of(prepared.crop, prepared.frame, self._limits, contract)
        codes, area = quality.codes, quality.area
        if prepared.sample.area is not None and prepared.frame.zoom is None:
            codes, area = (SCALE_UNKNOWN, *codes), None  # its size in the crop means nothing
        crop = prepared.crop if self._keep_crops else None
        blank = self.blank(prepared.sample).with_crop(crop, area)
        if codes and self._strict:
            return blank.refused_for_quality(codes)
        given = tuple(logits.tolist())
        verdict = judge(given, self._model.metadata)
        return blank.with_verdict(verdict, given).with_quality(codes)

    def blank(self, sample: Sample, error: CropUnreadable | None = None) -> Result:
        """Result of a sample without a decision: which sample, which model, which error."""
        return Result(
            source=file_name(sample.source),
            file=file_name(sample.file),
            index=0,
            model=self._model.metadata.network,
            model_sha256=self._model.sha256,
            error=error.reason if error else None,
            message=error.message if error else None,
            supersedes=sample.supersedes,
            file_version=sample.version,
            sample=file_name(sample.id),
            parent=None if sample.parent is None else file_name(sample.parent),
            box=None if sample.box is None else str(sample.box),
            labels=self._model.metadata.contract.names,
            um_per_pixel=sample.um_per_pixel,
            cell_area=sample.area,
        )
