"""Pages of what was: runs and reviews; how far network and readers agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from edge.reviews.agreement import AuditAccuracy, ControlScore, Readers
from edge.reviews.database import RunFacts, decisions_of
from edge.reviews.labels import choices_of
from edge.reviews.smears import SmearFacts
from edge.web.live import FAILED
from edge.web.markup import moment, page, spark, table, text
from edge.web.state import State

_MOST_REVIEWS = 200

_Row = tuple[int, str, str, int, int, str, int, int, str, int]

_REVIEWS = f"""
SELECT reviews.id, time, reader, run_id, reviews.idx, reviews.label, undoes, blind,
  results.sample, EXISTS (SELECT 1 FROM reviews AS undone WHERE undone.undoes = reviews.id)
FROM reviews LEFT JOIN results USING (run_id, idx)
WHERE control_id IS NULL
ORDER BY reviews.id DESC LIMIT {_MOST_REVIEWS}
"""


def history_page(
    connection: sqlite3.Connection,
    runs: Sequence[RunFacts],
    smears: Sequence[SmearFacts],
    reader: str,
) -> str:
    """Make the page of smears, runs and reviews, the last ones first; control cells stay hidden."""
    body = [*_smears(smears), *_history(connection, runs)]
    return page("History", body, "/history", reader)


def _smears(smears: Sequence[SmearFacts]) -> Iterator[str]:
    if not smears:
        return
    yield "<h2>Smears</h2>"
    ended = [each for each in reversed(smears) if each.finished and each.cells]
    if len(ended) > 1:
        yield '<div class="sparks">'
        referred = [(each.referred or 0) / (each.cells or 1) for each in ended]
        yield spark("referred, of all cells", referred)
        shares = [each.share for each in ended if each.share is not None]
        if len(shares) > 1:
            yield spark("positive, of those decided", shares)
        yield "</div>"
    columns = ("smear", "started", "finished", "cells", "decided", "referred", "positive")
    yield table(columns, [_smear(each) for each in smears])


def _smear(each: SmearFacts) -> Sequence[object]:
    numbers = ("" if n is None else f"{n:,}" for n in (each.cells, each.decided, each.referred))
    share = "" if each.share is None else f"{each.share:.1%} of the decided"
    return each.name, moment(each.started), moment(each.finished) or "goes on", *numbers, share


def _history(connection: sqlite3.Connection, runs: Sequence[RunFacts]) -> Iterator[str]:
    yield "<h2>Runs</h2>"
    rows = []
    for run in runs:
        counts = decisions_of(connection, run.id)
        words = ", ".join(f"{n:,} {word or FAILED}" for word, n in counts.items())
        model = f"{run.network} {run.model_sha256[:12]}"
        ended = moment(run.finished) or "not finished"
        rows.append((run.id, moment(run.started), ended, words, model))
    yield table(("run", "started", "finished", "cells", "model"), rows)
    yield f"<h2>The last {_MOST_REVIEWS} reviews</h2>"
    words_of = {
        run.id: {choice.name: choice.words for choice in choices_of(run.contract)} for run in runs
    }
    reviews = [_review(row, words_of) for row in connection.execute(_REVIEWS)]
    columns = ("review", "time", "reader", "label", "run", "cell", "of")
    yield table(columns, reviews) if reviews else "<p>None yet.</p>"


def _review(row: _Row, words_of: Mapping[int, Mapping[str, str]]) -> Sequence[object]:
    number, time, reader, run, index, label, undoes, blind, sample, is_undone = row
    said = words_of.get(run, {}).get(label, label) if label else f"takes back {undoes}"
    remarks = [word for word, holds in (("blind", blind), ("taken back", is_undone)) if holds]
    words = f"{said} ({', '.join(remarks)})" if remarks and label else said
    return number, moment(time), reader, words, run, index, sample or ""


def state_page(instrument: Sequence[State], drift: Sequence[State], reader: str) -> str:
    """Make the page on how the instrument and each kind of drift stand."""
    body = [
        *("<h2>Instrument</h2>", _states(instrument)),
        *("<h2>Drift</h2>", _states(drift)),
        '<p>What labels say of the network is on <a href="/agreement">Agreement</a>.</p>',
    ]
    return page("State", body, "/state", reader)


def _states(states: Sequence[State]) -> str:
    lines = []
    for each in states:
        mark, css = ("<b>Look:</b> ", ' class="off"') if each.is_off else ("", "")
        lines.append(f"<dt>{text(each.what)}</dt><dd{css}>{mark}{text(each.says)}</dd>")
    return f'<dl class="states">{"".join(lines)}</dl>'


def agreement_page(
    run: RunFacts,
    audit: AuditAccuracy,
    readers: Sequence[Readers],
    controls: Sequence[ControlScore],
    reader: str,
) -> str:
    """Make the page on the network by its audit, and on readers."""
    body = _agreement(run, audit, readers, controls)
    return page(f"Agreement, run {run.id}", body, "/agreement", reader)


def _agreement(
    run: RunFacts,
    audit: AuditAccuracy,
    readers: Sequence[Readers],
    controls: Sequence[ControlScore],
) -> Iterator[str]:
    yield "<h2>The network, by the random audit</h2>"
    yield f"<p>{text(audit_words(audit))}</p>"
    yield "<h2>Readers</h2>"
    if readers:
        columns = ("readers", "cells", "alike", "Cohen's kappa", "95 % interval")
        yield table(columns, map(_readers, readers))
    else:
        yield "<p>No two readers have reviewed the same cells yet.</p>"
    yield "<h2>Control cells</h2>"
    if controls:
        rows = [(each.reader, each.shown, each.right) for each in controls]
        yield table(("reader", "shown", "called what they are"), rows)
    else:
        yield "<p>None was shown yet.</p>"


def audit_words(audit: AuditAccuracy) -> str:
    """What the audit says, in sentences."""
    parts = [f"{audit.reviewed:,} of {audit.drawn:,} cells drawn at random are reviewed."]
    if audit.unclear:
        parts.append(f"{audit.unclear:,} have no label of the network and are left out.")
    if audit.contradicted:
        parts.append(f"On {audit.contradicted:,} readers disagree; they are left out.")
    if audit.decided:
        parts.append(
            f"Of {audit.decided:,} that the network decided, {audit.decided_wrong:,} are called"
            " otherwise by people."
        )
    if audit.reviewed < audit.drawn:
        parts.append("The audit is not finished: cells that came late count less in it.")
    found = audit.estimate
    if found is None:
        parts.append("With fewer than 30 that have a label, there is no estimate.")
    else:
        parts.append(
            f"Over all cells of the run the likeliest label is what people say for"
            f" {found.value:.1%} (95 %: {found.low:.1%} to {found.high:.1%})."
        )
    return " ".join(parts)


def _readers(each: Readers) -> Sequence[object]:
    found = each.agreement
    kappa = "none: all alike" if found.kappa is None else f"{found.kappa:.2f}"
    interval = "" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
    return f"{each.first}, {each.second}", found.cells, f"{found.alike:.0%}", kappa, interval
