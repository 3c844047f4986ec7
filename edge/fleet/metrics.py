"""What a results database says in numbers, for Prometheus.

Counters count rows, which are only added: they never fall, whichever process writes or is killed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isinf

import edge
from edge.drift.monitor import ALARM, SmearVerdict
from edge.fleet.exposition import COUNTER, GAUGE, HISTOGRAM, Family, Measured
from edge.reviews.database import RunFacts
from edge.service.work_log import BUCKETS

_DECIDED = "SELECT decision, count(*) FROM results WHERE decision IS NOT NULL GROUP BY 1 ORDER BY 1"
_FAILED = "SELECT error, count(*) FROM results WHERE decision IS NULL GROUP BY 1 ORDER BY 1"
_OUTAGES = "SELECT what, count(*), sum(seconds) FROM outages GROUP BY what ORDER BY what"
_SMEARS = "SELECT count(*) FROM smears WHERE finished IS NOT NULL"
_DELIVERED = "SELECT receiver, count(*) FROM deliveries GROUP BY receiver ORDER BY receiver"
_SEEN = "SELECT max(seen) FROM smears"
_OPTICS = (
    "SELECT light, red, blue, focus FROM smears WHERE focus IS NOT NULL ORDER BY id DESC LIMIT 1"
)
_LATENCIES = "SELECT at_most, frames, seconds FROM latencies"


def families_of(connection: sqlite3.Connection, run: RunFacts) -> Iterator[Family]:
    """What stands in the tables of results and of the service.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of a results database.
    run : RunFacts
        The last one.
    """
    facts = {
        "version": edge.__version__,
        "network": run.network,
        "model_sha256": run.model_sha256,
    }
    yield _one("info", GAUGE, "Version, and model file of the last run; always 1.", 1, facts)
    decided = connection.execute(_DECIDED).fetchall()
    yield _family(
        "cells", COUNTER, "Cells by decision; refer: a person looks.", "decision", dict(decided)
    )
    failed = dict(connection.execute(_FAILED).fetchall())
    yield _family("failures", COUNTER, "Inputs without a decision, by reason.", "reason", failed)
    outages = connection.execute(_OUTAGES).fetchall()
    ended = {what: count for what, count, _ in outages}
    yield _family("outages", COUNTER, "Waits of the service that are over.", "what", ended)
    lasted = {what: seconds for what, _, seconds in outages}
    yield _family("outage_seconds", COUNTER, "How long they lasted together.", "what", lasted)
    yield _latencies(connection)
    yield from _smears(connection)


def _smears(connection: sqlite3.Connection) -> Iterator[Family]:
    (over,) = connection.execute(_SMEARS).fetchone()
    yield _one("smears_total", COUNTER, "Smears that are over.", over)
    waiting = {to: over - count for to, count in connection.execute(_DELIVERED)}
    yield _family(
        "smears_undelivered",
        GAUGE,
        "Smears that are over and that a broker has not acknowledged.",
        "receiver",
        waiting,
    )
    (seen,) = connection.execute(_SEEN).fetchone()
    if seen:
        when = datetime.fromisoformat(seen).timestamp()
        yield _one("seen_timestamp_seconds", GAUGE, "When the service last stored results.", when)
    row = connection.execute(_OPTICS).fetchone()
    if row:
        found = dict(zip(("light", "red", "blue", "focus"), row, strict=True))
        words = "Background and sharpness of the fields of the last smear, medians."
        yield _family("optics", GAUGE, words, "what", found)


def _latencies(connection: sqlite3.Connection) -> Family:
    """Frames by how long they took: each bucket holds those of the ones before it, too."""
    rows = connection.execute(_LATENCIES).fetchall()
    counted = {at_most: count for at_most, count, _ in rows}
    frames, numbers = 0, []
    for at_most in BUCKETS if counted else ():
        frames += counted.get(at_most, 0)
        end = "+Inf" if isinf(at_most) else f"{at_most:g}"
        numbers.append(Measured(frames, {"le": end}, "_bucket"))
    if counted:
        seconds = sum(lasted for *_, lasted in rows)
        numbers += [Measured(seconds, {}, "_sum"), Measured(frames, {}, "_count")]
    words = "From a frame that the source gave to its committed results."
    return Family("edge_all_frame_seconds", HISTOGRAM, words, tuple(numbers))


def queues(waiting: Mapping[str, int]) -> Family:
    """How many cells of the last run wait for a person, by queue."""
    return _family("waiting_cells", GAUGE, "Cells that wait for a person.", "queue", waiting)


def data_drift(found: SmearVerdict) -> Iterator[Family]:
    """What the smears of the service say against the people of a reference."""
    evidence = found.evidence[-1] if found.evidence else 0.0
    yield _one("data_drift_alarm", GAUGE, found.says, int(found.verdict == ALARM))
    yield _one("data_drift_smears", GAUGE, "Smears that were judged.", len(found.judged))
    yield _one("data_drift_evidence", GAUGE, "Evidence of data drift, of all channels.", evidence)
    yield _one("data_drift_limit", GAUGE, "Evidence at which there is an alarm.", found.run_length)


def _one(
    name: str, kind: str, words: str, value: float, labels: Mapping[str, str] | None = None
) -> Family:
    return Family(f"edge_all_{name}", kind, words, (Measured(value, labels or {}),))


def _family(name: str, kind: str, words: str, label: str, numbers: Mapping[str, float]) -> Family:
    whole = f"edge_all_{name}_total" if kind == COUNTER else f"edge_all_{name}"
    measured = tuple(Measured(value, {label: text}) for text, value in numbers.items())
    return Family(whole, kind, words, measured)
