"""The cells of a conversion: which set the ranges, which measure the fidelity."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet, load_crops
from calibration.cells.labelled_crops import LabelledCrop, data_hash, find_labelled_crops
from calibration.cells.readings import canonical_subject, person
from calibration.representative.select import load_cells, load_representative
from calibration.representative.strategies import DEFAULT_STRATEGY, choose, look_at
from edge.cli.command import say
from edge.crops.drawn import draw_crop
from edge.crops.preprocess import UInt8Image
from edge.errors import DataRefused

_DRAWN_FOR_FIDELITY = 300
_MOST_TUNING, _LEAST_TUNING = 150, 30


@dataclass(frozen=True)
class Cells:
    """Representative, tuning and evaluation cells, no cell in two of them.

    Attributes
    ----------
    representative : ndarray of uint8, shape (n, 70, 70, 3) or None
        Set the int8 ranges; None if those are already known.
    tuning : ndarray of uint8, shape (k, 70, 70, 3) or None
        Decide between ways to int8 (:mod:`convert.quantize.accuracy_control`); None likewise.
    evaluation : ndarray of uint8, shape (m, 70, 70, 3)
        Measure what came out, and decide nothing.
    names : ndarray of str, shape (m,)
        Of the evaluation cells.
    labels : ndarray of int32, shape (m,), or None
        Of the evaluation cells; None for drawn ones, which have none.
    subjects : ndarray of str, shape (m,), or None
    strategy : str
        How the representative cells were chosen.
    representative_are, evaluation_are : str
        Where they come from, in words.
    """

    representative: UInt8Image | None
    tuning: UInt8Image | None
    evaluation: UInt8Image
    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int32] | None
    subjects: npt.NDArray[np.str_] | None
    strategy: str
    representative_are: str
    evaluation_are: str

    def content(self) -> Iterator[bytes]:
        """All that a conversion's result can depend on, piece by piece, to be hashed."""
        for crops in (self.representative, self.tuning, self.evaluation):
            yield b"" if crops is None else crops.tobytes()
        for words in (self.names, self.labels, self.subjects):
            yield b"" if words is None else repr(words.tolist()).encode()
        yield f"{self.strategy} {self.representative_are} {self.evaluation_are}".encode()


def labelled_cells(
    data: Path,
    held_out: Collection[str],
    n: int,
    seed: int = 0,
    manifest: Path | None = None,
) -> Cells:
    """Take cells from a folder of labelled crops.

    The representative set comes from the people the network was trained on, the
    evaluation cells are all of those it was not. Cells of which nothing says whose they
    are go to neither: they may be anybody's.

    Parameters
    ----------
    data : Path
        Folder of labelled crops (:func:`calibration.cells.labelled_crops.find_labelled_crops`).
    held_out : collection of str
        Subjects the network was not trained on.
    n : int
        Size of the representative set.
    seed : int
    manifest : Path, optional
        A representative set that was selected before
        (:meth:`calibration.representative.select.RepresentativeSet.save`), from `data`; `n` and
        `seed` play no part then.

    Returns
    -------
    Cells

    Raises
    ------
    DataRefused
        If one of the parts is empty or too small, or an evaluation cell is in the manifest.
    """
    training, evaluation = split_cells(data, held_out)
    known = load_crops(training)
    if manifest:
        chosen = _of_manifest(manifest, data, evaluation)
    else:
        chosen = _choose(training, known, n, seed)
    evaluated = load_crops(evaluation)
    return Cells(
        representative=chosen.crops,
        tuning=_others(known, chosen.hashes),
        evaluation=evaluated.crops,
        names=evaluated.names,
        labels=evaluated.labels,
        subjects=evaluated.subjects,
        strategy=chosen.strategy,
        representative_are=chosen.words,
        evaluation_are=describe_crops("held-out subjects", evaluation),
    )


def split_cells(
    data: Path, held_out: Collection[str]
) -> tuple[list[LabelledCrop], list[LabelledCrop]]:
    """Crops of training subjects, and of held-out ones; as for :func:`labelled_cells`."""
    crops = [crop for crop in find_labelled_crops(data, on_remark=say) if crop.subject]
    people = {person(canonical_subject(subject)) for subject in held_out}
    evaluation = [crop for crop in crops if person(crop.subject) in people]
    if not evaluation:
        raise DataRefused(
            f"{data} holds no crop of the held-out subjects {', '.join(sorted(held_out))};"
            " give the folder the network was trained from"
        )
    return [crop for crop in crops if person(crop.subject) not in people], evaluation


@dataclass(frozen=True)
class _Chosen:
    crops: UInt8Image
    hashes: frozenset[str]
    strategy: str
    words: str


def _choose(training: list[LabelledCrop], known: CropSet, n: int, seed: int) -> _Chosen:
    candidates = look_at(known.crops, known.hashes, known.labels, known.subjects)
    positions = choose(DEFAULT_STRATEGY, candidates, min(n, len(known) - _LEAST_TUNING), seed)
    return _Chosen(
        known.crops[positions],
        frozenset(known.hashes[positions].tolist()),
        DEFAULT_STRATEGY,
        describe_crops("training subjects", [training[i] for i in positions]),
    )


def _of_manifest(manifest: Path, data: Path, evaluation: list[LabelledCrop]) -> _Chosen:
    representative = load_representative(manifest)
    hashes = {crop.sha256 for crop in evaluation}
    if seen := [cell.name for cell in representative.cells if cell.sha256 in hashes]:
        raise DataRefused(
            f"{manifest} lists {len(seen)} cells that the fidelity is measured on, such as"
            f" {seen[0]}; select again with --exclude and the held-out subjects"
        )
    return _Chosen(
        load_cells(representative, data),
        frozenset(cell.sha256 for cell in representative.cells),
        representative.strategy,
        representative.words,
    )


def _others(known: CropSet, taken: frozenset[str]) -> UInt8Image:
    """Training subjects' cells that are not representative, in an order free of their names."""
    free = [i for i in np.argsort(known.hashes) if known.hashes[i] not in taken]
    if len(free) < _LEAST_TUNING:
        raise DataRefused(
            f"beside the representative cells, {len(free)} of the training subjects are left to"
            f" choose between ways to int8, and {_LEAST_TUNING} are needed; give more crops, or"
            " fewer representative cells"
        )
    return known.crops[free[:_MOST_TUNING]]


def drawn_cells() -> Cells:
    """Drawn evaluation cells, for where no real ones are at hand; they have no labels.

    They are called as ``edge-all samples`` calls the files it draws them into.
    """
    return Cells(
        representative=None,
        tuning=None,
        evaluation=np.stack([draw_crop(seed) for seed in range(_DRAWN_FOR_FIDELITY)]),
        names=np.array([f"cell-{seed:03d}.png" for seed in range(_DRAWN_FOR_FIDELITY)]),
        labels=None,
        subjects=None,
        strategy="as saved",
        representative_are="",
        evaluation_are=f"{_DRAWN_FOR_FIDELITY} drawn cells",
    )


def describe_crops(whose: str, crops: list[LabelledCrop]) -> str:
    """Say how many crops of how many people these are, with their hash."""
    subjects = len({crop.subject for crop in crops})
    return f"{len(crops)} crops of {subjects} {whose}, sha256 {data_hash(crops)}"
