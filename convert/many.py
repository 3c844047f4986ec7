"""Convert several models side by side, each in a process of its own; none stops another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from convert.job import Options
from convert.network.reasons import in_short
from edge.cli.command import GATE_FAILED, WRONG_USAGE, say
from edge.errors import ConversionFailed, EdgeAllError, GateFailed
from edge.machine import available_processors


@dataclass(frozen=True)
class Outcome:
    """How one conversion ended.

    Attributes
    ----------
    name : str
        What the names of its files begin with.
    exit_code : int
        0, :data:`edge.cli.command.GATE_FAILED` or :data:`edge.cli.command.WRONG_USAGE`.
    words : str
        What to tell people, on several lines.
    seconds : dict
        Step -> duration; empty where nothing was converted.
    """

    name: str
    exit_code: int
    words: str
    seconds: dict[str, float]


def convert_all(
    keras_files: Sequence[Path], options: Options, out: Path, workers: int = 1
) -> Iterator[Outcome]:
    """Convert models, and tell how each ended as soon as those before it did.

    Parameters
    ----------
    keras_files : sequence of Path
    options : Options
    out : Path
        Folder.
    workers : int
        Models at a time. One uses all processors in its long steps: two at a time take
        three quarters of the time and half as much memory again.

    Yields
    ------
    Outcome
        In the order of the files.

    Raises
    ------
    ConversionFailed
        If two files have one name, so that their results would overwrite each other.
    """
    if not keras_files:
        return
    names = [file.stem for file in keras_files]
    for name in names:
        if names.count(name) > 1:
            raise ConversionFailed(
                f"two models are named {name}; convert them into folders of their own with --out"
            )
    workers = min(workers, len(keras_files))
    one = partial(
        convert_one, options=options, out=out, threads=max(1, available_processors() // workers)
    )
    if workers == 1:
        yield from map(one, keras_files)
        return
    with _processes(workers) as pool:
        running = [(file, pool.submit(one, file)) for file in keras_files]
        for file, outcome in running:
            try:
                yield outcome.result()
            except BrokenProcessPool:  # one was killed, and with it all that was not done
                yield _alone(one, file)


def _alone(one: Callable[[Path], Outcome], file: Path) -> Outcome:
    """Convert a model in a process that ends no other if it is killed."""
    with _processes(1) as pool:
        try:
            return pool.submit(one, file).result()
        except BrokenProcessPool:
            words = f"error: {file}: its process was killed, as when memory runs out; free some"
            return Outcome(file.stem, WRONG_USAGE, words, {})


def _processes(workers: int) -> ProcessPoolExecutor:
    # TensorFlow does not survive a fork
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def convert_one(keras_file: Path, options: Options, out: Path, threads: int) -> Outcome:
    """Convert one model; whatever is wrong with it becomes an outcome."""
    name = keras_file.stem
    try:
        return _convert(keras_file, options, out, threads)
    except GateFailed as error:
        return Outcome(name, GATE_FAILED, _about(keras_file, f"gate failed: {error}"), {})
    except EdgeAllError as error:
        return Outcome(name, WRONG_USAGE, _about(keras_file, f"error: {error}"), {})
    except Exception as error:  # of a tool, for a network it cannot do; the others still can
        words = f"error: {keras_file} cannot be converted: {in_short(error)}; please report it"
        return Outcome(name, WRONG_USAGE, words, {})


def _about(keras_file: Path, words: str) -> str:
    """Name the model where the words do not name a file of its."""
    if str(keras_file.with_suffix("")) in words:
        return words
    kind, _, what = words.partition(": ")
    return f"{kind}: {keras_file}: {what}"


def _convert(keras_file: Path, options: Options, out: Path, threads: int) -> Outcome:
    from convert.job import prepare
    from convert.network.keras_file import read_keras_file
    from convert.pipeline import convert
    from convert.report.words import outcome_words
    from convert.unchanged import earlier, key_of

    read_keras_file(keras_file)  # what is no model is not told that it lacks a record
    job = prepare(keras_file, options)
    key = key_of(job)
    report = earlier(job, key, out)
    unchanged = report is not None
    if report is None:
        report = convert(job, out, key, threads, partial(_tell, job.name)).report
    seconds = {} if unchanged or report.made is None else report.made.seconds
    failed = any(gate.passed is False for gate in report.gates)
    words = outcome_words(report, out, job.name, unchanged)
    return Outcome(job.name, GATE_FAILED if failed else 0, words, seconds)


def _tell(name: str, step: str) -> None:
    if sys.stderr.isatty():
        say(f"{name}: {step}")
