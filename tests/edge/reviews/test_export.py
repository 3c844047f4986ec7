"""Reviewed cells as labelled crops: which are written, which are not, and why."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from command_helpers import edge_all
from databases import query
from hypothesis import given, settings
from hypothesis import strategies as st
from review_helpers import database_in, last_run, review

from edge.decoding.decode import decode
from edge.fields.drawn import draw_field
from edge.fields.overlay import as_png
from edge.reviews.book import add_reviews
from edge.reviews.database import ReviewDatabase, result_of
from edge.reviews.export import LEFT_OUT, LIST, subject_of
from edge.reviews.images import cell_image, kept_crop
from edge.reviews.review import CellKey, Review, Shown


def reviewed(database: ReviewDatabase, index: int, label: str, reader: str = "Ada") -> Review:
    """A review of a cell as it is shown."""
    cell = CellKey(1, index)
    with database.reading() as connection:
        result = result_of(connection, last_run(database), cell)
        assert result is not None
        image = cell_image(connection, cell, result)
    return review(index, label, reader, shown=Shown(image.sha256))


def test_a_cell_lies_where_training_looks_for_it(tmp_path: Path) -> None:
    database, out = database_in(tmp_path), tmp_path / "labelled"
    add_reviews(
        database,
        [
            *(reviewed(database, 0, "all"), reviewed(database, 0, "all", "Ben")),
            *(reviewed(database, 1, "hem"), reviewed(database, 13, "hem")),
        ],
    )
    done = edge_all("export", database.path, "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 cells of 2 smears: 1 all, 2 hem\n")
    assert done.stderr == ""
    rows = [*csv.DictReader((out / LIST).read_text().splitlines())]
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert {row["file"] for row in rows} == files
    assert [(row["label"], row["index"], row["readers"]) for row in rows] == [
        ("all", "0", "Ada; Ben"),
        ("hem", "1", "Ada"),
        ("hem", "13", "Ada"),
    ]
    smears = {row["subject"] for row in rows}
    assert len(smears) == 2
    assert all(row["file"].split("/")[:2] == [row["label"], row["subject"]] for row in rows)
    source = query(database.path, "SELECT file FROM results WHERE idx = 13")[0][0]
    pixels = decode(Path(str(source)).read_bytes())
    assert (decode((out / rows[2]["file"]).read_bytes()) == pixels).all()


def test_what_is_left_out_is_counted_with_the_reason(tmp_path: Path) -> None:
    database, out = database_in(tmp_path), tmp_path / "labelled"
    disagreed = [reviewed(database, 3, "all"), reviewed(database, 3, "hem", "Ben")]
    changed = replace(reviewed(database, 4, "all"), shown=Shown("other pixels"))
    add_reviews(
        database,
        [
            *(reviewed(database, 0, "all"), reviewed(database, 1, "unclear")),
            *(reviewed(database, 2, "not a cell"), *disagreed, changed),
        ],
    )
    done = edge_all("export", database.path, "--out", out)
    assert done.stdout.startswith("1 cells of 1 smears: 1 all\n")
    assert set(done.stderr.splitlines()) == {
        f"1 left out: {LEFT_OUT[why]}" for why in ("unclear", "not a cell", "readers", "changed")
    }


def test_cells_of_a_field_come_as_the_network_was_shown_them(tmp_path: Path) -> None:
    (tmp_path / "field.png").write_bytes(as_png(draw_field(1).rgb))
    results = tmp_path / "results.db"
    arguments = ("classify", tmp_path / "field.png", "--fields", "--out", results)
    assert edge_all(*arguments, "--keep-crops").exit_code in (0, 1, 3)
    database = ReviewDatabase(results)
    (index,) = query(results, "SELECT min(idx) FROM results WHERE decision IS NOT NULL")[0]
    assert isinstance(index, int)
    add_reviews(database, [reviewed(database, index, "all")])
    with database.reading() as connection:
        kept = kept_crop(connection, CellKey(1, index))
        result = result_of(connection, last_run(database), CellKey(1, index))
        assert result is not None
        shown = cell_image(connection, CellKey(1, index), result)
    assert kept is not None
    assert kept.rgb.shape == (70, 70, 3)
    assert shown.rgb.shape != kept.rgb.shape  # with what lies around it
    assert edge_all("export", results, "--out", tmp_path / "labelled").exit_code == 0
    (file,) = (tmp_path / "labelled").rglob("*.png")
    assert (decode(file.read_bytes()) == kept.rgb).all()


def test_a_folder_with_earlier_labels_is_not_written_into(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    add_reviews(database, [reviewed(database, 0, "all")])
    (tmp_path / "labelled").mkdir()
    (tmp_path / "labelled" / "old").touch()
    done = edge_all("export", database.path, "--out", tmp_path / "labelled")
    assert done.exit_code == 2
    assert "it is not empty" in done.stderr


def test_without_a_label_nothing_is_written(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    done = edge_all("export", database.path, "--out", tmp_path / "labelled")
    assert done.exit_code == 2
    assert "no reviewed cell to train on (no review); review some with edge-all serve" in (
        done.stderr
    )
    assert not (tmp_path / "labelled").exists()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_no_two_smears_share_a_folder_and_none_leaves_it(smears: list[str]) -> None:
    names = [subject_of(smear) for smear in smears]
    assert len(set(names)) == len(smears)
    assert all(name and name[0] != "." and set(name) <= ALLOWED for name in names)


ALLOWED = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
