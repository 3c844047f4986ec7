"""The pages in a real browser: by keyboard, on a phone, with names that would like to be markup."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import needs_browser
from databases import query
from driven_browser import Page, driven_page
from review_helpers import classified, database_in
from served import NOTHING_DRAWN, served

from edge.fields.drawn import draw_field
from edge.reviews.database import ReviewDatabase
from edge.service.live_field import live_field_of

pytestmark = needs_browser

MARKUP = "<img src=x onerror=alert(1)><svg onload=alert(2)>&amp;\"'.png"
READY = "document.readyState === 'complete' && !document.querySelector('.choices button').disabled"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with driven_page() as found:
        yield found


@pytest.fixture
def database(tmp_path: Path) -> ReviewDatabase:
    return database_in(tmp_path)


@pytest.fixture
def address(database: ReviewDatabase) -> Iterator[str]:
    with served(database, NOTHING_DRAWN) as found:
        yield found


def begin(page: Page, address: str) -> None:
    """Give a name, by keyboard, and go to what waits."""
    page.open("about:blank")  # no page of an earlier server listens any more
    page.problems.clear()
    page.open(f"{address}/")
    page.run("document.querySelector('[name=reader]').focus()")
    page.run("document.querySelector('[name=reader]').value = ''")
    page.type("Ada")
    page.follow("Enter")
    assert page.run("document.querySelector('.reader').textContent") == "Ada"


def test_a_cell_is_reviewed_and_undone_by_keyboard_alone(
    page: Page, database: ReviewDatabase, address: str
) -> None:
    begin(page, address)
    page.open(f"{address}/review")
    page.wait_for(READY)
    first = page.run("document.querySelector('img.cell').src")
    page.follow("2")
    page.wait_for(f"{READY} && document.querySelector('img.cell').src !== '{first}'")
    assert query(database.path, "SELECT reader, label FROM reviews") == [("Ada", "all")]
    page.follow("z")
    assert page.run("document.querySelector('.said').textContent") == "Taken back."
    assert query(database.path, "SELECT count(*) FROM valid_reviews") == [(0,)]
    page.wait_for(READY)
    page.follow("u")
    assert query(database.path, "SELECT label FROM valid_reviews") == [("unclear",)]
    assert page.problems == []


def test_what_is_looked_at_and_what_waits_arrive_by_themselves(
    page: Page, database: ReviewDatabase, address: str
) -> None:
    begin(page, address)
    page.wait_for("document.documentElement.dataset.events")
    assert page.run("document.getElementById('live').hidden") is True
    cv2.imwrite(str(live_field_of(database.path)), draw_field(1).rgb)
    page.wait_for("document.getElementById('field').naturalWidth === 640")
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE results SET decision = 'leukemia' WHERE decision = 'healthy'")
    page.wait_for(
        "document.querySelector('[data-count=\"decision leukemia\"]').textContent !== '0'"
    )
    assert page.problems == []


def test_markup_in_a_name_is_text(page: Page, tmp_path: Path) -> None:
    database = database_in(tmp_path)
    source = next((classified() / "first").glob("*.png"))
    named = tmp_path / MARKUP
    shutil.copy(source, named)
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE results SET file = ?, sample = ?", [str(named)] * 2)
    with served(database, NOTHING_DRAWN) as address:
        begin(page, address)
        page.open(f"{address}/review")
        page.wait_for(READY)
        assert "onerror=alert" in page.run("document.querySelector('.name').textContent")
        page.follow("1")
        page.open(f"{address}/history")
        assert "onerror=alert" in page.run("document.querySelector('main').textContent")
        assert page.run("document.scripts.length") == 1
    assert page.problems == []


def test_on_a_phone_nothing_is_wider_than_it(page: Page, address: str) -> None:
    page.size(360, 740)
    begin(page, address)
    for path in ("/", "/cells", "/state", "/history", "/agreement", "/review"):
        page.open(f"{address}{path}")
        assert page.run("document.documentElement.scrollWidth") <= 360, path
    page.wait_for(READY)
    lowest = "Math.max(...[...document.querySelectorAll('button')].map("
    assert page.run(f"{lowest}b => b.getBoundingClientRect().bottom))") <= 740


def test_dark_and_light_are_what_the_phone_asks_for(page: Page, address: str) -> None:
    for dark in (False, True):
        page.size(360, 740, dark)
        page.open(f"{address}/history")
        picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert (float(np.median(picture)) < 60) == dark


def test_tab_reaches_all_that_can_be_used_from_top_to_bottom(page: Page, address: str) -> None:
    page.size(360, 740)
    begin(page, address)
    for path in ("/", "/state", "/review"):
        page.open(f"{address}{path}")
        usable = page.run("document.querySelectorAll('a, button, input:not([type=hidden])').length")
        reached: list[float] = []
        for _ in range(usable):
            page.press("Tab")
            place = "document.activeElement.getBoundingClientRect()"
            reached.append(page.run(f"{place}.top + scrollY + {place}.left / 1e4"))
        assert reached == sorted(set(reached)), path
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.slow
def test_many_cells_are_marked_only_when_they_were_on_the_screen(
    page: Page, database: ReviewDatabase, address: str
) -> None:
    page.size(360, 500)
    begin(page, address)
    page.open(f"{address}/cells")
    boxes = "[...document.querySelectorAll('[name=showing]')]"
    page.wait_for(f"{boxes}.some(box => !box.disabled)")
    assert page.run(f"{boxes}.at(-1).disabled") is True
    page.run(f"{boxes}.filter(box => !box.disabled).forEach(box => box.click())")
    marked = page.run(f"{boxes}.filter(box => box.checked).length")
    page.follow("1")
    assert page.run("document.querySelector('.said').textContent") == f"{marked} taken."
    assert query(database.path, "SELECT count(*) FROM valid_reviews") == [(marked,)]
    assert page.problems == []
