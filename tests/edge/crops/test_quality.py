"""Quality of a crop: what is marked, by which limits, and what becomes of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from conftest import REAL_DATA
from edge_helpers import encoded
from hypothesis import given
from hypothesis import strategies as st

from edge.crops.drawn import draw_cell
from edge.crops.frame import frame_of
from edge.crops.image_statistics import STATISTICS, ImageStatistics, image_statistics
from edge.crops.preprocess import UInt8Image, to_crop
from edge.crops.quality import Limits, limits_of, quality_of
from edge.decisions.decision import Verdict
from edge.decoding.decode import crop_and_frame_of, decode
from edge.engine.classifier import Classifier
from edge.models.cnmc import CONTRACT, SIDE
from edge.models.model_file import SHIPPED_MODEL, read_model_file, write_model_file
from edge.reasons import QUALITY, SCALE_SHIFT, SCALE_UNKNOWN, in_words
from edge.reference.drift_reference import DriftReference, no_cells_yet
from edge.samples import Sample

CELLS = [draw_cell(seed) for seed in range(20)]
ANY_VERDICT = Verdict("all", "refer", (0.4, 0.6))
HELD_OUT = {"H22", "2", "16", "33", "44"}  # of the shipped network: its reference counts them


def counted(statistics: list[ImageStatistics]) -> DriftReference:
    """Count cells into a reference."""
    return no_cells_yet(CONTRACT.words, "cells of a test").add(
        (each, ANY_VERDICT) for each in statistics
    )


CELL = CELLS[4]
REFERENCE = counted([image_statistics(to_crop(cell, SIDE)) for cell in CELLS] * 10)
LIMITS = limits_of(REFERENCE)
NO_LIMITS = limits_of(None)


def codes(image: UInt8Image, limits: Limits = LIMITS) -> str:
    """Quality codes of an image, as the column `quality` has them."""
    crop = to_crop(image, SIDE)
    return " ".join(quality_of(crop, frame_of(image, crop), limits, CONTRACT).codes)


def light(factor: float) -> Callable[[UInt8Image], UInt8Image]:
    return lambda image: np.clip(image * factor, 0, 255).astype(np.uint8)


def blurred(image: UInt8Image, sigma: float = 10) -> UInt8Image:
    """Out of focus, then cut out: the outline stays sharp."""
    inside = image.max(axis=2) > 0
    cell_levels = image[inside].mean(axis=0)
    soft = cv2.GaussianBlur(np.where(inside[:, :, None], image, cell_levels), (0, 0), sigma)
    return (soft * inside[:, :, None]).astype(np.uint8)


def two_of(image: UInt8Image) -> UInt8Image:
    """The cell twice, side by side on a square."""
    middle = image[:, 95:355]
    return np.pad(np.concatenate((middle, middle), axis=1), ((35, 35), (0, 0), (0, 0)))


def on(level: int) -> Callable[[UInt8Image], UInt8Image]:
    """The cell on another background than black."""
    return lambda image: np.where(image.any(axis=2, keepdims=True), image, level).astype(np.uint8)


@dataclass(frozen=True)
class Bad:
    """A way to spoil an image, and the codes it gets."""

    name: str
    spoil: Callable[[UInt8Image], UInt8Image]
    codes: str
    without_reference: str = ""


BAD = [
    Bad("small", lambda image: to_crop(image, SIDE)[:69, :69], "too-small", "too-small"),
    Bad("wide", lambda image: image[20:-20], "not-square", "not-square"),
    Bad("narrow", lambda image: image[:, 20:-20], "not-square", "not-square"),
    Bad("on white", on(230), "not-on-black", "not-on-black"),
    Bad("a field", lambda image: image + np.uint8(90), "not-on-black", "not-on-black"),
    Bad("black", np.zeros_like, "empty", "empty"),
    Bad("a speck", lambda image: image * (np.indices(image.shape)[:2] < 240).all(0), "small-cell"),
    Bad("two cells", two_of, "several-cells"),
    Bad("magnified", lambda image: image[105:345, 105:345], "large-cell"),
    Bad("dark", light(0.5), "under-exposed"),
    Bad("light", light(2.2), "over-exposed"),
    Bad("out of focus", blurred, "blurred"),
]
every_bad = pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)


@pytest.mark.parametrize("seed", range(len(CELLS)))
def test_a_cell_of_the_reference_is_not_marked(seed: int) -> None:
    assert codes(CELLS[seed]) == ""


@every_bad
def test_a_bad_crop_is_marked_with_what_is_wrong(bad: Bad) -> None:
    assert codes(bad.spoil(CELL)) == bad.codes


@every_bad
def test_without_a_reference_what_depends_on_cells_is_not_judged(bad: Bad) -> None:
    assert codes(bad.spoil(CELL), NO_LIMITS) == bad.without_reference


def test_every_code_has_a_bad_crop_here_and_no_other_code_is_used() -> None:
    assert {bad.codes for bad in BAD} | {SCALE_SHIFT, SCALE_UNKNOWN} == set(QUALITY)


def test_a_crop_can_be_bad_in_several_ways_named_in_the_order_of_the_table() -> None:
    assert codes(light(0.4)(blurred(CELL))[60:-60]) == "not-square under-exposed blurred"


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.rot90], ids=lambda turn: turn.__name__)
@every_bad
def test_a_turned_or_mirrored_image_gets_the_same_codes(
    bad: Bad, turn: Callable[[UInt8Image], UInt8Image]
) -> None:
    assert codes(np.ascontiguousarray(turn(bad.spoil(CELL)))) == bad.codes


@pytest.mark.parametrize("rows", [449, 451, 445, 455])
def test_less_than_a_pixel_of_the_crop_off_a_square_does_no_harm(rows: int) -> None:
    other = np.resize(CELL, (rows, 450, 3))
    assert codes(other) == ""


@given(st.integers(0, 255), st.floats(0, 1))
def test_the_border_may_be_light_along_a_quarter_and_no_more(level: int, share: float) -> None:
    image = np.zeros((70, 70, 3), np.uint8)
    image[: round(share * 70), :, 1] = level
    pixels = 2 * 70 + 2 * 68
    rows = round(share * 70)
    lit = 0 if level <= 8 else min(rows, 1) * 70 + max(min(rows, 69) - 1, 0) * 2 + 70 * (rows == 70)
    assert frame_of(image, image).border == lit / pixels
    marked = "not-on-black" in codes(image, NO_LIMITS).split()
    assert marked == (lit / pixels > 0.25)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 3), (90, 1, 3), (2, 2, 3)])
def test_the_smallest_images_have_a_frame_too(shape: tuple[int, int, int]) -> None:
    image = np.full(shape, 200, np.uint8)
    frame = frame_of(image, image)
    assert (frame.height, frame.width, frame.border) == (*shape[:2], 1.0)


def test_the_frame_of_a_file_is_that_of_its_pixels() -> None:
    image = on(100)(CELL)[:300]
    crop, frame = crop_and_frame_of(encoded(image), SIDE)
    assert frame == frame_of(image, crop)
    assert np.array_equal(crop, to_crop(image, SIDE))


STATISTIC = st.builds(
    ImageStatistics,
    *[st.floats(0, 255)] * 3,  # type: ignore[arg-type]
    foreground=st.floats(0, 1),
    focus=st.floats(0, 1),
    saturation=st.floats(0, 1),
)


@given(st.lists(STATISTIC, min_size=1, max_size=8))
def test_no_cell_of_a_reference_lies_beyond_its_limits(cells: list[ImageStatistics]) -> None:
    limits = limits_of(counted(cells * 200))
    for cell in cells:
        ends = zip(astuple(limits.low), astuple(cell), astuple(limits.high), strict=True)
        assert all(low < value < high for low, value, high in ends)


@pytest.mark.parametrize("cells", [0, 1, 199])
def test_a_reference_of_few_cells_limits_nothing(cells: int) -> None:
    few = counted([image_statistics(to_crop(CELL, SIDE))] * cells)
    assert limits_of(few) == NO_LIMITS
    assert codes(light(0.3)(CELL), limits_of(few)) == ""


def test_one_odd_cell_in_a_thousand_does_not_widen_the_limits() -> None:
    good, odd = image_statistics(to_crop(CELL, SIDE)), ImageStatistics(250, 250, 250, 1, 1, 1)
    assert limits_of(counted([good] * 1999 + [odd])) == limits_of(counted([good] * 2000))
    assert limits_of(counted([good] * 1997 + [odd] * 3)) != limits_of(counted([good] * 2000))


def test_limits_lie_a_tenth_beyond_the_outermost_bins() -> None:
    cell = ImageStatistics(red=64, green=44, blue=90, foreground=0.2, focus=0.01, saturation=0.6)
    limits = limits_of(counted([cell] * 200))
    assert limits.low.red == pytest.approx(64 * 0.9)
    assert limits.high.red == pytest.approx(72 * 1.1)
    assert limits.low.foreground == pytest.approx(12 / 64 * 0.9)
    assert limits.high.foreground == pytest.approx(13 / 64 * 1.1)


def test_the_last_bins_hold_what_lies_beyond_them_and_set_no_limit() -> None:
    ends = [ImageStatistics(*[0.0] * 6), ImageStatistics(255, 255, 255, 1, 1, 1)]
    limits = limits_of(counted(ends * 200))
    assert set(astuple(limits.low)) == {-math.inf}
    assert set(astuple(limits.high)) == {math.inf}
    assert len(astuple(limits.low)) == len(STATISTICS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, released with the drawn cells of this module."""
    shipped = read_model_file(SHIPPED_MODEL)
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    write_model_file(path, shipped.flatbuffer, shipped.metadata, shipped.golden, REFERENCE)
    return path


