"""The results database: its schema, its runs, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from databases import query
from sink_helpers import COLUMNS, RUN, begun, database_rows, file_size_limit, results, resume, take

from edge.errors import OutputFailed, ResumeRefused
from edge.sinks.database import Database
from edge.sinks.outputs import Outputs
from edge.sinks.schema import APPLICATION_ID, SCHEMA_VERSION

DOCUMENT = Path(__file__).parents[3] / "docs" / "results-database.md"
LATER = ("um_per_pixel", "cell_area", "p_hem", "p_all")
TABLES = {
    "models": ["sha256", "network", "metadata"],
    "runs": [
        "id",
        "started",
        "finished",
        "command",
        "sources",
        "edge_all",
        "runtime",
        "machine",
        "threads",
        "model_sha256",
    ],
    "results": [
        "run_id",
        *("idx" if column == "index" else column for column in COLUMNS if column not in LATER),
        "superseded_by",
        *LATER,
    ],
    "crops": ["run_id", "idx", "png"],
    "audits": ["run_id", "seed", "probability", "time"],
    "controls": ["id", "label", "sha256", "png", "added"],
    "reviews": [
        *("id", "time", "reader", "run_id", "idx", "control_id", "label", "undoes"),
        *("queue", "blind", "audit_probability", "shown"),
    ],
    "drift_reports": ["id", "created", "model_sha256", "has_failed", "report"],
}


def write(path: Path, n: int, run: object = RUN) -> None:
    with begun(Database(path, run)) as database:  # type: ignore[arg-type]
        for each in results(n):
            database.write(each)


def execute(path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


def test_a_result_is_a_row_with_the_columns_of_every_result_file(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 20)
    assert database_rows(tmp_path / "r.db") == [each.row() for each in results(20)]


def test_the_schema_is_version_6_with_these_tables(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 1)
    for table, columns in TABLES.items():
        assert [
            row[1] for row in query(tmp_path / "r.db", f"PRAGMA table_info({table})")
        ] == columns
    assert query(tmp_path / "r.db", "PRAGMA user_version") == [(6,)] == [(SCHEMA_VERSION,)]
    assert query(tmp_path / "r.db", "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert query(tmp_path / "r.db", "PRAGMA journal_mode") == [("wal",)]


def test_the_document_names_every_table_and_column() -> None:
    words = set(re.findall(r"`(\w+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert words >= {name for table, columns in TABLES.items() for name in (table, *columns)}


def test_the_queries_of_the_document_run(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 200)
    write(tmp_path / "r.db", 200)
    execute(
        tmp_path / "r.db",
        "UPDATE results SET decision = 'refer' WHERE run_id = 2 AND error IS NULL",
    )
    queries = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) >= 5
    for text in queries:
        assert query(tmp_path / "r.db", text)


def test_a_run_says_with_what_and_when_it_was_made(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 1)
    ((number, started, finished, *facts),) = query(tmp_path / "r.db", "SELECT * FROM runs")
    assert number == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(started))
    assert str(finished) >= str(started)
    assert facts == [
        "edge-all classify crops",
        '["crops"]',
        "0.1.0",
        "ai-edge-litert 2.3.0",
        "bench, some processor",
        2,
        "0123abcd",
    ]
    ((sha256, network, metadata),) = query(tmp_path / "r.db", "SELECT * FROM models")
    assert (sha256, network) == ("0123abcd", "cnn")
    assert json.loads(str(metadata))["refer_band"]


def test_a_second_run_is_added_to_the_first(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 5)
    write(tmp_path / "r.db", 3, replace(RUN, model_sha256="feed"))
    assert len(database_rows(tmp_path / "r.db", 1)) == 5
    assert len(database_rows(tmp_path / "r.db", 2)) == 3
    assert query(tmp_path / "r.db", "SELECT count(*) FROM models") == [(2,)]


def test_two_runs_may_write_at_the_same_time(tmp_path: Path) -> None:
    with (
        begun(Database(tmp_path / "r.db", RUN)) as one,
        begun(Database(tmp_path / "r.db", RUN)) as other,
    ):
        for each in results(50):
            one.write(each)
            other.write(each)
            one.flush()
            other.flush()
    for run_id in (1, 2):
        assert database_rows(tmp_path / "r.db", run_id) == [each.row() for each in results(50)]


def test_others_read_what_was_flushed_while_the_run_goes_on(tmp_path: Path) -> None:
    with begun(Database(tmp_path / "r.db", RUN)) as database:
        for each in results(2):
            database.write(each)
            database.flush()
            database.sync()
            assert len(database_rows(tmp_path / "r.db")) == each.index + 1
        assert query(tmp_path / "r.db", "SELECT finished FROM runs") == [(None,)]


def test_a_killed_process_leaves_what_was_flushed_and_no_end(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path[:0] = {[str(ROOT / "tests" / "helpers"), str(ROOT)]!r}
from pathlib import Path
from sink_helpers import COLUMNS, RUN, results
from edge.sinks.database import Database
from edge.sinks.schema import APPLICATION_ID, SCHEMA_VERSION
database = Database(Path(sys.argv[1]), RUN)
database.begin()
for each in results(30):
    database.write(each)
    if each.index == 19:
        database.flush()
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r.db")])
    assert done.returncode == -9
    assert len(database_rows(tmp_path / "r.db")) == 20
    assert query(tmp_path / "r.db", "SELECT finished FROM runs") == [(None,)]
    assert resume([tmp_path / "r.db"], results(30)) == list(range(20, 30))
    assert database_rows(tmp_path / "r.db") == [each.row() for each in results(30)]
    assert query(tmp_path / "r.db", "SELECT count(*), count(finished) FROM runs") == [(1, 1)]


def test_resume_goes_on_with_the_last_run(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 5)
    write(tmp_path / "r.db", 3)
    assert resume([tmp_path / "r.db"], results(6)) == [3, 4, 5]
    assert len(database_rows(tmp_path / "r.db", 1)) == 5
    assert len(database_rows(tmp_path / "r.db", 2)) == 6


@pytest.mark.parametrize("made", [False, True], ids=["no file", "no run in it"])
def test_resume_starts_a_run_where_there_is_none(tmp_path: Path, made: bool) -> None:
    if made:
        write(tmp_path / "r.db", 0)
        execute(tmp_path / "r.db", "DELETE FROM runs")
    assert resume([tmp_path / "r.db"], results(4)) == [0, 1, 2, 3]
    assert len(database_rows(tmp_path / "r.db")) == 4


@pytest.mark.parametrize(
    "run",
    [replace(RUN, sources=("others",)), replace(RUN, model_sha256="feed")],
    ids=["sources", "model"],
)
def test_resume_refuses_a_run_of_other_sources_or_another_model(
    tmp_path: Path, run: object
) -> None:
    write(tmp_path / "r.db", 2)
    with pytest.raises(ResumeRefused, match=r"its last run, 1, had other sources or another model"):
        Outputs([tmp_path / "r.db"], run, resume=True)  # type: ignore[arg-type]
    assert query(tmp_path / "r.db", "SELECT count(*) FROM runs") == [(1,)]


def test_a_result_is_there_once_or_the_run_ends(tmp_path: Path) -> None:
    with begun(Database(tmp_path / "r.db", RUN)) as database:
        database.write(results(1)[0])
        database.flush()
        database.write(results(1)[0])
        with pytest.raises(OutputFailed, match="UNIQUE constraint failed"):
            database.flush()
    assert len(database_rows(tmp_path / "r.db")) == 1


def test_a_gap_in_the_results_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 5)
    execute(tmp_path / "r.db", "DELETE FROM results WHERE idx = 2")
    with Outputs([tmp_path / "r.db"], RUN, resume=True) as outputs:
        assert [take(outputs, each) is None for each in results(2)] == [False, False]
        with pytest.raises(ResumeRefused, match=r"its result 3 is of .* input 2 of this run is"):
            take(outputs, results(3)[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("PRAGMA user_version = 7", "has results of schema 7, this edge-all writes 6"),
        ("PRAGMA application_id = 12", "is a database of another program"),
    ],
    ids=["schema", "program"],
)
def test_a_foreign_database_is_refused_by_name_and_not_changed(
    tmp_path: Path, change: str, message: str
) -> None:
    path = tmp_path / "r.db"
    execute(path, f"CREATE TABLE theirs (x); PRAGMA application_id = {APPLICATION_ID}; {change}")
    before = path.read_bytes()
    with pytest.raises(OutputFailed, match=f"r.db {message}"):
        Database(path, RUN)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_text("no database" * 100)
    with pytest.raises(OutputFailed, match="file is not a database; name another file"):
        Database(tmp_path / "r.db", RUN)
    assert (tmp_path / "r.db").read_text() == "no database" * 100


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "r.db").touch()
    write(tmp_path / "r.db", 2)
    assert len(database_rows(tmp_path / "r.db")) == 2


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="unable to open database file; check the folder"):
        Outputs([tmp_path / "missing" / "r.db"], RUN)


def test_a_disk_that_fills_up_leaves_whole_batches(tmp_path: Path) -> None:
    batch, done = 50, 0
    some = results(5000)
    with file_size_limit(250_000):
        database = Database(tmp_path / "r.db", RUN)
        database.begin()
        with pytest.raises(OutputFailed, match=r"disk I/O error|disk is full"):  # noqa: PT012
            while True:
                for each in some[done : done + batch]:
                    database.write(each)
                database.flush()
                done += batch
        with contextlib.suppress(OutputFailed):  # no room for the end of the run either
            database.__exit__(OutputFailed, OutputFailed("full"), None)
    assert done > 0
    assert database_rows(tmp_path / "r.db") == [each.row() for each in some[:done]]
    assert query(tmp_path / "r.db", "PRAGMA integrity_check") == [("ok",)]
    assert resume([tmp_path / "r.db"], some[: done + 10]) == list(range(done, done + 10))


def test_two_resumes_of_one_database_are_told_of_each_other(tmp_path: Path) -> None:
    write(tmp_path / "r.db", 3)
    with begun(Database(tmp_path / "r.db", RUN, resume=True)):
        with pytest.raises(OutputFailed, match="another run is writing it; wait for it, or name"):
            Database(tmp_path / "r.db", RUN, resume=True)
        write(tmp_path / "r.db", 2)  # runs may be added
    assert len(database_rows(tmp_path / "r.db", 2)) == 2
    with begun(Database(tmp_path / "r.db", RUN, resume=True)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["r.db"]


def test_a_run_that_is_being_written_is_not_resumed(tmp_path: Path) -> None:
    with (
        begun(Database(tmp_path / "r.db", RUN)),
        pytest.raises(OutputFailed, match="another run is writing it"),
    ):
        Database(tmp_path / "r.db", RUN, resume=True)


@pytest.mark.parametrize("page", range(2, 9))
def test_a_damaged_page_is_found_before_a_run_goes_on(tmp_path: Path, page: int) -> None:
    path = tmp_path / "r.db"
    write(path, 100)
    before = bytearray(path.read_bytes())
    before[(page - 1) * 4096 : (page - 1) * 4096 + 600] = b"\xa5" * 600
    path.write_bytes(before)
    with pytest.raises((OutputFailed, ResumeRefused), match=r"damaged|malformed.*recover"):
        resume([path], results(120))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", ["decision = 'healthz'", "p_leukemia = 'much'", "file = x'ff'", "logit_all = 9e999"]
)
def test_a_row_that_is_no_result_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    write(tmp_path / "r.db", 3)
    with contextlib.closing(sqlite3.connect(tmp_path / "r.db")) as connection:
        connection.execute(f"UPDATE results SET {damage} WHERE idx = 1")
        connection.commit()
    with pytest.raises(ResumeRefused, match=r"r\.db cannot be resumed: "):
        resume([tmp_path / "r.db"], results(5))


def test_a_locked_database_is_waited_for_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sinks.schema.PATIENCE", 0.3)
    write(tmp_path / "r.db", 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "r.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputFailed, match="locked; another program is writing it: wait for"):
            Outputs([tmp_path / "r.db"], RUN)
