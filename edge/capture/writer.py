"""Fields written by a thread of its own: encoding one takes longer than taking it."""

from __future__ import annotations

import hashlib
import queue
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import edge
from edge.capture.reserve import Reserve
from edge.crops.preprocess import UInt8Image
from edge.errors import EdgeAllError, OutputFailed
from edge.samples import Sample
from edge.sources.field_facts import FieldFacts
from edge.sources.names import facts_name, field_name
from edge.whole_file import save_bytes

_FASTEST = 1  # of the levels of PNG: the others take several times as long, for little less
_FACTS = 4096  # bytes, about
_MOST = 2  # fields: one is written, one waits


@dataclass(frozen=True)
class Written:
    """A field that is on the disk.

    Attributes
    ----------
    path : Path
        Of its image.
    sample : Sample
        Without its pixels.
    deleted : int
        Older fields that were deleted to make room.
    """

    path: Path
    sample: Sample
    deleted: int


class FieldWriter:
    """Writes fields in a thread; a context manager.

    One field waits while another one is written: for more there is no room.

    Parameters
    ----------
    folder : Path
        Made if need be.
    reserve : Reserve
    """

    def __init__(self, folder: Path, reserve: Reserve) -> None:
        self._folder = folder
        self._reserve = reserve
        self._waiting: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_MOST)
        self._written: queue.SimpleQueue[Written] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="field writer", daemon=True)

    def __enter__(self) -> FieldWriter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and end."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def wait_for_room(self) -> None:
        """Wait until one more field may be given.

        Raises
        ------
        OutputFailed
            If an earlier one could not be written.
        """
        self._room.acquire()
        self._room.release()
        self.check()

    def put(self, sample: Sample) -> None:
        """Have a field written: a sample with pixels and a time."""
        self._room.acquire()
        self._waiting.put(sample)

    def check(self) -> None:
        """Raise what failed.

        Raises
        ------
        OutputFailed
        """
        if self._failure:
            raise self._failure

    def written(self) -> list[Written]:
        """What was written since this was asked for last."""
        found = []
        while not self._written.empty():
            found.append(self._written.get())
        return found

    def _run(self) -> None:
        while (sample := self._waiting.get()) is not None:
            try:
                if not self._failure:
                    self._written.put(self._write(sample))
            except EdgeAllError as error:
                self._failure = error
            except OSError as error:
                self._failure = OutputFailed(f"cannot write {self._folder}: {error.strerror}")
            except Exception as error:  # or whoever waits for room would wait for ever
                self._failure = error
            del sample
            self._room.release()

    def _write(self, sample: Sample) -> Written:
        assert sample.pixels is not None
        assert sample.time is not None
        data = encoded_png(sample.pixels)
        deleted = self._reserve.make_room(len(data) + _FACTS)
        path = self._folder / field_name(sample.time)
        facts = FieldFacts(
            image=path.name,
            sha256=hashlib.sha256(data).hexdigest(),
            width=sample.pixels.shape[1],
            height=sample.pixels.shape[0],
            source=sample.source,
            sample=sample.id,
            time=sample.time,
            um_per_pixel=sample.um_per_pixel,
            facts=sample.facts,
            edge_all=edge.__version__,
        )
        # facts first: an image is never without them
        save_bytes(Path(facts_name(str(path))), facts.to_json().encode())
        save_bytes(path, data)
        light = Sample(sample.source, sample.file, sample.id, time=sample.time)
        return Written(path, light, len(deleted))


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
