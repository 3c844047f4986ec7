"""How far harmful shifts move smears, and how soon that is found: the tables of docs/drift.md.

``python benchmarks/drift.py DIR``, with labelled crops on black whose names or CSV file say
whose cells they are. Each image is shifted before its crop is made. How many spreads between people
the medians move is measured on real cells; how many smears that takes is simulated, with people
as spread, and channels as correlated, as those at hand.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from calibration.cells.labelled_crops import LabelledCrop, find_labelled_crops
from edge.cli.command import one_sentence
from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.doctor.versions import versions
from edge.drift.smears import CHANNELS, FEWEST_CELLS, Smear, cell_of, smears_of
from edge.engine.classifier import Classifier
from edge.files import read_bytes
from edge.models import cnmc
from edge.statistics.change import RUN_LENGTH, evidence_of_ranks
from edge.statistics.conformal import online_ranks
from edge.statistics.label_free import METHODS, guess_accuracy

PAGE = Path(__file__).parents[1] / "docs" / "drift.md"
BEGIN, END = "<!-- by benchmarks/drift.py: -->\n", "<!-- end -->\n"
MOST_CELLS = 100  # of a person
REFERENCES = (20, 50)
SMEARS = 30  # of a stream
STREAMS, UNSHIFTED = 400, 10_000  # with a shift, of each; alarms without one are rare

Floats = npt.NDArray[np.float64]


def scaled(factor: float) -> Callable[[UInt8Image], UInt8Image]:
    """Show a cell larger or smaller, in a frame of the same size."""

    def shift(image: UInt8Image) -> UInt8Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), 0, factor)
        return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA))

    return shift


def tighter(pixels: int) -> Callable[[UInt8Image], UInt8Image]:
    """Cut the outline of a cell tighter."""

    def shift(image: UInt8Image) -> UInt8Image:
        inside = (image.max(axis=2) > 0).astype(np.uint8)
        side = 2 * pixels + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        return np.asarray(image * cv2.erode(inside, kernel)[:, :, None])

    return shift


def brighter(factor: float) -> Callable[[UInt8Image], UInt8Image]:
    """Change the light."""
    return lambda image: np.clip(image * factor, 0, 255).astype(np.uint8)


def blurred(sigma: float) -> Callable[[UInt8Image], UInt8Image]:
    """Put a cell out of focus."""
    return lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))


SHIFTS: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    **{f"scale {factor}": scaled(factor) for factor in (0.8, 0.9, 0.95, 1.05, 1.1, 1.2)},
    **{f"outline {pixels} px tighter": tighter(pixels) for pixels in (2, 4)},
    "light 10 % less": brighter(0.9),
    "blur, sigma 2 px": blurred(2.0),
}


@one_sentence
def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DIR", help="labelled crops")
    given = parser.parse_args()
    crops = some_crops(given.data)
    with Classifier(keep_crops=True) as classifier:
        usual = smears_seen(classifier, crops, lambda image: image)
        names = {smear.name for smear in usual}
        values = matrix_of(usual)
        effects, accuracies = {}, {"as they are": accuracy_words(usual, usual)}
        for name, shift in SHIFTS.items():
            seen = [s for s in smears_seen(classifier, crops, shift) if s.name in names]
            moved = matrix_of(seen) - values
            accuracies[name] = accuracy_words(usual, seen)
            effects[name] = np.median(moved, axis=0) / values.std(axis=0, ddof=1)
            print(f"measured {name}", flush=True)
    correlation = np.corrcoef(values.T)
    cells = sum(smear.cells for smear in usual)
    text = "\n".join(
        [*tables(effects, correlation, len(usual), cells), "", *accuracy_table(accuracies)]
    )
    if PAGE.is_file() and BEGIN in PAGE.read_text(encoding="utf-8"):
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}", encoding="utf-8")
    print(text)


def some_crops(data: Path) -> list[LabelledCrop]:
    """Crops of people who have enough, at most so many of each."""
    of_people: dict[str, list[LabelledCrop]] = {}
    for crop in find_labelled_crops(data, cnmc.NAMES).crops:
        if crop.subject:
            of_people.setdefault(crop.subject, []).append(crop)
    random = np.random.default_rng(0)
    return [
        of_person[place]
        for of_person in of_people.values()
        if len(of_person) >= FEWEST_CELLS
        for place in random.permutation(len(of_person))[:MOST_CELLS]
    ]


def smears_seen(
    classifier: Classifier,
    crops: list[LabelledCrop],
    shift: Callable[[UInt8Image], UInt8Image],
) -> list[Smear]:
    """Smears of the people, each image shifted."""
    images = (shift(decode(read_bytes(crop.path))) for crop in crops)
    contract = classifier.contract
    background = contract.background
    cells = [
        (crop.subject, replace(cell, right=cell.label == contract.names[crop.label]))
        for crop, result in zip(crops, classifier.classify_each(images), strict=True)
        if (cell := cell_of(result, background)) is not None
    ]
    return [smear for smear in smears_of(cells, contract.diameters) if smear.cells >= FEWEST_CELLS]


def accuracy_words(usual: list[Smear], seen: list[Smear]) -> str:
    """Truth, guesses with their intervals, and how many smears are marked: cells of a row."""
    counts = np.sum([smear.confidences for smear in seen], axis=0)
    people = np.array([smear.confidences for smear in usual])
    guesses = guess_accuracy(counts, people, np.array([smear.right for smear in usual]))
    truth = sum(smear.right or 0 for smear in seen) / sum(smear.cells for smear in seen)
    words = (f"{each.value:.2f} ({each.low:.2f}-{each.high:.2f})" for each in guesses.values())
    marked = sum(smear.is_shifted for smear in seen)
    return f"{truth:.2f} | {' | '.join(words)} | {marked} of {len(seen)}"


def accuracy_table(accuracies: dict[str, str]) -> Iterator[str]:
    """Guesses against the truth, as Markdown."""
    yield f"| cells | truth | {' | '.join(METHODS)} | smears marked `scale-shift` |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, words in accuracies.items():
        yield f"| {name} | {words} |"


def matrix_of(smears: list[Smear]) -> Floats:
    """Values of smears, by name: (smears, channels)."""
    ordered = sorted(smears, key=lambda smear: smear.name)
    return np.array([[smear.values[channel] for channel in CHANNELS] for smear in ordered])


def tables(effects: dict[str, Floats], correlation: Floats, people: int, cells: int) -> list[str]:
    """Both tables, as Markdown."""
    lines = [
        f"{cells:,} cells of {people} people; spread: the standard deviation of a median between"
        f" people. {versions()}.",
        "",
        "| shift | moves most, in spreads between people | smears to an alarm,"
        f" {REFERENCES[0]} people: half / 95 % of streams | {REFERENCES[1]} people |",
        "|---|---|---:|---:|",
    ]
    for name, effect in effects.items():
        largest = np.argsort(-np.abs(effect))[:3]
        words = ", ".join(f"{CHANNELS[place]} {effect[place]:+.1f}" for place in largest)
        delays = (delay_words(effect, correlation, n) for n in REFERENCES)
        lines.append(f"| {name} | {words} | {' | '.join(delays)} |")
    alarms = (f"{false_alarms(correlation, n):.1%} with {n} people" for n in REFERENCES)
    lines += [
        "",
        f"Without a shift, of {UNSHIFTED:,} streams of {SMEARS} smears, {' and '.join(alarms)} have"
        f" an alarm; at most {SMEARS / RUN_LENGTH:.1%} may, on average.",
    ]
    return lines


def evidence(
    effect: Floats, correlation: Floats, references: int, streams: int = STREAMS
) -> Floats:
    """Evidence of simulated streams, (streams, smears)."""
    random = np.random.default_rng(0)
    size = (streams, references + SMEARS)
    values = random.multivariate_normal(np.zeros(len(effect)), correlation, size)
    values[:, references:] += effect
    traces = []
    for channel in range(len(effect)):
        ranks = online_ranks(values[:, :, channel], references, random.random((streams, SMEARS)))
        traces += [evidence_of_ranks(p, references) for p in (ranks, 1 - ranks)]
    return np.asarray(np.mean(traces, axis=0))


def delay_words(effect: Floats, correlation: Floats, references: int) -> str:
    """Smears until half, and 95 %, of the streams have an alarm."""
    has = evidence(effect, correlation, references) >= RUN_LENGTH
    first = np.where(has.any(axis=1), has.argmax(axis=1) + 1, SMEARS + 1)
    ends = (int(np.percentile(first, share, method="higher")) for share in (50, 95))
    return " / ".join(str(end) if end <= SMEARS else f"more than {SMEARS}" for end in ends)


def false_alarms(correlation: Floats, references: int) -> float:
    """Share of streams without a shift that have an alarm."""
    unshifted = np.zeros(len(CHANNELS))
    has = evidence(unshifted, correlation, references, UNSHIFTED) >= RUN_LENGTH
    return float(has.any(axis=1).mean())


if __name__ == "__main__":
    main()
