"""How soon cells at another scale are noticed: the tables of docs/scale.md.

``python benchmarks/scale.py DIR``, with labelled crops whose file names or CSV file say whose cells
they are. Each image is rescaled before its crop is made; people are held out of what
their cells are judged by.
"""

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from calibration.cells.labelled_crops import LabelledCrop, find_labelled_crops
from edge.cli.command import one_sentence
from edge.contract import FEWEST_PEOPLE, Sizes
from edge.crops.preprocess import UInt8Image, to_crop
from edge.crops.scale import BY_CHANCE, FEWEST_CELLS, cell_area, diameters_of, find_shift, t_tails
from edge.decoding.decode import decode
from edge.doctor.versions import versions
from edge.files import read_bytes
from edge.models import cnmc
from edge.smears import FIRST_LOOK

SCALES = (0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.25)
UNSHIFTED = SCALES.index(1.0)
MOST_TOGETHER = 12
ENOUGH = 0.9
_NINE_OF_TEN = 1.28  # spreads above what is exceeded in 9 of 10 cases
GROUPS = 20  # choices of people to be together with each person

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- by benchmarks/scale.py: -->\n", "<!-- end -->\n"

Areas = npt.NDArray[np.int64]


@one_sentence
def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DIR", help="labelled crops")
    parser.add_argument("--draws", type=int, default=200, help="of 50 cells, of each person")
    given = parser.parse_args()
    crops = [crop for crop in find_labelled_crops(given.data).crops if crop.subject]
    with ThreadPoolExecutor() as pool:  # OpenCV releases the GIL
        areas = np.array(list(pool.map(areas_of, crops)))
    people = People(np.array([crop.subject for crop in crops]), areas)
    text = "\n".join(tables(people, given.draws))
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(text)


def areas_of(crop: LabelledCrop) -> list[int]:
    """Areas of one cell, at all scales."""
    image = decode(read_bytes(os.fspath(crop.path)))
    side, background = cnmc.SIDE, cnmc.CONTRACT.background
    rescaled = (to_crop(_at_scale(image, scale), side, background) for scale in SCALES)
    return [cell_area(each, background) for each in rescaled]


def _at_scale(image: UInt8Image, scale: float) -> UInt8Image:
    """Image of the same size whose cell is shown larger or smaller, on black."""
    height, width = image.shape[:2]
    middle = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, scale)
    return np.asarray(cv2.warpAffine(image, middle, (width, height)), np.uint8)


@dataclass(frozen=True)
class People:
    """Cells of people.

    Attributes
    ----------
    whose : ndarray of str, shape (n,)
    areas : ndarray of int, shape (n, scales)
    """

    whose: npt.NDArray[np.str_]
    areas: Areas

    @property
    def many(self) -> list[str]:
        """People of whom 50 cells can be drawn."""
        names, counts = np.unique(self.whose, return_counts=True)
        return [str(name) for name in names[counts >= FIRST_LOOK]]

    def sizes_without(self, people: Sequence[str]) -> Sizes:
        """How all others differ."""
        others = ~np.isin(self.whose, people)
        found = diameters_of(self.areas[others, UNSHIFTED], self.whose[others])
        assert found is not None
        assert found.sizes is not None
        return found.sizes

    def draw(self, person: str, chance: np.random.Generator) -> Areas:
        """50 cells of a person, at all scales: (scales, 50)."""
        chosen = chance.choice(np.flatnonzero(self.whose == person), FIRST_LOOK, replace=False)
        return self.areas[chosen].T


