"""``edge-all classify``: sources through a network into results."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.classify_cluster import add_cluster, classify_on_cluster
from edge.cli.command import GATE_FAILED, SOME_FAILED, command_line, one_sentence, say
from edge.cli.fields import Fields, add_fields
from edge.cli.options import add_model, add_runtime, at_least
from edge.process.interrupts import hangup_of_terminal
from edge.reasons import CAMERA_FAULTS

if TYPE_CHECKING:
    from edge import events
    from edge.cli.terminal import ProgressBar, Table
    from edge.drift.probation import Supervision
    from edge.drift.shadow import Shadow
    from edge.engine.classifier import Classifier
    from edge.engine.plan import Plan
    from edge.samples import Source

_MOST_THREADS = 256  # more than any device has processors for; each holds a network in memory


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="files, zip and tar archives, folders (searched to any depth), globs,"
        " @list (a file with a path a line), - (paths on stdin), http:// snapshots; or one camera:"
        " camera:0, camera:http://..., sim: and so on",
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
        "--keep-crops",
        action="store_true",
        help="put each crop into the .db, too: cells of archives and cameras can be reviewed then",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with what an earlier, cut-off run has written",
    )
    add_model(parser)
    add_runtime(parser)
    parser.add_argument(
        "--pixel-size",
        type=at_least(0.001, float, 100),
        metavar="UM",
        help="micrometres that a pixel of the images spans: brings them to the network's scale",
    )
    add_fields(parser)
    parser.add_argument(
        "--threads",
        type=at_least(1, int, _MOST_THREADS),
        metavar="N",
        help=f"cells at a time, at most {_MOST_THREADS}; by default one per processor",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse crops of bad quality; otherwise a person looks",
    )
    parser.add_argument(
        "--shadow",
        type=at_least(0.0001, float, 1),
        metavar="SHARE",
        help="show this share of the cells to the float twin, too, in idle time; 0.05, say",
    )
    parser.add_argument(
        "--twin",
        type=Path,
        metavar="FILE",
        help="float twin; by default that in the model file, or NAME-float.tflite beside it",
    )
    add_cluster(parser)
    parser.add_argument(
        "--verbose", action="store_true", help="say how the network is run, and why"
    )
    parser.epilog = (
        "Reads BMP, PNG, JPEG, TIFF and WebP, 8-bit colour. What cannot be read becomes a row"
        " with a reason; the run goes on and ends with exit code 1. Where the cells of a smear are"
        " all shown at another scale they are marked scale-shift, and the exit code is 3; so it is"
        " where --shadow finds int8 to differ from float more often than the model file allows."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Classify what the command line names, and print what happens."""
    if options.engine == "ray":
        classify_on_cluster(options, lambda: _open(options.sources, options.watch))
        return
    from edge.engine.classifier import Classifier
    from edge.process.interrupts import Interrupted, Interrupts, StopToken
    from edge.run import run as run_events
    from edge.sinks.outputs import check_outputs, keeps_crops
    from edge.sources.scaled import Scaled

    watched = [] if options.watch is None else [options.watch]
    outputs = check_outputs(options.out, options.report, options.sources + watched)
    fields = Fields(options)
    source = fields.source_of(_open(options.sources, options.watch))
    stop = StopToken()
    with Interrupts(stop), ExitStack() as stack:
        try:
            probation = _begin_probation(options, stack)
            keeps = keeps_crops(outputs) or options.shadow is not None or options.keep_crops
            classifier = stack.enter_context(
                Classifier(
                    options.model,
                    options.threads,
                    keeps,
                    options.strict,
                    fields.stages,
                    options.runtime,
                )
            )
            probation.loaded()
            shadow = _shadow(options, classifier, stack)
        except Interrupted as interrupt:
            raise _interrupted(interrupt.exit_code, 0, bool(outputs)) from None
        if options.pixel_size:
            source = Scaled(source, options.pixel_size, classifier.contract)
        fields.begin(classifier.contract)
        screen = stack.enter_context(_Screen(classifier, source, options, fields))
        command = command_line()
        stream = run_events(
            source,
            classifier,
            outputs,
            command,
            options.resume,
            stop,
            shadow,
            keeps_crops=options.keep_crops,
        )
        try:
            for event in stream:
                if shadow:
                    probation.see(shadow.verdict)
                screen.show(event)
        except Interrupted as interrupt:  # while it was printed: the run is to hear of it
            screen.show(stream.throw(interrupt))


