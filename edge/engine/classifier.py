"""Classify crops with a model file: many at a time, results in order and as they come."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from types import TracebackType

import numpy as np
import numpy.typing as npt

from edge.crops.frame import Frame, frame_of
from edge.crops.preprocess import UInt8Image, to_crop
from edge.crops.quality import limits_of, quality_codes
from edge.decisions.decision import judge
from edge.decoding.decode import crop_and_frame_of, file_name
from edge.engine.plan import BATCHES, Plan, make_plan, measure_batches
from edge.engine.read_ahead import PATIENCE, ReadAhead
from edge.engine.runtime import Int8Network, Runtime, find_runtime
from edge.errors import CropUnreadable, ModelFileRefused, OtherProcess
from edge.machine import available_memory
from edge.models.model_file import SHIPPED_MODEL, ModelFile, read_model_file
from edge.rows import Result
from edge.sources.find import Input
from edge.wording import named

_CHUNK = 16  # inputs a thread takes, or a batch if that is more: handing over costs little then
_AHEAD = 32  # inputs per thread, or two chunks: none waits for work, and memory stays flat
_BEFORE_MEASURING = 256  # crops: a run that soon ends is not to spend its time on choosing batches

_Seen = tuple[UInt8Image, Frame]
_Given = tuple[Input, _Seen | None]  # an input, and what was seen of it where it is no file


class Classifier:
    """A loaded model file, ready to classify; thread-safe.

    Each thread reads, decodes and preprocesses a few crops, then takes an interpreter for
    them; OpenCV and the runtime release Python's lock, so all processors are used. It cannot be
    used in a process forked from the one that made it: each makes its own. How many
    interpreters there are, and whether they take crops in batches, is the :attr:`plan`.
    Results do not depend on any of this.

    Parameters
    ----------
    model : path-like, optional
        Model file; the shipped one by default.
    threads : int, optional
        Crops at a time, an interpreter for each; by default one per processor this process may
        use, with as many interpreters as memory allows.
    keep_crops : bool
        Whether results carry their crop, for a report with thumbnails.
    strict : bool
        Refuse a crop that has quality codes. Otherwise its decision is ``refer``.

    Attributes
    ----------
    model_file : ModelFile
    runtime : Runtime
    threads : int
        Crops at a time.
    strict : bool
    plan : Plan
        Crop by crop at first. Once 256 crops were seen, batches are measured on the next ones.

    Raises
    ------
    ModelFileRefused
        If the model file is refused; ``reason`` says why.
    RuntimeMissing
        If no TFLite runtime is installed.

    Examples
    --------
    >>> from edge import Classifier
    >>> from edge.crops.drawn import draw_cell
    >>> with Classifier() as classifier:
    ...     array = classifier.classify(draw_cell(0))
    ...     path = classifier.classify("crops/cell-000.png")
    ...     cells = (draw_cell(seed) for seed in range(3))
    ...     many = [result.decision for result in classifier.classify_each(cells)]
    >>> array.decision == path.decision == many[0]
    True
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        keep_crops: bool = False,
        strict: bool = False,
    ) -> None:
        self._keep_crops = keep_crops
        self.strict = strict
        self.model_file: ModelFile = read_model_file(Path(model or SHIPPED_MODEL))
        self._limits = limits_of(self.model_file.reference)
        self.runtime: Runtime = find_runtime()
        self.threads = threads or available_processors()
        self.plan: Plan = make_plan(
            len(self.model_file.flatbuffer), self.threads, available_memory(), threads
        )
        networks = [self._network() for _ in range(self.plan.interpreters)]
        check_golden(self.model_file, *networks)
        self._networks: SimpleQueue[Int8Network] = SimpleQueue()
        for network in networks:
            self._networks.put(network)
        self._process = os.getpid()
        self._sources: set[ReadAhead[_Given]] = set()
        self._seen = 0
        self._measured = False
        self._counting = Lock()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="classify")

    def __enter__(self) -> Classifier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads, those that read sources too; inputs not yet started are dropped.

        In a process forked meanwhile there are none, and this does nothing.
        """
        if self._process != os.getpid():
            return
        for source in list(self._sources):
            source.leave()
        self._pool.shutdown(cancel_futures=True)

    def classify(self, crop: UInt8Image | str | os.PathLike[str]) -> Result:
        """Classify one image, given as a path or as pixels.

        Parameters
        ----------
        crop : path-like or ndarray of uint8, shape (height, width, 3)
            An RGB image of one cell, or the path of one.

        Returns
        -------
        Result
            With ``error`` set if the file cannot be read, or the crop was refused.

        Raises
        ------
        CropUnreadable
            If an array is no RGB image.
        OtherProcess
            After a fork, in the process that did not make this classifier.
        """
        self._require_own_process()
        entry, found = _given(0, crop)
        if isinstance(crop, np.ndarray) and entry.error:
            raise entry.error
        return self._classify_chunk([(entry, found)])[0]

    def classify_each(
        self,
        crops: Iterable[UInt8Image | str | os.PathLike[str]],
        patience: float = PATIENCE,
    ) -> Iterator[Result]:
        """Classify images as they come, several at a time; results come in their order.

        Parameters
        ----------
        crops : iterable of path-like or ndarray of uint8, shape (height, width, 3)
            As :meth:`classify` takes them; read a little ahead, in a thread of its own. A
            result does not wait for the next one of them.
        patience : float
            Seconds to wait for the one that is being read, should the results be left early: a
            camera can be closed then. When Python ends it is waited for a little longer.

        Yields
        ------
        Result
            One for each, with ``error`` set if a file cannot be read or an array is no RGB
            image; ``index`` is its position.
        """
        given = (_given(index, crop) for index, crop in enumerate(crops))
        return self._classify(given, patience)

    def classify_all(self, inputs: Iterable[Input], patience: float = PATIENCE) -> Iterator[Result]:
        """Classify inputs as they come; results come in the order of the inputs.

        Parameters
        ----------
        inputs : iterable of Input
            As :func:`edge.sources.find.find_inputs` finds them; read a little ahead, in a thread
            of its own. A result does not wait for the next one of them.
        patience : float
            As for :meth:`classify_each`. 0 waits for none, not when Python ends either.

        Yields
        ------
        Result
        """
        return self._classify(((entry, None) for entry in inputs), patience)

    def _classify(self, inputs: Iterable[_Given], patience: float) -> Iterator[Result]:
        self._require_own_process()
        waiting: deque[Future[list[Result]]] = deque()
        chunks, size = 0, 1  # small at first: a few inputs are for all threads, too

        def next_is_done() -> bool:
            return bool(waiting) and waiting[0].done()

        def worth_taking() -> int:
            idle = sum(not chunk.done() for chunk in waiting) < self.threads
            return 1 if idle else size

        with ReadAhead(inputs, max(BATCHES), patience) as source:
            self._sources.add(source)
            try:
                while True:
                    self._require_own_process()  # a copy of a generator would wait for ever
                    room = len(waiting) < self.threads * max(2, _AHEAD // size)
                    if room and (chunk := source.take(size, worth_taking, next_is_done)):
                        waiting.append(self._pool.submit(self._classify_chunk, chunk))
                        waiting[-1].add_done_callback(source.wake)
                        chunks += 1
                        if chunks % self.threads == 0:
                            size = min(2 * size, self._largest_chunk)
                    elif waiting:
                        yield from waiting.popleft().result()
                    else:
                        source.raise_error()
                        return
            finally:
                self._sources.discard(source)
                if self._process == os.getpid():
                    for future in waiting:
                        future.cancel()

    def _require_own_process(self) -> None:
        if self._process != os.getpid():
            raise OtherProcess(
                "this classifier was made before a fork, and its threads are in the other process:"
                " make a Classifier in each process, and start processes by"
                " multiprocessing.get_context('spawn')"
            )

    @property
    def _largest_chunk(self) -> int:
        is_to_measure = self._seen >= _BEFORE_MEASURING and not self._measured
        return max(BATCHES) if is_to_measure else max(self.plan.batch, _CHUNK)

    def _classify_chunk(self, chunk: list[_Given]) -> list[Result]:
        read = [self._read(*given) for given in chunk]
        logits = iter(self._logits([seen[0] for _, seen in read if seen is not None]))
        return [
            blank if seen is None else self._judge(next(logits), *seen, blank)
            for blank, seen in read
        ]

    def _read(self, entry: Input, seen: _Seen | None) -> tuple[Result, _Seen | None]:
        """Result without a decision, and what was seen if it is an image."""
        blank = self.blank(entry)
        try:
            return blank, crop_and_frame_of(entry.read()) if seen is None else seen
        except CropUnreadable as error:
            return self.blank(entry, error), None

    def _logits(self, crops: list[UInt8Image]) -> npt.NDArray[np.float64]:
        if not crops:
            return np.empty((0, 2))
        stacked = np.stack(crops)
        network = self._networks.get()
        try:
            if self._is_time_to_measure(len(crops)):
                self.plan = measure_batches(self.plan, network, stacked)
            batch = self.plan.batch
            # a source that gives few at once is slow, or at its end: no batch is filled up then
            return network.logits_of(stacked, batch if _is_most(len(crops), batch) else 1)
        finally:
            self._networks.put(network)

    def _is_time_to_measure(self, crops: int) -> bool:
        """Whether enough crops were seen, and now a batch is at hand; true once."""
        with self._counting:
            if (
                self._measured
                or self._seen < _BEFORE_MEASURING
                or not _is_most(crops, max(BATCHES))
            ):
                self._seen += crops
                return False
            self._measured = True
            return True

    def _network(self) -> Int8Network:
        return Int8Network(self.model_file.flatbuffer, self.runtime, self.plan.threads)

    def _judge(
        self, logits: npt.NDArray[np.float64], crop: UInt8Image, frame: Frame, blank: Result
    ) -> Result:
        kept = replace(blank, crop=crop) if self._keep_crops else blank
        codes = quality_codes(crop, frame, self._limits)
        if codes and self.strict:
            return kept.refused_for_quality(codes)
        logit_hem, logit_all = logits.tolist()
        verdict = judge(logit_hem, logit_all, self.model_file.metadata)
        return kept.with_verdict(verdict, (logit_hem, logit_all)).with_quality(codes)

    def blank(self, entry: Input, error: CropUnreadable | None = None) -> Result:
        """Result of an input without a decision: which input, which model, which error."""
        return Result(
            source=file_name(entry.source),
            file=file_name(entry.path),
            index=entry.index,
            model=self.model_file.metadata.network,
            model_sha256=self.model_file.sha256,
            error=error.reason if error else None,
            supersedes=entry.supersedes,
            file_version=entry.version,
            sample=file_name(entry.path),
            message=error.message if error else None,
        )


def _is_most(crops: int, batch: int) -> bool:
    return 2 * crops > batch


def _given(index: int, crop: UInt8Image | str | os.PathLike[str]) -> _Given:
    if not isinstance(crop, np.ndarray):
        path = os.fsdecode(crop)
        return Input(path, path, index), None
    try:
        # at once, and apart: a camera may write the next image into the same array
        return Input("array", "", index), (to_crop(crop).copy(), frame_of(crop))
    except CropUnreadable as error:
        return Input("array", "", index, error), None
    except ValueError as error:
        return Input("array", "", index, CropUnreadable("not-an-image", str(error))), None


def available_processors() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def golden_error(model_file: ModelFile, *networks: Int8Network) -> int:
    """Largest difference of golden logits on this machine, in steps of the int8 output.

    The networks, all of this model file, share the vectors and run side by side.
    """
    golden = model_file.golden
    shares = np.array_split(golden.inputs, len(networks))
    with ThreadPoolExecutor(len(networks)) as pool:
        found = np.concatenate(list(pool.map(Int8Network.raw_logits_of, networks, shares)))
    return int(np.abs(found.astype(int) - golden.logits.astype(int)).max())


def check_golden(model_file: ModelFile, *networks: Int8Network) -> None:
    """Refuse a model whose golden vectors do not reproduce on this machine.

    Raises
    ------
    ModelFileRefused
        ``golden``.
    """
    off, allowed = golden_error(model_file, *networks), model_file.metadata.golden_tolerance
    if off > allowed:
        raise ModelFileRefused(
            "golden",
            f"{named(model_file.path)}: golden logits are off by {off} steps on this machine,"
            f" {allowed} are allowed; run edge-all doctor, and try another TFLite runtime version",
        )
