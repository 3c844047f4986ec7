"""Reviews are rows that are only added: what stands, what was undone, what comes next."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

import pytest
from databases import query
from hypothesis import given, settings
from hypothesis import strategies as st
from review_helpers import CELLS, database_in, last_run, nobody_drawn, review

from edge.contract import Contract, make_labels
from edge.errors import NoInputs, OutputFailed, ReviewRefused
from edge.reviews.audit import AuditRule
from edge.reviews.book import add_reviews, set_audit_rule, undo_last
from edge.reviews.database import ReviewDatabase
from edge.reviews.labels import choices_of
from edge.reviews.queues import DrawnCells, count_waiting, next_cell
from edge.reviews.review import AUDIT, SECOND, WAITING, CellKey, reader_name
from edge.reviews.reviewed import ReviewedCells

READERS = ("Ada", "Ben")
LABELS = ("hem", "all", "unclear", "not a cell")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(READERS), st.none() | st.tuples(st.integers(0, 3), st.sampled_from(LABELS))
    ),
    max_size=12,
)
VALID = "SELECT reader, idx, label FROM valid_reviews"


@settings(deadline=None, max_examples=10)
@given(STEPS)
def test_what_counts_is_the_last_review_of_each_reader_that_was_not_undone(
    steps: list[tuple[str, tuple[int, str] | None]],
) -> None:
    """A step is a review, or an undo of the reader's last one that stands."""
    with tempfile.TemporaryDirectory() as folder:
        database, reviewed = database_in(Path(folder)), ReviewedCells(1)
        stands: dict[str, list[tuple[int, str]]] = {reader: [] for reader in READERS}
        for reader, said in steps:
            if said is not None:
                add_reviews(database, [review(said[0], said[1], reader)])
                stands[reader].append(said)
            else:
                expected = CellKey(1, stands[reader].pop()[0]) if stands[reader] else None
                assert undo_last(database, reader) == expected
            readers = {i: {r for r, said in stands.items() if i in dict(said)} for i in range(4)}
            with database.reading() as connection:
                found = reviewed.look(connection)
            assert found.cells == {i for i, who in readers.items() if who}
            assert found.once == {i: next(iter(who)) for i, who in readers.items() if len(who) == 1}
        counts = {(reader, *said) for reader in READERS for said in dict(stands[reader]).items()}
        assert set(query(database.path, VALID)) == counts


def test_a_review_says_who_when_and_what_was_shown(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [review(3, "all", blind=True, audit_probability=0.25)])
    ((time, *rest),) = query(
        database.path, "SELECT time, reader, label, blind, audit_probability, shown FROM reviews"
    )
    assert str(time).startswith("20")
    assert str(time).endswith("Z")
    assert rest == ["Ada", "all", 1, 0.25, '{"image_sha256": "00"}']


