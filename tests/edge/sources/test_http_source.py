"""Snapshots over HTTP, from a real server: an image in time, or a row that gives no secret away."""

from __future__ import annotations

import base64
import contextlib
import gc
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from edge_helpers import encoded, small_cell

from edge.engine.classifier import Classifier
from edge.errors import CropUnreadable
from edge.secrets import is_url, without_secrets
from edge.sources.addresses import split_address
from edge.sources.find import find_inputs, open_sources
from edge.sources.snapshot import Snapshot

CELL = encoded(small_cell())
SECRET = "s3cret"
BASIC = "Basic " + base64.b64encode(f"lab:{SECRET}".encode()).decode()


class Server(ThreadingHTTPServer):
    """A server on this machine, and the requests it has had."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Camera)
        self.requests: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        self.redirect_to = ""
        self.content_type = ""

    def at(self, path: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server_port}{path}"


class Camera(BaseHTTPRequestHandler):
    """Answers as cameras do, and as they should not."""

    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append((self.path, self.headers.get("Authorization")))
        if path == "/closed" and self.headers.get("Authorization") != BASIC:
            self.answer(401, b"", **{"WWW-Authenticate": 'Basic realm="camera"'})
        elif path == "/redirect":
            self.answer(302, b"", Location=self.server.redirect_to)
        elif path == "/missing":
            self.answer(404, CELL)
        elif path == "/short":
            self.answer(200, CELL[:-30], **{"Content-Length": str(len(CELL))})
        elif path == "/text":
            self.answer(200, b"<html>")
        elif path == "/drip":
            self.drip()
        elif path == "/endless":
            self.send_in_pieces()
        elif path == "/stream":
            self.answer(200, b"--x\r\n", **{"Content-Type": self.server.content_type})
        elif path == "/huge":
            self.answer(200, b"", **{"Content-Length": str(1 << 40)})
        elif path == "/rude":
            self.wfile.write(b"HTTP/1.0 404 \x1b[2J\x07" + b"x" * 9000 + b"\r\n\r\n")
        elif path == "/noise":
            self.wfile.write(b"\x00\xff noise \r\n\r\n")
        else:
            self.answer(200, CELL)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        """Send a header a byte at a time, for ever: no wait for a byte is long."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        while not self.server.closing.wait(0.02):
            try:
                self.wfile.write(b"x")
            except OSError:
                return

    def send_in_pieces(self) -> None:
        """Send an image that never ends, in chunks."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while not self.server.closing.is_set():
                self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.closing.set()
        server.shutdown()


def reason(url: str, timeout: float = 10.0) -> str:
    with pytest.raises(CropUnreadable) as refused:
        Snapshot(url, timeout).read()
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None  # nor in what may be logged with it
    return refused.value.reason


def test_a_snapshot_is_one_get(server: Server) -> None:
    assert Snapshot(server.at("/snapshot.png")).read() == CELL
    assert server.requests == [("/snapshot.png", None)]


def test_an_address_is_a_source_beside_others(server: Server) -> None:
    inputs = open_sources([server.at("/a.png"), "missing.png"])
    with Classifier(threads=1) as classifier:
        first, second = classifier.classify_samples(inputs)
    assert (first.source, first.file) == (server.at("/a.png"),) * 2
    assert first.decision
    assert second.error == "not-found"


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Find sockets left open in the test that left them."""
    yield
    gc.collect()


def test_nothing_is_fetched_before_it_is_read(server: Server) -> None:
    list(find_inputs([server.at("/a.png")]))
    assert server.requests == []


def test_user_and_password_answer_a_server_that_asks_and_stay_out_of_results(
    server: Server,
) -> None:
    url = server.at("/closed?token=s3cret", user=f"lab:{SECRET}@")
    (entry,) = find_inputs([url])
    assert entry.read() == CELL
    assert SECRET not in repr(entry)
    assert entry.file == entry.source == server.at("/closed?...")


def test_a_wrong_password_is_an_error_of_the_server(server: Server) -> None:
    assert reason(server.at("/closed", user="lab:wrong@")) == "http-error"
    assert reason(server.at("/closed")) == "http-error"


def test_the_password_goes_to_no_other_server(server: Server) -> None:
    with Server() as other:
        threading.Thread(target=other.serve_forever, args=(0.01,)).start()
        server.redirect_to = other.at("/closed")
        assert reason(server.at("/redirect", user=f"lab:{SECRET}@")) == "http-error"
        assert [sent for _, sent in other.requests] == [None] * len(other.requests)
        other.shutdown()


def test_redirects_are_followed_to_http(server: Server) -> None:
    server.redirect_to = server.at("/a.png")
    assert Snapshot(server.at("/redirect")).read() == CELL


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.png", "data:,x"])
def test_redirects_elsewhere_are_not_followed(server: Server, target: str) -> None:
    server.redirect_to = target
    assert reason(server.at("/redirect")) in {"http-error", "unreachable"}


def test_redirects_in_a_circle_end(server: Server) -> None:
    server.redirect_to = server.at("/redirect")
    assert reason(server.at("/redirect")) == "http-error"


