"""``edge-all benchmark``: how fast networks run on this machine, and in what setting."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image
from edge.engine.condition import Condition, condition
from edge.engine.network import Int8Network, as_int8
from edge.engine.plan import BATCHES
from edge.engine.runtime import Runtime, words_of
from edge.machine import (
    available_processors,
    cpu_features,
    installed_version,
    memory,
    processor_name,
)
from edge.process.native_messages import native_messages_silenced

SCHEMA = 2
"""Version of the JSON."""

_WARM_UP = 3  # invocations: the first ones allocate and pack weights


@dataclass(frozen=True)
class Network:
    """A flatbuffer to measure.

    Attributes
    ----------
    name : str
        ``int8`` or ``float``.
    flatbuffer : bytes
    """

    name: str
    flatbuffer: bytes


@dataclass(frozen=True)
class Setting:
    """How a network is run.

    Attributes
    ----------
    interpreters : int
        Side by side, one Python thread each.
    threads : int
        Inside each interpreter.
    batch : int
        Crops an invocation.
    """

    interpreters: int
    threads: int
    batch: int


@dataclass(frozen=True)
class Timing:
    """Speed of one network in one setting.

    Attributes
    ----------
    network, runtime : str
    setting : Setting
    p50, p95 : float
        Milliseconds an invocation takes: median and 95th percentile.
    crops_per_second : float
        Of all interpreters together.
    """

    network: str
    runtime: str
    setting: Setting
    p50: float
    p95: float
    crops_per_second: float


@dataclass(frozen=True)
class Benchmark:
    """All that was measured, ready for JSON.

    Attributes
    ----------
    schema : int
    machine, versions : dict
    before, after : Condition
        Of the machine: a hot one is slower.
    timings : tuple of Timing
    not_run : tuple of str
        Settings the runtime refused, with its words.
    """

    schema: int
    machine: dict[str, str]
    versions: dict[str, str]
    before: Condition
    after: Condition
    timings: tuple[Timing, ...]
    not_run: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON takes them."""
        return asdict(self)


def settings(processors: int) -> Iterator[Setting]:
    """Settings worth comparing: interpreters or threads from 1 to n, then larger batches."""
    counts = [2**i for i in range(processors.bit_length()) if 2**i < processors] + [processors]
    for n in counts:
        yield Setting(n, 1, 1)
        if n > 1:
            yield Setting(1, n, 1)
    for batch in BATCHES:
        yield Setting(processors, 1, batch)


def run_benchmark(
    networks: Sequence[Network], crops: UInt8Image, runtimes: Sequence[Runtime], seconds: float
) -> Benchmark:
    """Measure every network in every setting on every runtime.

    Parameters
    ----------
    networks : sequence of Network
    crops : ndarray of uint8, shape (n, side, side, 3)
        What they are fed.
    runtimes : sequence of Runtime
    seconds : float
        For each network, setting and runtime.
    """
    for network in networks:
        if network.name == "int8":  # a foreign one would be said not to run in any setting
            for runtime in runtimes:
                Int8Network(network.flatbuffer, runtime)
    before = condition()
    names = [runtime.name for runtime in runtimes]
    timings: list[Timing] = []
    not_run: list[str] = []
    for setting in settings(available_processors()):
        # side by side: a machine that warms up slows all of them
        for network, runtime in product(networks, runtimes):
            try:
                timings.append(_measure(network, setting, crops, runtime, seconds))
            except (RuntimeError, ValueError) as error:
                words = f"batches of {setting.batch}: {words_of(error)}"
                not_run.append(f"{network.name}, {runtime.name}, {words}")
    return Benchmark(
        SCHEMA,
        {
            "processor": processor_name(),
            "usable": str(available_processors()),
            "int8 help": ", ".join(cpu_features()),
            "memory": memory(),
        },
        {name: installed_version(name) for name in ("edge-all", "numpy", *names)},
        before,
        condition(),
        tuple(timings),
        tuple(dict.fromkeys(not_run)),
    )