@pytest.fixture(scope="module")
def lenient(model: Path) -> Iterator[Classifier]:
    with Classifier(model, threads=1) as classifier:
        yield classifier


@pytest.fixture(scope="module")
def strict(model: Path) -> Iterator[Classifier]:
    with Classifier(model, threads=1, strict=True, keep_crops=True) as classifier:
        yield classifier


@every_bad
def test_a_marked_cell_is_referred_whatever_the_network_says(lenient: Classifier, bad: Bad) -> None:
    result = lenient.classify(bad.spoil(CELL))
    assert (result.decision, result.quality, result.error) == ("refer", bad.codes, None)
    assert result.label in {"hem", "all"}
    assert result.probability is not None


def test_the_probability_of_a_marked_cell_is_what_the_network_says(lenient: Classifier) -> None:
    wide = CELL[20:-20]
    square = np.pad(wide, ((20, 20), (0, 0), (0, 0)))
    marked, good = lenient.classify(wide), lenient.classify(square)
    assert (marked.quality, good.quality) == ("not-square", None)
    assert (marked.probabilities, marked.logits) == (good.probabilities, good.logits)


@every_bad
def test_strict_refuses_a_marked_cell_and_says_why(strict: Classifier, bad: Bad) -> None:
    result = strict.classify(bad.spoil(CELL))
    assert (result.error, result.quality) == ("quality", bad.codes)
    assert (result.decision, result.label, result.probability) == (None, None, None)
    assert result.message is not None
    assert f"{bad.codes}: {QUALITY[bad.codes]}" in result.message
    assert "leave --strict out" in result.message
    assert result.crop is not None


