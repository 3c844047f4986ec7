"""The representative set: chosen, saved as a manifest of hashes, found again."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cells.exclusion import without_excluded
from calibration.cells.found_cells import (
    ReadCell,
    RefusedCell,
    find_cells,
    read_cells,
    set_twins_aside,
)
from calibration.cells.labelled_crops import data_hash
from calibration.representative.strategies import DEFAULT_STRATEGY, FEWEST, choose, look_at
from edge.contract import BLACK
from edge.crops.preprocess import UInt8Image
from edge.errors import DataRefused
from edge.models import cnmc
from edge.records.json_text import read_json
from edge.records.typed_json import as_type
from edge.whole_file import save_text

SCHEMA = 1
"""Version of the manifest's schema; a reader refuses any other."""


@dataclass(frozen=True)
class RepresentativeCell:
    """One cell of a representative set.

    Attributes
    ----------
    name : str
        Path below the data folder, with forward slashes.
    sha256 : str
        Of the file's bytes, as hex.
    label : str or None
        Name of its label; None in a folder without labels.
    subject : str or None
    """

    name: str
    sha256: str
    label: str | None
    subject: str | None


@dataclass(frozen=True)
class RepresentativeSet:
    """A representative set: which cells, and how they were chosen.

    Attributes
    ----------
    schema : int
        :data:`SCHEMA`.
    strategy : str
        One of :data:`calibration.representative.strategies.STRATEGIES`.
    n, seed : int
        What was asked for.
    candidates : int
        Cells it was chosen from.
    candidates_sha256 : str
        Hash of those (:func:`calibration.cells.labelled_crops.data_hash`).
    excluded : int
        Cells left out because something is measured on them.
    refused : tuple of RefusedCell
        Cells that cannot be used, with the reason.
    sha256 : str
        Hash of the chosen cells, made likewise.
    cells : tuple of RepresentativeCell
        Sorted by name.
    """

    schema: int
    strategy: str
    n: int
    seed: int
    candidates: int
    candidates_sha256: str
    excluded: int
    refused: tuple[RefusedCell, ...]
    sha256: str
    cells: tuple[RepresentativeCell, ...]

    @property
    def words(self) -> str:
        """What the set is, for the metadata of a model file."""
        subjects = {cell.subject for cell in self.cells if cell.subject}
        whose = f" of {len(subjects)} subjects" if subjects else ""
        return (
            f"{len(self.cells)} crops{whose}, chosen {self.strategy} with seed {self.seed}"
            f" from {self.candidates}, sha256 {self.sha256}"
        )

    def save(self, path: Path) -> None:
        """Write the manifest as JSON: the same set, the same bytes.

        Raises
        ------
        OutputFailed
            If it cannot be written; nothing is left behind then.
        """
        save_text(path, json.dumps(dataclasses.asdict(self), indent=1) + "\n")


def select_cells(
    data: Path,
    n: int = 300,
    strategy: str = DEFAULT_STRATEGY,
    seed: int = 0,
    exclude: Sequence[str] = (),
    on_remark: Callable[[str], object] = lambda remark: None,
    labels: Sequence[str] | None = None,
    side: int = cnmc.SIDE,
    background: str = BLACK,
) -> RepresentativeSet:
    """Choose a representative set from crops, labelled or not.

    Parameters
    ----------
    data : Path
        As for :func:`calibration.cells.found_cells.find_cells`.
    n : int
        How many; all there are if there are fewer.
    strategy : str
        One of :data:`calibration.representative.strategies.STRATEGIES`.
    seed : int
    exclude : sequence of str
        As for :func:`calibration.cells.exclusion.without_excluded`.
    on_remark, labels
        As for :func:`calibration.cells.found_cells.find_cells`.
    side, background : int, str
        At which the cells are looked at, as for :func:`edge.crops.preprocess.to_crop`.

    Returns
    -------
    RepresentativeSet

    Raises
    ------
    DataRefused
        If fewer than :data:`calibration.representative.strategies.FEWEST` usable cells are left, or
        cells of one label only, or `exclude` matches nothing.
    """
    read, refused = read_cells(find_cells(data, on_remark, labels), side, background)
    allowed = without_excluded(exclude, read, data)
    excluded = len(read) - len(allowed)
    cells, twins = set_twins_aside(allowed)
    refused = sorted([*refused, *twins], key=lambda cell: cell.name)
    if len(cells) < FEWEST:
        raise DataRefused(_too_few(data, cells, excluded, refused))
    chosen = _choose(cells, n, strategy, seed, background)
    return RepresentativeSet(
        schema=SCHEMA,
        strategy=strategy,
        n=n,
        seed=seed,
        candidates=len(cells),
        candidates_sha256=data_hash(cells),
        excluded=excluded,
        refused=tuple(refused),
        sha256=data_hash(chosen),
        cells=tuple(sorted(map(_entry, chosen), key=lambda cell: cell.name)),
    )


