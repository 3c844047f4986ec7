"""Write docs/reference.md: what every command says of itself with ``--help``.

Run it after a change of a command line: ``python docs/make_reference.py``. A test holds the page to
what the commands print.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("reference.md")
WIDTH = 96
BUILD_SIDE = {  # program -> module of its Typer application
    "edge-all-train": "train.cli.main",
    "edge-all-calibrate": "calibration.cli",
    "edge-all-convert": "convert.cli.main",
}


def reference() -> str:
    """Text of the page."""
    parts = [
        "# Command line reference",
        "What every command says with `--help`; written by `make docs`.",
    ]
    for name, text in helps():
        heading = "##" if name in ("edge-all", *BUILD_SIDE) else "###"
        lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
        parts.append(f"{heading} {name}\n\n```text\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def helps() -> Iterator[tuple[str, str]]:
    """Name of every program and command, and its help."""
    yield from _of_the_device()
    for program, module in BUILD_SIDE.items():
        yield from _of_typer(program, import_module(module).app)


def _of_the_device() -> Iterator[tuple[str, str]]:
    from edge.cli.main import COMMANDS, command_parser, program_parser

    parsers = [program_parser(), *map(command_parser, COMMANDS)]
    for parser in parsers:
        parser.formatter_class = _at_width(parser.formatter_class)
        yield parser.prog, parser.format_help()


def _at_width(formatter: Any) -> Any:
    """Formatter of 96 columns, whatever the terminal has."""

    def make(prog: str) -> argparse.HelpFormatter:
        found: argparse.HelpFormatter = formatter(prog, width=WIDTH)
        return found

    return make


def _of_typer(program: str, app: Any) -> Iterator[tuple[str, str]]:
    import typer

    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name=program, terminal_width=WIDTH, max_content_width=WIDTH)
    yield program, _plain_help(group, context)
    for name, command in group.commands.items():
        below = typer.Context(command, context, name, terminal_width=WIDTH, max_content_width=WIDTH)
        yield f"{program} {name}", _plain_help(command, below)


def _plain_help(command: Any, context: Any) -> str:
    command.rich_markup_mode = None  # no boxes
    return str(command.get_help(context))


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"wrote {PAGE}")
