"""A minute of load beside a run: 50 who listen, 20 reviews a second; nothing taken is lost."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from command_helpers import EDGE_ALL
from databases import query

pytestmark = pytest.mark.slow

SECONDS = 60.0
LISTENERS = 50
REVIEWS_A_SECOND = 20
READERS = 10
SLOWEST = 0.3
"""Seconds in which 95 of 100 pages come."""
QUIET = 1.0
"""Load of a machine before, up to which times say something about the pages."""
MICROSCOPE = "sim:seed=1,fps=10,width=640,height=480,um=0.15,white=1"


@dataclass
class Load:
    """What happened."""

    pages: list[float] = field(default_factory=list)
    taken: int = 0
    refused: int = 0
    events: int = 0


def resident(process: int) -> int:
    """Bytes of memory a process has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096


async def listen(address: str, load: Load, end: float) -> None:
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{address}events") as events,
    ):
        async for line in events.aiter_lines():
            load.events += line.startswith("data: ")
            if time.monotonic() > end:
                return


async def read(address: str, load: Load, name: str, end: float) -> None:
    """Review cells at an even pace, as fast as one of the readers has to."""
    origin = address.rstrip("/")
    pause = READERS / REVIEWS_A_SECOND
    async with httpx.AsyncClient(base_url=origin, headers={"origin": origin}, timeout=30) as client:
        await client.post("/reader", data={"reader": name})
        following = time.monotonic()
        while following < end:
            await asyncio.sleep(max(following - time.monotonic(), 0))
            following += pause
            begun = time.monotonic()
            page = await client.get("/review")
            load.pages.append(time.monotonic() - begun)
            found = re.search(r'name="showing" value="([\w-]+)"', page.text)
            if found is None:
                continue
            await client.get(f"/images/{found[1]}")
            data = {"showing": found[1], "label": "unclear"}
            answer = await client.post("/review", data=data)
            done = answer.status_code == 303 and "stale" not in answer.headers["location"]
            load.taken += done
            load.refused += not done


async def put_load(address: str, load: Load, process: int) -> tuple[int, int]:
    """Memory of the server after a third of the time, and at its end."""
    end = time.monotonic() + SECONDS
    people = [listen(address, load, end) for _ in range(LISTENERS)]
    people += [read(address, load, f"Reader {n}", end) for n in range(READERS)]
    everybody = asyncio.gather(*people)
    await asyncio.sleep(SECONDS / 3)
    early = resident(process)
    await asyncio.sleep(SECONDS * 2 / 3 - 1)
    late = resident(process)
    await everybody
    return early, late


def test_a_minute_of_load_beside_a_run(tmp_path: Path) -> None:
    results, busy = tmp_path / "r.db", os.getloadavg()[0]
    command = [*EDGE_ALL, "classify", MICROSCOPE, "--fields", "--keep-crops", "--out", results]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        try:
            while not results.exists() or not query(results, "PRAGMA user_version")[0][0]:
                time.sleep(0.1)
            time.sleep(10)  # some cells wait
            serve = [*EDGE_ALL, "serve", results, "--port", "0", "--audit", "0"]
            with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
                try:
                    assert server.stdout is not None
                    address = server.stdout.readline().split()[-1]
                    load = Load()
                    early, late = asyncio.run(put_load(address, load, server.pid))
                finally:
                    server.terminate()
        finally:
            run.terminate()
            said = run.communicate()[1]
    ((rows, first, last),) = query(results, "SELECT count(*), min(idx), max(idx) FROM results")
    assert isinstance(last, int)
    p95 = statistics.quantiles(load.pages, n=20)[-1]
    print(
        f"{len(load.pages)} pages, p95 {1000 * p95:.0f} ms; {load.taken} reviews;"
        f" {load.events} events; {rows} results; {early >> 20} -> {late >> 20} MiB"
    )
    assert "Traceback" not in said
    assert (rows, first) == (last + 1, 0)
    assert query(results, "SELECT count(*) FROM reviews") == [(load.taken,)]
    assert load.taken > REVIEWS_A_SECOND  # as many as cells have come
    assert load.events > LISTENERS
    assert late - early < 16 << 20
    if busy > QUIET:
        pytest.skip(f"other work on this machine (load {busy:.1f}): p95 {1000 * p95:.0f} ms")
    assert p95 < SLOWEST