def test_an_error_of_the_server_is_a_reason(server: Server) -> None:
    assert reason(server.at("/missing")) == "http-error"


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert reason(f"http://lab:{SECRET}@127.0.0.1:{port}/") == "unreachable"


@pytest.mark.parametrize("url", [f"http://lab:{SECRET}@[::1/", f"http://a:{SECRET}/", "http://"])
def test_what_is_no_address_is_unreachable(url: str) -> None:
    assert reason(url) == "unreachable"
    assert SECRET not in without_secrets(url) or "@" not in url


def test_a_server_that_talks_something_else_is_unreachable(server: Server) -> None:
    assert reason(server.at("/noise")) == "unreachable"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"
        assert reason(url, timeout=0.2) == "unreachable"


def test_a_server_without_encryption_is_unreachable_by_https(server: Server) -> None:
    assert reason(server.at("/a.png").replace("http:", "https:")) == "unreachable"


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(server: Server) -> None:
    start = time.monotonic()
    assert reason(server.at("/drip"), timeout=0.3) == "unreachable"
    assert time.monotonic() - start < 30  # its bytes would keep a plain timeout away for ever


def test_an_answer_larger_than_is_read_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sources.snapshot.MAX_BYTES", len(CELL) - 1)
    assert reason(server.at("/a.png")) == "too-large"


def message(url: str, timeout: float = 10.0) -> str:
    with pytest.raises(CropUnreadable) as refused:
        Snapshot(url, timeout).read()
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 250
    return refused.value.message


def test_an_answer_without_an_end_takes_no_more_memory_than_the_largest(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sources.snapshot.MAX_BYTES", 4 << 20)
    tracemalloc.start()
    try:
        assert reason(server.at("/endless")) == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_answer_that_is_said_to_be_too_large_is_not_waited_for(server: Server) -> None:
    assert reason(server.at("/huge")) == "too-large"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/x-mixed-replace; boundary=frame",
        "Multipart/X-Mixed-Replace;boundary=--x",
        "video/x-motion-jpeg",
        "video/mp4",
        "application/vnd.apple.mpegurl",
    ],
)
def test_a_stream_is_said_to_be_one(server: Server, content_type: str) -> None:
    server.content_type = content_type
    assert reason(server.at("/stream")) == "unsupported"
    assert "a stream" in message(server.at("/stream"))
    assert "snapshot" in message(server.at("/stream"))


def test_an_answer_that_does_not_end_may_be_a_stream(server: Server) -> None:
    assert "it may be a stream" in message(server.at("/endless"), timeout=0.1)


def test_what_a_server_says_moves_no_cursor(server: Server) -> None:
    assert r"the server answers 404 \x1b[2J\x07xxx" in message(server.at("/rude"))


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/Präparat 1/a b.png", "/Pr%C3%A4parat%201/a%20b.png"),
        ("/a%20b.png?name=ü x&n=1", "/a%20b.png?name=%C3%BC%20x&n=1"),
        ("/100%.png", "/100%25.png"),
        ("/细胞.png#1", "/%E7%BB%86%E8%83%9E.png"),
        ("/\x1b[2J.png", "/%1B[2J.png"),
        ("/\udcff.png", "/%FF.png"),
    ],
)
def test_an_address_is_asked_for_whatever_is_in_it(server: Server, path: str, asked: str) -> None:
    assert Snapshot(server.at(path)).read() == CELL
    assert server.requests == [(asked, None)]


def test_a_host_goes_by_its_name_in_the_network() -> None:
    assert split_address("http://lab:pw@Bücher.example:81/ä")[1] == (
        "http://xn--bcher-kva.example:81/%C3%A4"
    )
    assert split_address("https://[::1]:8080/")[1] == "https://[::1]:8080/"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"http://lab:{SECRET}@my camera/a.png", "no host can be called 'my camera'"),
        (f"http://lab:{SECRET}@{'ä' * 80}/", "no host can be called"),
        ("http://a..b/", "no host can be called 'a..b'"),
        (f"http://lab:{SECRET}@camera:port/", "this is no address"),
        (f"http://camera:{SECRET}/", "this is no address"),
        (f"http://lab:{SECRET}@/a.png", "there is no host in the address"),
    ],
)
def test_what_cannot_be_an_address_is_said(url: str, why: str) -> None:
    assert message(url).startswith(why)
    assert SECRET not in message(url)
    assert reason(url) == "unreachable"


@pytest.mark.parametrize(("path", "expected"), [("/short", "truncated"), ("/text", "not-an-image")])
def test_what_is_no_whole_image_is_a_row(server: Server, path: str, expected: str) -> None:
    with Classifier(threads=1) as classifier:
        (result,) = classifier.classify_samples(find_inputs([server.at(path)]))
    assert result.error == expected


def test_addresses_are_known_by_their_scheme() -> None:
    assert is_url("http://camera/")
    assert is_url("HTTPS://camera/")
    assert not is_url("httpd.png")
    assert not is_url("ftp://camera/")


def test_addresses_in_a_list_are_fetched(server: Server, tmp_path: object) -> None:
    listed = f"{tmp_path}/list.txt"
    with open(listed, "w") as file:  # noqa: PTH123
        file.write(server.at("/a.png\n"))
    (entry,) = find_inputs([f"@{listed}"])
    assert entry.read() == CELL
