"""What stands well and what does not: the instrument, and each kind of drift, a line each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

from edge.drift.control import ControlVerdict, judge_control, judge_days
from edge.drift.field_days import FIELD_CHANNELS, read_days
from edge.drift.field_days import KIND as CONTROL_OF_FIELDS
from edge.drift.monitor import ALARM, NO_VERDICT, SmearVerdict, judge_smears
from edge.drift.people import read_people
from edge.errors import EdgeAllError
from edge.instrument.store import Instrument, instruments_folder
from edge.models.store import ModelStore
from edge.reasons import CAMERA_FAULTS
from edge.records.json_text import read_json
from edge.reviews.database import RunFacts
from edge.reviews.images import file_version
from edge.service.live_field import live_field_of
from edge.service.optics import TREND, Optics, trend_of
from edge.web.markup import moment

_LAST_ROWS = 200  # of a run, in which its scale is looked for: a database has millions
_FEWEST_BEFORE = 3  # smears, as edge.service.optics asks for
_MOST_INSTRUMENTS = 20


@dataclass(frozen=True)
class Watched:
    """Files beside the database that say something of drift.

    Attributes
    ----------
    reference, history : Path or None
        Of ``edge-all drift smears``: people, and the smears since.
    control : Path or None
        The chart of ``edge-all control``.
    """

    reference: Path | None = None
    history: Path | None = None
    control: Path | None = None


NOTHING_WATCHED = Watched()
"""No file."""


@dataclass(frozen=True)
class State:
    """One line.

    Attributes
    ----------
    what : str
    says : str
    is_off : bool
        Whether somebody has to look.
    """

    what: str
    says: str
    is_off: bool = False


def instrument_states(
    connection: sqlite3.Connection, run: RunFacts, database: Path
) -> Iterator[State]:
    """Say how the instrument stands, by what the database and the calibrations hold."""
    yield State("reads", run.reads)
    yield _last_capture(connection, database)
    yield _camera(connection, run)
    yield _scale(connection, run)
    yield from _calibrations()
    yield from _optics(connection)


def _last_capture(connection: sqlite3.Connection, database: Path) -> State:
    try:
        seconds = live_field_of(database).stat().st_mtime
    except OSError:
        row = connection.execute("SELECT max(seen) FROM smears").fetchone()
        says = moment(row[0]) or "none is known: no service writes this database"
        return State("last capture", says)
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return State("last capture", moment(when.isoformat()))


def _camera(connection: sqlite3.Connection, run: RunFacts) -> State:
    places = ", ".join("?" * len(CAMERA_FAULTS))
    counts = connection.execute(
        "SELECT error, count(*) FROM results WHERE run_id = ? AND decision IS NULL"
        f" AND superseded_by IS NULL AND error IN ({places}) GROUP BY error ORDER BY error",
        [run.id, *CAMERA_FAULTS],
    ).fetchall()
    last = connection.execute(
        "SELECT error FROM results WHERE run_id = ? ORDER BY idx DESC LIMIT 1", [run.id]
    ).fetchone()
    is_away = run.finished is None and last is not None and last[0] in CAMERA_FAULTS
    words = ", ".join(f"{code} {count:,} times" for code, count in counts)
    says = f"waited for in this run: {words}" if words else "never waited for in this run"
    return State("camera", f"away now; {says}" if is_away else says, is_away)


def _scale(connection: sqlite3.Connection, run: RunFacts) -> State:
    row = connection.execute(
        "SELECT um_per_pixel FROM (SELECT um_per_pixel FROM results WHERE run_id = ?"
        f" ORDER BY idx DESC LIMIT {_LAST_ROWS}) WHERE um_per_pixel IS NOT NULL LIMIT 1",
        [run.id],
    ).fetchone()
    if row is None:
        says = f"of none of the last {_LAST_ROWS} results; edge-all scale measures and keeps it"
        return State("scale", says)
    return State("scale", f"{row[0]:.4g} µm per pixel, of the last results")


def _calibrations() -> Iterator[State]:
    """Each instrument that is calibrated for whoever runs this server."""
    found = sorted(instruments_folder().glob("*/*/"))[:_MOST_INSTRUMENTS]
    if not found:
        yield State("calibration", "none is kept here; edge-all scale and capture --flat-field do")
    for folder in found:
        try:
            instrument = Instrument(folder.parent.name, folder.name)
            scale, flat = instrument.scale(), instrument.flat_field()
        except EdgeAllError as error:
            yield State("calibration", str(error), True)
            continue
        words = "no scale" if scale is None else f"{scale.um_per_pixel:.4g} µm per pixel"
        light = "no flat field" if flat is None else f"flat field of level {flat.level:.0f}"
        yield State("calibration", f"{instrument}: {words}; {light}")


def _optics(connection: sqlite3.Connection) -> Iterator[State]:
    rows = connection.execute(
        "SELECT name, fields, light, red, blue, focus FROM smears WHERE focus IS NOT NULL"
        f" ORDER BY id DESC LIMIT {TREND + 1}"
    ).fetchall()
    if not rows:
        yield State("light, white, focus", f"{NO_VERDICT}: no smear of a camera has ended")
        return
    (name, *last), *earlier = rows
    optics, before = Optics(*last), [Optics(*row[1:]) for row in earlier]
    yield State(
        "light", f"level {optics.light:.0f} of 255 in {name}; fields looked at: {optics.fields}"
    )
    yield State("white", f"red {optics.red:.2f} and blue {optics.blue:.2f} of green")
    yield State("focus", f"{optics.focus:.2g}, the variance of the Laplacian")
    if len(before) < _FEWEST_BEFORE:
        missing = _FEWEST_BEFORE - len(before)
        yield State("against earlier smears", f"{NO_VERDICT}: {missing} more smears are needed")
        return
    lines = [*trend_of(optics, before, None)]
    yield State(
        "against earlier smears", "; ".join(lines) or f"as in the {len(before)} before", bool(lines)
    )


def drift_states(run: RunFacts, watched: Watched) -> Iterator[State]:
    """Say how each kind of drift stands, by the model store and the files that are watched."""
    yield from _guarded("model", lambda: _model(run))
    yield State(
        "int8 against float",
        f"{NO_VERDICT} here: what edge-all classify --shadow finds is said at its end, and kept"
        " nowhere but in a probation",
    )
    yield from _guarded("smears", lambda: _smears(run, watched))
    yield from _guarded("control slide", lambda: _control(watched))


def _guarded(what: str, judge: Callable[[], Iterator[State]]) -> Iterator[State]:
    """A file that cannot be used is said, and the others are judged nevertheless."""
    try:
        yield from judge()
    except EdgeAllError as error:
        yield State(what, str(error), True)


def _model(run: RunFacts) -> Iterator[State]:
    active = ModelStore().active()
    short = run.model_sha256[:12]
    if active is None:
        yield State("model", f"{short}; no model store is kept here")
    elif active.active != run.model_sha256:
        yield State("model", f"{short}; {active.active[:12]} is active in the store: not this one")
    else:
        yield State("model", f"{short}, the active one of the store")
    probation = None if active is None else active.probation
    if probation is None:
        yield State("probation", "no model is on probation")
        return
    running = "a process runs it, or died" if probation.is_running else "no process runs it"
    yield State(
        "probation",
        f"{active.active[:12] if active else ''}: its float twin has seen {probation.seen:,} of"
        f" {probation.needed:,} cells, and no more flips than the file allows; {running}",
    )


def _smears(run: RunFacts, watched: Watched) -> Iterator[State]:
    if watched.reference is None or watched.history is None:
        says = f"{NO_VERDICT}: name --reference and --history, as edge-all drift smears writes them"
        yield State("smears", says)
        return
    files = watched.reference, watched.history
    found, model_sha256 = _judged_smears(*files, *map(file_version, files))
    of = "" if model_sha256 == run.model_sha256 else " (of another model than this run's)"
    yield State("smears", f"{found.says}{of}", found.verdict == ALARM)


@lru_cache(maxsize=2)  # a hundred smears take a third of a second, and the page is loaded often
def _judged_smears(reference: Path, history: Path, *_: object) -> tuple[SmearVerdict, str]:
    """The verdict, and the model that saw the smears; anew where a file is another version."""
    people, since = read_people(reference), read_people(history)
    since.require_same_model(people.model_sha256)
    return judge_smears(people, since.smears), people.model_sha256


def _control(watched: Watched) -> Iterator[State]:
    if watched.control is None:
        says = f"{NO_VERDICT}: name --control, the chart that edge-all control keeps"
        yield State("control slide", says)
        return
    found = _judged(watched.control)
    yield State("control slide", found.says, bool(found.out))


def _judged(chart: Path) -> ControlVerdict:
    try:
        fields = read_json(chart)
    except (OSError, ValueError):
        fields = None  # read_people says why
    if isinstance(fields, dict) and fields.get("kind") == CONTROL_OF_FIELDS:
        return judge_days([day.values for day in read_days(chart)], FIELD_CHANNELS)
    return judge_control(read_people(chart).smears)
