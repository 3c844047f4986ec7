"""Classify crops with a model file: many at a time, results in order and as they come."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType

import numpy as np

from edge.contract import Contract
from edge.crops.preprocess import UInt8Image
from edge.engine.engine import Engine
from edge.engine.judge import Judge
from edge.engine.network import Int8Network, Network
from edge.engine.plan import BATCHES, Plan
from edge.engine.read_ahead import MOST_BYTES, PATIENCE, ReadAhead
from edge.engine.reader import Prepared, Reader
from edge.engine.runtime import Runtime, find_runtime
from edge.errors import ModelFileRefused, OtherProcess
from edge.machine import available_memory, available_processors
from edge.models.model_file import SHIPPED_MODEL, ModelFile, read_model_file
from edge.process.interrupts import StopToken
from edge.rows import Result
from edge.samples import Sample, Stage
from edge.wording import named

_CHUNK = 16  # inputs a thread takes, or a batch if that is more: handing over costs little then
_AHEAD = 32  # inputs per thread, or two chunks: none waits for work, and memory stays flat

Given = UInt8Image | str | os.PathLike[str] | Sample
"""What a program may ask to have classified."""


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
    stages : sequence of Stage
        What a sample goes through before it is a crop (:mod:`edge.stages`).
    runtime : str, optional
        One of :data:`edge.engine.runtime.RUNTIMES`; by default the best TFLite runtime there is.

    Attributes
    ----------
    model_file : ModelFile
    runtime : Runtime
    threads : int
        Crops at a time.
    strict : bool

    Raises
    ------
    ModelFileRefused
        If the model file is refused; ``reason`` says why.
    RuntimeMissing
        If no TFLite runtime is installed, or not the one asked for.

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
        stages: Sequence[Stage] = (),
        runtime: str | None = None,
    ) -> None:
        self.strict = strict
        self.model_file: ModelFile = read_model_file(Path(model or SHIPPED_MODEL))
        self.runtime: Runtime = find_runtime(runtime)
        self.threads = threads or available_processors()
        self._reader = Reader(self.contract, stages)
        self._judge = Judge(self.model_file, strict, keep_crops)
        flatbuffer = self.model_file.flatbuffer
        make = partial(Int8Network, flatbuffer, self.runtime)
        self._engine = Engine([(make, len(flatbuffer))], self.threads, available_memory(), threads)
        networks = [network for (network,) in self._engine.seats]
        check_contract(self.model_file, networks[0])
        check_golden(self.model_file, *networks)
        self._process = os.getpid()
        self._sources: set[ReadAhead[Sample]] = set()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="classify")

    @property
    def plan(self) -> Plan:
        """How the network is run; measured on the way (:class:`edge.engine.engine.Engine`)."""
        return self._engine.plan

    @property
    def contract(self) -> Contract:
        """What crops must be like, and what the answers are called."""
        return self.model_file.metadata.contract

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What samples go through before they are crops."""
        return self._reader.stages

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

    def golden_error(self) -> int:
        """Run the golden vectors again, all of them in every interpreter.

        Returns
        -------
        int
            Largest difference, in steps of the int8 output. More than the model file allows, in a
            process that began with less, is a fault of this machine.
        """
        with self._engine.alone() as seats:
            return max(golden_error(self.model_file, network) for (network,) in seats)

    def classify(self, crop: Given) -> Result:
        """Classify one image, given as a path, as pixels or as a sample.

        Parameters
        ----------
        crop : path-like, ndarray of uint8, shape (height, width, 3), or Sample
            An RGB image of one cell, or the path of one.

        Returns
        -------
        Result
            With ``error`` set if the file cannot be read, or the crop was refused.

        Raises
        ------
        CropUnreadable
            If an array is no RGB image.
        ValueError
            If the stages of this classifier made several cells of it: use :meth:`classify_each`.
        OtherProcess
            After a fork, in the process that did not make this classifier.
        """
        self._require_own_process()
        prepared = self._reader.prepare(_sample_of(0, crop))
        if isinstance(crop, np.ndarray) and prepared[0].error:
            raise prepared[0].error
        if len(prepared) > 1:
            raise ValueError(f"there are {len(prepared)} cells in it; use classify_each")
        return self._decide(prepared)[0]

    def classify_each(self, crops: Iterable[Given], patience: float = PATIENCE) -> Iterator[Result]:
        """Classify images as they come, several at a time; results come in their order.

        Parameters
        ----------
        crops : iterable of path-like, ndarray of uint8, shape (height, width, 3), or Sample
            As :meth:`classify` takes them; read a little ahead, in a thread of its own. A
            result does not wait for the next one of them. An array is copied at once: a camera
            may write the next image into it.
        patience : float
            Seconds to wait for the one that is being read, should the results be left early: a
            camera can be closed then. When Python ends it is waited for a little longer.

        Yields
        ------
        Result
            One for each, or for each cell that stages made of it, with ``error`` set if a file
            cannot be read or an array is no RGB image; ``index`` is its position.
        """
        samples = (_sample_of(number, crop) for number, crop in enumerate(crops))
        return self.classify_samples(samples, patience)

    def classify_samples(
        self,
        samples: Iterable[Sample],
        patience: float = PATIENCE,
        numbers: Iterable[int] | None = None,
        stop: StopToken | None = None,
    ) -> Iterator[Result]:
        """Classify samples as they come; results come in their order.

        Parameters
        ----------
        samples : iterable of Sample
            Read a little ahead, in a thread of its own. A result does not wait for the next one
            of them.
        patience : float
            As for :meth:`classify_each`. 0 waits for none, not when Python ends either.
        numbers : iterable of int, optional
            Indices of the results; from 0 by default. Asked for each as it is given.
        stop : StopToken, optional
            Ends the results once it asks to, without waiting for a sample.

        Yields
        ------
        Result

        Raises
        ------
        Interrupted
            If `stop` asks to end.
        """
        stop = stop or StopToken()
        number = iter(count() if numbers is None else numbers)
        for result in self._in_order(samples, patience, stop):
            yield result.at(next(number))

    def _in_order(
        self, samples: Iterable[Sample], patience: float, stop: StopToken
    ) -> Iterator[Result]:
        self._require_own_process()
        waiting: deque[tuple[Future[list[Result]], int]] = deque()
        chunks, size = 0, 1  # small at first: a few samples are for all threads, too

        def look_again() -> bool:
            return stop.is_requested or bool(waiting and waiting[0][0].done())

        def worth_taking() -> int:
            idle = sum(not chunk.done() for chunk, _ in waiting) < self.threads
            return 1 if idle else size

        def has_room() -> bool:
            held = sum(weight for _, weight in waiting)
            return len(waiting) < self.threads * max(2, _AHEAD // size) and held < MOST_BYTES

        with (
            ReadAhead(samples, max(BATCHES), patience, _bytes_held) as source,
            stop.waking(source.wake),
        ):
            self._sources.add(source)
            try:
                while True:
                    self._require_own_process()  # a copy of a generator would wait for ever
                    stop.check()
                    if has_room() and (chunk := source.take(size, worth_taking, look_again)):
                        future = self._pool.submit(self._classify_chunk, chunk)
                        waiting.append((future, sum(map(_bytes_held, chunk))))
                        future.add_done_callback(source.wake)
                        chunks += 1
                        if chunks % self.threads == 0:
                            size = min(2 * size, self._largest_chunk)
                    elif waiting:
                        yield from waiting.popleft()[0].result()
                    elif not stop.is_requested:
                        source.raise_error()
                        return
            finally:
                self._sources.discard(source)
                if self._process == os.getpid():
                    for future, _ in waiting:
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
        """Samples a thread takes at once: one where stages make a chunk of it themselves."""
        if self.stages:
            return 1
        return max(BATCHES) if self._engine.wants_batch else max(self.plan.batch, _CHUNK)

    def _classify_chunk(self, chunk: list[Sample]) -> list[Result]:
        return self._decide([each for sample in chunk for each in self._reader.prepare(sample)])

    def _decide(self, prepared: Sequence[Prepared]) -> list[Result]:
        crops = [each.crop for each in prepared if each.crop is not None]
        (found,) = self._engine.logits(crops)
        logits = iter(found)
        return [
            self._judge.blank(each.sample, each.error)
            if each.crop is None
            else self._judge.result_of(each, next(logits))
            for each in prepared
        ]


def _bytes_held(sample: Sample) -> int:
    """Bytes of pixels that wait with a sample."""
    return 0 if sample.pixels is None else sample.pixels.nbytes


def _sample_of(number: int, crop: Given) -> Sample:
    if isinstance(crop, Sample):
        return crop
    if isinstance(crop, np.ndarray):
        return Sample("array", "", f"array {number}", pixels=crop.copy())
    path = os.fsdecode(crop)
    return Sample(path, path)


def check_contract(model_file: ModelFile, network: Network) -> None:
    """Refuse a model file whose contract is not that of its flatbuffer.

    Raises
    ------
    ModelFileRefused
        ``metadata``.
    """
    contract = model_file.metadata.contract
    if (network.side, network.labels) != (contract.side, len(contract.labels)):
        raise ModelFileRefused(
            "metadata",
            f"{named(model_file.path)}: its contract is of crops of {contract.side} pixels and"
            f" {len(contract.labels)} labels, its network of {network.side} and {network.labels};"
            " convert it again",
        )


def golden_error(model_file: ModelFile, *networks: Network) -> int:
    """Largest difference of golden logits on this machine, in steps of the int8 output.

    The networks, all of this model file, share the vectors and run side by side.
    """
    golden = model_file.golden
    shares = np.array_split(golden.inputs, len(networks))
    with ThreadPoolExecutor(len(networks)) as pool:
        found = np.concatenate(list(pool.map(Network.raw_logits_of, networks, shares)))
    return int(np.abs(found.astype(int) - golden.logits.astype(int)).max())


def check_golden(model_file: ModelFile, *networks: Network) -> None:
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
