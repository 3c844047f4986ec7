"""``edge-all``: classify crops on the device."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.command import INTERRUPTED, SOME_FAILED, one_sentence, say

if TYPE_CHECKING:
    from edge.results import Result
    from edge.sinks import ResultFile
    from edge.sources import Inputs
    from edge.terminal import Tally
    from edge.watch import Watch

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Classify single-cell crops. Research software: it gives no diagnosis.",
)

ModelOption = Annotated[
    Path | None, typer.Option(help="Model file; the one shipped with edge-all by default.")
]


def _print_versions(wanted: bool) -> None:
    if wanted:
        from edge.doctor import versions

        print(versions())
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_versions, is_eager=True, help="Print versions."),
    ] = False,
) -> None:
    """Set up what all commands share."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of a bad file, a row says
    for stream in (sys.stdout, sys.stderr):  # a name the terminal cannot show must not stop a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@app.command()
@one_sentence
def classify(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, zip and tar archives, folders (searched to any depth), globs,"
            " @list (a file with a path a line), - (paths on stdin), http:// snapshots.",
            metavar="SOURCE...",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option(help="Classify what is in this folder and what comes, until Ctrl-C."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write one row per input to this .csv or .jsonl file.")
    ] = None,
    model: ModelOption = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; by default one per processor.")
    ] = None,
) -> None:
    """Classify crops: healthy, leukemia, or refer (a person looks). Not a diagnosis.

    Reads BMP, PNG, JPEG, TIFF and WebP, 8-bit colour. What cannot be read becomes
    a row with a reason; the run goes on and ends with exit code 1.
    """
    from edge.classifier import Classifier
    from edge.sinks import ResultFile, check_suffix
    from edge.terminal import Tally, say_failures, summary, with_progress

    if out:
        check_suffix(out)
    inputs = _open(sources or [], watch)
    tally = Tally()
    with ExitStack() as stack:
        classifier = stack.enter_context(Classifier(model, threads))
        file = stack.enter_context(ResultFile(out)) if out else None
        start = time.perf_counter()
        batches = stack.enter_context(inputs)
        if inputs.how:
            say(inputs.how)
        results: Iterator[Result] = chain.from_iterable(map(classifier.classify_all, batches))
        if file and sys.stderr.isatty():
            results = with_progress(results, inputs.count())
        _put_all(results, tally, file)
        seconds = time.perf_counter() - start
    print(summary(tally, seconds, classifier))
    say_failures(tally)
    if tally.failed:
        raise SystemExit(SOME_FAILED)


def _open(sources: list[str], folder: str | None) -> "Inputs | Watch":
    """Open sources, or a folder to watch: both give inputs in batches."""
    from edge.sources import open_sources
    from edge.watch import Watch

    if bool(sources) == (folder is not None):
        raise typer.BadParameter("name sources, or a folder to --watch")
    return open_sources(sources) if folder is None else Watch(folder)


def _put_all(results: "Iterator[Result]", tally: "Tally", file: "ResultFile | None") -> None:
    """Put every result where it belongs: the file, or else the table on stdout."""
    from edge.terminal import HEADER, line

    try:
        if file is None:
            typer.echo(HEADER)
        for result in results:
            tally.add(result)
            if file is None:
                typer.echo(line(result))
            else:
                file.write(result)
    except KeyboardInterrupt:
        say(f"interrupted after {tally.total} inputs")
        raise SystemExit(INTERRUPTED) from None


@app.command()
@one_sentence
def doctor(model: ModelOption = None) -> None:
    """Check machine, libraries, runtime and model file; say what is missing."""
    from edge.doctor import examine
    from edge.model_file import SHIPPED_MODEL

    for fact in examine(model or SHIPPED_MODEL):
        print(fact)
    print("all is well")


@app.command()
@one_sentence
def benchmark(
    model: ModelOption = None,
    twin: Annotated[
        Path | None,
        typer.Option("--float", help="Float twin (.tflite), to be measured beside it."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, help="How long to measure each setting.")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measure the networks alone, in every setting, for choosing and for reporting issues."""
    import json

    from edge.benchmark import Network, describe, run_benchmark
    from edge.model_file import SHIPPED_MODEL, read_model_file
    from edge.runtime import find_runtime

    model_file = read_model_file(model or SHIPPED_MODEL)
    networks = [Network("int8", model_file.flatbuffer)]
    if twin:
        networks.append(Network("float", twin.read_bytes()))
    found = run_benchmark(networks, model_file.golden.inputs, find_runtime(), seconds)
    print(describe(found))
    if out:
        out.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
        print(f"saved {out}")


@app.command()
@one_sentence
def samples(
    folder: Annotated[Path, typer.Argument(help="Where to put them; made if need be.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many.")] = 24,
) -> None:
    """Draw sample cells to try edge-all on; no decision on a drawing means anything."""
    from edge.drawn import write_samples

    write_samples(folder, n)
    print(f"drew {n} cells in {folder}")
