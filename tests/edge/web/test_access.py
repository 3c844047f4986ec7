"""Who may use the pages: names, origins, tokens, forms; and what every answer forbids browsers."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from command_helpers import edge_all
from hypothesis import given
from hypothesis import strategies as st
from review_helpers import database_in
from served import served

from edge.errors import ServerRefused
from edge.reviews.database import ReviewDatabase
from edge.web.access import (
    SESSION_SECONDS,
    TRIES,
    TRIES_OF_ALL,
    Hosts,
    Sessions,
    Tries,
    is_loopback,
    read_token,
)
from edge.web.desk import Settings
from edge.web.server import Place, Server

PACKAGE = Path(__file__).parents[3] / "edge" / "web"
PAGES = ("/", "/review", "/cells", "/history", "/agreement")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> ReviewDatabase:
    return database_in(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def address(database: ReviewDatabase) -> Iterator[str]:
    with served(database) as found:
        yield found


@pytest.mark.parametrize("path", [*PAGES, "/web.js", "/nothing", "/images/x", "/live.jpg"])
def test_every_answer_lets_browsers_load_only_what_comes_from_here(address: str, path: str) -> None:
    headers = httpx.get(f"{address}{path}").headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert {*policy.values()} == {"'none'", "'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_script_or_style_within_or_from_elsewhere(address: str, path: str) -> None:
    with httpx.Client(base_url=address, cookies={"edge_all_reader": "Ada"}) as ada:
        markup = ada.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", markup)
    assert re.findall(r"<script[^>]*>", markup) == ['<script src="/web.js" defer>']
    assert not re.search(r"(?:src|href|action)=\"(?!/)", markup)


def test_script_and_style_name_no_other_server() -> None:
    for name in ("web.js", "web.css"):
        assert not re.search(r"//[a-z]|@import|url\(", (PACKAGE / name).read_text())


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "a b", "192.0.2.1"],
)
def test_a_page_of_another_name_that_leads_here_gets_nothing(address: str, host: str) -> None:
    assert httpx.get(address, headers={"host": host}).status_code in (400, 421)


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://{host}", "http://{host}.x"]
)
def test_a_form_of_another_page_changes_nothing(address: str, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin.format(host=address[7:])}
    answer = httpx.post(f"{address}/reader", data={"reader": "Eve"}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_only_forms_of_some_kilobytes_are_taken(address: str) -> None:
    with httpx.Client(base_url=address, headers={"origin": address}) as client:
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post("/reader", json={"reader": "Eve"}).status_code == 415
        assert client.post("/reader", content=b"a" * 70_000, headers=form).status_code == 413
        pieces = (b"a" * 10_000 for _ in range(10))  # without a length
        assert client.post("/reader", content=pieces, headers=form).status_code == 413
        assert client.post("/reader", content=b"a=1&" * 300, headers=form).status_code == 400
        assert client.request("GET", "/", content=b"a" * 70_000).status_code == 413


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return tmp_path / "token.txt"


def test_with_a_token_nothing_is_shown_without_it(
    database: ReviewDatabase, token_file: Path
) -> None:
    with served(database, token_file=token_file) as address:
        token = token_file.read_text().strip()
        with httpx.Client(base_url=address, headers={"origin": address}) as client:
            for path in PAGES:
                assert "<h1>Token</h1>" in client.get(path).text
            for path in ("/events", "/images/x", "/live.jpg", "/web.js"):
                assert client.get(path).status_code == 401
            assert client.post("/reader", data={"reader": "Eve"}).status_code == 401
            assert client.post("/login", data={"token": token[:-1]}).status_code == 401
            answer = client.post("/login", data={"token": token})
            assert answer.headers["location"] == "/"
            cookie = answer.headers["set-cookie"]
            assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
            assert token not in cookie
            assert "What waits for a person" in client.get("/").text


def test_few_wrong_tokens_a_minute_are_looked_at(
    database: ReviewDatabase, token_file: Path
) -> None:
    with served(database, token_file=token_file) as address:
        right = {"token": token_file.read_text().strip()}
        with httpx.Client(base_url=address, headers={"origin": address}) as client:
            wrong = [
                client.post("/login", data={"token": "x"}).status_code for _ in range(TRIES + 2)
            ]
            assert wrong == [401] * TRIES + [429] * 2
            answer = client.post("/login", data=right)  # and the right one neither, for now
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "60"


def test_tries_are_counted_for_each_address_and_for_all() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    assert [tries.take("a") for _ in range(TRIES + 1)] == [True] * TRIES + [False]
    assert tries.take("b")
    tries.forgive("b")
    now[0] = 61.0
    assert tries.take("a")
    allowed = [tries.take(f"address {n}") for n in range(TRIES_OF_ALL + 5)]
    assert sum(allowed) == TRIES_OF_ALL - 1


@given(st.text(max_size=120))
def test_no_cookie_but_ours_is_a_session(text: str) -> None:
    sessions = Sessions("a token of some length")
    assert not sessions.is_valid(text)
    assert not sessions.is_valid(f"{text}.{sessions.cookie().partition('.')[2]}")


def test_a_session_ends_in_time_and_with_its_token() -> None:
    now = [1_000_000.0]
    sessions = Sessions("a token of some length", lambda: now[0])
    cookie = sessions.cookie()
    assert sessions.is_valid(cookie)
    assert not Sessions("another token of some length", lambda: now[0]).is_valid(cookie)
    later = cookie.replace(str(int(now[0]) + SESSION_SECONDS), str(int(now[0]) * 9))
    assert not sessions.is_valid(later)
    now[0] += SESSION_SECONDS
    assert not sessions.is_valid(cookie)


def test_a_token_is_made_for_this_user_alone_and_read_again(token_file: Path) -> None:
    token = read_token(token_file)
    assert len(token) == 32
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert read_token(token_file) == token
    token_file.chmod(0o644)
    with pytest.raises(ServerRefused, match="chmod 600"):
        read_token(token_file)
    token_file.chmod(0o600)
    token_file.write_text("short")
    with pytest.raises(ServerRefused, match="16 characters or more"):
        read_token(token_file)


@pytest.mark.parametrize(
    ("bound", "header", "is_allowed"),
    [
        ("127.0.0.1", "localhost:8765", True),
        ("127.0.0.1", "[::1]:8765", True),
        ("127.0.0.1", "192.0.2.7", False),
        ("0.0.0.0", "192.0.2.7:8765", True),
        ("0.0.0.0", "[2001:db8::1]", True),
        ("0.0.0.0", "lab.example", True),
        ("0.0.0.0", "LAB.example:80", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "192.0.2.7.evil.example", False),
        ("0.0.0.0", "lab.example:80:80", False),
        ("0.0.0.0", "lab.example/..", False),
    ],
)
def test_a_server_goes_by_its_names_alone(bound: str, header: str, is_allowed: bool) -> None:
    assert Hosts.of(bound, ["lab.example"]).allow(header) == is_allowed


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_what_others_reach_is_told_from_what_they_do_not(host: str, local: bool) -> None:
    assert is_loopback(host) == local


def test_where_others_reach_it_there_is_no_server_without_a_token(
    database: ReviewDatabase,
) -> None:
    done = edge_all("serve", database.path, "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: others reach 0.0.0.0: name a --token-file, which is made if it is not there\n"
    )


def test_a_port_that_is_taken_is_said(database: ReviewDatabase, address: str) -> None:
    port = address.rpartition(":")[2]
    done = edge_all("serve", database.path, "--port", port)
    assert done.exit_code == 2
    assert "give another --host or --port" in done.stderr


def test_over_tls_no_cookie_goes_out_without(
    database: ReviewDatabase, tmp_path: Path, token_file: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no openssl to make a certificate")
    place = Place(port=0, token_file=token_file, certificate=certificate, key=key)
    server = Server(database, Settings(), place)
    assert server.address.startswith("https://127.0.0.1:")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        origin = server.address.rstrip("/")
        answer = httpx.post(
            f"{origin}/login",
            data={"token": token_file.read_text().strip()},
            headers={"origin": origin},
            verify=ssl.create_default_context(cafile=str(certificate)),
        )
        assert "Secure" in answer.headers["set-cookie"].split("; ")
    finally:
        server.end()
        thread.join(20)


def test_without_the_extra_it_says_what_to_install(database: ReviewDatabase) -> None:
    code = (
        "import importlib.util, sys; importlib.util.find_spec = lambda name: None;"
        f"from edge.cli.main import main; main(['serve', {str(database.path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'edge-all[serve]'" in done.stderr


def test_it_ends_when_it_is_asked_to(database: ReviewDatabase) -> None:
    code = "from edge.cli.main import main; main()"
    arguments = ["serve", str(database.path), "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with httpx.stream("GET", f"{address}events", timeout=20) as events:
            assert events.status_code == 200
            server.terminate()
            assert server.wait(20) == -signal.SIGTERM
        assert "Traceback" not in server.communicate()[1]