def tables(people: People, draws: int) -> Iterator[str]:
    """Lines of both tables."""
    many, everyone = people.many, people.sizes_without([])
    cells = int(np.isin(people.whose, many).sum())
    yield (
        f"{len(many)} people with {FIRST_LOOK} cells or more ({cells:,} cells), each held out in"
        f" turn and judged by the others; {draws} draws of {FIRST_LOOK} cells of each. The line"
        f" rests on people with {FEWEST_CELLS} cells or more: {everyone.people}, without the one"
        " held out."
    )
    yield f"By `make scale`, {versions()}."
    yield ""
    yield f"| shown at | {' | '.join(f'{scale:g}' for scale in SCALES)} |"
    yield f"|---|{'---|' * len(SCALES)}"
    alone = marked(people, 1, draws)
    yield f"| 50 cells of one person, marked | {' | '.join(map(_percent, alone))} |"
    own = takes_of_own_line(people, draws)
    yield f"| people it takes, each held out of its own line | {' | '.join(own)} |"
    yield f"| people it takes, all of them held out | {' | '.join(takes(people, draws))} |"
    reckoned = (people_reckoned(scale, everyone) for scale in SCALES)
    yield f"| people it takes, reckoned | {' | '.join(reckoned)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def takes(people: People, draws: int) -> list[str]:
    """How many people together are marked in 9 of 10 draws, at each scale."""
    most = min(MOST_TOGETHER, len(people.many) - FEWEST_PEOPLE)
    found = [f"more than {most}"] * len(SCALES)
    for count in range(most, 0, -1):
        for n, share in enumerate(marked(people, count, draws)):
            found[n] = str(count) if share >= ENOUGH else found[n]
    found[UNSHIFTED] = "-"
    return found


def marked(people: People, count: int, draws: int) -> list[float]:
    """Share of draws of so many people that are marked, at each scale; people weigh alike."""
    chance = np.random.default_rng(count)
    total = np.zeros(len(SCALES))
    for first in people.many:
        others = [person for person in people.many if person != first]
        for _ in range(groups := 1 if count == 1 else GROUPS):
            chosen = [first, *chance.choice(others, count - 1, replace=False)]
            sizes = people.sizes_without(chosen)
            for _ in range(draws // groups):
                drawn = [people.draw(person, chance) for person in chosen]
                for place in range(len(SCALES)):
                    smears = [cells[place].tolist() for cells in drawn]
                    total[place] += find_shift(smears, sizes).is_real / (draws // groups * groups)
    return [float(share) for share in total / len(people.many)]


def takes_of_own_line(people: People, draws: int) -> list[str]:
    """As :func:`takes`, each person held out of the line its own cells are compared with."""
    chance = np.random.default_rng(0)
    shifts = np.empty((len(people.many), draws, len(SCALES)))
    for n, person in enumerate(people.many):
        sizes = people.sizes_without([person])
        for draw in range(draws):
            cells = people.draw(person, chance)
            factors = [find_shift([areas.tolist()], sizes).factor for areas in cells]
            shifts[n, draw] = 2 * np.log(factors)
    line = people.sizes_without(people.many[:1])
    found = [f"more than {MOST_TOGETHER}"] * len(SCALES)
    for count in range(MOST_TOGETHER, 0, -1):
        groups = [chance.permutation(len(shifts))[:count] for _ in range(10 * draws)]
        means = [shifts[group, chance.integers(draws, size=count)].mean(axis=0) for group in groups]
        for n in range(len(SCALES)):
            marks = [_tails(float(mean[n]), count, line) < BY_CHANCE for mean in means]
            found[n] = str(count) if np.mean(marks) >= ENOUGH else found[n]
    found[UNSHIFTED] = "-"
    return found


def _tails(shift: float, count: int, sizes: Sizes, margin: float = 0.0) -> float:
    """How often chance gives such a shift of so many people, brought nearer to 0 by a margin."""
    variance = sizes.between**2 * (1 / count + 1 / sizes.people)
    spread = math.sqrt(variance + sizes.within**2 / (count * FIRST_LOOK))
    return t_tails(max(abs(shift) / spread - margin, 0.0), sizes.people - 2)


def people_reckoned(scale: float, sizes: Sizes) -> str:
    """How many people it takes by the formula, for a reference of all people."""
    counts = range(1, 1000)
    found = (n for n in counts if _tails(2 * math.log(scale), n, sizes, _NINE_OF_TEN) < BY_CHANCE)
    return "-" if scale == 1 else str(next(found, "no number"))


if __name__ == "__main__":
    main()
