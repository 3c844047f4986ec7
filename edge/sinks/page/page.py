"""The page itself: one file, everything in it, no network, opened from the disk."""

from __future__ import annotations

import contextlib
import html
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from edge.contract import FAILED, Contract
from edge.errors import OutputFailed
from edge.reasons import REASONS, SCALE_SHIFT
from edge.sinks.file import cannot_write, is_stream
from edge.sinks.lock import foreign
from edge.sinks.page.gathered import Gathered, Origin
from edge.sinks.page.histogram import histogram
from edge.sinks.page.palette import classes, signs, styles
from edge.whole_file import replacing
from edge.wording import printable

_PARTS = Path(__file__).parent
_MIDDLE = "<!-- cells -->"
_DOCTYPE = b"<!DOCTYPE html>"
_MARKS = (b'<meta name="generator" content="edge-all">', b"<title>Cells to look at</title>")
_START = 1024  # bytes of a page, with its marks; pages of the first version have only the title
_CACHE = 256  # KiB: everything is read once


def write_page(gathered: Path, page: Path, remark: str = "") -> None:
    """Write a report: whole under its name, or not at all.

    Parameters
    ----------
    gathered : Path
        Database of the results of one run, with thumbnails.
    page : Path
        HTML file. What comes from file names cannot become markup or script.
    remark : str
        What is to be read before anything else; may be empty.

    Raises
    ------
    OutputFailed
        If the page cannot be written.
    """
    try:
        with contextlib.closing(sqlite3.connect(gathered)) as connection:
            connection.execute(f"PRAGMA cache_size = -{_CACHE}")  # sorting takes as much again
            with replacing(page) as file:
                file.writelines(text.encode() for text in _texts(Gathered(connection), remark))
    except (OSError, sqlite3.Error) as error:
        raise OutputFailed(
            f"cannot write {page}: {error}; check the free space, then run the command again with"
            " --resume"
        ) from error


def check_page(page: Path) -> None:
    """Refuse a name where no page can be written, and one of a file that is no page of edge-all.

    Raises
    ------
    OutputFailed
    """
    if page.is_dir():
        raise OutputFailed(f"cannot write {page}: it is a folder; name a file")
    if is_stream(page):
        raise OutputFailed(f"cannot write {page}: it is a pipe or a device; name a file")
    try:
        with page.open("rb") as file:
            start = file.read(_START)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(page, error) from error
    if start and not (start.startswith(_DOCTYPE) and any(mark in start for mark in _MARKS)):
        raise foreign(page, "page")