@pytest.mark.parametrize("change", ["UPDATE reviews SET label = 'hem'", "DELETE FROM reviews"])
def test_no_review_is_ever_changed_or_removed(tmp_path: Path, change: str) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [review(0, "all")])
    with (
        contextlib.closing(sqlite3.connect(database.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="reviews are only added"),
    ):
        connection.execute(change)


def test_an_undone_review_is_still_to_be_read(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [review(0, "all")])
    undo_last(database, "Ada")
    assert query(database.path, "SELECT label, undoes FROM reviews") == [("all", None), (None, 1)]


def test_a_review_of_no_cell_is_refused_with_all_that_came_with_it(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    with pytest.raises(ReviewRefused, match="load the page again"):
        add_reviews(database, [review(0, "all"), review(999, "all")])
    assert query(database.path, "SELECT count(*) FROM reviews") == [(0,)]


def test_reviews_are_on_the_disk_when_they_are_taken(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    with database.writing() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_who_looks_changes_nothing(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    with pytest.raises(OutputFailed, match="readonly"), database.reading() as connection:
        connection.execute("DELETE FROM results")


def test_what_is_no_results_database_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoInputs, match=r"edge-all classify CROPS --out .*none\.db"):
        ReviewDatabase(tmp_path / "none.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(NoInputs, match="a database of another program"):
        ReviewDatabase(tmp_path / "theirs.db")


def waiting(database: ReviewDatabase, queue: str, reader: str, drawn: DrawnCells) -> list[int]:
    """Cells as they come to a reader who calls each healthy."""
    run, found = last_run(database), []
    while True:
        with database.reading() as connection:
            count = count_waiting(connection, run, drawn, reader).of(queue)
            cell = next_cell(connection, run, drawn, queue, reader)
        assert (cell is None) == (count == 0)
        if cell is None:
            return found
        found.append(cell.index)
        chance = drawn.rule.probability if queue == AUDIT else None
        add_reviews(
            database, [review(0, "hem", reader, cell, queue=queue, audit_probability=chance)]
        )


def test_what_is_referred_waits_the_least_sure_first_and_once(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    referred = query(
        database.path,
        "SELECT idx FROM results WHERE decision = 'refer' ORDER BY abs(p_leukemia - 0.5), idx",
    )
    assert referred
    assert waiting(database, WAITING, "Ada", nobody_drawn()) == [index for (index,) in referred]
    assert waiting(database, WAITING, "Ben", nobody_drawn()) == []


def test_a_second_reader_is_shown_what_one_other_has_reviewed(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [review(index, "all") for index in (2, 5, 7)])
    assert waiting(database, SECOND, "Ada", nobody_drawn()) == []
    assert sorted(waiting(database, SECOND, "Ben", nobody_drawn())) == [2, 5, 7]
    assert waiting(database, SECOND, "Cem", nobody_drawn()) == []


def test_an_audit_shows_what_its_rule_draws_and_nothing_else(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    rule = set_audit_rule(database, 1, 0.5, seed=3)
    assert set_audit_rule(database, 1, 0.9, seed=4) == rule == AuditRule(1, 3, 0.5)
    drawn = [index for index in range(CELLS) if rule.draws(index)]
    assert 0 < len(drawn) < CELLS
    assert waiting(database, AUDIT, "Ada", DrawnCells(rule)) == sorted(drawn, key=rule.place)


def test_a_cell_that_somebody_has_before_them_comes_last(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    run = last_run(database)
    with database.reading() as connection:
        first = next_cell(connection, run, nobody_drawn(), WAITING, "Ada")
        assert first is not None
        second = next_cell(connection, run, nobody_drawn(), WAITING, "Ben", {first})
    assert second not in (None, first)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 50), st.floats(0.05, 0.95))
def test_a_rule_draws_its_share_and_more_of_it_draws_the_same_and_more(
    seed: int, run_id: int, share: float
) -> None:
    rule, more = AuditRule(run_id, seed, share), AuditRule(run_id, seed, min(share + 0.05, 1.0))
    drawn = {index for index in range(2000) if rule.draws(index)}
    spread = (share * (1 - share) / 2000) ** 0.5
    assert abs(len(drawn) / 2000 - share) < 6 * spread
    assert drawn <= {index for index in range(2000) if more.draws(index)}


def test_answers_are_the_labels_of_the_contract_and_two_more() -> None:
    two = Contract(70, make_labels(["hem", "all"], "all", ["healthy", "leukemia"]), "all")
    assert [(choice.key, choice.words) for choice in choices_of(two)] == [
        ("1", "healthy"),
        ("2", "leukemia"),
        ("u", "unclear"),
        ("n", "not a cell"),
    ]
    many = choices_of(Contract(70, make_labels([f"kind {n}" for n in range(60)])))
    keys = [choice.key for choice in many if choice.key]
    assert len(many) == 62
    assert len(keys) == len(set(keys))
    assert "z" not in keys


@pytest.mark.parametrize(
    ("typed", "name"),
    [(" Ada  Lovelace ", "Ada Lovelace"), ("", ""), ("a\x00b", ""), ("x" * 61, "")],
)
def test_a_reader_has_a_name_that_can_be_read(typed: str, name: str) -> None:
    assert reader_name(typed) == name
