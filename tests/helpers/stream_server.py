"""A server on this machine that writes just the bytes it is told to, connection by connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence

Step = bytes | Callable[[socket.socket], None]
"""What to send, or what to do."""

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=%s\r\n\r\n"


class StreamServer:
    """Answers the first connection with the first script, and so on; a context manager.

    Connections beyond the scripts are closed at once.

    Parameters
    ----------
    *scripts : sequence of Step
        What each connection gets, after its request was read.
    """

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.closing = threading.Event()
        self.requests: list[bytes] = []
        self._scripts = list(scripts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> StreamServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/stream"

    def stall(self, _: socket.socket) -> None:
        """Say nothing any more, but keep the connection."""
        self.closing.wait(30)

    def drip(self, connection: socket.socket) -> None:
        """Send a byte now and then."""
        while not self.closing.wait(0.02):
            connection.sendall(b"x")

    def flood(self, connection: socket.socket) -> None:
        """Send for ever."""
        while not self.closing.is_set():
            connection.sendall(b"x" * 65536)

    def flood_lines(self, connection: socket.socket) -> None:
        """Send headers for ever."""
        while not self.closing.is_set():
            connection.sendall(b"X-More: 1\r\n" * 500)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.requests.append(connection.recv(65536))
            if self._scripts:
                for step in self._scripts.pop(0):
                    if isinstance(step, bytes):
                        connection.sendall(step)
                    else:
                        step(connection)
            connection.shutdown(socket.SHUT_WR)


def jpeg(level: int, side: int = 16) -> bytes:
    """A grey image as JPEG."""
    import cv2
    import numpy as np

    _, data = cv2.imencode(".jpg", np.full((side, side, 3), level, np.uint8))
    return data.tobytes()


def part(
    body: bytes, boundary: bytes = b"--frame", length: bool = True, end: bytes = b"\r\n"
) -> bytes:
    """A part of a stream."""
    lines = [boundary, b"Content-Type: image/jpeg"]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return end.join([*lines, b"", body, b""])
