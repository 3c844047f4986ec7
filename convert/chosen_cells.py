"""The cells of a conversion: which set the ranges, which measure the fidelity."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet, decode_image, load_crops
from calibration.cells.labelled_crops import LabelledCrops, data_hash, find_labelled_crops
from calibration.cells.readings import canonical_subject, person
from calibration.representative.select import load_cells, load_representative
from calibration.representative.strategies import DEFAULT_STRATEGY, choose, look_at
from convert.dealing import PEOPLE, deal
from edge.cli.command import say
from edge.contract import BLACK, NATURAL, Contract, Diameters
from edge.crops.drawn import draw_crop
from edge.crops.frame import frame_of
from edge.crops.preprocess import UInt8Image
from edge.crops.scale import measure_diameters
from edge.errors import CropUnreadable, DataRefused
from edge.files import read_bytes

_DRAWN_FOR_FIDELITY = 300
_MOST_TUNING, _LEAST_TUNING = 150, 30

_LOOKED_AT = 60  # files, to see what lies around cells
_LIGHT_BORDER = 1 / 4  # share of the border: a cell may touch it, no whole side may be light

_MAYBE_KNOWN = "subjects it may have been trained on"


@dataclass(frozen=True)
class Cells:
    """Representative, tuning, calibrating and evaluation cells, no cell in two of them.

    Attributes
    ----------
    representative : ndarray of uint8, shape (n, side, side, 3) or None
        Set the int8 ranges; None if those are already known.
    tuning : ndarray of uint8, shape (k, side, side, 3) or None
        Decide between ways to int8 (:mod:`convert.quantize.accuracy_control`); None likewise.
    evaluation : ndarray of uint8, shape (m, side, side, 3)
        Measure what came out, and decide nothing.
    names : ndarray of str, shape (m,)
        Of the evaluation cells.
    labels : ndarray of int32, shape (m,), or None
        Of the evaluation cells; None for drawn ones, which have none.
    subjects : ndarray of str, shape (m,), or None
        A cell of nobody known is a subject of its own.
    strategy : str
        How the representative cells were chosen.
    representative_are, evaluation_are : str
        Where they come from, in words.
    calibrating : CropSet or None
        Fit temperature and refer band or thresholds, where no file beside the network has them.
    calibrating_are : str
        Where they come from, in words.
    diameters : Diameters or None
        Of the contract; where it has none, of the cells that the ranges were chosen from.
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
    calibrating: CropSet | None = None
    calibrating_are: str = ""
    diameters: Diameters | None = None

    def content(self) -> Iterator[bytes]:
        """All that a conversion's result can depend on, piece by piece, to be hashed."""
        for crops in (self.representative, self.tuning, self.evaluation):
            yield b"" if crops is None else crops.tobytes()
        for words in (self.names, self.labels, self.subjects):
            yield b"" if words is None else repr(words.tolist()).encode()
        yield f"{self.strategy} {self.representative_are} {self.evaluation_are}".encode()
        if self.calibrating is not None:
            yield self.calibrating.crops.tobytes()
            yield repr(
                (self.calibrating.labels.tolist(), self.calibrating.subjects.tolist())
            ).encode()
        yield f"{self.calibrating_are} {self.diameters}".encode()


@dataclass(frozen=True)
class Parts:
    """Labelled crops by what they are for.

    Attributes
    ----------
    known : LabelledCrops
        Set the ranges: where that is known, of people the network was trained on.
    evaluation : LabelledCrops
    calibrating : LabelledCrops or None
        None where no cells are needed for that.
    whose : str
        Of the evaluation and calibrating cells, in words: ``held-out subjects``.
    known_are : str
        Of the others: ``training subjects``.
    """

    known: LabelledCrops
    evaluation: LabelledCrops
    calibrating: LabelledCrops | None
    whose: str
    known_are: str


