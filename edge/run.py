"""A run: samples through the classifier into every output, resumed and ended cleanly.

It is a stream of events (:mod:`edge.events`): nothing is printed here, and no process ended.
"""

from __future__ import annotations

import platform
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import edge
from edge import events
from edge.drift.shadow import Shadow
from edge.engine.classifier import Classifier
from edge.errors import CropUnreadable, ModelFileRefused, OutputFailed, ResumeRefused
from edge.machine import processor_name
from edge.process.interrupts import Interrupted, StopToken
from edge.rows import Result
from edge.samples import Sample, Source
from edge.sinks.outputs import Outputs
from edge.sinks.sink import START_AGAIN, Run
from edge.smears import Smears
from edge.tally import Tally

A_DAY = 86_400.0
"""Seconds after which golden vectors are run again."""


def run(
    source: Source,
    classifier: Classifier,
    outputs: Sequence[Path] = (),
    command: str = "",
    resume: bool = False,
    stop: StopToken | None = None,
    shadow: Shadow | None = None,
    commits: bool = False,
    keeps_crops: bool = False,
    keeps_looks: bool = False,
    golden_every: float = A_DAY,
) -> Generator[events.Event, None, None]:
    """Classify all samples of a source.

    Parameters
    ----------
    source : Source
        As :func:`edge.sources.registry.open_source` opens it.
    classifier : Classifier
    outputs : sequence of Path
        Result files and pages, as :func:`edge.sinks.outputs.check_outputs` gives them.
    command : str
        What started the run, for the record.
    resume : bool
        Go on with the results that are there. Every output ends with every sample exactly
        once, even if one of them had more results than another.
    stop : StopToken, optional
        Ends the run between two results.
    shadow : Shadow, optional
        Shows some cells to the float twin; the classifier keeps crops then.
    commits : bool
        Flush the outputs after each batch, and say so: who waits for results to be safe, hears it.
    keeps_crops : bool
        Results databases take the crops; the classifier keeps them then.
    keeps_looks : bool
        They take how the cells look; the classifier keeps crops then.
    golden_every : float
        Seconds after which golden vectors are run again, before the next batch is classified.

    Yields
    ------
    Event
        The last one is Finished, Interrupted or SinkFailed.

    Raises
    ------
    OutputFailed, ResumeRefused
        If an output cannot be opened or gone on with.
    ModelFileRefused
        ``golden``, if the vectors do not come out right any more.
    """
    if resume and not outputs:
        raise OutputFailed("--resume goes on with result files; name them with --out or --report")
    stop = stop or StopToken()
    tally = Tally(classifier.contract.words)
    is_open = False
    try:
        with ExitStack() as stack:
            facts = facts_of_run(source, classifier, command, keeps_crops, keeps_looks)
            files = stack.enter_context(Outputs(outputs, facts, resume))
            is_open = True
            if resume:
                source.go_on_after(files.rows())
            start = time.perf_counter()
            batches = stack.enter_context(source)
            yield events.Started(facts, source.how, classifier.plan)
            work = _Work(classifier, files, tally, resume, stop, shadow, golden_every)
            for event in work.events_of(batches, source.is_live):
                if not isinstance(event, events.Committed):
                    yield event
                elif commits:
                    files.flush()
                    yield event
            if shadow:
                found = shadow.finish()
                files.remark(found.says)
                yield events.Shadowed(found)
            seconds = time.perf_counter() - start
    except Interrupted as interrupt:
        yield events.Interrupted(interrupt.exit_code, tally, interrupt.unwritten)
    except OutputFailed as error:
        if not is_open:
            raise
        yield events.SinkFailed(error, tally)
    else:
        yield events.Finished(tally, seconds, tuple(source.left))


