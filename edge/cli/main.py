"""``edge-all``: classify crops on the device.

Built on argparse, unlike the command lines of the build side: importing Typer takes as long as
importing numpy, OpenCV and the runtime together, and a device waits for that at every start.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from edge.cli.command import BROKEN_PIPE, INTERRUPTED, flush_stdout
from edge.process.environment import quieten_libraries
from edge.process.streams import give_up_stdout, open_standard_streams
from edge.secrets import without_secrets_in
from edge.wording import printable_lines

_ABOUT = "Classify single-cell crops. Research software: it gives no diagnosis."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of this process by default.

    Raises
    ------
    SystemExit
        With an exit code other than 0.
    """
    open_standard_streams()
    quieten_libraries()
    for stream in (sys.stdout, sys.stderr):  # a name the terminal cannot show must not stop a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            _run(given)
        finally:
            flush_stdout()
    except BrokenPipeError:  # the reader has left, as head does
        give_up_stdout()
        raise SystemExit(BROKEN_PIPE) from None
    except KeyboardInterrupt as interrupt:
        raise SystemExit(getattr(interrupt, "exit_code", INTERRUPTED)) from None


def _run(given: list[str]) -> None:
    if not given:
        program_parser().print_help()
        raise SystemExit(2)
    words = 2 if " ".join(given[:2]) in COMMANDS else 1
    command = program_parser().parse_args([" ".join(given[:words])]).command
    _module_of(command).run(_parse(command_parser(command), given[words:]))


def _parse(parser: argparse.ArgumentParser, given: list[str]) -> argparse.Namespace:
    """Parse options and sources in any order; after ``--`` all are sources, ``-x.png`` too."""
    if "--" not in given:
        return parser.parse_intermixed_args(given)
    at = given.index("--")
    if not any(action.dest == "sources" for action in parser._actions):
        return parser.parse_args(given)
    options = parser.parse_intermixed_args(given[:at])  # which does not know --
    options.sources += given[at + 1 :]
    return options


class _Parser(argparse.ArgumentParser):
    """A parser whose messages move no cursor and repeat no password: any name may be in them."""

    def error(self, message: str) -> NoReturn:
        super().error(without_secrets_in(printable_lines(message)))


def command_parser(name: str) -> argparse.ArgumentParser:
    """Parser of one of :data:`COMMANDS`."""
    parser = _Parser(f"edge-all {name}", description=COMMANDS[name], allow_abbrev=False)
    _module_of(name).describe(parser)
    return parser


def _module_of(command: str) -> Any:
    return importlib.import_module(f"edge.cli.{command.replace(' ', '_')}")


def program_parser() -> argparse.ArgumentParser:
    """Parser of what comes before the arguments of a command."""
    names = "\n".join(f"  {name:<13} {about}" for name, about in COMMANDS.items())
    parser = _Parser(
        "edge-all",
        usage="edge-all [--version] [--help] COMMAND ...",
        description=f"{_ABOUT}\n\ncommands:\n{names}",
        epilog="edge-all COMMAND --help says more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_PrintVersions, help="print versions and end")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


class _PrintVersions(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, *_: object) -> None:
        from edge.doctor.versions import versions

        print(versions())
        raise SystemExit(0)


COMMANDS = {
    "classify": "Classify crops; what is not sure is referred: a person looks. Not a diagnosis.",
    "run": "Run unattended: camera or folder into a database, smear by smear. Not a diagnosis.",
    "segment": "Find the white cells of fields: crops, pictures with outlines, tables.",
    "capture": "Take fields from a camera into a folder, with all that is known of them.",
    "scale": "Measure or give the scale of a microscope with an objective, and keep it.",
    "doctor": "Check machine, libraries, runtime and model file; say what is missing.",
    "benchmark": (
        "Measure the networks alone, in every setting, for choosing and for reporting issues."
    ),
    "drift": "Compare int8 with the float network it was made from: quantization drift.",
    "drift smears": "Compare smears with the people of a reference; name what moved: data drift.",
    "drift learn": "Learn what the smears of people look like, as a reference for data drift.",
    "drift merge": "Put the people of several references together.",
    "drift history": "Show the reports that a results database keeps: is int8 drifting?",
    "drift replay": "Run the networks of a replay package on its cells, on this machine.",
    "control": "Run a control slide, and hold it to the days on which it was established.",
    "serve": "Show runs in a browser as they go, and take what people say of cells: reviews.",
    "export": "Write reviewed cells as labelled crops, to train on.",
    "models": "Keep the model files of a device: add, activate, go back, verify.",
    "samples": "Draw sample cells to try edge-all on; no decision on a drawing means anything.",
}
"""Name -> what it does. Its options and what runs it are in the module of this name."""


if __name__ == "__main__":
    main()
