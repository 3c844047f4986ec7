"""Smears of a run on a cluster: judged in the order of its cells, as a run on one machine does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from edge.cluster.job import Shard
from edge.cluster.tables import Table, outlines_of, with_shifted
from edge.contract import Contract
from edge.events import ScaleShifted
from edge.rows import Result
from edge.smears import Smears


@dataclass(frozen=True)
class Done:
    """Results of a shard.

    Attributes
    ----------
    shard : Shard
    table : pyarrow.Table
    is_earlier : bool
        An earlier run wrote them, and judged them.
    """

    shard: Shard
    table: Table
    is_earlier: bool


def judged(each: Iterable[Done], contract: Contract, strict: bool) -> Iterator[Done | ScaleShifted]:
    """Mark the cells of smears that are shown at another scale; those of a shard at once.

    Parameters
    ----------
    each : iterable of Done
        In their order.
    contract : Contract
    strict : bool

    Yields
    ------
    Done or ScaleShifted
    """
    smears = Smears(contract.diameters, strict)
    waiting: deque[Done] = deque()

    def outlines() -> Iterator[Result]:
        for done in each:
            waiting.append(done)
            yield from outlines_of(done.table)

    row, shifted = 0, list[int]()
    before: deque[Result] = deque()

    def remembered() -> Iterator[Result]:
        for outline in outlines():
            before.append(outline)
            yield outline

    for found in smears.mark(remembered(), is_live=False):
        if isinstance(found, ScaleShifted):
            yield found
            continue
        if found is not before.popleft():
            shifted.append(row)
        row += 1
        if row == waiting[0].table.num_rows:
            yield _marked(waiting.popleft(), shifted, contract, strict)
            row, shifted = 0, []
    yield from smears.judge_all()


def _marked(done: Done, shifted: list[int], contract: Contract, strict: bool) -> Done:
    if done.is_earlier or not shifted:
        return done
    return replace(done, table=with_shifted(done.table, shifted, contract, strict))
