"""What the pages show of conversion is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from transcripts import PAGES, Block, Reader, blocks_of

import convert.cli.main  # noqa: F401  # a device, which lacks what it needs, leaves this module out


def of_build_side(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.is_run and block.is_build_side]


SLOW = ("your-own-cells.md",)
"""Trains, and converts twice."""


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in SLOW else [])
        for page in PAGES
        if of_build_side(page)
    ],
)
def test_commands_do_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in of_build_side(page):
        reader.read(block)
