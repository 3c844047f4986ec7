"""How the network is run: interpreters, threads inside each, crops at once, and why so."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edge.errors import BatchRefused

if TYPE_CHECKING:
    from edge.crops.preprocess import UInt8Image
    from edge.engine.network import Network

BATCHES = (8, 32)
"""Numbers of crops that are tried against one by one, a larger one if the smaller one helps."""

LEAST_GAIN = 0.01
"""Share of the time per crop that a batch must save; less is within what timing tells."""

WORTH_MEMORY = 0.05
"""Share that a batch must save for a larger one to be tried: it takes memory."""

# Of each batch: the shorter counts, as disturbances only lengthen. A network that takes
# long is disturbed less, and shall not keep a run waiting.
_REPETITIONS, _ENOUGH_SECONDS = 2, 0.5

# Measured with ai-edge-litert 2.3 for the three networks: XNNPACK packs the weights again in
# every interpreter (1.03 to 1.05 times the flatbuffer), and crops at once take up to 12 MB for 8
# and 22 MB for the 32 of a network that gains by them.
_PACKED, _WORKING = 1.1, 24_000_000
_SHARE = 0.5  # of the memory at hand: images, results and other programs need some, too


@dataclass(frozen=True)
class Plan:
    """How a network is run.

    Attributes
    ----------
    interpreters : int
        Side by side.
    threads : int
        Inside each interpreter.
    batch : int
        Crops an invocation, where that many are at hand.
    why : str
        What decided it, for people.
    """

    interpreters: int
    threads: int
    batch: int
    why: str

    def __str__(self) -> str:
        return (
            f"{self.interpreters} {'interpreter' if self.interpreters == 1 else 'interpreters'}"
            f" of {self.threads} {'thread' if self.threads == 1 else 'threads'},"
            f" {f'batches of {self.batch}' if self.batch > 1 else 'crop by crop'}: {self.why}"
        )


def make_plan(
    size: int,
    processors: int,
    memory: int | None = None,
    asked: int | None = None,
    networks: int = 1,
) -> Plan:
    """Choose how many interpreters run side by side, as memory allows.

    An interpreter for each processor is the rule: crops side by side need no hand-over inside
    a crop. Where memory holds fewer, each gets threads instead.

    Parameters
    ----------
    size : int
        Of the flatbuffers together, in bytes.
    processors : int
        That this process may use.
    memory : int or None
        Bytes at hand; None if that is not known.
    asked : int or None
        Interpreters that the user asks for: nothing else counts then.
    networks : int
        That run one after the other on the same crops, each in an interpreter of its own.

    Returns
    -------
    Plan
        Crop by crop: batches are measured later, on crops.
    """
    if asked:
        return Plan(asked, 1, 1, f"asked for {asked}")
    if memory is None:
        return Plan(processors, 1, 1, f"one per processor ({processors})")
    each = memory_of_interpreter(size, networks)
    fit = max(int(memory * _SHARE / each), 1)
    needs = f"each needs about {each / 1e6:.0f} MB, and {memory / 1e6:.0f} MB are at hand"
    if fit >= processors:
        return Plan(processors, 1, 1, f"one per processor ({processors}); {needs}")
    return Plan(fit, processors // fit, 1, f"{processors} processors, but {needs}")


def memory_of_interpreter(size: int, networks: int = 1) -> float:
    """Bytes that an interpreter takes.

    Parameters
    ----------
    size : int
        Of the flatbuffers together, in bytes.
    networks : int
        That run one after the other on the same crops, each in an interpreter of its own.
    """
    return size * _PACKED + _WORKING * networks


def measure_batches(plan: Plan, network: Network, crops: UInt8Image) -> Plan:
    """Choose how many crops an invocation takes, by the time they take in this thread.

    A batch must give the same bits as its crops one by one, and save at least
    :data:`LEAST_GAIN` of their time; of those that do, the fastest is taken. None is tried
    beyond one that does not save :data:`WORTH_MEMORY`.

    Parameters
    ----------
    plan : Plan
    network : Network
    crops : ndarray of uint8, shape (n, side, side, 3)
        Real ones; repeated where they are fewer than the largest batch.

    Returns
    -------
    Plan
        Its `why` says what was measured.
    """
    crops = np.resize(crops, (max(BATCHES), *crops.shape[1:]))
    expected, one = _logits_and_seconds(network, crops, 1)
    seconds, words = {1: one}, [f"one by one {_ms(one)} a crop"]
    for batch in BATCHES:
        try:
            logits, taken = _logits_and_seconds(network, crops, batch)
        except BatchRefused:
            words.append(f"batches of {batch} refused by the model file")
            break
        if not np.array_equal(logits, expected):
            words.append(f"batches of {batch} change the logits")
            break
        words.append(f"in batches of {batch} {_ms(taken)}")
        seconds[batch] = taken
        if taken > (1 - WORTH_MEMORY) * one:
            break
    best = min(seconds, key=seconds.__getitem__)
    chosen = best if seconds[best] <= (1 - LEAST_GAIN) * one else 1
    return replace(plan, batch=chosen, why=f"{plan.why}; {', '.join(words)}")


def _logits_and_seconds(
    network: Network, crops: UInt8Image, batch: int
) -> tuple[npt.NDArray[np.generic], float]:
    """Logits of the crops, and shortest seconds per crop."""
    found: list[float] = []
    while len(found) < _REPETITIONS and sum(found) < _ENOUGH_SECONDS:
        start = time.perf_counter()
        logits = network.raw_logits_of(crops, batch)
        found.append(time.perf_counter() - start)
    return logits, min(found) / len(crops)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
