"""What readers do on the pages, over a real socket: what is stored is what they were shown."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from databases import query
from review_helpers import CELLS, database_in
from served import reader_of, served

from edge.crops.drawn import write_samples
from edge.decoding.decode import decode
from edge.reviews.controls import add_controls
from edge.reviews.database import ReviewDatabase, run_of
from edge.reviews.review import CellKey
from edge.web.desk import Desk, Settings

REVIEWS = "SELECT reader, idx, label, undoes, queue, blind, audit_probability FROM reviews"


@pytest.fixture
def database(tmp_path: Path) -> ReviewDatabase:
    return database_in(tmp_path)


@pytest.fixture
def address(database: ReviewDatabase) -> Iterator[str]:
    with served(database) as found:
        yield found


def showing_on(page: httpx.Response) -> str:
    """Name of what a page shows."""
    found = re.search(r'name="showing" value="([\w-]+)"', page.text)
    assert found, page.text
    return found[1]


def load(client: httpx.Client, queue: str = "waiting") -> str:
    """Look at the next cell: the page, and its picture."""
    page = client.get("/review", params={"queue": queue})
    assert page.status_code == 200
    name = showing_on(page)
    picture = client.get(f"/images/{name}")
    assert picture.headers["content-type"] == "image/png"
    return name


def say(client: httpx.Client, name: str, label: str) -> httpx.Response:
    return client.post("/review", data={"showing": name, "label": label})


def test_a_review_is_stored_with_what_was_shown(database: ReviewDatabase, address: str) -> None:
    with reader_of(address) as ada:
        name = load(ada)
        picture = decode(ada.get(f"/images/{name}").content)
        assert say(ada, name, "all").headers["location"] == "/review?run=1&queue=waiting"
        assert load(ada) != name
    (row,) = query(database.path, REVIEWS)
    assert (row[0], *row[2:]) == ("Ada", "all", None, "waiting", 0, None)
    ((shown,),) = query(database.path, "SELECT shown FROM reviews")
    expected = query(
        database.path,
        f"SELECT decision, p_leukemia, model_sha256 FROM results WHERE idx = {row[1]}",
    )
    found = json.loads(str(shown))
    assert [(found["decision"], found["probability"], found["model_sha256"])] == expected
    height, width = picture.shape[:2]
    pixels = f"{height},{width}:".encode() + picture.tobytes()
    assert found["image_sha256"] == hashlib.sha256(pixels).hexdigest()


def test_every_waiting_cell_comes_once(database: ReviewDatabase, address: str) -> None:
    ((waiting,),) = query(database.path, "SELECT count(*) FROM results WHERE decision = 'refer'")
    assert isinstance(waiting, int)
    with reader_of(address) as ada:
        for _ in range(waiting):
            say(ada, load(ada), "unclear")
        assert "Nothing waits here" in ada.get("/review").text
    ((cells,),) = query(database.path, "SELECT count(DISTINCT idx) FROM valid_reviews")
    assert cells == waiting


def test_an_undo_takes_the_last_review_back_and_shows_its_cell(
    database: ReviewDatabase, address: str
) -> None:
    with reader_of(address) as ada:
        say(ada, load(ada), "hem")
        ((index,),) = query(database.path, "SELECT idx FROM reviews")
        answer = ada.post("/undo", data={"run": "1", "queue": "waiting"})
        assert answer.headers["location"] == (
            f"/review?queue=waiting&run=1&index={index}&said=undone"
        )
        assert "Taken back." in ada.get(answer.headers["location"]).text
    assert query(database.path, "SELECT count(*) FROM valid_reviews") == [(0,)]
    assert query(database.path, "SELECT count(*) FROM reviews") == [(2,)]


def test_a_cell_is_answered_once_and_only_when_its_picture_was_fetched(
    database: ReviewDatabase, address: str
) -> None:
    with reader_of(address) as ada, reader_of(address, "Ben") as ben:
        unseen = showing_on(ada.get("/review"))
        assert "said=stale" in say(ada, unseen, "hem").headers["location"]
        seen = load(ada)
        assert "said=stale" in say(ben, seen, "hem").headers["location"]  # it is Ada's
        assert "said" not in say(ada, seen, "hem").headers["location"]
        assert "said=stale" in say(ada, seen, "all").headers["location"]  # the key was hit twice
        assert say(ada, load(ada), "lymphoma").status_code == 400
        assert "said=stale" in say(ada, "no-such-showing", "all").headers["location"]
    assert len(query(database.path, REVIEWS)) == 1


def test_blind_pages_say_nothing_of_the_network_nor_the_file(
    database: ReviewDatabase, address: str
) -> None:
    with reader_of(address) as ada, reader_of(address, "Ben", blind=True) as ben:
        for client, is_there in ((ada, True), (ben, False)):
            text = client.get("/review").text
            assert ("cell-0" in text) == ("p(leukemia)" in text) == is_there
        say(ben, load(ben), "hem")
    assert query(database.path, "SELECT blind, shown LIKE '%decision%' FROM reviews") == [(1, 0)]


def answer_all(client: httpx.Client, queue: str) -> None:
    """Call all cells of a queue healthy."""
    for _ in range(CELLS):
        if "Nothing waits" in client.get("/review", params={"queue": queue}).text:
            return
        say(client, load(client, queue), "hem")


def test_the_audit_is_blind_and_its_cells_wait_nowhere_else(database: ReviewDatabase) -> None:
    half = Settings(audit=0.5, control_share=0, seed=1)
    with served(database, half) as address, reader_of(address) as ada:
        answer_all(ada, "waiting")
        assert "Blind" in ada.get("/review", params={"queue": "audit"}).text
        answer_all(ada, "audit")
        assert "<b>0</b> waiting" in ada.get("/review").text
    rows = query(
        database.path,
        "SELECT queue, audit_probability, blind, count(*) FROM reviews GROUP BY queue, 2, 3",
    )
    assert [row[:3] for row in rows] == [("audit", 0.5, 1), ("waiting", None, 0)]
    unseen = "decision = 'refer' AND idx NOT IN (SELECT idx FROM reviews)"
    assert query(database.path, f"SELECT count(*) FROM results WHERE {unseen}") == [(0,)]


def test_control_cells_look_like_others_and_are_no_results(
    database: ReviewDatabase, tmp_path: Path
) -> None:
    for path in write_samples(tmp_path / "controls", 2):
        (tmp_path / "controls" / "all").mkdir(exist_ok=True)
        path.rename(tmp_path / "controls" / "all" / path.name)
    add_controls(database, tmp_path / "controls")
    with (
        served(database, Settings(audit=0, control_share=1.0)) as address,
        reader_of(address, "Ben", blind=True) as ben,
    ):
        control = ben.get("/review").text
        for _ in range(3):
            say(ben, load(ben), "all")
        cell = ben.get("/review").text
        history, agreement = ben.get("/history").text, ben.get("/agreement").text
    rows = query(database.path, "SELECT reader, run_id, control_id FROM reviews ORDER BY id")
    assert [row[2] is not None for row in rows] == [True, True, False]
    hidden = re.compile(r'[\w-]{16}(?=")|<b>\d+</b>')
    assert hidden.sub("", control) == hidden.sub("", cell)
    assert history.count("Ben") == 2  # the header, and one review
    assert "<td>2</td><td>2</td>" in agreement


def test_controls_hide_among_cells_whose_answer_is_left_out(
    database: ReviewDatabase, tmp_path: Path
) -> None:
    write_samples(tmp_path / "controls" / "hem", 2)
    add_controls(database, tmp_path / "controls")
    numbers = iter((0.2, 0.05, 0.4, 0.05, 0.6, 0.0))  # not now; a cell without answer; a control
    desk = Desk(database, Settings(audit=0, control_share=0.1), lambda: next(numbers))
    with database.reading() as connection:
        run = run_of(connection)
        assert run is not None
        laid = [desk.lay(connection, run, "waiting", "Ada", wants_blind=False) for _ in range(3)]
    shown = [(each.showing.blind, isinstance(each.showing.item, CellKey)) for each in laid if each]
    assert shown == [(False, True), (True, True), (True, False)]


def test_many_cells_at_once_are_those_whose_pictures_were_fetched(
    database: ReviewDatabase, address: str
) -> None:
    with reader_of(address) as ada:
        names = re.findall(r'name="showing" value="([\w-]+)"', ada.get("/cells").text)
        assert len(names) > 3
        for name in names[:3]:
            ada.get(f"/images/{name}")
        answer = ada.post("/cells", data={"showing": names, "label": "hem", "run": "1"})
        assert answer.headers["location"] == "/cells?run=1&taken=3"
    assert query(database.path, "SELECT count(*), count(DISTINCT idx) FROM reviews") == [(3, 3)]


def test_cells_without_a_picture_are_passed_over_and_said(
    database: ReviewDatabase, address: str
) -> None:
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("DELETE FROM crops")
        connection.execute("UPDATE results SET file = 'gone.png' WHERE idx % 2")
    with reader_of(address) as ada:
        for _ in range(CELLS):
            page = ada.get("/review")
            if "Nothing waits" in page.text:
                break
            say(ada, load(ada), "hem")
        assert "cells have no picture any more" in ada.get("/review").text
    assert query(database.path, "SELECT count(*) FROM reviews WHERE idx % 2") == [(0,)]


def test_events_tell_of_each_change(database: ReviewDatabase, address: str) -> None:
    field = database.path.with_name(f"{database.path.name}.live.jpg")
    with reader_of(address) as ada, httpx.stream("GET", f"{address}/events", timeout=20) as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        states = (json.loads(line[6:]) for line in events.iter_lines() if line[:6] == "data: ")
        first = next(states)
        assert first["field"] == "0"
        say(ada, load(ada), "hem")
        second = next(states)
        assert second["counts"]["queue waiting"] == first["counts"]["queue waiting"] - 1
        field.write_bytes(b"\xff\xd8 a field")
        assert next(states)["field"] != "0"
        assert ada.get("/live.jpg").content == field.read_bytes()


def test_a_database_without_a_run_has_a_page(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    with closing(sqlite3.connect(database.path)) as connection, connection:
        for table in ("crops", "results", "runs"):
            connection.execute(f"DELETE FROM {table}")
    with served(database) as address, reader_of(address) as ada:
        assert "No run has written" in ada.get("/").text
        assert ada.get("/review").status_code == ada.get("/agreement").status_code == 404


def test_a_reader_gives_a_name_first(address: str) -> None:
    with httpx.Client(base_url=address) as nobody:
        assert nobody.get("/review").headers["location"] == "/"
        answer = nobody.post("/reader", data={"reader": "\x00"}, headers={"origin": address})
        assert answer.status_code == 400


def test_what_cannot_be_stored_is_said_and_may_be_said_again(
    database: ReviewDatabase, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sinks.schema.PATIENCE", 0.2)
    with reader_of(address) as ada:
        name = load(ada)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # somebody else writes, for long
            answer = say(ada, name, "hem")
            assert answer.status_code == 503
            assert "another program is writing it" in answer.text
            other.execute("ROLLBACK")
        assert say(ada, name, "hem").status_code == 303
    assert len(query(database.path, REVIEWS)) == 1
