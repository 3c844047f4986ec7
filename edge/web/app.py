"""The pages of ``edge-all serve``, as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from edge.drift.people import read_people
from edge.errors import CropUnreadable, EdgeAllError, ReviewRefused
from edge.files import read_bytes
from edge.fleet.exposition import MEDIA_TYPE
from edge.reviews.agreement import audit_accuracy, compare_readers, score_controls
from edge.reviews.database import ReviewDatabase, RunFacts, decisions_of, run_of, runs_of
from edge.reviews.queues import Waiting, count_waiting
from edge.reviews.review import QUEUES, WAITING, CellKey, reader_name
from edge.reviews.smears import ask_for_smear, last_smears, running_smear
from edge.service.live_field import live_field_of
from edge.web.access import COOKIE, SESSION_SECONDS, Hosts, Sessions, Tries
from edge.web.desk import Desk, Settings
from edge.web.guard import FORM, METRICS, App, Guard
from edge.web.live import Happenings, field_version
from edge.web.metrics import Metrics
from edge.web.overview import login_page, overview_page
from edge.web.records import agreement_page, history_page, state_page
from edge.web.review_page import address, cells_page, review_page
from edge.web.state import NOTHING_WATCHED, Watched, drift_states, instrument_states
from edge.wording import printable

READER, BLIND = "edge_all_reader", "edge_all_blind"
"""Cookies: who reads, and whether blind."""

MANY = 48
"""Cells on the page of many."""

_SMEARS, _PAST_SMEARS = 10, 50  # of the first page, and of the history
_YEAR = 365 * 24 * 3600
_PARTS = Path(__file__).parent
_FILES = {"web.css": "text/css", "web.js": "text/javascript"}
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Access:
    """Who may use the pages.

    Attributes
    ----------
    hosts : Hosts
    token : str or None
        None where none is asked for: nobody but this machine reaches the server.
    is_secure : bool
        Whether the pages come over TLS: then no cookie goes out without.
    """

    hosts: Hosts
    token: str | None = None
    is_secure: bool = False


def build_app(
    database: ReviewDatabase,
    settings: Settings,
    access: Access,
    is_ending: Callable[[], bool] = lambda: False,
    watched: Watched = NOTHING_WATCHED,
) -> App:
    """Make the application over a database.

    Parameters
    ----------
    database : ReviewDatabase
    settings : Settings
    access : Access
    is_ending : callable, optional
        Whether the server was asked to end.
    watched : Watched, optional
        Files that say something of drift; ``/metrics`` compares smears with its reference.

    Returns
    -------
    callable
        ASGI.
    """
    sessions = None if access.token is None else Sessions(access.token)
    desk = Desk(database, settings)
    tries = Tries()
    reference = None if watched.reference is None else read_people(watched.reference)
    metrics, happenings = Metrics(desk, reference), Happenings(desk, is_ending)
    pages = _Pages(desk, sessions, access.is_secure, happenings, watched, tries, metrics)
    return Guard(pages.app(), access.hosts, sessions, tries)


class _Pages:
    def __init__(
        self,
        desk: Desk,
        sessions: Sessions | None,
        is_secure: bool,
        happenings: Happenings,
        watched: Watched,
        tries: Tries,
        metrics: Metrics,
    ) -> None:
        self._watched = watched
        self._desk = desk
        self._database = desk.database
        self._sessions = sessions
        self._is_secure = is_secure
        self._tries = tries
        self._metrics = metrics
        self._happenings = happenings
        self._files = {name: (_PARTS / name).read_bytes() for name in _FILES}

    def app(self) -> Starlette:
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/", self._overview),
                Route("/login", self._login_page),
                Route("/login", self._login, methods=post),
                Route("/reader", self._set_reader, methods=post),
                Route("/review", self._review_page),
                Route("/review", self._review, methods=post),
                Route("/cells", self._cells_page),
                Route("/cells", self._review_many, methods=post),
                Route("/undo", self._undo, methods=post),
                Route("/smear", self._begin_smear, methods=post),
                Route("/state", self._state),
                Route("/history", self._history),
                Route("/agreement", self._agreement),
                Route("/images/{name:str}", self._image),
                Route("/live.jpg", self._live_field),
                Route("/events", self._events),
                Route(METRICS, self._numbers),
                Route("/{name:str}", self._file),
            ],
            exception_handlers={EdgeAllError: _trouble},
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._happenings.look_on())
        try:
            yield
        finally:
            looking.cancel()
            self._happenings.end()

    def _overview(self, request: Request) -> Response:
        reader = _reader(request)
        version = field_version(self._database.path)
        with self._database.reading() as connection:
            run = run_of(connection)
            if run is None:
                nothing = Waiting(0, 0, 0, 0)
                return HTMLResponse(overview_page(None, {}, nothing, version, reader, False))
            waiting = self._waiting(connection, run, reader)
            decisions = decisions_of(connection, run.id)
            smears, running = last_smears(connection, _SMEARS), running_smear(connection)
        blind = _is_blind(request)
        return HTMLResponse(
            overview_page(run, decisions, waiting, version, reader, blind, smears, running)
        )

    def _login_page(self, request: Request) -> Response:
        return HTMLResponse(login_page())

    def _login(self, request: Request) -> Response:
        if self._sessions is None:
            return RedirectResponse("/", 303)
        address = request.client.host if request.client else ""
        if not self._tries.take(address):
            return PlainTextResponse(
                "Too many wrong tokens; wait a minute.", 429, {"Retry-After": "60"}
            )
        if not self._sessions.is_token(_field(request, "token").strip()):
            return HTMLResponse(login_page("This is not the token."), 401)
        self._tries.forgive(address)
        answer = RedirectResponse("/", 303)
        self._set_cookie(answer, COOKIE, self._sessions.cookie(), SESSION_SECONDS)
        return answer

    def _set_reader(self, request: Request) -> Response:
        reader = reader_name(_field(request, "reader"))
        if not reader:
            return PlainTextResponse("A name has 1 to 60 characters that can be read.", 400)
        answer = RedirectResponse("/", 303)
        self._set_cookie(answer, READER, quote(reader, safe=""), _YEAR)
        self._set_cookie(answer, BLIND, "1" if _field(request, "blind") else "0", _YEAR)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name, value, seconds, secure=self._is_secure, httponly=True, samesite="strict"
        )

    def _review_page(self, request: Request) -> Response:
        queue, index = request.query_params.get("queue", WAITING), _number(request, "index")
        reader, blind = _reader(request), _is_blind(request)
        with self._database.reading() as connection:
            run = run_of(connection, _number(request, "run"))
            if run is None or queue not in QUEUES:
                return _nothing_here()
            if not reader:
                return RedirectResponse("/", 303)
            laid = self._desk.lay(connection, run, queue, reader, blind, index)
            waiting = self._waiting(connection, run, reader)
        said = {"undone": "Taken back.", "stale": _STALE}.get(request.query_params.get("said", ""))
        missing = self._desk.missing(run.id)
        return HTMLResponse(review_page(run, queue, laid, waiting, missing, said or ""))

    def _review(self, request: Request) -> Response:
        name, reader = _field(request, "showing"), _reader(request)
        showing = self._desk.showings.find(name)
        if showing is None:
            return RedirectResponse(address("/review", said="stale"), 303)
        try:
            taken = self._desk.take([name], _field(request, "label"), reader)
        except ReviewRefused as error:
            return PlainTextResponse(str(error), 400)
        place = {"run": showing.run_id, "queue": showing.queue}
        said = {} if taken else {"said": "stale"}
        return RedirectResponse(address("/review", **place, **said), 303)

    def _cells_page(self, request: Request) -> Response:
        reader, blind = _reader(request), _is_blind(request)
        with self._database.reading() as connection:
            run = run_of(connection, _number(request, "run"))
            if run is None:
                return _nothing_here()
            if not reader:
                return RedirectResponse("/", 303)
            laid = self._desk.lay_many(connection, run, reader, blind, MANY)
        taken = _number(request, "taken")
        said = "" if taken is None else f"{taken} taken."
        return HTMLResponse(cells_page(run, laid, reader, said))

    def _review_many(self, request: Request) -> Response:
        names = [value for name, value in request.scope[FORM] if name == "showing"]
        try:
            taken = self._desk.take(names, _field(request, "label"), _reader(request))
        except ReviewRefused as error:
            return PlainTextResponse(str(error), 400)
        run = _field(request, "run")
        place = {"run": run} if _NUMBER.fullmatch(run) else {}
        return RedirectResponse(address("/cells", **place, taken=len(taken)), 303)

    def _undo(self, request: Request) -> Response:
        run, queue = _field(request, "run"), _field(request, "queue")
        item = self._desk.undo(_reader(request))
        place: dict[str, object] = {"queue": queue} if queue in QUEUES else {}
        if isinstance(item, CellKey):
            place |= {"run": item.run_id, "index": item.index}
        elif _NUMBER.fullmatch(run):
            place |= {"run": run}
        said = {} if item is None else {"said": "undone"}
        return RedirectResponse(address("/review", **place, **said), 303)

    def _begin_smear(self, request: Request) -> Response:
        given = _field(request, "name")
        name = reader_name(given)
        if given.strip() and not name:
            return PlainTextResponse("A name has 60 characters at most, that can be read.", 400)
        if not ask_for_smear(self._database, name):
            return _nothing_here()
        return RedirectResponse("/", 303)

    def _state(self, request: Request) -> Response:
        with self._database.reading() as connection:
            run = run_of(connection)
            if run is None:
                return _nothing_here()
            instrument = [*instrument_states(connection, run, self._database.path)]
        drift = [*drift_states(run, self._watched)]
        return HTMLResponse(state_page(instrument, drift, _reader(request)))

    def _history(self, request: Request) -> Response:
        with self._database.reading() as connection:
            runs, smears = runs_of(connection, 50), last_smears(connection, _PAST_SMEARS)
            return HTMLResponse(history_page(connection, runs, smears, _reader(request)))

    def _agreement(self, request: Request) -> Response:
        with self._database.reading() as connection:
            run = run_of(connection, _number(request, "run"))
            if run is None:
                return _nothing_here()
            audit = audit_accuracy(connection, run, self._desk.drawn_of(run.id))
            readers = compare_readers(connection, run)
            controls = score_controls(connection)
        return HTMLResponse(agreement_page(run, audit, readers, controls, _reader(request)))

    def _image(self, request: Request) -> Response:
        png = self._desk.picture(request.path_params["name"])
        return _nothing_here() if png is None else Response(png, media_type="image/png")

    def _live_field(self, request: Request) -> Response:
        try:
            data = read_bytes(live_field_of(self._database.path))
        except CropUnreadable:
            return _nothing_here()
        return Response(data, media_type="image/jpeg")

    async def _events(self, request: Request) -> Response:
        if self._happenings.is_full:
            return PlainTextResponse("Too many listen; load the page again.", 503)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._happenings.events(), media_type="text/event-stream", headers=headers
        )

    def _numbers(self, request: Request) -> Response:
        return Response(self._metrics.text(), headers={"content-type": MEDIA_TYPE})

    def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "favicon.ico":
            return Response(status_code=204)
        if name not in self._files:
            return _nothing_here()
        return Response(self._files[name], media_type=_FILES[name])

    def _waiting(self, connection: sqlite3.Connection, run: RunFacts, reader: str) -> Waiting:
        return count_waiting(connection, run, self._desk.drawn_of(run.id), reader)


_STALE = "That was not stored: the page was old, or its picture had not come. Look again."


def _trouble(request: Request, error: Exception) -> Response:
    """Say what stands in the way: the disk is full, somebody else has the database."""
    return PlainTextResponse(f"{printable(str(error))}. Nothing was stored; try again.", 503)


def _nothing_here() -> Response:
    return PlainTextResponse("There is nothing here.", 404)


def _field(request: Request, name: str) -> str:
    """First value of a field of the form that was sent; empty if there is none."""
    return next((value for key, value in request.scope[FORM] if key == name), "")


def _number(request: Request, name: str) -> int | None:
    given = request.query_params.get(name, "")
    return int(given) if _NUMBER.fullmatch(given) else None


def _reader(request: Request) -> str:
    return reader_name(unquote(request.cookies.get(READER, ""), errors="replace"))


def _is_blind(request: Request) -> bool:
    return request.cookies.get(BLIND) == "1"
