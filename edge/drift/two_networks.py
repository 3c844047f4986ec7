"""An int8 network and its float twin over the same stream of cells."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from edge.contract import Contract
from edge.crops.preprocess import UInt8Image
from edge.engine.classifier import check_contract, check_golden
from edge.engine.engine import Engine
from edge.engine.network import FloatNetwork, Int8Network, Network
from edge.engine.reader import Prepared, Reader
from edge.engine.runtime import find_runtime
from edge.machine import available_memory, available_processors
from edge.models.model_file import ModelFile, find_twin
from edge.samples import Sample

_CHUNK = 16  # samples that a thread takes at once
_REPETITIONS = 3  # of a timing; the shortest counts


@dataclass(frozen=True)
class Seen:
    """A cell that both networks saw, or an input that neither could.

    Attributes
    ----------
    prepared : Prepared
        Sample, crop and frame, or the error.
    int8, twin : ndarray of float64, shape (labels,), or None
        Logits; None without a crop.
    """

    prepared: Prepared
    int8: npt.NDArray[np.float64] | None = None
    twin: npt.NDArray[np.float64] | None = None


class TwoNetworks:
    """The networks of a model file and of its twin, ready to see cells; a context manager.

    Parameters
    ----------
    model : ModelFile
    twin : Path, optional
        Where the twin is; as :func:`edge.models.model_file.find_twin`.
    threads : int, optional
        Cells at a time; by default one per processor.

    Attributes
    ----------
    model : ModelFile
    twin : bytes
        Its flatbuffer.
    runtime : Runtime
    logit_step : float
        One step of the int8 output, in logits.

    Raises
    ------
    ModelFileRefused
        If there is no twin, its hash is not that of the model file, or a network is refused.
    """

    def __init__(
        self, model: ModelFile, twin: Path | None = None, threads: int | None = None
    ) -> None:
        self.model = model
        self.twin = find_twin(model, twin)
        self.runtime = find_runtime()
        self._threads = threads or available_processors()
        self._reader = Reader(self.contract)
        self._engine = Engine(
            [
                (partial(Int8Network, model.flatbuffer, self.runtime), len(model.flatbuffer)),
                (partial(FloatNetwork, self.twin, self.runtime), len(self.twin)),
            ],
            self._threads,
            available_memory(),
            threads,
        )
        int8, exact = self._engine.seats[0]
        check_contract(model, int8)
        check_contract(model, exact)
        check_golden(model, *(first for first, _ in self._engine.seats))
        assert isinstance(int8, Int8Network)
        self.logit_step = int8.logit_step
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="compare")

    @property
    def contract(self) -> Contract:
        """What cells must be like, and what the answers are called."""
        return self.model.metadata.contract

    def __enter__(self) -> TwoNetworks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def see(self, samples: Iterable[Sample]) -> Iterator[Seen]:
        """Show samples to both networks; what comes is in their order.

        Parameters
        ----------
        samples : iterable of Sample

        Yields
        ------
        Seen
            One for each, or for each cell of it.
        """
        given = iter(samples)
        waiting: deque[Future[list[Seen]]] = deque()
        while True:
            while len(waiting) < 2 * self._threads and (chunk := list(islice(given, _CHUNK))):
                waiting.append(self._pool.submit(self._see_chunk, chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()

    def _see_chunk(self, chunk: Sequence[Sample]) -> list[Seen]:
        prepared = [each for sample in chunk for each in self._reader.prepare(sample)]
        crops = [each.crop for each in prepared if each.crop is not None]
        int8, twin = map(iter, self._engine.logits(crops))
        return [
            Seen(each) if each.crop is None else Seen(each, next(int8), next(twin))
            for each in prepared
        ]

    def milliseconds(self, crops: Sequence[UInt8Image]) -> tuple[float, float]:
        """Shortest time of int8 and of float for a crop, one after the other, in one thread."""
        stacked = np.stack(crops)
        first, second = (_milliseconds(network, stacked) for network in self._engine.seats[0])
        return first, second


def _milliseconds(network: Network, crops: UInt8Image) -> float:
    network.raw_logits_of(crops[:1])  # the first one fills caches
    taken = []
    for _ in range(_REPETITIONS):
        start = time.perf_counter()
        network.raw_logits_of(crops)
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken) / len(crops)
