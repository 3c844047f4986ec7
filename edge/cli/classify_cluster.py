"""What ``classify --engine ray`` does: the same on a cluster, into a folder of Parquet files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.cli.command import GATE_FAILED, SOME_FAILED, command_line, say
from edge.cli.options import at_least

if TYPE_CHECKING:
    from pathlib import Path

    from edge.samples import Source

_SHARD = 2000
_LOCAL_ONLY = (
    ("watch", "--watch"),
    ("report", "--report"),
    ("keep_crops", "--keep-crops"),
    ("fields", "--fields"),
    ("threads", "--threads"),
    ("shadow", "--shadow"),
)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: on all processors of a Ray cluster, that of RAY_ADDRESS or one of this machine;"
        " --out names one folder, x.parquet, and the same command goes on after a kill",
    )
    parser.add_argument(
        "--shard",
        type=at_least(1, int),
        default=_SHARD,
        metavar="N",
        help=f"with --engine ray: inputs a file; {_SHARD} by default",
    )


def classify_on_cluster(options: argparse.Namespace, open_source: Callable[[], Source]) -> None:
    """Run, and print what happens.

    Raises
    ------
    SystemExit
        At the end of a run that did not do all it was asked to.
    """
    from edge.cli.extras import need

    out = _check_options(options)
    need("ray", "ray", "pyarrow")
    from edge import events
    from edge.cli.terminal import ProgressBar, say_failures, say_shift, summary
    from edge.cluster.run import ClusterStarted, ShardWritten, run_on_cluster
    from edge.engine.classifier import Classifier
    from edge.process.interrupts import Interrupted, Interrupts, StopToken
    from edge.sources.scaled import Scaled

    source = open_source()
    stop, shifts, cells, machine = StopToken(), list[events.ScaleShifted](), 0, ""
    with ExitStack() as stack:
        stack.enter_context(Interrupts(stop))
        classifier = stack.enter_context(
            Classifier(options.model, 1, strict=options.strict, runtime=options.runtime)
        )
        if options.pixel_size:
            source = Scaled(source, options.pixel_size, classifier.contract)
        bar = ProgressBar(None) if sys.stderr.isatty() else None
        if bar:
            stack.enter_context(bar)
        try:
            for event in run_on_cluster(
                source,
                classifier,
                out,
                options.shard,
                command_line(),
                options.pixel_size,
                stop,
                options.runtime,
            ):
                if isinstance(event, ClusterStarted):
                    earlier = f"; {event.earlier} files are there already" if event.earlier else ""
                    machine = event.machine
                    say(f"{machine}{earlier}")
                elif isinstance(event, ShardWritten):
                    cells = event.tally.total
                    if bar:
                        bar.show(event.tally)
                elif isinstance(event, events.ScaleShifted):
                    shifts.append(event)
                else:
                    ended = event
        except Interrupted as interrupt:
            say(f"interrupted after {cells} inputs; the same command goes on")
            raise SystemExit(interrupt.exit_code) from None
    print(summary(ended.tally, ended.seconds, classifier, machine))
    say_failures(ended.tally)
    for line in ended.left:
        say(line)
    for shift in shifts:
        say_shift(shift)
    if shifts:
        raise SystemExit(GATE_FAILED)
    if ended.tally.failed:
        raise SystemExit(SOME_FAILED)


def _check_options(options: argparse.Namespace) -> Path:
    from edge.cluster.folder import SUFFIX
    from edge.errors import ClusterFailed, OutputFailed

    for name, option in _LOCAL_ONLY:
        if getattr(options, name):
            raise ClusterFailed(
                f"{option} is for one machine; leave it out, or leave --engine ray out"
            )
    if len(options.out) != 1 or options.out[0].suffix != SUFFIX:
        raise OutputFailed(
            "--engine ray writes a folder of Parquet files; name one with --out x.parquet"
        )
    out: Path = options.out[0]
    if not out.absolute().parent.is_dir():
        raise OutputFailed(f"cannot write {out}: no such folder as {out.parent}; make it first")
    return out
