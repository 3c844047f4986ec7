"""Run networks on crops: one or several over the same ones, in interpreters that threads share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Lock

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.engine.network import Network
from edge.engine.plan import BATCHES, Plan, make_plan, measure_batches

_BEFORE_MEASURING = 256  # crops: a run that soon ends is not to spend its time on choosing batches

Logits = npt.NDArray[np.float64]
MakeNetwork = Callable[[int], Network]
"""Threads inside the interpreter -> a network in an interpreter of its own."""


class Engine:
    """Networks that see the same crops, each in as many interpreters as run side by side.

    A thread takes a seat, one interpreter of every network, runs its crops through all of them
    and gives the seat back. How many seats there are is planned for all networks together, so
    that two of them (an int8 network and its float twin) share one budget of memory.

    Parameters
    ----------
    networks : sequence of (callable, int)
        What makes an interpreter of each network, and the size of its flatbuffer in bytes. The
        first one decides on batches.
    threads : int
        That will call :meth:`logits` at a time.
    memory : int or None
        Bytes at hand; None if that is not known.
    asked : int or None
        Seats that the user asks for.

    Attributes
    ----------
    plan : Plan
        Crop by crop at first. Once 256 crops were seen, batches are measured on the next ones.
    seats : list of tuple of Network
        All of them; for checks before crops flow.
    """

    def __init__(
        self,
        networks: Sequence[tuple[MakeNetwork, int]],
        threads: int,
        memory: int | None = None,
        asked: int | None = None,
    ) -> None:
        sizes = [size for _, size in networks]
        self.plan: Plan = make_plan(sum(sizes), threads, memory, asked, len(sizes))
        self.seats = [
            tuple(make(self.plan.threads) for make, _ in networks)
            for _ in range(self.plan.interpreters)
        ]
        self._free: SimpleQueue[tuple[Network, ...]] = SimpleQueue()
        for seat in self.seats:
            self._free.put(seat)
        self._batches = [1] * len(sizes)
        self._seen = 0
        self._measured = False
        self._counting = Lock()
        self._emptying = Lock()  # two that each hold some of the seats would wait for ever

    @property
    def wants_batch(self) -> bool:
        """Whether it waits for a full batch of crops, to measure on."""
        return self._seen >= _BEFORE_MEASURING and not self._measured

    def logits(self, crops: Sequence[UInt8Image]) -> list[Logits]:
        """Run all networks on crops; from any of the threads.

        Parameters
        ----------
        crops : sequence of ndarray of uint8, shape (side, side, 3)

        Returns
        -------
        list of ndarray of float64, shape (n, labels)
            One for each network.
        """
        if len(crops) == 0:
            return [np.empty((0, network.labels)) for network in self.seats[0]]
        stacked = np.stack(crops)
        seat = self._free.get()
        try:
            if self._is_time_to_measure(len(crops)):
                self._measure(seat, stacked)
            return [self._run(network, stacked, number) for number, network in enumerate(seat)]
        finally:
            self._free.put(seat)

    @contextmanager
    def alone(self) -> Iterator[list[tuple[Network, ...]]]:
        """All seats, once the crops that they hold are done: nobody else runs meanwhile."""
        with self._emptying:
            taken = [self._free.get() for _ in self.seats]
        try:
            yield taken
        finally:
            for seat in taken:
                self._free.put(seat)

    def _run(self, network: Network, crops: UInt8Image, number: int) -> Logits:
        batch = self._batches[number]
        # a source that gives few at once is slow, or at its end: no batch is filled up then
        return network.logits_of(crops, batch if _is_most(len(crops), batch) else 1)

    def _measure(self, seat: tuple[Network, ...], crops: UInt8Image) -> None:
        first, *others = seat
        self.plan = measure_batches(self.plan, first, crops)
        self._batches = [
            self.plan.batch,
            *(measure_batches(self.plan, other, crops).batch for other in others),
        ]

    def _is_time_to_measure(self, crops: int) -> bool:
        """Whether enough crops were seen, and now a batch is at hand; true once."""
        with self._counting:
            if not self.wants_batch or not _is_most(crops, max(BATCHES)):
                self._seen += crops
                return False
            self._measured = True
            return True


def _is_most(crops: int, batch: int) -> bool:
    return 2 * crops > batch