def load_representative(path: Path) -> RepresentativeSet:
    """Read a manifest.

    Raises
    ------
    DataRefused
        If it is not readable, or of another schema.
    """
    try:
        fields = read_json(path)
        schema = fields["schema"]
        if schema == SCHEMA:
            found: RepresentativeSet = as_type(RepresentativeSet, fields, "it")
            return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataRefused(
            f"{path} is no manifest of edge-all-calibrate select: {error}; select the cells again"
        ) from error
    raise DataRefused(
        f"{path} has schema {schema}, this edge-all reads {SCHEMA}; select the cells again"
    )


def load_cells(
    representative: RepresentativeSet, data: Path, side: int, background: str = BLACK
) -> UInt8Image:
    """Find the cells of a manifest again, check their hashes and decode them.

    Parameters
    ----------
    representative : RepresentativeSet
    data : Path
        What they were selected from.
    side, background : int, str
        Of the network's contract.

    Returns
    -------
    ndarray of uint8, shape (n, side, side, 3)
        In the order of the manifest.

    Raises
    ------
    DataRefused
        If a cell is not there, or is another one than was chosen; names them.
    """
    there = {cell.name: cell for cell in find_cells(data)}
    wanted = [there[cell.name] for cell in representative.cells if cell.name in there]
    read, _ = read_cells(wanted, side, background)
    crops = {(cell.found.name, cell.sha256): cell.crop for cell in read}
    missing = [cell.name for cell in representative.cells if (cell.name, cell.sha256) not in crops]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataRefused(
            f"{len(missing)} of {len(representative.cells)} cells of the manifest are not in"
            f" {data} or were changed: {', '.join(missing[:3])}{more}; give the folder they were"
            " selected from, or select again"
        )
    return np.stack([crops[cell.name, cell.sha256] for cell in representative.cells])


def _choose(
    cells: Sequence[ReadCell], n: int, strategy: str, seed: int, background: str
) -> list[ReadCell]:
    labels = [cell.found.label for cell in cells]
    subjects = [cell.found.subject for cell in cells]
    candidates = look_at(
        np.stack([cell.crop for cell in cells]),
        np.array([cell.sha256 for cell in cells]),
        None if None in labels else np.array(labels, np.int32),
        # half known, subjects would make strata of those whose names say nothing
        None if None in subjects else np.array(subjects),
        background,
    )
    return [cells[position] for position in choose(strategy, candidates, n, seed)]


def _entry(cell: ReadCell) -> RepresentativeCell:
    found = cell.found
    return RepresentativeCell(found.name, cell.sha256, found.label_name, found.subject)


def _too_few(
    data: Path, cells: Sequence[ReadCell], excluded: int, refused: Sequence[RefusedCell]
) -> str:
    counts = Counter(cell.reason for cell in refused)
    lost = [f"{count} {reason}" for reason, count in sorted(counts.items())]
    lost += [f"{excluded} excluded"] if excluded else []
    examples = f", {refused[0].name} is {refused[0].reason}" if refused else ""
    without = f" without {', '.join(lost)}{examples}" if lost else ""
    return (
        f"{data} leaves {len(cells)} cells to choose from{without};"
        f" a representative set needs at least {FEWEST}: give more crops"
    )
