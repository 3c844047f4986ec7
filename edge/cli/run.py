"""``edge-all run``: unattended, smear by smear, from a camera or a folder into a database."""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import SOME_FAILED, command_line, one_sentence, say
from edge.cli.fleet import add_fleet, publisher_of
from edge.cli.options import add_model, at_least, seconds
from edge.wording import printable

if TYPE_CHECKING:
    from edge.fields.cells import Found
    from edge.rows import Result
    from edge.samples import Sample, Source, Stage
    from edge.service.live_field import LiveField
    from edge.service.loop import Service
    from edge.service.pulse import Wait

_MOST_THREADS = 256
_NO_DIAGNOSIS = "Research software: this is not a diagnosis."


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a camera (camera:0, camera:http://..., sim: and so on), or a folder that is watched",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="results database (.db or .sqlite), on a disk of this machine; made if need be",
    )
    parser.add_argument(
        "--smear-gap",
        type=seconds,
        default=60.0,
        metavar="TIME",
        help="after so long without a cell the next one begins a smear; 60s by default",
    )
    parser.add_argument(
        "--smear-from",
        type=_pattern,
        metavar="REGEX",
        help="its first group in the name of a file is the smear, as a barcode; another one begins"
        " another smear",
    )
    parser.add_argument(
        "--key", action="store_true", help="each line on stdin begins a smear, and names it"
    )
    parser.add_argument(
        "--fewest",
        type=at_least(1, int),
        default=100,
        metavar="N",
        help="decided cells below which a smear is said to have too few; 100 by default",
    )
    parser.add_argument(
        "--crops",
        action="store_true",
        help="images are cells, cut out already; by default they are fields with many cells",
    )
    parser.add_argument(
        "--keep-crops",
        action="store_true",
        help="put each crop into the database, too: cells of a camera can be reviewed only then",
    )
    parser.add_argument(
        "--longest-wait",
        type=seconds,
        default=3600.0,
        metavar="TIME",
        help="ends with exit code 1 after waiting so long for camera, images or disk; 1h by"
        " default: the service manager starts it again",
    )
    add_model(parser)
    parser.add_argument(
        "--threads",
        type=at_least(1, int, _MOST_THREADS),
        metavar="N",
        help=f"cells at a time, at most {_MOST_THREADS}; by default one per processor",
    )
    add_fleet(parser)
    parser.epilog = (
        "Started again after a crash it goes on: what was stored stays, once. A full disk and a"
        " camera that is away are waited for. docs/service.md has a unit for systemd."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Run unattended, and print what each smear amounts to."""
    from edge import events
    from edge.engine.classifier import Classifier
    from edge.process.interrupts import Interrupted, Interrupts, StopToken
    from edge.service.live_field import LiveField
    from edge.service.loop import Service
    from edge.service.notify import ServiceManager
    from edge.service.pulse import Pulse
    from edge.service.smears import Settings
    from edge.sinks.local_disk import check_database
    from edge.sinks.lock import LockFile

    check_database(options.out)
    is_camera = _is_camera(options.source)
    settings = Settings(
        options.out,
        command_line(),
        options.smear_gap,
        options.smear_from,
        options.fewest,
        resumes=not is_camera,
        are_fields=not options.crops,
        keeps_crops=options.keep_crops,
    )
    overdue: list[Wait] = []
    publisher = publisher_of(options)
    stop = StopToken()
    with Interrupts(stop), ExitStack() as stack:
        mine = LockFile(options.out.with_name(f"{options.out.name}.service"), options.out)
        mine.take()  # one service a database: its smears follow each other
        stack.callback(mine.release)
        stack.enter_context(publisher)
        try:
            live = _Live()
            stages = _stages(options.crops, live)
            classifier = stack.enter_context(
                Classifier(options.model, options.threads, keep_crops=True, stages=stages)
            )

            def give_up(wait: Wait) -> None:
                overdue.append(wait)
                service.end()

            pulse = Pulse(ServiceManager(), options.longest_wait, give_up)
            if not options.crops:
                live.field = LiveField(options.out, classifier.contract)
            service = Service(
                settings, classifier, lambda: _open(options), pulse, _show, say, stop, live.add
            )
            if options.key:
                threading.Thread(target=_read_keys, args=[service], daemon=True).start()
            with pulse:
                ended = service.run()
        except Interrupted as interrupt:
            if not overdue:
                raise SystemExit(interrupt.exit_code) from None
    if overdue:
        say(f"error: {overdue[0].what} for more than {options.longest_wait:g} s; see to it")
        raise SystemExit(SOME_FAILED)
    if isinstance(ended, events.Interrupted):
        raise SystemExit(ended.exit_code)
    for line in ended.left:
        say(line)
    _show(_NO_DIAGNOSIS)


def _show(line: str) -> None:
    print(printable(line), flush=True)


def _is_camera(source: str) -> bool:
    from edge.secrets import is_url
    from edge.sources.cameras.registry import CAMERAS
    from edge.sources.registry import scheme_of

    return is_url(source) or (scheme_of(source) or "") in CAMERAS


def _open(options: argparse.Namespace) -> Source:
    from edge.errors import NoInputs
    from edge.sources.fields_only import FieldsOnly

    source: Source
    if _is_camera(options.source):
        from edge.sources.cameras.source import open_camera

        source = open_camera(options.source)
    elif os.path.isdir(options.source):
        from edge.sources.watching.watch import Watch

        source = Watch(options.source)
    else:
        raise NoInputs(f"{printable(options.source)} is no camera and no folder; name one")
    return source if options.crops else FieldsOnly(source)


def _stages(are_crops: bool, live: _Live) -> tuple[Stage, ...]:
    if are_crops:
        return ()
    from edge.fields.stage import CellStage
    from edge.instrument.stage import InstrumentStage

    return InstrumentStage(), CellStage(on_field=live.note)


class _Live:
    """The field for the page, once there is a network whose labels give the colours."""

    field: LiveField | None = None

    def note(self, sample: Sample, found: Found) -> None:
        if self.field:
            self.field.note_field(sample, found)

    def add(self, result: Result) -> None:
        if self.field:
            self.field.add(result)


def _read_keys(service: Service) -> None:
    for line in sys.stdin:
        service.begin_smear(line.strip())


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text} is no regular expression: {error}") from error