def labelled_cells(
    data: Path,
    contract: Contract,
    held_out: Collection[str] | None,
    n: int,
    seed: int = 0,
    manifest: Path | None = None,
    calibrates: bool = False,
    test: Path | None = None,
) -> Cells:
    """Take cells from a folder or CSV file of labelled crops.

    The representative set comes from the people the network was trained on, the evaluation cells
    from those it was not.

    Parameters
    ----------
    data : Path
        As for :func:`calibration.cells.labelled_crops.find_labelled_crops`.
    contract : Contract
        Of the network.
    held_out : collection of str or None
        Subjects the network was not trained on; None where nobody knows. It plays no part with
        `test`.
    n : int
        Size of the representative set.
    seed : int
    manifest : Path, optional
        A representative set that was selected before
        (:meth:`calibration.representative.select.RepresentativeSet.save`), from `data`; `n` and
        `seed` play no part then.
    calibrates : bool
        Whether some of the cells are to fit temperature and refer band or thresholds.
    test : Path, optional
        Another set of labelled crops to measure on, such as of another laboratory; all of `data`
        is of training subjects then.

    Returns
    -------
    Cells

    Raises
    ------
    DataRefused
        If one of the parts is empty or too small, or an evaluation cell is in the manifest.
    """
    parts = split_cells(data, contract.names, held_out, calibrates, test)
    known = _load(parts.known, contract)
    if manifest:
        chosen = _of_manifest(manifest, data, contract, parts)
    else:
        chosen = _choose(parts, known, contract, n, seed)
    evaluated = _load(parts.evaluation, contract)
    return Cells(
        representative=chosen.crops,
        tuning=_others(known, chosen.hashes),
        evaluation=evaluated.crops,
        names=evaluated.names,
        labels=evaluated.labels,
        subjects=evaluated.subjects,
        strategy=chosen.strategy,
        representative_are=chosen.words,
        evaluation_are=describe_crops(parts.whose, parts.evaluation),
        calibrating=None if parts.calibrating is None else _load(parts.calibrating, contract),
        calibrating_are=describe_crops(parts.whose, parts.calibrating) if parts.calibrating else "",
        diameters=contract.diameters or _diameters(parts.known, known),
    )


def split_cells(
    data: Path,
    labels: Sequence[str],
    held_out: Collection[str] | None,
    calibrates: bool = False,
    test: Path | None = None,
) -> Parts:
    """Split crops into those of training subjects, and of held-out ones.

    Cells of which nothing says whose they are go to neither: they may be anybody's. Where nobody
    knows who is held out, all crops are dealt out (:func:`convert.dealing.deal`): the network may
    have been trained on any of them, and what is measured then may flatter it.

    Parameters and errors as for :func:`labelled_cells`.
    """
    found = find_labelled_crops(data, labels, on_remark=say)
    if test is not None:
        return _of_two_sets(found, find_labelled_crops(test, labels, on_remark=say), calibrates)
    if held_out is None:
        return _dealt(found, calibrates)
    if not held_out:
        raise DataRefused(
            "the record names nobody who was held out of training; give --test, the other set of"
            " cells that the network was tested on"
        )
    crops = [crop for crop in found.crops if crop.subject]
    people = {person(canonical_subject(subject), labels) for subject in held_out}
    evaluation = [crop for crop in crops if person(crop.subject, labels) in people]
    if not evaluation:
        raise DataRefused(
            f"{data} holds no crop of the held-out subjects {', '.join(sorted(held_out))};"
            " give the folder the network was trained from, or --test, the one it was tested on"
        )
    known = [crop for crop in crops if person(crop.subject, labels) not in people]
    return _measured(found.keep(known), found.keep(evaluation), calibrates, "held-out subjects")


def _of_two_sets(known: LabelledCrops, other: LabelledCrops, calibrates: bool) -> Parts:
    """Measure on another set, but for the crops that are in both."""
    twins = {crop.sha256 for crop in known.crops}
    measured = other.keep(crop for crop in other.crops if crop.sha256 not in twins)
    names = {crop.subject for crop in known.crops} - {""}
    if alike := sum(crop.subject in names for crop in measured.crops):
        say(
            f"{alike} of {len(measured.crops)} crops of --test are of subjects who are called as"
            " some in --cells: if they are the same people, leave these crops out, or what is"
            " measured flatters the network"
        )
    return _measured(known, measured, calibrates, "subjects of the other set")


def _measured(known: LabelledCrops, measured: LabelledCrops, calibrates: bool, whose: str) -> Parts:
    """Set aside some of the cells that measure, where probabilities are to be fitted."""
    if not calibrates:
        return Parts(known, measured, None, whose, "training subjects")
    dealt = deal(measured, (1, 1))
    evaluation, calibrating = dealt.parts
    whose += "" if dealt.by == PEOPLE else ", some of whom are in both parts"
    return Parts(known, evaluation, calibrating, whose, "training subjects")


