"""Serve the pages: a socket that is bound before anything is said, and uvicorn behind it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from edge.errors import ServerRefused
from edge.reviews.database import ReviewDatabase
from edge.web.access import Hosts, is_loopback, read_token
from edge.web.app import Access, build_app
from edge.web.desk import Settings
from edge.web.state import NOTHING_WATCHED, Watched

_WAITING = 128
_AT_ONCE = 400  # connections: 200 event streams, and pages beside them
_GRACE = 2  # seconds for answers that are under way when the server is asked to end
_KEEP_ALIVE = 15  # seconds


@dataclass(frozen=True)
class Place:
    """Where pages are served.

    Attributes
    ----------
    host : str
        Address or name to bind to.
    port : int
        0 for any that is free.
    names : tuple of str
        Other names by which the server may be asked for.
    token_file : Path or None
    certificate, key : Path or None
        PEM files of TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Server:
    """Serves the pages over a database.

    Parameters
    ----------
    database : ReviewDatabase
    settings : Settings
    place : Place
    watched : Watched, optional
        Files that say something of drift.

    Attributes
    ----------
    address : str
        Of the first page.

    Raises
    ------
    ServerRefused
        If others can reach the place and no token is asked for, or it cannot be bound to, or the
        token cannot be used.
    NotComparable
        If the reference cannot be used.
    """

    def __init__(
        self,
        database: ReviewDatabase,
        settings: Settings,
        place: Place,
        watched: Watched = NOTHING_WATCHED,
    ) -> None:
        if not is_loopback(place.host) and place.token_file is None:
            raise ServerRefused(
                f"others reach {place.host}: name a --token-file, which is made if it is not there"
            )
        if (place.certificate is None) != (place.key is None):
            raise ServerRefused("TLS takes both --certificate and --key")
        for path in filter(None, (place.certificate, place.key)):
            if not path.is_file():
                raise ServerRefused(f"{path} is not there; name a PEM file")
        token = None if place.token_file is None else read_token(place.token_file)
        is_secure = place.certificate is not None
        access = Access(Hosts.of(place.host, place.names), token, is_secure)
        self._socket = _bound(place)
        port = self._socket.getsockname()[1]
        host = f"[{place.host}]" if ":" in place.host else place.host
        self.address = f"{'https' if is_secure else 'http'}://{host}:{port}/"
        self._server = uvicorn.Server(
            uvicorn.Config(
                build_app(database, settings, access, lambda: self._server.should_exit, watched),
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                lifespan="on",
                ws="none",
                limit_concurrency=_AT_ONCE,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_GRACE,
                ssl_certfile=place.certificate,
                ssl_keyfile=place.key,
            )
        )

    def run(self) -> None:
        """Serve until the process is asked to end."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def end(self) -> None:
        """Ask :meth:`run` to end; from any thread."""
        self._server.should_exit = True


def _bound(place: Place) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
            bound.listen(_WAITING)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise ServerRefused(
            f"cannot serve at {place.host}, port {place.port}: {error.strerror}; give another"
            " --host or --port"
        ) from error
    return bound
