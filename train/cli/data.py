"""From options to crops and splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from calibration.cells.crop_set import CropSet
from calibration.cells.readings import canonical_subject
from edge.cli.command import say
from edge.errors import DataRefused
from train.cli.options import Protocol, words_in
from train.data import split as splits
from train.data.audit import refuse_leaks
from train.data.near_duplicates import (
    NearDuplicate,
    find_near_duplicates,
    remark_on_labels,
    remark_on_people,
)
from train.data.prepare import Prepared, Wanted, prepare, prepare_other
from train.data.split_file import Split, load_split

USUAL_FOLDS = 5


@dataclass(frozen=True)
class SplitWanted:
    """How somebody wants the data to be split; at most one of the first four.

    Attributes
    ----------
    file : Path or None
        A split that was made before.
    test : Path or None
        Another set to test on.
    protocol : Protocol or None
    hold_out : str
        Subjects, separated by commas.
    seed, folds : int
    """

    file: Path | None = None
    test: Path | None = None
    protocol: Protocol | None = None
    hold_out: str = ""
    seed: int = 0
    folds: int = USUAL_FOLDS

    def __post_init__(self) -> None:
        given = {
            "--split": self.file,
            "--test": self.test,
            "--protocol": self.protocol,
            "--hold-out": words_in(self.hold_out),
        }
        named = [option for option, value in given.items() if value]
        if len(named) > 1:
            raise DataRefused(f"give {' or '.join(named)}, not both")


def data_and_split(wanted: Wanted, how: SplitWanted) -> tuple[Prepared, Split]:
    """Load crops and split them.

    Raises
    ------
    DataRefused
        If they cannot be used, or cannot be split so.
    LeakFound
        If the split promises to be leak-free and is not.
    """
    if how.file:
        chosen = load_split(how.file)
        if wanted.labels and wanted.labels != chosen.labels:
            raise DataRefused(
                f"{how.file} is a split of the labels {', '.join(chosen.labels)[:150]}; leave"
                " --labels out, or make a split of others"
            )
        prepared = prepare(replace(wanted, labels=chosen.labels), not chosen.leak_free, say)
    elif how.test:
        prepared = prepare(wanted, False, say)
        other = prepare_other(how.test, wanted, prepared, say)
        both, chosen = splits.other_split(prepared.crops, other)
        prepared = replace(prepared, crops=both, pictures=both)
    else:
        prepared = prepare(wanted, how.protocol is Protocol.paper, say)
        like = _find_like(prepared.pictures) if how.protocol is not Protocol.paper else ()
        chosen = make_splits(prepared.crops, how, like)[0]
        refuse_leaks(chosen, like)
        return prepared, chosen
    refuse_leaks(chosen, _find_like(prepared.pictures) if chosen.leak_free else None)
    return prepared, chosen


def _find_like(crops: CropSet) -> tuple[NearDuplicate, ...]:
    """Find near-duplicates, and say which of them have two labels."""
    like = find_near_duplicates(crops)
    for remark in (*remark_on_labels(crops, like), *remark_on_people(crops, like)):
        say(remark)
    return like


def make_splits(crops: CropSet, how: SplitWanted, like: Sequence[NearDuplicate]) -> list[Split]:
    """Split crops by protocol, by people named, or by a quarter of the people."""
    named = [canonical_subject(name) for name in words_in(how.hold_out)]
    if how.protocol is Protocol.paper:
        return [splits.paper_split(crops, how.seed)]
    if how.protocol is Protocol.subject:
        return splits.subject_splits(crops, how.folds, how.seed, like)
    if how.protocol is Protocol.official:
        return [splits.official_split(crops)]
    chosen = named or splits.choose_subjects(crops, how.seed, like=like)
    return [splits.holdout_split(crops, chosen)]
