"""The smears of a run: whether their cells are shown at another scale, and what becomes of them."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator

from edge.contract import Diameters
from edge.crops.scale import FEWEST_CELLS, Shift, compare_with_training
from edge.events import ScaleShifted
from edge.reasons import SCALE_SHIFT
from edge.rows import Result

FIRST_LOOK = 50
"""Cells of a smear at which it is judged; again at twice as many, and so on."""

MOST_HELD = 200
"""Most results that wait for a smear to be judged: nobody waits long, and memory stays flat."""


class _Smear:
    """Cells of one smear so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.areas = array("I")
        self.is_shifted = False
        self.is_settled = False  # nothing waits for it any more
        self.next_look = FIRST_LOOK

    @property
    def has_enough(self) -> bool:
        return len(self.areas) >= FEWEST_CELLS


class Smears:
    """Judges the smears of a run by the sizes of their cells, and marks their results.

    A smear that was found shifted stays so. Of results by an earlier run only the marks are known:
    a smear that has one is shifted, and no others of its earlier cells count.

    Parameters
    ----------
    diameters : Diameters or None
        Of the contract; without them nothing is judged, and no result waits.
    strict : bool
        Refuse what is marked. Otherwise its decision is ``refer``.
    """

    def __init__(self, diameters: Diameters | None, strict: bool) -> None:
        self._diameters = diameters
        self._strict = strict
        self._smears: dict[str, _Smear] = {}
        self._last: _Smear | None = None

    def mark(self, results: Iterable[Result], is_live: bool) -> Iterator[Result | ScaleShifted]:
        """Give the results of a batch, in their order, and before them what is found of smears.

        Parameters
        ----------
        results : iterable of Result
        is_live : bool
            Whether samples come as they happen: then no result waits for another. Otherwise those
            of a smear wait until it was found shifted, or was judged by 200 cells or all there are.

        Yields
        ------
        Result or ScaleShifted
        """
        if self._diameters is None:
            yield from results
            return
        held: deque[Result] = deque()
        for result in results:
            held.append(result)
            yield from self._take(result)
            if len(held) > MOST_HELD and not is_live:
                yield from self._settle(self._smear_of(held[0]))
            while held and (is_live or self._smear_of(held[0]).is_settled):
                yield self._marked(held.popleft())
        if not is_live:
            for name in dict.fromkeys(result.smear for result in held):
                yield from self._settle(self._smears[name])
        yield from map(self._marked, held)

    def _take(self, result: Result) -> Iterator[ScaleShifted]:
        smear = self._smear_of(result)
        if self._last and self._last is not smear and not self._last.is_settled:
            yield from self._settle(self._last)
        self._last = smear
        if result.area is not None:
            smear.areas.append(result.area)
        if len(smear.areas) == smear.next_look:
            smear.next_look *= 2
            yield from self._judge(smear)
            smear.is_settled |= smear.is_shifted or len(smear.areas) >= MOST_HELD

    def _settle(self, smear: _Smear) -> Iterator[ScaleShifted]:
        """Judge a smear by the cells so far, and let none of its results wait any more."""
        smear.is_settled = True
        yield from self._judge(smear)

    def _judge(self, smear: _Smear) -> Iterator[ScaleShifted]:
        if smear.has_enough and not smear.is_shifted:
            shift = self._shift_of([smear])
            if shift.is_real:
                smear.is_shifted = True
                yield ScaleShifted(smear.name, shift.factor, len(smear.areas))

    def judge_all(self) -> Iterator[ScaleShifted]:
        """Judge each smear by all its cells; then, where none is shifted, all of them together."""
        for smear in self._smears.values():
            yield from self._settle(smear)
        enough = [smear for smear in self._smears.values() if smear.has_enough]
        if len(enough) > 1 and not any(smear.is_shifted for smear in self._smears.values()):
            shift = self._shift_of(enough)
            if shift.is_real:
                cells = sum(len(smear.areas) for smear in enough)
                yield ScaleShifted(None, shift.factor, cells)

    def note_earlier(self, result: Result) -> Iterator[ScaleShifted]:
        """Learn from a result by an earlier run that its smear was shifted."""
        if SCALE_SHIFT in (result.quality or "").split():
            smear = self._smear_of(result)
            if not smear.is_shifted:
                smear.is_shifted = smear.is_settled = True
                yield ScaleShifted(smear.name, None, 0)

    def _shift_of(self, smears: list[_Smear]) -> Shift:
        assert self._diameters is not None
        return compare_with_training([smear.areas for smear in smears], self._diameters)

    def _smear_of(self, result: Result) -> _Smear:
        return self._smears.setdefault(result.smear, _Smear(result.smear))

    def _marked(self, result: Result) -> Result:
        if not self._smear_of(result).is_shifted:
            return result
        return mark_shifted(result, self._strict)


def mark_shifted(result: Result, strict: bool) -> Result:
    """Mark a result as one of a smear that is shown at another scale.

    Parameters
    ----------
    result : Result
        One that has an error of another kind than ``quality`` comes back as it is.
    strict : bool
        Refuse it. Otherwise its decision is ``refer``.
    """
    if result.error not in (None, "quality"):
        return result
    codes = [*(result.quality or "").split(), SCALE_SHIFT]
    return result.refused_for_quality(codes) if strict else result.with_quality(codes)
