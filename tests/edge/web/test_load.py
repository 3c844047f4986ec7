"""A minute of load beside a run: 50 who listen, 20 reviews a second; nothing taken is lost."""

from __future__ import annotations

import asyncio
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
TIMES_BARE = 3
"""On a busy machine everything comes late: 95 of 100 pages come in so many times as long as those
of a file that the same server has in memory take at the same time."""
PAGE = "/review"
MICROSCOPE = "sim:seed=1,fps=10,width=640,height=480,um=0.15,white=1"


@dataclass
class Load:
    """What happened."""

    pages: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
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


async def get(client: httpx.AsyncClient, path: str, times: list[float]) -> httpx.Response:
    begun = time.monotonic()
    answer = await client.get(path)
    times.append(time.monotonic() - begun)
    return answer


async def read(address: str, load: Load, number: int, end: float) -> None:
    """Review cells at an even pace, as fast as one of the readers has to, and not all at once."""
    origin = address.rstrip("/")
    following = time.monotonic() + number / REVIEWS_A_SECOND
    async with httpx.AsyncClient(base_url=origin, headers={"origin": origin}, timeout=30) as client:
        await client.post("/reader", data={"reader": f"Reader {number}"})
        while following < end:
            await asyncio.sleep(max(following - time.monotonic(), 0))
            following += READERS / REVIEWS_A_SECOND
            await get(client, "/web.css", load.bare)
            page = await get(client, PAGE, load.pages)
            found = re.search(r'name="showing" value="([\w-]+)"', page.text)
            if found is None:
                continue
            await client.get(f"/images/{found[1]}")
            data = {"showing": found[1], "label": "unclear"}
            answer = await client.post("/review", data=data)
            done = answer.status_code == 303 and "stale" not in answer.headers["location"]
            load.taken += done
            load.refused += not done


def p95_of(times: list[float]) -> float:
    """Seconds in which 95 of 100 come."""
    return statistics.quantiles(times, n=20)[-1]


async def put_load(address: str, load: Load, process: int) -> tuple[int, int]:
    """Memory of the server after a third of the time, and at its end."""
    end = time.monotonic() + SECONDS
    people = [listen(address, load, end) for _ in range(LISTENERS)]
    people += [read(address, load, number, end) for number in range(READERS)]
    everybody = asyncio.gather(*people)
    await asyncio.sleep(SECONDS / 3)
    early = resident(process)
    await asyncio.sleep(SECONDS * 2 / 3 - 1)
    late = resident(process)
    await everybody
    return early, late


def test_a_minute_of_load_beside_a_run(tmp_path: Path) -> None:
    results = tmp_path / "r.db"
    command = [*EDGE_ALL, "classify", MICROSCOPE, "--fields", "--keep-crops", "--out", results]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        try:
            while not results.exists() or not query(results, "PRAGMA user_version")[0][0]:
                time.sleep(0.1)
            time.sleep(10)  # some cells wait
            serve = [*EDGE_ALL, "serve", results, "--port", "0", "--audit", "0"]
            with (
                (tmp_path / "said.txt").open("w") as told,
                subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=told, text=True) as server,
            ):
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
    p95, bare = p95_of(load.pages), p95_of(load.bare)
    print(
        f"{len(load.pages)} pages, p95 {1000 * p95:.0f} ms, bare {1000 * bare:.0f} ms; {load.taken}"
        f" reviews; {load.events} events; {rows} results; {early >> 20} -> {late >> 20} MiB"
    )
    assert "Traceback" not in said + (tmp_path / "said.txt").read_text()
    assert (rows, first) == (last + 1, 0)
    assert query(results, "SELECT count(*) FROM reviews") == [(load.taken,)]
    assert load.taken > REVIEWS_A_SECOND  # as many as cells have come
    assert load.events > LISTENERS
    assert late - early < 16 << 20
    assert p95 < max(SLOWEST, TIMES_BARE * bare)
