"""How well and how fast cells are found in fields: the tables of docs/fields.md.

``python benchmarks/fields.py DIR``, with ``wbc_masks`` and ``smears`` in it. Boxes of cells, drawn
over the smears by looking, are in ``smear-boxes.csv`` beside this file (``smears.py``).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from smears import smear_tables

from edge.cli.command import one_sentence
from edge.contract import BLACK
from edge.crops.preprocess import BoolImage, UInt8Image, to_crop
from edge.decoding.decode import decode
from edge.doctor.versions import versions
from edge.engine.classifier import Classifier
from edge.errors import DataRefused
from edge.fields.drawn import draw_field
from edge.fields.find import find_cells
from edge.fields.parameters import Parameters
from edge.fields.stage import CellStage
from edge.files import read_bytes
from edge.samples import Box, Sample

PAGE = Path(__file__).parents[1] / "docs" / "fields.md"
BEGIN, END = "<!-- by benchmarks/fields.py: -->\n", "<!-- end -->\n"

CYTOPLASM, NUCLEUS = 64, 192  # grey levels of a mask above which it is one: 128 and 255
REFERENCE = "`cv2.bilateralFilter(field, 9, 50, 50)`"


@dataclass(frozen=True)
class Outlined:
    """One image of ``wbc_masks``: hand-drawn and ours."""

    number: int
    rgb: UInt8Image
    drawn: BoolImage
    found: BoolImage
    dice: float
    nucleus_dice: float


@one_sentence
def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, metavar="DIR")
    options = parser.parse_args()
    for name in ("wbc_masks", "smears"):
        if not (options.data / name).is_dir():
            raise DataRefused(f"{options.data} has no {name}/; give the folder that holds it")
    sets = {name: list(outlined(options.data / "wbc_masks" / name)) for name in ("set1", "set2")}
    text = "\n".join(
        [
            *outline_table(sets),
            *decision_table(sets),
            *smear_tables(options.data / "smears"),
            *speed_table(),
            f"{versions()}",
            "",
        ]
    )
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(text)


def outlined(folder: Path) -> Iterator[Outlined]:
    """Find the cell of each image that was outlined by hand."""
    for path in sorted(folder.glob("*.bmp")):
        rgb = decode(read_bytes(path))
        mask = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        drawn = mask > CYTOPLASM
        best, nucleus, score = np.zeros_like(drawn), np.zeros_like(drawn), 0.0
        for cell in find_cells(rgb, Parameters(keeps_cut=True)).cells:
            whole = placed(cell.mask, cell.box, drawn.shape)
            if (found := dice(whole, drawn)) > score:
                best, score = whole, found
                nucleus = placed(cell.nucleus, cell.box, drawn.shape)
        yield Outlined(int(path.stem), rgb, drawn, best, score, dice(nucleus, mask > NUCLEUS))


def placed(mask: BoolImage, box: Box, shape: tuple[int, ...]) -> BoolImage:
    """Mask of a box as one of the whole field."""
    whole = np.zeros(shape, bool)
    whole[box.y : box.y + box.height, box.x : box.x + box.width] = mask
    return whole


def dice(one: BoolImage, other: BoolImage) -> float:
    """Twice the overlap over both areas."""
    both = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / both if both else 0.0


def outline_table(sets: dict[str, list[Outlined]]) -> Iterator[str]:
    """Dice of whole cells and nuclei, of all images and of the two halves."""
    yield "### Outlines against hand-drawn ones\n"
    yield "| images | n | median | mean | 10th percentile | worst | area, median | nucleus, mean |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for name, images in sets.items():
        halves = {
            name: images,
            f"{name}, odd numbers": [each for each in images if each.number % 2],
            f"{name}, even numbers": [each for each in images if not each.number % 2],
        }
        for words, some in halves.items():
            scores = np.array([each.dice for each in some])
            areas = [each.found.sum() / each.drawn.sum() for each in some if each.dice]
            nuclei = np.mean([each.nucleus_dice for each in some])
            yield (
                f"| {words} | {len(some)} | {np.median(scores):.3f} | {scores.mean():.3f} |"
                f" {np.percentile(scores, 10):.3f} | {scores.min():.2f} |"
                f" {100 * (np.median(areas) - 1):+.1f} % | {nuclei:.3f} |"
            )
    yield ""


def decision_table(sets: dict[str, list[Outlined]]) -> Iterator[str]:
    """How many decisions change with the outline."""
    yield "### Decisions that change with the outline\n"
    yield (
        "Each cell twice on black, cut along the hand-drawn outline and along ours, shown to the"
        " network that ships, at the scale at which the middle cell of the set is as large as that"
        " of training.\n"
    )
    yield "| images | cells | decision changes | likeliest label changes | p changes, median |"
    yield "|---|--:|--:|--:|--:|"
    with Classifier() as classifier:
        contract = classifier.contract
        assert contract.diameters is not None
        for name, images in sets.items():
            cells = [each for each in images if each.dice > 0]
            middle = np.median([np.sqrt(4 * each.drawn.sum() / np.pi) for each in cells])
            zoom = contract.diameters.median / middle
            results = []
            for masks in ([each.drawn for each in cells], [each.found for each in cells]):
                crops = [
                    to_crop(on_black(each.rgb, mask), contract.side, BLACK, zoom)
                    for each, mask in zip(cells, masks, strict=True)
                ]
                results.append(list(classifier.classify_each(crops)))
            pairs = list(zip(*results, strict=True))
            decided = sum(a.decision != b.decision for a, b in pairs)
            labels = sum(a.label != b.label for a, b in pairs)
            off = np.median([abs((a.probability or 0) - (b.probability or 0)) for a, b in pairs])
            yield (
                f"| {name} | {len(pairs)} | {decided} ({100 * decided / len(pairs):.1f} %) |"
                f" {labels} ({100 * labels / len(pairs):.1f} %) | {off:.3f} |"
            )
    yield ""


def on_black(rgb: UInt8Image, mask: BoolImage) -> UInt8Image:
    """The cell on black, cut out."""
    y, x = np.nonzero(mask)
    pixels = np.where(mask[..., None], rgb, 0).astype(np.uint8)
    return np.ascontiguousarray(pixels[y.min() : y.max() + 1, x.min() : x.max() + 1])


def speed_table() -> Iterator[str]:
    """Milliseconds a field, on one core, beside a filter that everybody has."""
    cv2.setNumThreads(1)
    rgb = draw_field(3, 1920, 1080, cells=100, diameter=70).rgb
    with Classifier(threads=1, stages=[CellStage()]) as classifier:
        sample = Sample("drawn", "drawn", pixels=rgb)
        steps: dict[str, Callable[[], object]] = {
            "cells found": lambda: find_cells(rgb),
            "field to decisions": lambda: list(classifier.classify_each([sample])),
            REFERENCE: lambda: cv2.bilateralFilter(rgb, 9, 50, 50),
        }
        taken = take_times(steps)
    cells = len(find_cells(rgb).cells)
    reference = statistics.median(taken[REFERENCE].processor)
    yield f"### Speed: a drawn field of 1920x1080 with {cells} cells found of 100, on one core\n"
    yield "| | median | 95th percentile | processor, median | processor, in filters |"
    yield "|---|--:|--:|--:|--:|"
    for words, times in taken.items():
        processor = statistics.median(times.processor)
        yield (
            f"| {words} | {statistics.median(times.clock):.0f} ms |"
            f" {np.percentile(times.clock, 95):.0f} ms | {processor:.0f} ms |"
            f" {processor / reference:.2f} |"
        )
    yield ""


@dataclass
class Times:
    """Milliseconds of each of some calls: by the clock, and of the processor.

    The clock also counts what else the machine does.
    """

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def take_times(steps: Mapping[str, Callable[[], object]], rounds: int = 15) -> dict[str, Times]:
    """Time each step in turn, after a round that warms up: what else runs slows all alike."""
    taken = {words: Times() for words in steps}
    for turn in range(rounds + 1):
        for words, step in steps.items():
            clock, processor = time.perf_counter(), time.process_time()
            step()
            if turn:
                taken[words].clock.append(1000 * (time.perf_counter() - clock))
                taken[words].processor.append(1000 * (time.process_time() - processor))
    return taken


if __name__ == "__main__":
    main()