class _Work:
    """What a run does with the batches of its source."""

    def __init__(
        self,
        classifier: Classifier,
        outputs: Outputs,
        tally: Tally,
        resume: bool,
        stop: StopToken,
        shadow: Shadow | None,
        golden_every: float,
    ) -> None:
        self._classifier = classifier
        self._outputs = outputs
        self._tally = tally
        self._resume = resume
        self._stop = stop
        self._shadow = shadow
        self._alarmed = False
        self._golden_every = golden_every
        self._note_golden()
        diameters = classifier.contract.diameters
        self._smears = Smears(diameters, classifier.strict)
        self._found_earlier: deque[events.ScaleShifted] = deque()

    def events_of(
        self, batches: Iterable[Iterable[Sample]], is_live: bool
    ) -> Iterator[events.Event]:
        """Classify batch by batch: a batch is whole before the next one is waited for."""
        numbers = self._numbers()
        said = self._classifier.plan
        for batch in batches:
            yield from self._golden_again()
            new = self._without_earlier(batch) if self._resume else map(self._checked, batch)
            # no patience: samples are found in Python, which may end meanwhile, and stdin may rest
            results = self._classifier.classify_samples(new, 0, numbers, self._stop)
            for result in self._smears.mark(results, is_live):
                yield from self._earlier_shifts()
                if self._classifier.plan != said:
                    said = self._classifier.plan
                    yield events.PlanChanged(said)
                if isinstance(result, events.ScaleShifted):
                    yield result
                    continue
                with self._stop.held():  # one output must not have it and another not
                    self._outputs.write(result)
                    self._tally.add(result)
                yield events.SampleDone(result, self._tally)
                yield from self._shadowed(result)
            yield events.Committed()
        yield from self._earlier_shifts()
        yield from self._smears.judge_all()

    def _golden_again(self) -> Iterator[events.GoldenChecked]:
        """Run golden vectors where a day has gone by: memory and kernels do not stay for ever."""
        if time.monotonic() - self._golden_at < self._golden_every:
            return
        model = self._classifier.model_file
        found = events.GoldenChecked(
            self._classifier.golden_error(), model.metadata.golden_tolerance
        )
        yield found
        if found.has_failed:
            raise ModelFileRefused(
                "golden",
                f"{found.says}; what was decided since {self._golden_since} may be wrong: test the"
                " memory of this machine, and begin again",
            )
        self._note_golden()

    def _note_golden(self) -> None:
        self._golden_at = time.monotonic()
        self._golden_since = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def _shadowed(self, result: Result) -> Iterator[events.Shadowed]:
        if self._shadow is None:
            return
        self._shadow.take(result)
        if self._shadow.verdict.is_alarm and not self._alarmed:
            self._alarmed = True
            yield events.Shadowed(self._shadow.verdict)

    def _earlier_shifts(self) -> Iterator[events.ScaleShifted]:
        while self._found_earlier:
            yield self._found_earlier.popleft()

    def _numbers(self) -> Iterator[int]:
        """Positions of new results: behind those that are there already, once these are known."""
        number = self._outputs.next_index
        while True:
            yield number
            number += 1

    def _without_earlier(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Leave out the samples whose results all outputs have, and count those results.

        Runs in the thread that reads ahead; all earlier results are counted before the first
        new one.
        """
        model = self._classifier.model_file
        for sample in map(self._checked, samples):
            earlier = self._outputs.earlier(sample, model.metadata.network, model.sha256)
            if earlier is None:
                yield sample
                continue
            for result in earlier:
                self._check_as_strict(result)
                self._tally.add_earlier(result)
                self._found_earlier.extend(self._smears.note_earlier(result))
        self._outputs.check_end()

    def _checked(self, sample: Sample) -> Sample:
        """Let a file fail that was written again, if stages made parts of it before.

        Which results of those parts no longer count nobody knows: those that are there stay.
        """
        if sample.supersedes is None or not self._classifier.stages:
            return sample
        error = CropUnreadable(
            "written-again",
            "the file was written again, and what was found in it before stays; give the new image"
            " a name of its own",
        )
        return replace(sample, supersedes=None, error=error)

    def _check_as_strict(self, earlier: Result) -> None:
        """Refuse to go on where marks of quality meant something else."""
        was_strict = earlier.error == "quality"
        if earlier.quality and was_strict != self._classifier.strict:
            raise ResumeRefused(
                f"cannot resume: the result of {earlier.file!r} was made"
                f" {'with' if was_strict else 'without'} --strict; {START_AGAIN}"
            )


def facts_of_run(
    source: Source,
    classifier: Classifier,
    command: str,
    keeps_crops: bool = False,
    keeps_looks: bool = False,
) -> Run:
    """Facts of a run, the same for all its results."""
    model, runtime = classifier.model_file, classifier.runtime
    return Run(
        command=command,
        sources=source.names,
        network=model.metadata.network,
        model_sha256=model.sha256,
        model_json=model.metadata.to_json(),
        contract=model.metadata.contract,
        edge_all=edge.__version__,
        runtime=f"{runtime.name} {runtime.version}",
        machine=f"{platform.node()}, {processor_name()}",
        threads=classifier.threads,
        keeps_crops=keeps_crops,
        keeps_looks=keeps_looks,
    )
