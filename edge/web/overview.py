"""The first page: what is looked at now, what was decided, what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edge.contract import NOT_DECIDED
from edge.reviews.database import RunFacts
from edge.reviews.queues import Waiting
from edge.reviews.review import QUEUES
from edge.reviews.smears import RunningSmear, SmearFacts
from edge.web.live import FAILED
from edge.web.markup import button, form, moment, page, text


def overview_page(
    run: RunFacts | None,
    decisions: Mapping[str | None, int],
    waiting: Waiting,
    field: int,
    reader: str,
    blind: bool,
    smears: Sequence[SmearFacts] = (),
    running: RunningSmear | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    run : RunFacts or None
        The last one.
    decisions : mapping
        Decision -> cells; under None inputs that failed.
    waiting : Waiting
        For the reader.
    field : int
        Version of the field that is looked at; 0 where there is none.
    reader : str
        Empty if nobody has given a name.
    blind : bool
    smears : sequence of SmearFacts
        The last ones, the last first.
    running : RunningSmear or None
        The one that goes on.
    """
    if run is None:
        return page("Now", ["<p>No run has written into this database yet.</p>"], "/", reader)
    body = [*_parts(run, decisions, waiting, field, reader, blind), *_smears(smears, running)]
    return page("Now", body, "/", reader)


def _parts(
    run: RunFacts,
    decisions: Mapping[str | None, int],
    waiting: Waiting,
    field: int,
    reader: str,
    blind: bool,
) -> Iterator[str]:
    yield '<p id="stale" class="warning" role="status" hidden>The server does not answer; what'
    yield "stands here may be old.</p>"
    yield f'<section id="live"{"" if field else " hidden"}><h2>Field</h2>'
    source = f' src="/live.jpg?v={field}"' if field else ""
    yield f'<img id="field"{source} alt="The field that is looked at, with its cells marked">'
    yield "</section>"
    yield f'<section id="run" data-run="{run.id}"><h2>Run {run.id}</h2><ul class="counts">'
    known = (NOT_DECIDED, *run.contract.words)
    for word in known:
        yield _count(word, decisions.get(word, 0), _css(run, word))
    yield _count(FAILED, decisions.get(None, 0), "failed")
    yield "</ul>"
    state = f"finished {text(moment(run.finished))}" if run.finished else "not finished"
    yield f"<p>Started {text(moment(run.started))}, {state}; model {text(run.network)}"
    yield f"{text(run.model_sha256[:12])}; of {text(run.reads)}.</p></section>"
    yield "<section><h2>What waits for a person</h2>"
    yield from _who(reader, blind)
    yield '<ul class="queues">'
    for queue, words in QUEUES.items():
        yield (
            f'<li><a href="/review?run={run.id}&amp;queue={queue}"><b data-count="queue {queue}">'
            f"{waiting.of(queue):,}</b> {queue}</a><span>{words}</span></li>"
        )
    yield "</ul>"
    yield f'<p><a href="/cells?run={run.id}">Many referred cells at once</a></p></section>'


def _smears(smears: Sequence[SmearFacts], running: RunningSmear | None) -> Iterator[str]:
    if not smears:
        return
    yield "<section><h2>Smears</h2>"
    says = running.says if running else "None goes on."
    yield f'<p id="smear" data-last="{smears[0].id}">{text(says)}</p>'
    # read out when another begins, and now and then: not with each cell
    yield '<p id="smear-said" class="unseen" role="status"></p>'
    name = '<label>Name <input name="name" maxlength="60" autocomplete="off"></label>'
    yield form("/smear", name, button("Begin the next smear"), css="who")
    yield from (_ended(each) for each in smears if each.finished)
    yield "</section>"


def _ended(smear: SmearFacts) -> str:
    first, *rest = (smear.says or "").splitlines() or [""]
    title = first if first.startswith(smear.name) else f"{smear.name}: {first}"
    lines = "".join(f"<p>{text(line.strip())}</p>" for line in (*rest, moment(smear.finished)))
    return f'<details class="smear"><summary>{text(title)}</summary>{lines}</details>'


def _count(word: str, number: int, css: str) -> str:
    return (
        f'<li class="{css}"><b data-count="decision {text(word)}">{number:,}</b> {text(word)}</li>'
    )


def _css(run: RunFacts, word: str) -> str:
    if word == NOT_DECIDED:
        return "refer"
    return "positive" if word == run.contract.positive_words else "other"


def _who(reader: str, blind: bool) -> Iterator[str]:
    """Give the form for a reader's name, and how they read."""
    checked = " checked" if blind else ""
    yield form(
        "/reader",
        '<label>Your name <input name="reader" required maxlength="60" autocomplete="name"'
        f' value="{text(reader)}"></label>',
        f'<label><input type="checkbox" name="blind" value="1"{checked}> blind: hide what the'
        " network says</label>",
        button("Keep" if reader else "Begin"),
        css="who",
    )


def login_page(wrong: str = "") -> str:
    """Make the page that asks for the token."""
    said = f'<p class="warning" role="alert">{text(wrong)}</p>' if wrong else ""
    field = (
        '<label>Token <input name="token" type="password" required'
        ' autocomplete="current-password" autofocus></label>'
    )
    why = "<p>It stands in the file that edge-all serve was given with --token-file.</p>"
    return page("Token", [said, form("/login", field, button("Open"), css="who"), why])