def _measure(
    network: Network, setting: Setting, crops: UInt8Image, runtime: Runtime, seconds: float
) -> Timing:
    batches = _batches(network.name, crops, setting.batch)
    interpreters = [
        _interpreter(network.flatbuffer, setting, runtime) for _ in range(setting.interpreters)
    ]
    with ThreadPoolExecutor(setting.interpreters) as pool:
        durations = list(pool.map(lambda one: _invoke(one, batches, seconds), interpreters))
    p50, p95 = np.percentile(np.concatenate(durations), [50, 95]) * 1000
    rate = sum(setting.batch / float(of_one.mean()) for of_one in durations)
    return Timing(network.name, runtime.name, setting, float(p50), float(p95), rate)


def _batches(name: str, crops: UInt8Image, size: int) -> list[npt.NDArray[Any]]:
    """Inputs of `size` crops each, as the network takes them."""
    repeated = np.concatenate([crops] * math.ceil(size / len(crops)))
    groups = [repeated[i : i + size] for i in range(0, len(repeated) - size + 1, size)]
    if name == "float":
        return [group.astype(np.float32) / 255 for group in groups]
    return [as_int8(group) for group in groups]


def _interpreter(flatbuffer: bytes, setting: Setting, runtime: Runtime) -> Any:
    with native_messages_silenced():
        interpreter = runtime.interpreter(model_content=flatbuffer, num_threads=setting.threads)
        if setting.batch > 1:
            details = interpreter.get_input_details()[0]
            shape = [setting.batch, *map(int, details["shape"][1:])]
            interpreter.resize_tensor_input(details["index"], shape)
        interpreter.allocate_tensors()
        return interpreter


def _invoke(
    interpreter: Any, batches: Sequence[npt.NDArray[Any]], seconds: float
) -> npt.NDArray[np.float64]:
    """Seconds of every invocation, for so long; those of the warm-up are left out."""
    index = interpreter.get_input_details()[0]["index"]
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while len(durations) <= _WARM_UP or time.perf_counter() < end:
        interpreter.set_tensor(index, batches[len(durations) % len(batches)])
        start = time.perf_counter()
        interpreter.invoke()
        durations.append(time.perf_counter() - start)
    return np.array(durations[_WARM_UP:])


def describe(found: Benchmark) -> str:
    """Lay the figures out for people."""
    lines = [
        f"{found.machine['processor']}, {found.machine['usable']} usable processors",
        ", ".join(f"{name} {version}" for name, version in found.versions.items()),
        "",
        f"{'network':<8} {'runtime':<15} {'interpreters':>12} {'threads each':>12} {'batch':>5}"
        f" {'p50 ms':>8} {'p95 ms':>8} {'crops/s':>8}",
        *(
            f"{timing.network:<8} {timing.runtime:<15} {timing.setting.interpreters:>12}"
            f" {timing.setting.threads:>12} {timing.setting.batch:>5}"
            f" {timing.p50:>8.3f} {timing.p95:>8.3f} {timing.crops_per_second:>8.0f}"
            for timing in found.timings
        ),
        "",
        *compare_runtimes(found.timings),
        *(f"not run: {words}" for words in found.not_run),
        f"before  {_condition_words(found.before)}",
        f"after   {_condition_words(found.after)}",
    ]
    return "\n".join(lines)


def compare_runtimes(timings: Sequence[Timing]) -> Iterator[str]:
    """Say of each network which runtime is the fastest, each in the setting that suits it best."""
    best: dict[str, dict[str, float]] = {}
    for timing in timings:
        rates = best.setdefault(timing.network, {})
        rates[timing.runtime] = max(rates.get(timing.runtime, 0.0), timing.crops_per_second)
    for network, rates in best.items():
        first, *others = sorted(rates, key=rates.__getitem__, reverse=True)
        for other in others:
            yield (
                f"{network}: {first} is {rates[first] / rates[other]:.2f} times as fast as {other}"
                f" ({rates[first]:.0f} and {rates[other]:.0f} crops/s at best)"
            )


def _condition_words(found: Condition) -> str:
    words = [
        f"{found.temperature:.0f} °C" if found.temperature is not None else "temperature unknown",
        f"clock at {found.clock:.0%}" if found.clock is not None else "clock unknown",
    ]
    if found.limits is not None:
        words.append(f"held back by {', '.join(found.limits) or 'nothing'}")
    if found.memory is not None and found.peak_memory is not None:
        words.append(f"memory {found.memory:.0f} MB, at most {found.peak_memory:.0f} MB")
    return ", ".join(words)
