"""Fields written by a thread of its own: encoding one takes longer than taking it."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from pathlib import Path

from edge.capture.cells import CellCutter, cells_folder
from edge.capture.images import Image
from edge.capture.reserve import Reserve
from edge.errors import EdgeAllError, OutputFailed
from edge.samples import Sample
from edge.sources.names import field_name

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
    cells : int
        Crops of its cells that were written.
    """

    path: Path
    sample: Sample
    deleted: int
    cells: int = 0


class FieldWriter:
    """Writes fields in a thread; a context manager.

    One field waits while another one is written: for more there is no room.

    Parameters
    ----------
    folder : Path
        Made if need be.
    reserve : Reserve
    cutter : CellCutter, optional
        Cuts the cells out; their crops are written, too, into ``cells/``.
    """

    def __init__(self, folder: Path, reserve: Reserve, cutter: CellCutter | None = None) -> None:
        self._folder = folder
        self._cutter = cutter
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
        path = self._folder / field_name(sample.time)
        image = Image.of(sample.pixels)
        cut = [] if self._cutter is None else self._cutter.cut(sample, path.name)
        room = image.size + sum(each.image.size for each in cut)
        deleted = self._reserve.make_room(room)
        image.save(path, sample)
        for each in cut:
            each.image.save(cells_folder(self._folder) / each.name, sample, each.where)
        light = Sample(sample.source, sample.file, sample.id, time=sample.time)
        return Written(path, light, len(deleted), len(cut))
