"""Cells of smears against boxes drawn by looking, and the boxes of one pass against the other.

The boxes are in ``smear-boxes.csv`` beside this file: `pass` 1 or 2, `kind` ``cell`` (wholly in the
field) or ``unclear`` (what nobody can tell), `looks` ``touches`` (another white cell) and ``lobed``
(its nucleus), `set` ``chosen-on`` (fields on which parameters were chosen) or ``held-out``.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.decoding.decode import decode
from edge.fields.find import find_cells
from edge.files import read_bytes
from edge.samples import Box
from edge.statistics.bootstrap import percentile_interval
from edge.statistics.shares import wilson_interval

BOXES = Path(__file__).with_name("smear-boxes.csv")
FOUND, UNCLEAR = 0.5, 0.3  # intersection over union: found; and what nobody can tell
SETS = {"chosen-on": "parameters chosen on them", "held-out": "held out"}
FOLDERS = ("benign", "early", "pre", "pro")
REPLICATES, SEED = 2000, 1


@dataclass(frozen=True)
class Drawn:
    """A box of a cell, and how the cell looks: ``touches``, ``lobed``."""

    box: Box
    looks: frozenset[str] = frozenset()


@dataclass
class Boxes:
    """What was drawn over a field in one pass."""

    cells: list[Drawn] = field(default_factory=list)
    unclear: list[Box] = field(default_factory=list)


@dataclass(frozen=True)
class Match:
    """Boxes against the cells of a field: what was found, missed, and taken for a cell."""

    pairs: tuple[tuple[Drawn, Box], ...]
    missed: tuple[Drawn, ...]
    wrong: tuple[Box, ...]


Fields = Mapping[str, Boxes]
"""Name of a field -> its boxes."""


def smear_tables(smears: Path) -> Iterator[str]:
    """Agreement of the passes, and recall and precision of what we find."""
    sets = read_boxes()
    yield from agreement_table(sets)
    names = [name for passes in sets.values() for name in passes["1"]]
    found = {
        name: [cell.box for cell in find_cells(decode(read_bytes(smears / name))).cells]
        for name in names
    }
    yield from found_table(sets, found)
    yield from looks_table(sets, found)


def read_boxes() -> dict[str, dict[str, dict[str, Boxes]]]:
    """Set -> pass -> field -> boxes."""
    sets: dict[str, dict[str, dict[str, Boxes]]] = {each: {"1": {}, "2": {}} for each in SETS}
    with BOXES.open(newline="") as file:
        for row in csv.DictReader(file):
            box = Box(*(int(row[side]) for side in ("x", "y", "width", "height")))
            boxes = sets[row["set"]][row["pass"]].setdefault(row["field"], Boxes())
            if row["kind"] == "unclear":
                boxes.unclear.append(box)
            else:
                boxes.cells.append(Drawn(box, frozenset(row["looks"].split())))
    return sets


def agreement_table(sets: Mapping[str, Mapping[str, Fields]]) -> Iterator[str]:
    """One pass counted against the other, as what we find is."""
    yield "### The two passes against each other\n"
    yield "| fields | counted | against | cells | recall | precision | overlap, median | 10th |"
    yield "|---|---|---|--:|--:|--:|--:|--:|"
    for which, passes in sets.items():
        for one, other in (("2", "1"), ("1", "2")):
            boxes = {name: [cell.box for cell in got.cells] for name, got in passes[one].items()}
            matches = match_all(passes[other], boxes)
            overlaps = [overlap(cell.box, box) for each in matches for cell, box in each.pairs]
            yield (
                f"| {SETS[which]} | pass {one} | pass {other} | {cells_of(matches)} |"
                f" {recall_of(matches)} | {precision_of(matches)} |"
                f" {statistics.median(overlaps):.3f} | {np.percentile(overlaps, 10):.3f} |"
            )
    yield ""


def found_table(
    sets: Mapping[str, Mapping[str, Fields]], found: Mapping[str, Sequence[Box]]
) -> Iterator[str]:
    """Recall and precision against each pass, and against what both agree on."""
    yield "### Cells of smears against boxes drawn by looking\n"
    yield "| fields | | against | cells | recall | precision | overlap, median |"
    yield "|---|--:|---|--:|--:|--:|--:|"
    for which, passes in sets.items():
        truths = {"pass 1": passes["1"], "pass 2": passes["2"], "both": agreed(passes)}
        for against, truth in truths.items():
            yield found_row(SETS[which], against, truth, found)
        for folder in FOLDERS:
            some = {name: got for name, got in truths["both"].items() if name.startswith(folder)}
            yield found_row(f"{SETS[which]}: {folder}", "both", some, found)
    yield ""


def found_row(words: str, against: str, truth: Fields, found: Mapping[str, Sequence[Box]]) -> str:
    """One row of :func:`found_table`."""
    matches = match_all(truth, found)
    overlaps = [overlap(cell.box, box) for each in matches for cell, box in each.pairs]
    return (
        f"| {words} | {len(truth)} | {against} | {cells_of(matches)} | {recall_of(matches)} |"
        f" {precision_of(matches)} | {statistics.median(overlaps):.3f} |"
    )


def looks_table(
    sets: Mapping[str, Mapping[str, Fields]], found: Mapping[str, Sequence[Box]]
) -> Iterator[str]:
    """Recall of cells that touch and of lobed nuclei, apart."""
    yield "### How many are found, by how they look\n"
    yield "What is wrongly taken for a cell has no such looks: there is no precision.\n"
    yield "| fields | cells on which both passes agree | cells | recall |"
    yield "|---|---|--:|--:|"
    kinds: dict[str, Callable[[frozenset[str]], bool]] = {
        "touch another": lambda looks: "touches" in looks,
        "touch none": lambda looks: "touches" not in looks,
        "nucleus lobed": lambda looks: "lobed" in looks,
        "nucleus not lobed": lambda looks: "lobed" not in looks,
    }
    for which, passes in sets.items():
        matches = match_all(agreed(passes), found)
        for words, is_one in kinds.items():
            some = [
                Match(
                    tuple(pair for pair in each.pairs if is_one(pair[0].looks)),
                    tuple(cell for cell in each.missed if is_one(cell.looks)),
                    (),
                )
                for each in matches
            ]
            yield f"| {SETS[which]} | {words} | {cells_of(some)} | {recall_of(some)} |"
    yield ""


def agreed(passes: Mapping[str, Fields]) -> dict[str, Boxes]:
    """Cells of both passes, with the boxes of the first; all else that was drawn is unclear.

    A cell looks as either pass says: the first pass over the first fields says nothing of it.
    """
    both = {}
    for name, first in passes["1"].items():
        second = passes["2"][name]
        match = match_boxes(first, [cell.box for cell in second.cells])
        looks = {cell.box: cell.looks for cell in second.cells}
        pairs = [Drawn(cell.box, cell.looks | looks[box]) for cell, box in match.pairs]
        matched = {box for _, box in match.pairs}
        alone = [cell.box for cell in second.cells if cell.box not in matched]
        alone += [cell.box for cell in match.missed]
        both[name] = Boxes(pairs, [*first.unclear, *second.unclear, *alone])
    return both


def match_all(truth: Fields, found: Mapping[str, Sequence[Box]]) -> list[Match]:
    """Match the boxes of each field."""
    return [match_boxes(boxes, found[name]) for name, boxes in truth.items()]


def match_boxes(drawn: Boxes, found: Sequence[Box]) -> Match:
    """Match boxes one to one, the best first."""
    scores = sorted(
        (
            (overlap(cell.box, box), i, j)
            for i, cell in enumerate(drawn.cells)
            for j, box in enumerate(found)
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    used: set[int] = set()
    for score, i, j in scores:
        if score >= FOUND and i not in taken and j not in used:
            taken[i] = j
            used.add(j)
    wrong = [
        box
        for j, box in enumerate(found)
        if j not in used and not any(nobody_can_tell(box, each) for each in drawn.unclear)
    ]
    return Match(
        tuple((drawn.cells[i], found[j]) for i, j in taken.items()),
        tuple(cell for i, cell in enumerate(drawn.cells) if i not in taken),
        tuple(wrong),
    )


def nobody_can_tell(box: Box, unclear: Box) -> bool:
    """Whether a box is around, or mostly in, what nobody can tell."""
    return overlap(box, unclear) > UNCLEAR or covered(box, unclear) > FOUND


def common(one: Box, other: Box) -> int:
    """Pixels of two boxes that are the same."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(across, 0) * max(down, 0)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    both = common(one, other)
    return both / (one.width * one.height + other.width * other.height - both)


