"""How long a conversion takes, step by step, and how much memory at most."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from convert.job import Options
from convert.many import Outcome, convert_all
from convert.versions import created_with
from edge.machine import available_processors, processor_name

_LOOK_EVERY = 0.2  # seconds: memory of a conversion rises and falls over seconds


@dataclass(frozen=True)
class Cost:
    """What conversions cost on this machine.

    Attributes
    ----------
    machine : str
    processors : int
    versions : dict
    seconds : float
        From start to end, all models.
    steps : dict
        Model -> step -> seconds. Models run side by side, so that these add up to more.
    peak_memory : float or None
        Resident memory of all processes together at most, in MB; pages that processes
        share count in each. None where the system does not tell.
    outcomes : dict
        Model -> exit code.
    """

    machine: str
    processors: int
    versions: dict[str, str]
    seconds: float
    steps: dict[str, dict[str, float]]
    peak_memory: float | None
    outcomes: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON takes them."""
        return asdict(self)


def measure_cost(keras_files: Sequence[Path], options: Options, workers: int = 1) -> Cost:
    """Convert models into a folder that is thrown away, and measure it.

    Parameters
    ----------
    keras_files : sequence of Path
    options : Options
    workers : int
        Models at a time.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder, PeakMemory() as memory:
        outcomes: list[Outcome] = list(convert_all(keras_files, options, Path(folder), workers))
    return Cost(
        processor_name(),
        available_processors(),
        created_with(),
        time.perf_counter() - start,
        {outcome.name: outcome.seconds for outcome in outcomes},
        memory.peak,
        {outcome.name: outcome.exit_code for outcome in outcomes},
    )


class PeakMemory:
    """Watches the memory of this process and of all it starts; a context manager.

    Attributes
    ----------
    peak : float or None
        In MB; None where the system does not tell.
    """

    def __init__(self) -> None:
        self.peak: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            found = _resident(os.getpid())
            if found:
                self.peak = max(self.peak or 0.0, found)
            if self._done.wait(_LOOK_EVERY):
                return


def _resident(root: int) -> float:
    """Resident memory of a process and its descendants in MB, 0 if the system does not tell."""
    parents, pages = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # the name, in parentheses, may hold spaces
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(folder.name)] = int(fields[1])
        pages[int(folder.name)] = int(fields[21])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(pages.get(pid, 0) for pid in family) * os.sysconf("SC_PAGE_SIZE") / 2**20


def describe_cost(cost: Cost) -> str:
    """Lay the figures out for people."""
    steps = list(dict.fromkeys(step for found in cost.steps.values() for step in found))
    width = max((len(step) for step in steps), default=4)
    names = list(cost.steps)
    memory = "unknown" if cost.peak_memory is None else f"{cost.peak_memory:.0f} MB"
    rows = [
        f"{step:<{width}}" + "".join(f" {cost.steps[name].get(step, 0.0):>10.1f}" for name in names)
        for step in steps
    ]
    total = "".join(f" {sum(cost.steps[name].values()):>10.1f}" for name in names)
    return "\n".join(
        [
            f"{cost.machine}, {cost.processors} processors usable",
            ", ".join(f"{tool} {version}" for tool, version in cost.versions.items()),
            "",
            f"{'seconds':<{width}}" + "".join(f" {name[:10]:>10}" for name in names),
            *rows,
            f"{'total':<{width}}{total}",
            "",
            f"{cost.seconds:.0f} s from start to end, memory {memory} at most",
        ]
    )
