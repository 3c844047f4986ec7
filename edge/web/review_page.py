"""The page on which a person says what a cell is: one key labels it, and the next one comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from edge.reasons import in_words
from edge.reviews.database import RunFacts
from edge.reviews.labels import choices_of
from edge.reviews.queues import Waiting
from edge.reviews.review import QUEUES
from edge.rows import Result
from edge.web.desk import Laid
from edge.web.markup import button, form, page, text


def review_page(
    run: RunFacts, queue: str, laid: Laid | None, waiting: Waiting, missing: int, said: str
) -> str:
    """Make the page.

    Parameters
    ----------
    run : RunFacts
    queue : str
    laid : Laid or None
        None where none waits.
    waiting : Waiting
    missing : int
        Cells whose picture was not found.
    said : str
        What has just happened, in a sentence; may be empty.
    """
    body = _parts(run, queue, laid, waiting, missing, said)
    return page("Review", body, reader=laid.showing.reader if laid else "")


def _parts(
    run: RunFacts, queue: str, laid: Laid | None, waiting: Waiting, missing: int, said: str
) -> Iterator[str]:
    yield f'<p class="said" role="status">{text(said)}</p>'
    yield f"<p><b>{waiting.of(queue):,}</b> {queue}: {QUEUES[queue]}.</p>"
    if missing:
        yield (
            f'<p class="warning">{missing:,} cells have no picture any more: their files are gone'
            " or changed. Run with --keep-crops, or put the files back and start the server"
            " again.</p>"
        )
    if laid is None:
        yield "<p>Nothing waits here.</p>"
    else:
        yield from _cell(run, laid)
    place = [("run", run.id), ("queue", queue)]
    yield form("/undo", button("Undo", "z"), hidden=place, css="undo")


def _cell(run: RunFacts, laid: Laid) -> Iterator[str]:
    picture = f'<img class="cell" src="/images/{laid.name}" alt="The cell to review">'
    yield f'<div class="desk"><figure>{picture}'
    yield f"<figcaption>{_facts(run, laid.result)}</figcaption></figure>"
    buttons = [
        button(choice.words, choice.key, "label", choice.name)
        for choice in choices_of(run.contract)
    ]
    yield form("/review", *buttons, hidden=[("showing", laid.name)], css="choices")
    yield "</div>"


def _facts(run: RunFacts, result: Result | None) -> str:
    if result is None:
        return "Blind: what the network says is hidden."
    parts = [f"<b>{text(result.decision)}</b>"]
    if result.probability is not None:
        parts.append(f"p({text(_words_of(run, result))}) {result.probability:.3f}")
    if result.quality:
        parts.append(text(in_words(result.quality.split())))
    return f'{"; ".join(parts)}<br><span class="name">{text(result.sample or result.file)}</span>'


def _words_of(run: RunFacts, result: Result) -> str:
    """Words of the label of which the probability is shown: of two the second."""
    words = run.contract.words
    return words[1] if len(words) == 2 else words[run.contract.names.index(result.label or "")]


def cells_page(run: RunFacts, laid: Sequence[Laid], reader: str, said: str) -> str:
    """Make the page on which many cells are labelled at once, as far as they were on the screen."""
    parts = [f'<p class="said" role="status">{text(said)}</p>']
    if not laid:
        parts.append("<p>Nothing waits here.</p>")
        return page("Many cells", parts, reader=reader)
    parts.append(
        "<p>Mark cells that are alike, then say what they are. Only what has been on the screen can"
        " be marked. Cells that the audit draws are not among them.</p>"
    )
    cells = "".join(
        f'<li><label><input type="checkbox" name="showing" value="{each.name}"'
        " data-unseen disabled>"
        f'<img class="cell" src="/images/{each.name}" loading="lazy" alt="A cell">'
        f"<span>{text(each.result.decision) if each.result else 'blind'}</span></label></li>"
        for each in laid
    )
    buttons = "".join(
        button(choice.words, choice.key, "label", choice.name)
        for choice in choices_of(run.contract)
    )
    parts.append(
        form(
            "/cells",
            f'<ul class="grid">{cells}</ul><div class="choices bar">{buttons}</div>',
            hidden=[("run", run.id)],
        )
    )
    parts.append(form("/undo", button("Undo", "z"), hidden=[("run", run.id)], css="undo"))
    return page("Many cells", parts, reader=reader)


def address(path: str, **query: object) -> str:
    """Address of a page of this server."""
    return f"{path}?{urlencode(query)}"
