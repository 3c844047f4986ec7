"""``edge-all capture``: fields from a camera into a folder."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import SOME_FAILED, one_sentence, say
from edge.cli.options import add_instrument, at_least, seconds
from edge.sources.names import CELLS_FOLDER
from edge.wording import printable

if TYPE_CHECKING:
    from edge.capture.capture import Event
    from edge.capture.cells import CellCutter
    from edge.crops.preprocess import UInt8Image
    from edge.sources.cameras.source import CameraSource

_GB = 1_000_000_000
_LOOK_EVERY = 0.2  # seconds: Ctrl-C is noticed by then
_FLAT_FRAMES = 8  # of an empty field: their noise goes, and nobody waits long


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="camera:0, camera:http://..., sim: and the other cameras of docs/cameras.md",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the fields; made if need be",
    )
    parser.add_argument(
        "-n", "--n", type=at_least(1, int), metavar="N", help="how many; by default until Ctrl-C"
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--every",
        type=seconds,
        metavar="TIME",
        help="one field every so often: 2s, 500ms, 5min; by default as they come",
    )
    when.add_argument(
        "--key",
        action="store_true",
        help="one field for each line on stdin: press Enter, or let a program trigger",
    )
    parser.add_argument(
        "--flat-field",
        action="store_true",
        help="the camera sees an empty field: keep its light and white for the objective",
    )
    parser.add_argument(
        "--cells",
        action="store_true",
        help="find the white cells of each field, and write crops of them into DIR/cells, too",
    )
    add_instrument(parser)
    parser.add_argument(
        "--reserve",
        type=at_least(0.01, float),
        default=2.0,
        metavar="GB",
        help="what stays free on the disk, by deleting the oldest fields of DIR; 2 by default",
    )
    parser.epilog = (
        "Writes lossless PNG, and beside each image a .json with its time, scale, facts and sha256."
        " With --cells that of a crop says the field, box and area, too; classify --fields leaves"
        " such crops out."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Capture, and print what is saved."""
    if options.flat_field:
        _keep_flat_field(options)
        return
    from edge.capture.capture import capture, every
    from edge.capture.cells import CellCutter
    from edge.capture.reserve import Reserve
    from edge.capture.writer import FieldWriter
    from edge.errors import OutputFailed
    from edge.sources.cameras.source import open_camera

    if options.out is None:
        raise OutputFailed("name a folder for the fields with --out")
    source = open_camera(options.source, most=1)
    _make_folder(options.out)
    reserve = Reserve(options.out, round(options.reserve * _GB))
    reserve.check_start()
    triggers = None
    if options.every:
        triggers = every(options.every, source)
    elif options.key:
        triggers = _lines(source)
    cutter = CellCutter() if options.cells else None
    shown = _Shown(options.key and sys.stdin.isatty())
    start = time.monotonic()
    for event in capture(source, FieldWriter(options.out, reserve, cutter), options.n, triggers):
        shown.show(event)
    shown.finish(source, cutter, options, time.monotonic() - start)


def _keep_flat_field(options: argparse.Namespace) -> None:
    """Measure the light of an empty field, and keep it."""
    from edge.errors import InstrumentRefused
    from edge.instrument.flat_field import measure_flat_field
    from edge.instrument.store import Instrument
    from edge.sources.cameras.source import open_camera

    instrument = Instrument(options.microscope, options.objective)
    source = open_camera(options.source, most=1)
    if source.is_calibrated:
        raise InstrumentRefused(
            "frames would be corrected already; leave objective= out of the address, and name it"
            " by --objective"
        )
    wanted, taken = options.n or _FLAT_FRAMES, 0

    def frames() -> Iterator[UInt8Image]:
        nonlocal taken
        while taken < wanted and (sample := source.take()) is not None:
            if sample.error:
                raise InstrumentRefused(f"the camera: {sample.error}; capture it again")
            assert sample.pixels is not None
            taken += 1
            yield sample.pixels

    with source:
        flat = measure_flat_field(frames())
    instrument.save_flat_field(flat, taken)
    levels = flat.light.mean(axis=(0, 1))
    print(
        f"{instrument}: flat field of {taken} frames of {flat.width} x {flat.height} pixels;"
        f" red, green and blue {levels[0]:.0f}, {levels[1]:.0f}, {levels[2]:.0f} become"
        f" {flat.level:.0f}"
    )


class _Shown:
    """Prints what happens, and counts it."""

    def __init__(self, is_asking: bool) -> None:
        self._saved = self._faults = self._deleted = self._cells = 0
        if is_asking:
            say("press Enter for a field, Ctrl-D to end")

    def show(self, event: Event) -> None:
        """Print one event: files to stdout, what is wrong to stderr."""
        from edge.capture.capture import Saved

        if isinstance(event, Saved):
            self._saved += 1
            if event.field.deleted and not self._deleted:
                say("the disk is nearly full: the oldest fields are deleted for new ones")
            self._deleted += event.field.deleted
            self._cells += event.field.cells
            print(printable(str(event.field.path)), flush=True)
        else:
            self._faults += 1
            say(f"camera: {event.sample.error}")

    def finish(
        self,
        source: CameraSource,
        cutter: CellCutter | None,
        options: argparse.Namespace,
        seconds: float,
    ) -> None:
        """Say what was done.

        Raises
        ------
        SystemExit
            If there were faults, or too few fields.
        """
        wants_all = not (options.every or options.key)
        fields = f"{self._saved} field{'s' * (self._saved != 1)}"
        say(f"{fields} in {options.out}, {self._faults} faults, {seconds:.1f} s")
        if cutter is not None:
            say(f"{self._cells} cells of them in {options.out / CELLS_FOLDER}")
            for line in cutter.left:
                say(line)
        for line in source.counts.lines(wants_all):
            say(line)
        if self._deleted:
            say(f"{self._deleted} older fields were deleted to keep {options.reserve:g} GB free")
        if options.n and self._saved < options.n:
            say(f"{options.n - self._saved} fields fewer than asked for: there are no more")
        if self._faults or (options.n and self._saved < options.n):
            raise SystemExit(SOME_FAILED)


def _make_folder(folder: Path) -> None:
    from edge.errors import OutputFailed

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot make {folder}: {error.strerror}; name another folder"
        raise OutputFailed(why) from error


def _lines(source: CameraSource) -> Iterator[float]:
    """The time of each line on stdin, as it comes, until that ends or the source is stopped."""
    stdin = sys.stdin.fileno()
    while source.rest(0):
        if not select.select([stdin], [], [], _LOOK_EVERY)[0]:
            continue
        given = os.read(stdin, 4096)
        if not given:
            return
        for _ in range(given.count(b"\n")):
            yield time.time()
