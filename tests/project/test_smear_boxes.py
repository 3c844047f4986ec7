"""The boxes drawn over smears are whole, and counted as their page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHECK = """
from smears import SETS, Boxes, Drawn, agreed, match_boxes, read_boxes, share
from edge.samples import Box

sets = read_boxes()
assert list(sets) == list(SETS)
for passes in sets.values():
    assert len(passes["1"]) == 20 and passes["1"].keys() == passes["2"].keys()
    for fields in passes.values():
        for boxes in fields.values():
            assert set().union(*(cell.looks for cell in boxes.cells)) <= {"touches", "lobed"}
            for box in [*boxes.unclear, *(cell.box for cell in boxes.cells)]:
                assert box.x >= 0 and box.x + box.width <= 224
                assert box.y >= 0 and box.y + box.height <= 224
            found = [cell.box for cell in boxes.cells]
            itself = match_boxes(boxes, found)
            assert len(itself.pairs) == len(found) and not itself.missed and not itself.wrong
assert not set(sets["chosen-on"]["1"]) & set(sets["held-out"]["1"])

cell, smudge, beside = Box(10, 10, 20, 20), Box(100, 100, 40, 40), Box(60, 10, 20, 20)
truth = Boxes([Drawn(cell)], [smudge])
match = match_boxes(truth, [Box(11, 10, 20, 20), Box(110, 110, 10, 10), beside])
assert [box for _, box in match.pairs] == [Box(11, 10, 20, 20)]
assert match.wrong == (beside,) and not match.missed
assert match_boxes(truth, [Box(25, 25, 20, 20)]).missed == (Drawn(cell),)
alone = agreed({"1": {"a": truth}, "2": {"a": Boxes([Drawn(beside)])}})["a"]
assert not alone.cells and {cell, smudge, beside} == set(alone.unclear)
assert share([(3, 4), (5, 6)]).startswith("0.800 (") and share([(0, 0)]) == "-"
"""


def test_both_passes_cover_the_same_fields_and_boxes_are_matched_one_to_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=ROOT / "benchmarks", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