class _Screen:
    """Prints the events of a run: results and the summary to stdout, the rest to stderr."""

    def __init__(
        self,
        classifier: Classifier,
        source: Source,
        options: argparse.Namespace,
        fields: Fields,
    ) -> None:
        self._fields = fields
        self._classifier = classifier
        self._source = source
        self._to_files = bool(options.out)
        self._has_outputs = bool(options.out or options.report)
        self._verbose = options.verbose
        self._table: Table | None = None
        self._bar: ProgressBar | None = None
        self._shifts: list[events.ScaleShifted] = []
        self._shadowed: events.Shadowed | None = None

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def show(self, event: events.Event) -> None:
        """Print one event.

        Raises
        ------
        SystemExit
            At the end of a run that did not do all it was asked to.
        OutputFailed
            If an output failed.
        """
        from edge import events

        if isinstance(event, events.SampleDone):
            self._show_result(event)
            self._fields.add(event.result)
        elif isinstance(event, events.Started):
            self._start(event)
        elif isinstance(event, events.PlanChanged):
            self._show_plan(event.plan)
        elif isinstance(event, events.ScaleShifted):
            self._shifts.append(event)
        elif isinstance(event, events.Shadowed):
            self._show_shadow(event)
        elif isinstance(event, events.GoldenChecked):
            if self._verbose:
                say(event.says)
        elif isinstance(event, events.Finished):
            self._end_bar()
            self._finish(event)
        elif isinstance(event, events.SinkFailed):
            self._end_bar()
            raise event.error
        elif isinstance(event, events.Interrupted):
            self._end_bar()
            self._say_shifts()
            if event.unwritten:
                say(f"error: {event.unwritten}")
            raise _interrupted(event.exit_code, event.tally.total, self._has_outputs)

    def _start(self, event: events.Started) -> None:
        from edge.cli.terminal import ProgressBar, Table

        if event.how:
            say(event.how)
        self._show_plan(event.plan)
        if not self._to_files:
            self._table = Table(self._classifier.contract)
        elif sys.stderr.isatty():
            self._bar = ProgressBar(self._source.count()).__enter__()

    def _show_result(self, event: events.SampleDone) -> None:
        if self._table:
            with hangup_of_terminal():
                self._table.write(event.result)
        elif event.result.error in CAMERA_FAULTS:  # someone may be able to plug it in
            say(f"camera: {event.result.error}: {event.result.message}")
        if self._bar:
            self._bar.show(event.tally)

    def _show_plan(self, plan: Plan) -> None:
        if self._verbose:
            say(str(plan))

    def _show_shadow(self, event: events.Shadowed) -> None:
        """Say an alarm at once; the last verdict comes with the summary."""
        if event.verdict.is_alarm and self._shadowed is None:
            say(event.verdict.says)
        self._shadowed = event

    def _finish(self, event: events.Finished) -> None:
        from edge.cli.terminal import say_failures, summary

        print(summary(event.tally, event.seconds, self._classifier))
        if self._shadowed:
            print(self._shadowed.verdict.says)
            for name in self._shadowed.verdict.flips:
                say(f"flip: {name}")
        say_failures(event.tally)
        for line in (*event.left, *self._fields.left):
            say(line)
        self._say_shifts()
        if self._shifts or (self._shadowed and self._shadowed.verdict.is_alarm):
            raise SystemExit(GATE_FAILED)
        if event.tally.failed:
            raise SystemExit(SOME_FAILED)

    def _say_shifts(self) -> None:
        from edge.cli.terminal import say_shift

        for shift in self._shifts:
            say_shift(shift)

    def _end_bar(self) -> None:
        if self._bar:
            self._bar.__exit__()
            self._bar = None


def _begin_probation(options: argparse.Namespace, stack: ExitStack) -> Supervision:
    """Watch over the active model where it is on probation; go back from one that died."""
    from edge.drift.probation import Supervision
    from edge.models.store import ModelStore

    supervision = stack.enter_context(Supervision(ModelStore(), options.model, say))
    options.model = supervision.model
    if supervision.counts and options.shadow is None:
        options.shadow = 1.0
    return supervision


def _shadow(options: argparse.Namespace, classifier: Classifier, stack: ExitStack) -> Shadow | None:
    """Open the float twin, if some cells are to be shown to it."""
    if options.shadow is None:
        return None
    from edge.drift.shadow import Shadow
    from edge.models.model_file import find_twin

    model = classifier.model_file
    twin = find_twin(model, options.twin)
    return stack.enter_context(Shadow(model, twin, classifier.runtime, options.shadow))


def _interrupted(exit_code: int, inputs: int, has_outputs: bool) -> SystemExit:
    again = "; the same command with --resume goes on" if has_outputs else ""
    say(f"interrupted after {inputs} inputs{again}")
    return SystemExit(exit_code)


def _open(sources: list[str], folder: str | None) -> Source:
    """Open sources, or a folder to watch."""
    from edge.errors import NoInputs
    from edge.sources.left_out import LeftOut
    from edge.sources.registry import open_source

    if bool(sources) == (folder is not None):
        raise NoInputs("name sources, or a folder to --watch")
    if folder is not None:
        from edge.sources.watching.watch import Watch

        return Watch(folder)
    left_out = LeftOut()
    try:
        return open_source(sources, left_out)
    except NoInputs:
        for line in left_out.lines():
            say(line)
        raise
