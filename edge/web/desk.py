"""The desk at which cells are laid before people: which one, how, and what they say of it."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.errors import CropUnreadable, ReviewRefused
from edge.reviews.book import add_reviews, set_audit_rule, undo_last
from edge.reviews.controls import controls_left
from edge.reviews.database import ReviewDatabase, RunFacts, result_of, run_of
from edge.reviews.images import CellImage, cell_image, control_image
from edge.reviews.labels import choices_of
from edge.reviews.queues import DrawnCells, next_cell, waiting_cells
from edge.reviews.review import AUDIT, WAITING, CellKey, Item, Review, Shown
from edge.rows import Result
from edge.web.showings import Showing, Showings

_MOST_MISSING = 10_000
_TRIES = 50  # cells without a picture that one page passes over


@dataclass(frozen=True)
class Settings:
    """How reviews are taken.

    Attributes
    ----------
    audit : float
        Share of the cells of a run that are drawn at random, 0..1.
    control_share : float
        Share of control cells among those shown, 0..1, as long as there are any left. Where a
        reader sees the answers of the network, as many other cells are shown without.
    seed : int or None
        Of the audit of runs that have none yet; drawn by default.
    """

    audit: float = 0.02
    control_share: float = 0.05
    seed: int | None = None


@dataclass(frozen=True)
class Laid:
    """A cell before a reader.

    Attributes
    ----------
    name : str
        Of the showing.
    showing : Showing
    result : Result or None
        None where it is to be hidden.
    """

    name: str
    showing: Showing
    result: Result | None


class Desk:
    """Lays cells before readers and takes what they say; for several threads.

    Parameters
    ----------
    database : ReviewDatabase
    settings : Settings
    chance : callable, optional
        Gives numbers from 0 to 1, by which control cells are mixed in.
    """

    def __init__(
        self,
        database: ReviewDatabase,
        settings: Settings,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.database = database
        self.showings = Showings()
        self._settings = settings
        self._chance = chance
        self._lock = threading.Lock()
        self._drawn: dict[int, DrawnCells] = {}
        self._missing: dict[CellKey, None] = {}

    def drawn_of(self, run_id: int) -> DrawnCells:
        """Give the cells of a run that its audit draws."""
        with self._lock:
            found = self._drawn.get(run_id)
        if found is not None:
            return found
        rule = set_audit_rule(self.database, run_id, self._settings.audit, self._settings.seed)
        with self._lock:
            return self._drawn.setdefault(run_id, DrawnCells(rule))

    def missing(self, run_id: int) -> int:
        """Count the cells of a run whose picture was looked for and not found."""
        with self._lock:
            return sum(cell.run_id == run_id for cell in self._missing)

    def lay(
        self,
        connection: sqlite3.Connection,
        run: RunFacts,
        queue: str,
        reader: str,
        wants_blind: bool,
        index: int | None = None,
    ) -> Laid | None:
        """Lay the next cell of a queue before a reader, or a control cell in its place.

        Parameters
        ----------
        connection : sqlite3.Connection
            Of this database.
        run : RunFacts
        queue : str
            One of :data:`edge.reviews.review.QUEUES`.
        reader : str
        wants_blind : bool
            The answer of the network is hidden anyway where it would make the review worthless: in
            the audit, and from second readers.
        index : int, optional
            Of the cell that is wanted: one that the reader has reviewed before. Others come as
            they come, so that nobody picks those of the audit.

        Returns
        -------
        Laid or None
            None where none waits.
        """
        drawn = self.drawn_of(run.id)
        blind = wants_blind or queue != WAITING
        if index is not None and _was_before(connection, reader, CellKey(run.id, index)):
            wanted = CellKey(run.id, index)
            return self._lay_cell(connection, run, drawn, wanted, queue, reader, blind)
        laid, is_hidden = self._lay_control(connection, run, queue, reader, blind)
        if laid is not None:
            return laid
        blind = blind or is_hidden
        for _ in range(_TRIES):
            taken, without = self.showings.taken(reader), self._missing_now()
            cell = next_cell(connection, run, drawn, queue, reader, taken, without)
            if cell is None:
                return None
            laid = self._lay_cell(connection, run, drawn, cell, queue, reader, blind)
            if laid is not None:
                return laid
        return None

    def lay_many(
        self,
        connection: sqlite3.Connection,
        run: RunFacts,
        reader: str,
        wants_blind: bool,
        most: int,
    ) -> list[Laid]:
        """Lay cells that wait before a reader, none of them drawn by the audit."""
        drawn, without = self.drawn_of(run.id), self._missing_now()
        found: list[Laid] = []
        for cell in waiting_cells(connection, run, drawn):
            if len(found) == most:
                break
            if cell in without:
                continue
            laid = self._lay_cell(connection, run, drawn, cell, WAITING, reader, wants_blind)
            if laid is not None:
                found.append(laid)
        return found

    def _missing_now(self) -> set[CellKey]:
        with self._lock:
            return set(self._missing)

    def _lay_control(
        self, connection: sqlite3.Connection, run: RunFacts, queue: str, reader: str, blind: bool
    ) -> tuple[Laid | None, bool]:
        """Lay a control cell now and then, and say whether the next answer is to be hidden.

        No network has decided on a control. Among answers that are shown it would be told by having
        none, so the answer for as many other cells is hidden, too.
        """
        share = self._settings.control_share
        if self._chance() >= (share if blind else 2 * share):
            return None, False
        left = controls_left(connection, run.contract, reader)
        if not left:
            return None, False
        if not blind and self._chance() < 0.5:
            return None, True
        item = left[min(int(self._chance() * len(left)), len(left) - 1)]
        image = control_image(connection, item)
        return self._show(item, run, queue, reader, True, None, image, None), True

    def _lay_cell(
        self,
        connection: sqlite3.Connection,
        run: RunFacts,
        drawn: DrawnCells,
        cell: CellKey,
        queue: str,
        reader: str,
        blind: bool,
    ) -> Laid | None:
        result = result_of(connection, run, cell)
        if result is None or result.decision is None:
            return None
        try:
            image = cell_image(connection, cell, result)
        except CropUnreadable:
            with self._lock:
                if len(self._missing) < _MOST_MISSING:
                    self._missing[cell] = None
            return None
        is_drawn = drawn.rule.draws(cell.index)
        p = drawn.rule.probability if is_drawn else None
        hidden = blind or is_drawn or queue == AUDIT
        return self._show(cell, run, queue, reader, hidden, p, image, result)

    def _show(
        self,
        item: Item,
        run: RunFacts,
        queue: str,
        reader: str,
        blind: bool,
        audit_probability: float | None,
        image: CellImage,
        result: Result | None,
    ) -> Laid:
        sha256 = image.sha256
        shown = Shown(sha256)
        if result is not None and not blind:
            shown = Shown(
                sha256, result.decision, result.quality, result.probability, result.model_sha256
            )
        labels = tuple(choice.name for choice in choices_of(run.contract))
        showing = Showing(reader, item, run.id, queue, blind, audit_probability, shown, labels)
        name = self.showings.add(showing, image.png)
        return Laid(name, showing, None if blind else result)

    def picture(self, name: str) -> bytes | None:
        """Give the picture of a showing, and note that it was fetched; None if there is none."""
        showing = self.showings.find(name)
        if showing is None:
            return None
        png = self.showings.picture(name) or self._picture_again(showing)
        if png is not None:
            self.showings.note_seen(name)
        return png

    def _picture_again(self, showing: Showing) -> bytes | None:
        with self.database.reading() as connection:
            if not isinstance(showing.item, CellKey):
                return control_image(connection, showing.item).png
            run = run_of(connection, showing.item.run_id)
            result = None if run is None else result_of(connection, run, showing.item)
            if result is None:
                return None
            try:
                image = cell_image(connection, showing.item, result)
            except CropUnreadable:
                return None
        return image.png if image.sha256 == showing.shown.image_sha256 else None

    def take(self, names: Sequence[str], label: str, reader: str) -> list[Showing]:
        """Take what a reader says of cells that are before them.

        Parameters
        ----------
        names : sequence of str
            Of showings. Those that were answered before, that somebody else has, or whose picture
            was never fetched are passed over.
        label : str
        reader : str

        Returns
        -------
        list of Showing
            Those that were taken.

        Raises
        ------
        ReviewRefused
            If the label is none of the run's.
        OutputFailed
            If it could not be stored; then nothing was.
        """
        found = {name: self.showings.find(name) for name in dict.fromkeys(names)}
        for showing in found.values():
            if showing is not None and label not in showing.labels:
                known = ", ".join(showing.labels)
                raise ReviewRefused(f"{label!r} is no label here; they are {known}")
        taken = {name: self.showings.take_answer(name, reader) for name in found}
        showings = [showing for showing in taken.values() if showing is not None]
        try:
            add_reviews(self.database, [_review_of(showing, label) for showing in showings])
        except BaseException:
            for name, showing in taken.items():
                if showing is not None:
                    self.showings.give_back(name)
            raise
        return showings

    def undo(self, reader: str) -> Item | None:
        """Take back the last thing a reader said that still stands."""
        return undo_last(self.database, reader)


def _was_before(connection: sqlite3.Connection, reader: str, cell: CellKey) -> bool:
    row = connection.execute(
        "SELECT 1 FROM reviews WHERE reader = ? AND run_id = ? AND idx = ?",
        [reader, cell.run_id, cell.index],
    ).fetchone()
    return row is not None


def _review_of(showing: Showing, label: str) -> Review:
    return Review(
        showing.reader,
        showing.item,
        label,
        showing.queue,
        showing.blind,
        showing.audit_probability,
        showing.shown,
    )
