"""How instrument, drift and smears stand on the pages, from what database, store and files hold."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from review_helpers import database_in
from served import NOTHING_DRAWN, served
from smear_helpers import counts, people, smears

from edge import web
from edge.drift.people import save_people
from edge.reviews.database import ReviewDatabase
from edge.web.state import NOTHING_WATCHED, Watched

SMEAR = (
    "INSERT INTO smears (name, begun_by, started, seen, finished, cells, decided, referred, share,"
    " says, fields, light, red, blue, focus) VALUES (?, 'gap', '2026-01-02T03:04:05.678+00:00',"
    " '2026-01-02T03:05:05+00:00', ?, ?, ?, ?, ?, 'so and so', 3, ?, 1.0, 1.0, 0.01)"
)
ENDED = "2026-01-02T03:05:05Z"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReviewDatabase:
    monkeypatch.setenv("EDGE_ALL_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("EDGE_ALL_INSTRUMENTS", str(tmp_path / "instruments"))
    return database_in(tmp_path)


def write(database: ReviewDatabase, *statements: tuple[str, list[object]]) -> None:
    with contextlib.closing(sqlite3.connect(database.path)) as connection, connection:
        for statement, values in statements:
            connection.execute(statement, values)


def add_smears(database: ReviewDatabase, lights: list[float], last_ended: str | None) -> None:
    ends = [*[ENDED] * (len(lights) - 1), last_ended]
    rows = [
        (SMEAR, [f"B{n}", end, 50, 40, 10, n / 10, light])
        for n, (light, end) in enumerate(zip(lights, ends, strict=True))
    ]
    write(database, *rows)


def page(database: ReviewDatabase, path: str, watched: Watched = NOTHING_WATCHED) -> str:
    with served(database, NOTHING_DRAWN, watched=watched) as address:
        answer = httpx.get(f"{address}{path}", timeout=60)
    assert answer.status_code == 200
    return answer.text


def test_where_nothing_is_known_it_is_said(database: ReviewDatabase) -> None:
    found = page(database, "/state")
    assert found.count("no verdict yet") == 4  # light, shadow, smears, control slide
    assert "no model store is kept here" in found
    assert "none is kept here; edge-all scale" in found
    assert "Look:" not in found


def test_a_camera_that_is_away_and_light_that_changed_are_marked(database: ReviewDatabase) -> None:
    away = (
        "UPDATE results SET error = 'no-frame', decision = NULL"
        " WHERE idx = (SELECT max(idx) FROM results)"
    )
    write(database, (away, []), ("UPDATE runs SET finished = NULL", []))
    add_smears(database, [200, 200, 200, 150], ENDED)
    found = page(database, "/state")
    assert "<b>Look:</b> away now; waited for in this run: no-frame 1 times" in found
    assert "<b>Look:</b> light: 25% less than when the smears before were taken" in found


def test_drift_of_smears_and_of_the_control_slide_are_judged(
    database: ReviewDatabase, tmp_path: Path
) -> None:
    names = ("reference", "history", "control")
    files = [tmp_path / f"{name}.json" for name in names]
    usual, other = people(30), smears(30, 5, "s", red=6.0)
    nobody = replace(usual, smears=())
    save_people(files[0], usual)
    save_people(files[1], nobody.add(other, counts()))
    save_people(files[2], nobody.add((*usual.smears[:20], other[0]), counts()))
    found = page(database, "/state", Watched(*files))
    assert "<b>Look:</b> alarm since s" in found
    assert "<b>Look:</b> out of control on day 21" in found
    files[2].write_text("{")
    found = page(database, "/state", Watched(*files))
    assert "control.json cannot be used" in found
    assert "alarm since s" in found


def test_a_model_on_probation_is_said_with_how_far_it_is(
    database: ReviewDatabase, tmp_path: Path
) -> None:
    hashes = {"active": "a" * 64, "previous": "b" * 64}
    probation = {"needed": 500, "seen": 120, "is_running": False}
    (tmp_path / "models").mkdir()
    pointer = {"schema": 1, **hashes, "probation": probation}
    (tmp_path / "models" / "active.json").write_text(json.dumps(pointer))
    found = page(database, "/state")
    assert "its float twin has seen 120 of 500 cells" in found
    assert f"{'a' * 12} is active in the store: not this one" in found


def test_smears_are_a_table_and_lines_and_the_one_that_goes_on_is_followed(
    database: ReviewDatabase,
) -> None:
    add_smears(database, [200, 200, 200], None)
    span = "INSERT INTO smear_spans VALUES (3, 1, 4, NULL)"
    write(database, (span, []))
    with served(database, NOTHING_DRAWN) as address:
        history, now = httpx.get(f"{address}/history").text, httpx.get(address).text
        with httpx.stream("GET", f"{address}/events", timeout=20) as events:
            state = next(json.loads(line[6:]) for line in events.iter_lines() if "data:" in line)
    assert 'aria-label="referred, of all cells, the last 2: 20% at first, 20% now"' in history
    assert "<td>2026-01-02 03:04:05 UTC</td><td>goes on</td>" in history
    assert "10.0% of the decided" in history
    assert state["smear"]["id"] == 3
    assert state["smear"]["says"] in now
    assert state["smear"]["says"].startswith("B2 goes on: 20 cells, ")
    assert "style=" not in history + now  # the policy would forbid it


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb: WCAG 2.2, "relative luminance"."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21: WCAG 2.2, "contrast ratio"."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


SCHEMES = re.findall(r":root \{([^}]*)\}", (Path(web.__file__).parent / "web.css").read_text())
TEXT = [(ink, on) for ink in ("text", "soft", "link") for on in ("back", "field", "key")]
MARKS = [(mark, "back") for mark in ("refer", "positive", "other", "link")]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_to_be_read_stands_out(scheme: int) -> None:
    assert len(SCHEMES) == 2
    colours = dict(re.findall(r"--(\w+): (#\w+);", SCHEMES[scheme]))
    for pairs, least in ((TEXT, 4.5), (MARKS, 3.0)):  # WCAG 2.2, 1.4.3 and 1.4.11, level AA
        for ink, on in pairs:
            assert contrast(colours[ink], colours[on]) >= least, (ink, on)
