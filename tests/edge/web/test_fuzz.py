"""Any bytes on any route: an answer below 500, no traceback, no file but those of the pages."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from review_helpers import classified, database_in
from served import served

from edge.web.desk import Settings

SECRET = b"nobody is to read this"
ROUTES = (
    "",
    "login",
    "reader",
    "review",
    "cells",
    "undo",
    "history",
    "agreement",
    "events",
    "metrics",
    "smear",
)
FILES = ("images", "images/x", "live.jpg", "web.css", "web.js", "favicon.ico", "results.db", ".")
UP = ("..", "%2e%2e", "%2e%2e%2f", "..%5c", "....//", "%00", "%c0%ae", "/", "//", "~", "secret.txt")
FIELDS = ("showing", "label", "run", "queue", "index", "reader", "blind", "token", "said", "taken")
VALUES = (
    "1",
    "-1",
    "0",
    "9" * 30,
    "waiting",
    "audit",
    "second",
    "hem",
    "not a cell",
    "undone",
    "'",
)

texts = st.text(max_size=30) | st.sampled_from(VALUES)
pairs = st.lists(st.tuples(st.sampled_from(FIELDS), texts), max_size=6)
forms = pairs.map(lambda given: urlencode(given, errors="surrogatepass").encode())
bodies = forms | st.binary(max_size=200)
paths = st.lists(st.sampled_from(ROUTES + FILES + UP), max_size=4).map("/".join)
queries = st.just("") | forms.map(lambda form: f"?{form.decode()}")
cookies = st.sampled_from(("edge_all_reader=Ada", "edge_all_reader=%00", "=;=", "edge_all_blind=1"))


@dataclass(frozen=True)
class Place:
    port: int
    folder: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("fuzz")
    database = database_in(folder)
    (folder / "secret.txt").write_bytes(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with served(database, Settings(audit=0.3, control_share=0.5)) as address:
            yield Place(int(address.rpartition(":")[2]), folder)


def ask(place: Place, request: bytes, patience: float = 20) -> bytes:
    """Send bytes and read what comes, to its end; of an event stream the beginning."""
    answer = b""
    with socket.create_connection(("127.0.0.1", place.port), patience) as connection:
        connection.sendall(request)
        with contextlib.suppress(TimeoutError if patience < 1 else ()):
            while data := connection.recv(1 << 16):
                answer += data
                if b"text/event-stream" in answer:
                    break
    return answer


def check(place: Place, answer: bytes) -> None:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:200]
    assert int(found[1]) < 500, answer[:2000]
    assert b"Traceback" not in answer
    assert SECRET not in answer
    assert b"SQLite format" not in answer
    if found[1] == b"200":
        assert b"content-security-policy" in answer


def before(place: Place) -> set[Path]:
    """All files a request could leave behind."""
    return {path for folder in (place.folder, classified()) for path in folder.rglob("*")}


def form_request(place: Place, method: str, path: str, cookie: str, body: bytes) -> bytes:
    """A request as a browser sends it, with anything in it."""
    lines = [
        f"{method} /{path} HTTP/1.1",
        f"Host: 127.0.0.1:{place.port}",
        f"Origin: http://127.0.0.1:{place.port}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        f"Cookie: {cookie}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


requests = st.tuples(
    st.sampled_from(("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE")),
    st.builds(str.__add__, paths, queries),
    cookies,
    bodies,
)
raw = st.builds(
    bytes.__add__,
    st.sampled_from((b"GET / HTTP/1.1\r\n", b"POST /review HTTP/1.1\r\n", b"")),
    st.binary(max_size=120),
)
FAST = settings(
    max_examples=100,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.function_scoped_fixture,),
)


@FAST
@given(requests)
def test_requests_of_all_kinds(place: Place, request: tuple[str, str, str, bytes]) -> None:
    check(place, ask(place, form_request(place, *request)))


@settings(FAST, max_examples=30)
@given(raw)
def test_bytes_that_are_no_request(place: Place, request: bytes) -> None:
    answer = ask(place, request + b"\r\n\r\n", patience=0.1)  # more may be waited for
    if answer:
        check(place, answer)


@pytest.mark.slow
def test_five_thousand_requests(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    there = before(place)

    @settings(FAST, max_examples=3000)
    @given(requests)
    def one(request: tuple[str, str, str, bytes]) -> None:
        check(place, ask(place, form_request(place, *request)))

    one()
    new = {path.name for path in before(place) - there if ".hypothesis" not in path.parts}
    assert new <= {"results.db-wal", "results.db-shm"}
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "path",
    [
        *("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "web.css/../secret.txt"),
        *("secret.txt", "images/../../secret.txt", "images/%2e%2e%2fsecret.txt", "app.py"),
    ],
)
def test_no_path_leaves_the_pages(place: Place, path: str) -> None:
    answer = ask(place, form_request(place, "GET", path, "", b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
