"""Pieces of pages: whatever comes from outside becomes text, never markup."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import datetime

from edge.wording import printable

NOTICE = "Research software: this page gives no diagnosis. A qualified person looks at every case."


_NAMED = (("/", "Now"), ("/state", "State"), ("/history", "History"), ("/agreement", "Agreement"))


def text(value: object) -> str:
    """Text of a page or of an attribute; characters nobody can see are shown as escapes."""
    return html.escape(printable(str(value)))


def moment(time: str | None) -> str:
    """A time of the database for people: UTC, to the second; empty where there is none."""
    if not time:
        return ""
    try:
        found = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        return time
    return found.strftime("%Y-%m-%d %H:%M:%S UTC")


def page(title: str, body: Iterable[str], at: str = "", reader: str = "") -> str:
    """Make a whole page.

    Parameters
    ----------
    title : str
    body : iterable of str
        Markup.
    at : str
        Path of the page, which the navigation marks.
    reader : str
        Who reads, if that is known.
    """
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if path == at else ""}>{words}</a>'
        for path, words in _NAMED
    )
    who = f'<span class="reader">{text(reader)}</span>' if reader else ""
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{text(title)}</title>",
            '<link rel="stylesheet" href="/web.css">',
            '<script src="/web.js" defer></script></head><body>',
            f'<p class="notice">{NOTICE}</p>',
            f'<header><nav aria-label="Pages">{links}</nav>{who}</header>',
            f"<main><h1>{text(title)}</h1>",
            *body,
            "</main></body></html>",
        ]
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Make a table of texts; the first column names its row."""
    heads = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{text(cell)}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{text(first)}</th>{cells}</tr>')
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide" tabindex="0"><table>{named}<thead><tr>{heads}</tr></thead><tbody>'
        + "\n".join(lines)
        + "</tbody></table></div>"
    )


_SPARK = (160, 36, 4)  # width, height, room around the line


def spark(what: str, shares: Sequence[float]) -> str:
    """Draw how a share of 0 to 1 went, the last one on the right, with its number beside it.

    Parameters
    ----------
    what : str
        Of what.
    shares : sequence of float
        At least two.
    """
    width, height, room = _SPARK
    step = (width - 2 * room) / (len(shares) - 1)
    places = [
        (room + n * step, room + (height - 2 * room) * (1 - share))
        for n, share in enumerate(shares)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    said = f"{what}, the last {len(shares)}: {shares[0]:.0%} at first, {shares[-1]:.0%} now"
    return (
        f'<figure class="spark"><svg viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{text(said)}">'
        f'<path d="M0 {height - room}H{width}M0 {room}H{width}"/><polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
        f"<figcaption><b>{shares[-1]:.0%}</b> {text(what)}</figcaption></figure>"
    )


def form(action: str, *parts: str, hidden: Iterable[tuple[str, object]] = (), css: str = "") -> str:
    """Make a form that is posted."""
    fields = "".join(
        f'<input type="hidden" name="{text(name)}" value="{text(value)}">' for name, value in hidden
    )
    look = f' class="{css}"' if css else ""
    return f'<form method="post" action="{action}"{look}>{fields}{"".join(parts)}</form>'


def button(words: str, key: str = "", name: str = "", value: str = "", css: str = "") -> str:
    """Make a button that sends its form; a key of the keyboard presses it."""
    given = f' name="{text(name)}" value="{text(value)}"' if name else ""
    pressed = f' data-key="{text(key)}" aria-keyshortcuts="{text(key)}"' if key else ""
    shown = f" <kbd>{text(key)}</kbd>" if key else ""
    look = f' class="{css}"' if css else ""
    return f'<button type="submit"{given}{pressed}{look}>{text(words)}{shown}</button>'
