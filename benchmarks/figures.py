"""What was measured of one network, which targets it meets, and the table of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A figure that is to be at least, or at most, so much."""

    what: str
    found: float
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it is so."""
        return (self.least is None or self.found >= self.least) and (
            self.most is None or self.found <= self.most
        )

    def __str__(self) -> str:
        limit = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        missed = "" if self.is_met else "  missed"
        return f"  {self.what:<56} {self.found:>9.2f}  {limit:>8}{missed}"


@dataclass
class Figures:
    """Figures of one network.

    Attributes
    ----------
    network : str
    size : float
        Of the flatbuffer in MB.
    crops : int
        Inputs of the throughput runs.
    stages : dict
        Milliseconds per crop of each stage, on one thread.
    bound : float
        Crops per second if every processor did nothing but invoke, at the best that one thread
        does in batches of any size.
    bound_batch : int
        The size of those batches.
    contenders : list of dict
        What edge-all and its peers measured of themselves.
    seconds, megabytes : dict
        Of whole processes.
    targets : list of Target
    """

    network: str
    size: float
    crops: int
    stages: dict[str, float]
    bound: float
    bound_batch: int
    contenders: list[dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)


def table(found: Figures) -> str:
    """Lay the figures of a network out for people."""
    together = found.contenders[0]["engine_crops_per_second"]
    lines = [
        f"{found.network}, {found.size:.1f} MB",
        "",
        f"{'one thread':<42} {'ms per crop':>12}",
        *(f"  {stage:<40} {value:>12.3f}" for stage, value in found.stages.items()),
        "",
        f"{'all processors':<42} {'crops/s':>12} {'engine alone':>14}",
        *(
            f"  {each['name']:<40} {each['crops_per_second']:>12.0f}"
            f" {each['engine_crops_per_second']:>14.0f}"
            for each in found.contenders
        ),
        f"  {'bound: processors x best of one thread':<40} {found.bound:>12.0f}"
        f" {together / found.bound:>14.0%}",
        "",
        f"{'fresh processes':<42} {'seconds':>12}",
        *(f"  {name:<40} {value:>12.4f}" for name, value in found.seconds.items()),
    ]
    if found.megabytes:
        lines += ["", f"{'peak memory':<42} {'MB':>12}"]
        lines += [f"  {name:<40} {value:>12.0f}" for name, value in found.megabytes.items()]
    lines += ["", f"{'targets':<58} {'found':>9}  {'target':>8}", *map(str, found.targets)]
    lines += ["", *(f"{each['name']}: {each['setting']}" for each in found.contenders)]
    return "\n".join(lines)
