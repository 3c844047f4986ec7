"""A run: inputs through the classifier into every output, resumed and interrupted cleanly."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import edge
from edge.cli.command import say
from edge.cli.terminal import Table, Tally, summary, with_progress
from edge.decoding.decode import file_name
from edge.engine.classifier import Classifier
from edge.errors import OutputFailed, ResumeRefused
from edge.process.interrupts import Interrupted, Interrupts, hangup_of_terminal
from edge.rows import Result
from edge.samples import Sample
from edge.sinks.outputs import Outputs, keeps_crops
from edge.sinks.sink import START_AGAIN, Run
from edge.sources.find import Input, Inputs

if TYPE_CHECKING:
    from edge.sources.watching.watch import Watch


def classify_into(
    inputs: Inputs | Watch,
    outputs: Sequence[Path] = (),
    table: bool = True,
    resume: bool = False,
    model: Path | None = None,
    threads: int | None = None,
    strict: bool = False,
    verbose: bool = False,
) -> Tally:
    """Classify all inputs, and print a summary.

    Parameters
    ----------
    inputs : Inputs or Watch
        Sources that were opened, or a folder to watch.
    outputs : sequence of Path
        Result files and pages, as :func:`edge.sinks.outputs.check_outputs` gives them.
    table : bool
        Print a line for every input, and not how far the run is.
    resume : bool
        Go on with the results that are there. Every output ends with every input
        exactly once, even if one of them had more results than another.
    model, threads, strict
        As :class:`~edge.engine.classifier.Classifier` takes them.
    verbose : bool
        Say on stderr how the network is run, and why.

    Returns
    -------
    Tally
        Of all results, the earlier ones included.

    Raises
    ------
    ModelFileRefused, RuntimeMissing, OutputFailed, ResumeRefused
    SystemExit
        If interrupted: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
    """
    if resume and not outputs:
        raise OutputFailed("--resume goes on with result files; name them with --out or --report")
    tally = Tally()
    try:
        with ExitStack() as stack:
            interrupts = stack.enter_context(Interrupts())
            with_crops = keeps_crops(outputs)
            classifier = stack.enter_context(Classifier(model, threads, with_crops, strict))
            files = stack.enter_context(Outputs(outputs, _run(inputs, classifier), resume))
            if resume and not isinstance(inputs, Inputs):
                inputs.go_on_after(files.rows())
            start = time.perf_counter()
            batches = stack.enter_context(inputs)
            if inputs.how:
                say(inputs.how)
            results = _classify(batches, classifier, files if resume else None, tally)
            if verbose:
                results = _with_plan(results, classifier)
            if not table and sys.stderr.isatty():
                results = with_progress(results, tally, inputs.count())
            _put_all(results, tally, files, Table() if table else None, interrupts)
            seconds = time.perf_counter() - start
    except Interrupted as interrupt:
        again = "; the same command with --resume goes on" if outputs else ""
        if interrupt.unwritten:
            say(f"error: {interrupt.unwritten}")
        say(f"interrupted after {tally.total} inputs{again}")
        raise SystemExit(interrupt.exit_code) from None
    print(summary(tally, seconds, classifier))
    if inputs.left:
        say(inputs.left)
    return tally


def _classify(
    batches: Iterable[Iterable[Input]],
    classifier: Classifier,
    resumed: Outputs | None,
    tally: Tally,
) -> Iterator[Result]:
    """Classify batch by batch: a batch is whole before the next one is waited for."""
    for batch in batches:
        new = batch if resumed is None else _without_earlier(batch, resumed, classifier, tally)
        # no patience: inputs are found in Python, which may end meanwhile, and stdin may rest
        yield from classifier.classify_all(new, patience=0)


def _without_earlier(
    inputs: Iterable[Input], outputs: Outputs, classifier: Classifier, tally: Tally
) -> Iterator[Input]:
    """Leave out the inputs whose results all outputs have, and count those results.

    Runs in the thread that reads ahead; all earlier results are counted before the first new one.
    """
    model = classifier.model_file
    for entry in inputs:
        sample = Sample(entry.source, entry.path)
        earlier = outputs.earlier(sample, model.metadata.network, model.sha256)
        if earlier is None:
            yield entry
            continue
        for result in earlier:
            _check_as_strict(result, classifier)
            tally.add_earlier(result)
    outputs.check_end()


def _check_as_strict(earlier: Result, classifier: Classifier) -> None:
    """Refuse to go on where marks of quality meant something else."""
    was_strict = earlier.error == "quality"
    if earlier.quality and was_strict != classifier.strict:
        raise ResumeRefused(
            f"cannot resume: the result of {earlier.file!r} was made"
            f" {'with' if was_strict else 'without'} --strict; {START_AGAIN}"
        )


def _with_plan(results: Iterable[Result], classifier: Classifier) -> Iterator[Result]:
    """Pass results through; say how the network is run at first, and when that changes."""
    said = classifier.plan
    say(str(said))
    for result in results:
        if classifier.plan != said:
            said = classifier.plan
            say(str(said))
        yield result


def _put_all(
    results: Iterable[Result],
    tally: Tally,
    outputs: Outputs,
    table: Table | None,
    interrupts: Interrupts,
) -> None:
    for result in results:
        with interrupts.held():  # one output must not have it and another not
            outputs.write(result)
            tally.add(result)
        if table:
            with hangup_of_terminal():
                table.write(result)


def _run(inputs: Inputs | Watch, classifier: Classifier) -> Run:
    from edge.doctor import processor_name

    model, runtime = classifier.model_file, classifier.runtime
    return Run(
        command=shlex.join(map(file_name, [os.path.basename(sys.argv[0]), *sys.argv[1:]])),
        sources=inputs.names,
        network=model.metadata.network,
        model_sha256=model.sha256,
        model_json=model.metadata.to_json(),
        edge_all=edge.__version__,
        runtime=f"{runtime.name} {runtime.version}",
        machine=f"{platform.node()}, {processor_name()}",
        threads=classifier.threads,
    )
