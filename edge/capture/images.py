"""Images as captured ones are kept: PNG without loss, with their facts beside them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import edge
from edge.crops.preprocess import UInt8Image
from edge.samples import Sample
from edge.sources.field_facts import CellFacts, FieldFacts
from edge.sources.names import facts_name
from edge.whole_file import save_bytes

_FASTEST = 1  # of the levels of PNG: the others take several times as long, for little less
_FACTS = 4096  # bytes, about


@dataclass(frozen=True)
class Image:
    """An image as a file of PNG.

    Attributes
    ----------
    data : bytes
    width, height : int
    """

    data: bytes
    width: int
    height: int

    @classmethod
    def of(cls, rgb: UInt8Image) -> Image:
        """Encode pixels, uint8 of shape (height, width, 3), without loss."""
        return cls(encoded_png(rgb), rgb.shape[1], rgb.shape[0])

    @property
    def size(self) -> int:
        """Bytes that it takes on the disk with its facts, about."""
        return len(self.data) + _FACTS

    def save(self, path: Path, sample: Sample, cell: CellFacts | None = None) -> None:
        """Write it and its facts; facts first, as an image is never without them.

        Parameters
        ----------
        path : Path
        sample : Sample
            The field, with a time.
        cell : CellFacts, optional
            Where in the field it was cut out.

        Raises
        ------
        OutputFailed
        """
        assert sample.time is not None
        facts = FieldFacts(
            image=path.name,
            sha256=hashlib.sha256(self.data).hexdigest(),
            width=self.width,
            height=self.height,
            source=sample.source,
            sample=sample.id,
            time=sample.time,
            um_per_pixel=sample.um_per_pixel,
            facts=sample.facts,
            edge_all=edge.__version__,
            cell=cell,
        )
        save_bytes(Path(facts_name(str(path))), facts.to_json().encode())
        save_bytes(path, self.data)


def encoded_png(rgb: UInt8Image) -> bytes:
    """Encode an image without loss.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    """
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, _FASTEST])
    assert done
    return data.tobytes()
