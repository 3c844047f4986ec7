"""Shadowing: a share of live cells goes through the float twin as well, when there is time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.drift.drawing import is_drawn
from edge.drift.gates import limits_of
from edge.engine.network import FloatNetwork
from edge.engine.runtime import Runtime
from edge.files import file_name
from edge.models.model_file import ModelFile
from edge.rows import Result
from edge.statistics.answers import likeliest_of
from edge.statistics.share_test import ALPHA, ShareTest

MOST_WAITING = 64
"""Cells that wait for the twin; beyond, the run waits for it, so that memory stays flat."""

_LEAST_PRIORITY = 19
_MOST_NAMED = 10


@dataclass(frozen=True)
class ShadowVerdict:
    """What the twin says of the cells that it saw.

    Attributes
    ----------
    test : ShareTest
        Of the share of flips.
    flips : tuple of str
        The first cells with another likeliest label, by name.
    """

    test: ShareTest
    flips: tuple[str, ...]

    @property
    def is_alarm(self) -> bool:
        """Whether flips are more frequent than the model file allows."""
        return self.test.is_above is True

    @property
    def says(self) -> str:
        """The verdict in a sentence, valid whenever it is looked at."""
        test = self.test
        what = f"shadow: {test.kept_not} flips in {test.cells} cells that float saw, too;"
        limit = f"the {test.limit:.2%} that the model file allows"
        if test.is_above is None:
            return f"{what} too few to tell whether they keep to {limit}"
        word = "more than" if test.is_above else "fewer than"
        return f"{what} they are {word} {limit} (wrong at most once in {1 / ALPHA:.0f} runs)"


class Shadow:
    """Shows some cells of a run to the float twin; a context manager, for one thread.

    The twin runs in a thread of the least priority: what classifies comes first. The test may be
    looked at after every cell (:mod:`edge.statistics.share_test`).

    Parameters
    ----------
    model : ModelFile
    twin : bytes
        Its float flatbuffer (:func:`edge.models.model_file.find_twin`).
    runtime : Runtime
    share : float
        Of the cells, 0..1; drawn by :func:`edge.drift.drawing.is_drawn`.
    seed : int
    """

    def __init__(
        self, model: ModelFile, twin: bytes, runtime: Runtime, share: float, seed: int = 0
    ) -> None:
        self._network = FloatNetwork(twin, runtime)
        self._share, self._seed = share, seed
        # a ratio of decimals: 1 - 0.995 is 0.005 and not 5e-17 more
        limit = round(1 - limits_of(model.metadata.fidelity).agreement, 12)
        self._test = ShareTest(min(max(limit, 1e-6), 0.5))
        self._flips: list[str] = []
        self._waiting: deque[tuple[str, Future[bool]]] = deque()
        self._pool = ThreadPoolExecutor(1, "shadow", initializer=_yield_to_others)

    def __enter__(self) -> Shadow:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def take(self, result: Result) -> None:
        """Show a cell to the twin, if it is drawn; its result has its crop."""
        if result.crop is None or result.logits is None:
            return
        name = file_name(result.sample or result.file)
        if not is_drawn(name, self._share, self._seed):
            return
        flips = self._pool.submit(self._does_flip, result.crop, result.logits)
        self._waiting.append((name, flips))
        self._count_done(MOST_WAITING)

    def finish(self) -> ShadowVerdict:
        """Wait for the twin, and say what it found."""
        self._count_done(0)
        return self.verdict

    @property
    def verdict(self) -> ShadowVerdict:
        """As far as the twin has come."""
        return ShadowVerdict(self._test, tuple(self._flips))

    def _count_done(self, most: int) -> None:
        """Count in the order of the cells; wait while more than so many are not done."""
        while self._waiting and (len(self._waiting) > most or self._waiting[0][1].done()):
            name, flips = self._waiting.popleft()
            did = flips.result()
            self._test = self._test.see(did)
            if did and len(self._flips) < _MOST_NAMED:
                self._flips.append(name)

    def _does_flip(self, crop: UInt8Image, int8: tuple[float, ...]) -> bool:
        both = np.stack([np.asarray(int8), self._network.logits(crop)])
        first, second = likeliest_of(both).tolist()
        return bool(first != second)


def _yield_to_others() -> None:
    """Give this thread the least priority, where the system can: on Linux, threads have theirs."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
