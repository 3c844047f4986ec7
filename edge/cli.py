"""``edge-all``: classify crops on the device."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.command import SOME_FAILED, one_sentence

if TYPE_CHECKING:
    from edge.sources import Inputs
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
        list[Path] | None,
        typer.Option(help="Write results to this .csv, .jsonl, .db or .sqlite; may be repeated."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with thumbnails to this .html file.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what an earlier, cut-off run has written.")
    ] = False,
    model: ModelOption = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; by default one per processor.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse crops of bad quality; otherwise a person looks."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say how the network is run, and why.")
    ] = False,
) -> None:
    """Classify crops: healthy, leukemia, or refer (a person looks). Not a diagnosis.

    Reads BMP, PNG, JPEG, TIFF and WebP, 8-bit colour. What cannot be read becomes
    a row with a reason; the run goes on and ends with exit code 1.
    """
    from edge.run import classify_into
    from edge.sinks.outputs import check_outputs
    from edge.terminal import say_failures

    outputs = check_outputs(out or [], report)
    inputs = _open(sources or [], watch)
    tally = classify_into(inputs, outputs, not out, resume, model, threads, strict, verbose)
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
    from edge.model_file import SHIPPED_MODEL, read_model_file, read_twin
    from edge.runtime import find_runtime

    model_file = read_model_file(model or SHIPPED_MODEL)
    networks = [Network("int8", model_file.flatbuffer)]
    if twin:
        networks.append(Network("float", read_twin(twin, model_file)))
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
