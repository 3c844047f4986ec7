"""A server over a database, as others reach it: a real socket, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from edge.reviews.database import ReviewDatabase
from edge.web.desk import Settings
from edge.web.server import Place, Server

NOTHING_DRAWN = Settings(audit=0.0, control_share=0.0)


@contextmanager
def served(
    database: ReviewDatabase,
    settings: Settings = NOTHING_DRAWN,
    token_file: Path | None = None,
    reference: Path | None = None,
) -> Iterator[str]:
    """Address of a server that runs meanwhile, without a slash at its end."""
    server = Server(database, settings, Place(port=0, token_file=token_file, reference=reference))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.address.rstrip("/")
    finally:
        server.end()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def reader_of(address: str, name: str = "Ada", blind: bool = False) -> Iterator[httpx.Client]:
    """A reader, as their browser: with a name, and the headers of a form of these pages."""
    with httpx.Client(base_url=address, headers={"origin": address}, timeout=20) as client:
        form = {"reader": name, **({"blind": "1"} if blind else {})}
        assert client.post("/reader", data=form).status_code == 303
        yield client