def _texts(found: Gathered, remark: str) -> Iterator[str]:
    origins, contract = found.origins(), found.metadata.contract
    before, after = _part("page.html").split(_MIDDLE)
    indices = found.in_need_of_a_look()
    yield Template(before).substitute(
        style=f"{_part('page.css')}\n{styles(contract)}",
        shifted=_shifted(found.shifted()) + _remark(remark),
        facts=_facts(found),
        counts=_counts(found, origins),
        histogram=histogram(found.histogram(), found.refer_band, _probability(contract)),
        caption=_caption(found),
        columns="".join(f"<th scope=col>{_text(word)}</th>" for word in found.decisions),
        sources=_sources(origins),
        order=_order(found),
        filters=_filters(found),
        failed=_failed(found.failed(), sum(each.failed for each in origins)),
        note=_superseded(found.superseded())
        + _note(len(indices), sum(sum(each.decisions.values()) for each in origins)),
    )
    yield f'<script type="application/json" id="band">{_json(found.refer_band)}</script>\n'
    yield f'<script type="application/json" id="signs">{_json(signs(contract))}</script>\n'
    yield f'<script type="application/json" id="classes">{_json(classes(contract))}</script>\n'
    yield '<script type="application/json" id="cells">[\n'
    for n, cell in enumerate(found.cells(indices)):
        yield f"{',' if n else ''}{_json(cell)}\n"
    yield "]</script>\n"
    for some in found.thumbnails(indices):
        yield f'<script type="application/json" class="thumbnails">{_json(some)}</script>\n'
    yield Template(after).substitute(script=_part("page.js"))


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _json(value: object) -> str:
    """JSON that ends no script element, whatever a file is called."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _shifted(smears: Sequence[str]) -> str:
    if not smears:
        return ""
    return (
        f'<p class="notice">{SCALE_SHIFT}: the cells of {_text(", ".join(smears))} are shown larger'
        " or smaller than those that the network was trained on, and their decision is to refer."
        " Check magnification, camera resolution and how cells are cut out.</p>\n"
    )


def _remark(text: str) -> str:
    return f'<p class="notice">{_text(text)}.</p>\n' if text else ""


def _facts(found: Gathered) -> str:
    run = found.run
    facts = {
        "run": f"started {run['started']}, "
        + (f"finished {run['finished']}" if run["finished"] else "not finished"),
        "model": f"{found.network} {str(run['model_sha256'])[:12]}",
        "runtime": run["runtime"],
        "machine": run["machine"],
        "command": run["command"],
        "edge-all": run["edge_all"],
    }
    return "\n".join(f"<dt>{name}</dt><dd>{_text(fact)}</dd>" for name, fact in facts.items())


def _probability(contract: Contract) -> str:
    """What the page shows of each cell, in words."""
    words = contract.words
    return f"p({words[1]})" if len(words) == 2 else "probability of the likeliest label"


def _caption(found: Gathered) -> str:
    if found.refer_band:
        return (
            "Cells by calibrated probability. Inside the band the decision is refer: a person"
            " looks."
        )
    surely = ", ".join(
        f"{_text(words)} from {threshold:.3f}"
        for words, threshold in zip(
            found.metadata.contract.words, found.metadata.thresholds or (), strict=True
        )
    )
    return (
        "Cells by the calibrated probability of their likeliest label. Below its threshold the"
        f" decision is refer: a person looks. Decided are {surely}."
    )


def _order(found: Gathered) -> str:
    if found.refer_band:
        return (
            "First those to refer, nearest to 0.5 before others; then those decided, nearest to"
            " the refer band before others."
        )
    return (
        "First those to refer, the least sure before others; then those decided, nearest to their"
        " threshold before others."
    )


def _filters(found: Gathered) -> str:
    return "\n".join(
        f'<label><input type="checkbox" name="decision" value="{_text(word)}" checked>'
        f" {_text(word)}</label>"
        for word in found.decisions
    )


def _counts(found: Gathered, origins: Sequence[Origin]) -> str:
    css = classes(found.metadata.contract)
    totals = [
        (css[word], word, sum(each.decisions[word] for each in origins)) for word in found.decisions
    ]
    totals.append((FAILED, FAILED, sum(each.failed for each in origins)))
    return "\n".join(
        f'<li class="{name}"><b>{count:,}</b> {_text(word)}</li>' for name, word, count in totals
    )


def _sources(origins: Sequence[Origin]) -> str:
    rows = [(each.name, [*each.decisions.values(), each.failed]) for each in origins]
    return "\n".join(
        f"<tr><th scope=row>{_text(name)}</th>"
        + "".join(f"<td>{count:,}</td>" for count in (*counts, sum(counts)))
        + "</tr>"
        for name, counts in rows
    )


def _failed(failed: Sequence[tuple[str, str]], total: int) -> str:
    if not total:
        return "<p>None.</p>"
    rows = "\n".join(
        f"<tr><th scope=row>{_text(file)}</th><td>{_text(error)}</td>"
        f"<td>{_text(REASONS.get(error, ''))}</td></tr>"
        for file, error in failed
    )
    more = total - len(failed)
    return (
        '<div class="wide" tabindex="0"><table><thead><tr><th scope=col>file</th>'
        "<th scope=col>reason</th><th scope=col>meaning</th></tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table></div>"
        + (f"<p>And {more:,} more; a result file (--out) names them all.</p>" if more else "")
    )


def _note(shown: int, cells: int) -> str:
    if shown == cells:
        return ""
    return (
        f"<p>This page shows the {shown:,} of {cells:,} cells that most need a look; the counts"
        " above are of all. A result file (--out) has them all.</p>"
    )


def _superseded(count: int) -> str:
    if not count:
        return ""
    return (
        f"<p>Files were written again after their decision, and decided again: {count:,} earlier"
        " results are not shown and not counted. A result file (--out) has them all.</p>"
    )


def _text(value: object) -> str:
    """Text of a page; characters nobody can see are shown as escapes."""
    return html.escape(printable(str(value)))