def _dealt(found: LabelledCrops, calibrates: bool) -> Parts:
    """Deal all crops out: half of them set the ranges."""
    dealt = deal(found, (1, 1, 2) if calibrates else (1, 1))
    measured, *calibrating, known = dealt.parts
    whose = _MAYBE_KNOWN
    if dealt.by != PEOPLE:
        whose += " and that are not told apart"
    return Parts(known, measured, calibrating[0] if calibrating else None, whose, whose)


def _load(crops: LabelledCrops, contract: Contract) -> CropSet:
    """Decode crops; one of nobody known counts as a subject of its own."""
    found = load_crops(crops, contract.side, contract.background)
    if found.subjects.all():
        return found
    return replace(found, subjects=np.where(found.subjects == "", found.names, found.subjects))


def _diameters(crops: LabelledCrops, known: CropSet) -> Diameters | None:
    people = [crop.subject for crop in crops.crops]  # empty where nothing says
    return measure_diameters(known.crops, people, known.background)


@dataclass(frozen=True)
class _Chosen:
    crops: UInt8Image
    hashes: frozenset[str]
    strategy: str
    words: str


def _choose(parts: Parts, known: CropSet, contract: Contract, n: int, seed: int) -> _Chosen:
    candidates = look_at(
        known.crops, known.hashes, known.labels, known.subjects, contract.background
    )
    positions = choose(DEFAULT_STRATEGY, candidates, min(n, len(known) - _LEAST_TUNING), seed)
    chosen = parts.known.keep(parts.known.crops[i] for i in positions)
    return _Chosen(
        known.crops[positions],
        frozenset(known.hashes[positions].tolist()),
        DEFAULT_STRATEGY,
        describe_crops(parts.known_are, chosen),
    )


def _of_manifest(manifest: Path, data: Path, contract: Contract, parts: Parts) -> _Chosen:
    representative = load_representative(manifest)
    measured = [parts.evaluation, *([parts.calibrating] if parts.calibrating else [])]
    hashes = {crop.sha256 for crops in measured for crop in crops.crops}
    if seen := [cell.name for cell in representative.cells if cell.sha256 in hashes]:
        raise DataRefused(
            f"{manifest} lists {len(seen)} cells that the fidelity is measured on, such as"
            f" {seen[0]}; select again with --exclude and the held-out subjects"
        )
    return _Chosen(
        load_cells(representative, data, contract.side, contract.background),
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


def background_of(data: Path, labels: Sequence[str]) -> str:
    """See what lies around the cells of a folder: black, or what lay around them.

    Parameters
    ----------
    data : Path
    labels : sequence of str
        As for :func:`calibration.cells.labelled_crops.find_labelled_crops`.

    Raises
    ------
    DataRefused
        If there are none, or one cannot be decoded.
    """
    by_hash = sorted(find_labelled_crops(data, labels).crops, key=lambda crop: crop.sha256)
    light = []
    for crop in by_hash[:_LOOKED_AT]:
        try:
            image = decode_image(read_bytes(crop.path), crop.part)
        except CropUnreadable as error:
            raise DataRefused(f"{crop.path}: {error}; repair or remove it") from error
        light.append(frame_of(image, image).border > _LIGHT_BORDER)
    return NATURAL if 2 * sum(light) > len(light) else BLACK


def drawn_cells(side: int) -> Cells:
    """Drawn evaluation cells, for where no real ones are at hand; they have no labels.

    They are called as ``edge-all samples`` calls the files it draws them into.
    """
    return Cells(
        representative=None,
        tuning=None,
        evaluation=np.stack([draw_crop(seed, side) for seed in range(_DRAWN_FOR_FIDELITY)]),
        names=np.array([f"cell-{seed:03d}.png" for seed in range(_DRAWN_FOR_FIDELITY)]),
        labels=None,
        subjects=None,
        strategy="as saved",
        representative_are="",
        evaluation_are=f"{_DRAWN_FOR_FIDELITY} drawn cells",
    )


def describe_crops(whose: str, crops: LabelledCrops) -> str:
    """Say how many crops of how many people these are, with their hash."""
    subjects = len({crop.subject for crop in crops.crops if crop.subject})
    of_whom = f"{subjects} {whose}" if subjects else "people nobody named"
    return f"{len(crops)} crops of {of_whom}, sha256 {data_hash(crops.crops)}"
