"""The page in a browser: its filters and pages, and names that try to run."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from browser import cards, needs_browser, opened, status
from sink_helpers import MODEL, results
from test_html_report import HIGH, data, of, write

from edge.crops.drawn import draw_crop
from edge.models.cnmc import SIDE
from edge.rows import Result

assert MODEL.metadata.refer_band is not None


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 300 results: two sources, some quality codes."""
    path = tmp_path_factory.mktemp("page") / "x.html"
    crop = draw_crop(1, SIDE)
    some = [
        replace(each, crop=crop, quality="dark blurred" if each.index % 50 == 1 else None)
        if each.index < 200
        else replace(each, crop=crop, source="others")
        for each in results(300)
    ]
    write(path, some)
    return path


def expected(chosen: Callable[[Result], bool]) -> int:
    return sum(1 for each in results(300) if each.decision and chosen(each))


def slow(*values: object) -> object:
    """One of the filters that the last case holds together: a browser a case."""
    return pytest.param(*values, marks=pytest.mark.slow)


@needs_browser
@pytest.mark.parametrize(
    ("view", "chosen"),
    [
        ("", lambda each: True),
        slow("decision=refer", lambda each: each.decision == "refer"),
        ("decision=healthy%2Cleukemia", lambda each: each.decision != "refer"),
        slow("source=others", lambda each: each.index >= 200),
        slow("text=ZELL%C3%89", lambda each: "zellé" in each.file),
        ("quality=blurred", lambda each: each.index % 50 == 1 and each.index < 200),
        (
            "decision=refer&source=crops&text=ZELL%C3%89",
            lambda each: each.decision == "refer" and each.index < 200 and "zellé" in each.file,
        ),
    ],
    ids=["all", "one decision", "two decisions", "source", "name", "quality", "together"],
)
def test_a_filter_leaves_the_cells_that_are_like_this(
    page: Path, view: str, chosen: Callable[[Result], bool]
) -> None:
    markup = opened(page, view)
    n = expected(chosen)
    assert n > 0
    assert status(markup) == f"1 to {min(n, 60)} of {n} cells"
    wanted = {each.index for each in results(300) if each.decision and chosen(each)}
    assert len(cards(markup)) == min(n, 60)
    assert {int(name.partition(":")[0]) for _, _, name in cards(markup)} <= wanted


@needs_browser
def test_the_pages_together_show_every_cell_once_in_order(page: Path) -> None:
    shown = [card for n in (1, 2) for card in cards(opened(page, f"size=240&page={n}"))]
    cells = data(page.read_text(encoding="utf-8"), "cells")
    assert [html.unescape(name) for _, _, name in shown] == [f"{c[0]}: {c[2]}" for c in cells]
    assert [(decision, p) for decision, p, _ in shown] == [(c[3], round(c[4], 3)) for c in cells]


@needs_browser
def test_no_cell_like_this_is_said(page: Path) -> None:
    markup = opened(page, "text=no-such-name")
    assert status(markup) == "No cell is like this."
    assert cards(markup) == []


@needs_browser
def test_the_browser_runs_nothing_from_a_file_name(tmp_path: Path) -> None:
    name = '</script><script>document.title = "broken"</script><img src=x onerror=alert(1)>'
    write(tmp_path / "x.html", [replace(of(0, 0.5), file=name, source=name + "/")])
    markup = opened(tmp_path / "x.html")
    assert "<title>Cells to look at</title>" in markup
    assert status(markup) == "1 to 1 of 1 cells"
    assert html.unescape(cards(markup)[0][2]) == f"0: {name}"


@pytest.mark.slow
@needs_browser
def test_a_page_of_10000_cells_opens_and_filters(tmp_path: Path) -> None:
    crops = [draw_crop(n, SIDE) for n in range(10)]
    some = (
        replace(of(n, n % 997 / 997, file=f"crops/{n:05d}.png"), crop=crops[n % 10])
        for n in range(10_000)
    )
    write(tmp_path / "x.html", some)
    markup = opened(tmp_path / "x.html", "decision=leukemia&text=crops/09")
    wanted = sum(n % 997 / 997 > HIGH for n in range(9000, 10_000))
    assert status(markup) == f"1 to 60 of {wanted:,} cells"
    assert markup.count('src="data:image/jpeg;base64,') == 60  # no more is in the page