def covered(one: Box, other: Box) -> float:
    """Share of a box that lies in another."""
    return common(one, other) / (one.width * one.height)


def cells_of(matches: Sequence[Match]) -> int:
    """Cells that were drawn."""
    return sum(len(each.pairs) + len(each.missed) for each in matches)


def recall_of(matches: Sequence[Match]) -> str:
    """Share of the drawn cells that was found."""
    return share([(len(each.pairs), len(each.pairs) + len(each.missed)) for each in matches])


def precision_of(matches: Sequence[Match]) -> str:
    """Share of what was found that is a cell."""
    return share([(len(each.pairs), len(each.pairs) + len(each.wrong)) for each in matches])


def share(fields: Sequence[tuple[int, int]]) -> str:
    """A share of all, from parts and wholes of fields, with its 95 % interval.

    The interval is the wider one of Wilson's, of cells, and of a bootstrap that draws fields:
    cells of one field resemble each other.
    """
    counts = np.array(fields)
    part, whole = (int(each) for each in counts.sum(axis=0))
    if not whole:
        return "-"
    random = np.random.default_rng(SEED)
    parts, wholes = counts[random.integers(len(counts), size=(REPLICATES, len(counts)))].sum(1).T
    drawn = parts[wholes > 0] / wholes[wholes > 0]
    ends = wilson_interval(part, whole), percentile_interval(drawn, part / whole)
    low, high = (min(each[0] for each in ends), max(each[1] for each in ends))
    return f"{part / whole:.3f} ({low:.3f} to {high:.3f})"
