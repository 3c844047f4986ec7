"""The unattended loop, as a process: killed, without a camera, on a full disk, asked for smears."""

from __future__ import annotations

import resource
from collections import Counter
from pathlib import Path

import pytest
from edge_helpers import encoded, write_cells
from service_helpers import ENDLESS, Manager, query, service, wait_until

from edge.fields.drawn import draw_field
from edge.reviews.database import ReviewDatabase
from edge.reviews.smears import ask_for_smear

_CELLS_OF_SMEARS = """
SELECT smear_id, count(*) FROM results LEFT JOIN smear_spans ON smear_spans.run_id = results.run_id
  AND idx >= first_idx AND idx < coalesce(end_idx, 1e18) GROUP BY 1
"""


def samples(database: Path) -> list[object]:
    return [sample for (sample,) in query(database, "SELECT sample FROM results ORDER BY rowid")]


def test_what_was_committed_before_kill_9_is_there_once_and_the_smear_goes_on(
    tmp_path: Path,
) -> None:
    database = tmp_path / "r.db"
    with service(ENDLESS, database) as first:
        first.wait_for_rows(15)
        acknowledged = samples(database)
        first.process.kill()
        first.process.wait()
    with service(ENDLESS, database) as second:
        second.wait_for_rows(10)
        assert second.end() == 0
        wait_until(lambda: any("smear 1:" in line for line in second.shown))
    found = Counter(samples(database))
    assert set(acknowledged) <= set(found)
    assert set(found.values()) == {1}
    (smear,) = query(database, "SELECT id, finished IS NOT NULL, cells FROM smears")
    assert smear[1] == 1
    assert query(database, _CELLS_OF_SMEARS) == [(1, len(found))]  # of two runs, none lost
    assert query(database, "SELECT count(*) FROM runs") == [(2,)]


@pytest.mark.slow
def test_a_smear_of_long_ago_is_summed_up_by_the_next_start(tmp_path: Path) -> None:
    database = tmp_path / "r.db"
    with service(ENDLESS, database) as first:
        first.wait_for_rows(3)
    with service(ENDLESS, database, "--smear-gap", "1ms") as second:
        second.wait_for_rows(3)
        assert any("smear 1:" in line for line in second.shown)
    assert query(database, "SELECT finished IS NOT NULL FROM smears WHERE id = 1") == [(1,)]


def test_the_manager_hears_of_frames_that_are_stored_and_of_a_camera_that_is_away(
    tmp_path: Path,
) -> None:
    database, manager = tmp_path / "r.db", Manager(tmp_path / "notify")
    source = f"{ENDLESS},frames=14,disconnect=8,away=1.2"
    try:
        with service(source, database, notify=str(manager.path)) as running:
            wait_until(lambda: "READY=1" in manager.told, running)
            assert running.rows() > 0  # only then
            wait_until(lambda: "STOPPING=1" in manager.told)
    finally:
        manager.close()
    before = manager.told[: manager.told.index("READY=1")]
    assert all(
        line.startswith(("STATUS=waiting for the first frame", "WATCHDOG", "EXTEND_TIMEOUT"))
        for line in before
    )
    assert any(line.startswith("STATUS=waiting for the camera, ") for line in manager.told)
    (outage,) = [line for line in running.said if "waiting for the camera: over after" in line]
    assert 1.0 < float(outage.split(" after ")[1].split(" ")[0]) < 30
    assert query(database, "SELECT count(*) FROM results WHERE error IS NULL") == [(14,)]


def test_a_camera_that_never_comes_ends_the_wait_after_its_bound(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    try:
        source = f"{ENDLESS},disconnect=0,away=3600"
        with service(
            source, tmp_path / "r.db", "--longest-wait", "1s", notify=str(manager.path)
        ) as running:
            assert running.process.wait(60) == 1
            wait_until(lambda: any("for more than 1 s" in line for line in running.said))
            wait_until(lambda: "STOPPING=1" in manager.told)
    finally:
        manager.close()
    assert "READY=1" not in manager.told


def test_a_full_disk_is_waited_for_and_the_run_goes_on(tmp_path: Path) -> None:
    database, manager = tmp_path / "r.db", Manager(tmp_path / "notify")
    try:
        with service(ENDLESS, database, notify=str(manager.path)) as running:
            running.wait_for_rows(5)
            _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (512, hard))
            wait_until(lambda: any("trying again in" in line for line in running.said), running)
            acknowledged = samples(database)
            heard = len(manager.told)
            wait_until(
                lambda: any("waiting for the disk" in told for told in manager.told[heard:]),
                running,
            )
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            running.wait_for_rows(5)
            wait_until(lambda: any("the disk: over after" in line for line in running.said))
            assert running.end() == 0
    finally:
        manager.close()
    assert samples(database)[: len(acknowledged)] == acknowledged
    assert set(Counter(samples(database)).values()) == {1}
    assert any("results were not stored" in line for line in running.said)
    lost_and_found = query(database, _CELLS_OF_SMEARS)
    assert [smear for smear, _ in lost_and_found] == [1]


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_wait_after_its_bound(tmp_path: Path) -> None:
    with service(ENDLESS, tmp_path / "r.db", "--longest-wait", "2s") as running:
        running.wait_for_rows(2)
        _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (512, hard))
        assert running.process.wait(60) == 1
        wait_until(lambda: any("waiting for the disk for more" in line for line in running.said))