def test_strict_changes_nothing_of_a_good_cell(strict: Classifier, lenient: Classifier) -> None:
    assert strict.classify(CELL) == lenient.classify(CELL)
    assert lenient.classify(CELL).quality is None


def test_files_are_judged_as_their_pixels_are(lenient: Classifier, tmp_path: Path) -> None:
    inputs = []
    for index, bad in enumerate(BAD):
        path = tmp_path / f"{index}.png"
        path.write_bytes(encoded(bad.spoil(CELL)))
        inputs.append(Sample(str(path), str(path)))
    found = [result.quality for result in lenient.classify_samples(inputs)]
    assert found == [bad.codes for bad in BAD]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good cell and a dark one."""
    folder = tmp_path / "cells"
    folder.mkdir()
    (folder / "dark.png").write_bytes(encoded(light(0.4)(CELL)[60:-60]))
    (folder / "good.png").write_bytes(encoded(CELL))
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_shows_the_codes_and_the_summary_how_many(folder: Path, model: Path) -> None:
    printed = edge_all("classify", folder, "--model", model)
    assert printed.exit_code == 0
    assert f"{folder}/dark.png  (not-square under-exposed)\n" in printed.stdout
    assert f"{folder}/good.png\n" in printed.stdout
    assert "(a person looks, 1 of them marked for quality), 0 failed" in printed.stdout


def test_strict_is_a_row_with_the_codes_and_exit_code_1(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    printed = edge_all("classify", folder, "--model", model, "--strict", "--out", out)
    assert printed.exit_code == 1
    dark, good = rows(out)
    assert (dark["decision"], dark["error"]) == ("", "quality")
    assert dark["quality"] == "not-square under-exposed"
    assert (good["quality"], good["error"]) == ("", "")
    assert printed.stderr.startswith(f"failed: {folder}/dark.png: quality: not-square: not square")
    again = edge_all("classify", folder, "--model", model, "--strict", "--out", out, "--resume")
    assert again.exit_code == 1
    assert f"quality: {in_words(dark['quality'].split())}" in again.stderr


@pytest.mark.parametrize("was_strict", [True, False])
def test_a_run_goes_on_only_as_strict_as_it_was(
    folder: Path, model: Path, tmp_path: Path, was_strict: bool
) -> None:
    out, line = tmp_path / "out.csv", ["classify", folder, "--model", model]
    edge_all(*line, "--out", out, *["--strict"] * was_strict)
    before = out.read_bytes()
    again = edge_all(*line, "--out", out, "--resume", *["--strict"] * (not was_strict))
    assert again.exit_code == 2
    made = "with" if was_strict else "without"
    assert again.stderr.startswith("error: cannot resume: the result of '")
    assert f"dark.png' was made {made} --strict; give what the earlier run" in again.stderr
    assert out.read_bytes() == before


def real_images(held_out: bool, every: int) -> list[UInt8Image]:
    """Real crops: of the people held out of the shipped network, or of all others."""
    paths = sorted((REAL_DATA / "cnmc").glob("*/*/*.png"))
    chosen = [path for path in paths if (path.name.split("_")[1] in HELD_OUT) == held_out]
    return [decode(path.read_bytes()) for path in chosen[::every]]


@pytest.mark.slow  # of drawn cells it holds above
@pytest.mark.skipif(not (REAL_DATA / "cnmc").is_dir(), reason="no real crops here")
def test_few_real_crops_of_other_people_are_marked_and_bad_ones_are() -> None:
    seen = [image_statistics(to_crop(image, SIDE)) for image in real_images(held_out=True, every=3)]
    limits, others = limits_of(counted(seen)), real_images(held_out=False, every=20)
    assert sum(bool(codes(image, limits)) for image in others) / len(others) < 0.02
    for spoil, code in [(blurred, "blurred"), (light(0.5), "under-"), (light(2), "over-")]:
        marked = [code in codes(spoil(image), limits) for image in others[::5]]
        assert sum(marked) / len(marked) > 0.9
