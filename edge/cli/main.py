"""``edge-all``: classify crops on the device.

Built on argparse, unlike the command lines of the build side: importing Typer takes as long as
importing numpy, OpenCV and the runtime together, and a device waits for that at every start.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from edge.cli.command import BROKEN_PIPE, INTERRUPTED, SOME_FAILED, flush_stdout, one_sentence
from edge.process.environment import quieten_libraries
from edge.process.streams import give_up_stdout, open_standard_streams
from edge.secrets import without_secrets_in
from edge.wording import printable_lines

if TYPE_CHECKING:
    from edge.sources.find import Inputs
    from edge.sources.watching.watch import Watch

_ABOUT = "Classify single-cell crops. Research software: it gives no diagnosis."
_MOST_THREADS = 256  # more than any device has processors for; each holds a network in memory


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
    command = program_parser().parse_args(given[:1]).command
    _, _, run = COMMANDS[command]
    run(_parse(command_parser(command), given[1:]))


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
    about, describe, _ = COMMANDS[name]
    parser = _Parser(f"edge-all {name}", description=about, allow_abbrev=False)
    describe(parser)
    return parser


def program_parser() -> argparse.ArgumentParser:
    """Parser of what comes before the arguments of a command."""
    names = "\n".join(f"  {name:<10} {about}" for name, (about, _, _) in COMMANDS.items())
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
        from edge.doctor import versions

        print(versions())
        raise SystemExit(0)


def _at_least(
    least: float, kind: Callable[[str], float], most: float = math.inf
) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{text} is more than {most}")
        return value

    number.__name__ = "number"  # argparse names it where the text is none
    return number


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model file; the one shipped with edge-all by default",
    )


def _describe_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="files, zip and tar archives, folders (searched to any depth), globs,"
        " @list (a file with a path a line), - (paths on stdin), http:// snapshots",
    )
    parser.add_argument(
        "--watch",
        metavar="FOLDER",
        help="classify what is in this folder and what comes, until Ctrl-C",
    )
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write results to this .csv, .jsonl, .db or .sqlite; may be repeated",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a page with thumbnails to this .html file",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with what an earlier, cut-off run has written",
    )
    _add_model(parser)
    parser.add_argument(
        "--threads",
        type=_at_least(1, int, _MOST_THREADS),
        metavar="N",
        help=f"cells at a time, at most {_MOST_THREADS}; by default one per processor",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse crops of bad quality; otherwise a person looks",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say how the network is run, and why"
    )
    parser.epilog = (
        "Reads BMP, PNG, JPEG, TIFF and WebP, 8-bit colour. What cannot be read becomes a row"
        " with a reason; the run goes on and ends with exit code 1."
    )


@one_sentence
def _classify(options: argparse.Namespace) -> None:
    from edge.cli.terminal import say_failures, say_left_out
    from edge.run import classify_into
    from edge.sinks.outputs import check_outputs

    watched = [] if options.watch is None else [options.watch]
    outputs = check_outputs(options.out, options.report, options.sources + watched)
    inputs = _open(options.sources, options.watch)
    tally = classify_into(
        inputs,
        outputs,
        not options.out,
        options.resume,
        options.model,
        options.threads,
        options.strict,
        options.verbose,
    )
    say_failures(tally)
    say_left_out(inputs.left_out)
    if tally.failed:
        raise SystemExit(SOME_FAILED)


def _open(sources: list[str], folder: str | None) -> Inputs | Watch:
    """Open sources, or a folder to watch: both give inputs in batches."""
    from edge.errors import NoInputs

    if bool(sources) == (folder is not None):
        raise NoInputs("name sources, or a folder to --watch")
    if folder is None:
        from edge.cli.terminal import say_left_out
        from edge.sources.find import open_sources
        from edge.sources.left_out import LeftOut

        left_out = LeftOut()
        try:
            return open_sources(sources, left_out)
        except NoInputs:
            say_left_out(left_out)
            raise
    from edge.sources.watching.watch import Watch

    return Watch(folder)


@one_sentence
def _doctor(options: argparse.Namespace) -> None:
    from edge.doctor import examine
    from edge.models.model_file import SHIPPED_MODEL

    for fact in examine(options.model or SHIPPED_MODEL):
        print(printable_lines(fact))
    print("all is well")


def _describe_benchmark(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "--float",
        dest="twin",
        type=Path,
        metavar="FILE",
        help="float twin (.tflite), to be measured beside it",
    )
    parser.add_argument(
        "--seconds",
        type=_at_least(0.01, float),
        default=1.0,
        metavar="S",
        help="how long to measure each setting; 1 by default",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures here, as JSON")


@one_sentence
def _benchmark(options: argparse.Namespace) -> None:
    from edge.engine.benchmark import Benchmark, Network, describe, run_benchmark
    from edge.engine.runtime import find_runtime
    from edge.models.model_file import SHIPPED_MODEL, read_model_file, read_twin
    from edge.sinks.figures import check_figures, save_figures

    if options.out:
        check_figures(options.out, Benchmark)
    model_file = read_model_file(options.model or SHIPPED_MODEL)
    networks = [Network("int8", model_file.flatbuffer)]
    if options.twin:
        networks.append(Network("float", read_twin(options.twin, model_file)))
    found = run_benchmark(networks, model_file.golden.inputs, find_runtime(), options.seconds)
    print(describe(found))
    if options.out:
        save_figures(options.out, found.to_dict())
        print(f"saved {options.out}")


def _describe_samples(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where to put them; made if need be"
    )
    parser.add_argument(
        "-n",
        "--n",
        type=_at_least(1, int),
        default=24,
        metavar="N",
        help="how many; 24 by default",
    )


@one_sentence
def _samples(options: argparse.Namespace) -> None:
    from edge.crops.drawn import write_samples

    write_samples(options.folder, options.n)
    print(f"drew {options.n} cells in {options.folder}")


COMMANDS = {
    "classify": (
        "Classify crops: healthy, leukemia, or refer (a person looks). Not a diagnosis.",
        _describe_classify,
        _classify,
    ),
    "doctor": (
        "Check machine, libraries, runtime and model file; say what is missing.",
        _add_model,
        _doctor,
    ),
    "benchmark": (
        "Measure the networks alone, in every setting, for choosing and for reporting issues.",
        _describe_benchmark,
        _benchmark,
    ),
    "samples": (
        "Draw sample cells to try edge-all on; no decision on a drawing means anything.",
        _describe_samples,
        _samples,
    ),
}
"""Name -> what it does, its options, and what runs it."""


if __name__ == "__main__":
    main()