def test_a_smear_begins_at_a_key_and_when_the_page_asks(tmp_path: Path) -> None:
    database = tmp_path / "r.db"
    with service(ENDLESS, database, "--key") as running:
        running.wait_for_rows(3)
        assert ask_for_smear(ReviewDatabase(database), "of the page")
        wait_until(lambda: len(query(database, "SELECT * FROM smears")) == 2, running)
        assert running.process.stdin
        print("of the key", file=running.process.stdin, flush=True)
        wait_until(lambda: len(query(database, "SELECT * FROM smears")) == 3, running)
        running.wait_for_rows(3)
        assert running.end() == 0
    assert query(database, "SELECT name, begun_by FROM smears ORDER BY id") == [
        ("smear 1", "start"),
        ("of the page", "request"),
        ("of the key", "key"),
    ]
    assert query(database, "SELECT smear_id FROM smear_requests") == [(2,)]
    counts = query(database, _CELLS_OF_SMEARS)
    assert [smear for smear, _ in counts] == [1, 2, 3]
    assert all(cells for _, cells in counts)


def test_of_a_folder_each_file_is_there_once_after_kill_9_and_names_begin_smears(
    tmp_path: Path,
) -> None:
    folder, database = tmp_path / "cells", tmp_path / "r.db"
    folder.mkdir()
    cells = write_cells(folder, 8)
    for n, path in enumerate(cells):
        path.rename(folder / f"B{n // 4}-{path.name}")
    options = "--smear-from", "^(B[0-9])-"
    with service(str(folder), database, *options) as first:
        first.wait_for_rows(8)
        wait_until(lambda: len(query(database, "SELECT * FROM smears")) == 2, first)
    (folder / "B1-late.png").write_bytes(next(folder.iterdir()).read_bytes())
    with service(str(folder), database, *options) as second:
        second.wait_for_rows(1)
        assert second.end() == 0
    assert set(Counter(samples(database)).values()) == {1}
    assert len(samples(database)) == 9
    assert query(database, _CELLS_OF_SMEARS) == [(1, 4), (2, 5)]
    assert query(database, "SELECT name FROM smears") == [("B0",), ("B1",)]


def test_a_field_that_is_written_again_is_a_row_and_the_service_goes_on(tmp_path: Path) -> None:
    folder, database = tmp_path / "fields", tmp_path / "r.db"
    folder.mkdir()
    first, other = (encoded(draw_field(seed, 320, 240, cells=1).rgb) for seed in (1, 2))
    (folder / "a.png").write_bytes(first)
    with service(str(folder), database, images="") as running:
        running.wait_for_rows(1)
        before = running.rows()
        (folder / "a.png").write_bytes(other)
        wait_until(lambda: running.rows() == before + 1, running)
        (folder / "b.png").write_bytes(other)
        running.wait_for_rows(1)
        assert running.end() == 0
    wrong = "SELECT error FROM results WHERE error IS NOT NULL AND error <> 'no-cells'"
    assert query(database, wrong) == [("written-again",)]


def test_what_is_no_camera_and_no_folder_is_refused(tmp_path: Path) -> None:
    with service("nowhere", tmp_path / "r.db") as running:
        assert running.process.wait(60) == 2
        wait_until(lambda: any("no camera and no folder" in line for line in running.said))


@pytest.mark.slow
def test_two_services_do_not_write_one_database(tmp_path: Path) -> None:
    with service(ENDLESS, tmp_path / "r.db") as first:
        first.wait_for_rows(1)
        with service(ENDLESS, tmp_path / "r.db") as second:
            assert second.process.wait(60) == 2
            wait_until(lambda: any("another run is writing it" in line for line in second.said))
