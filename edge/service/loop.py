"""The unattended loop: runs, one after the other if need be, cut into smears, until it is stopped.

A camera that goes away comes back by itself (:mod:`edge.sources.cameras.runner`), and each start is
a run of its own in the database. What was committed stays, exactly once: a frame is never given
twice, and files go on behind those that have results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from edge import events
from edge.engine.classifier import Classifier
from edge.errors import OutputFailed
from edge.process.interrupts import Interrupted, StopToken
from edge.reasons import CAMERA_FAULTS
from edge.rows import Result
from edge.run import run
from edge.samples import Source
from edge.service.boundaries import KEY
from edge.service.disk import is_of_disk
from edge.service.optics import Meter, Metered
from edge.service.pulse import Pulse
from edge.service.smear_log import SmearLog, is_same_work
from edge.service.smears import Settings, Smears
from edge.service.work_log import Timed, WorkLog
from edge.sources.changed import Changed

FIRST_FRAME, CAMERA, DISK, IMAGES = (
    "waiting for the first frame",
    "waiting for the camera",
    "waiting for the disk",
    "waiting for images",
)
"""What may be waited for."""

_DISK_WAITS = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the disk is tried again
_LOOK_EVERY = 0.1  # seconds: a request to stop is noticed by then
_AWAY = (*CAMERA_FAULTS, "unreachable", "http-error")


class Service:
    """A source, classified smear by smear into a database.

    Parameters
    ----------
    settings : Settings
    classifier : Classifier
    open_source : callable
        Makes the source, anew for each try.
    pulse : Pulse
        Entered.
    show : callable
        Takes lines of results for people.
    say : callable
        Takes lines of what happens, for the log.
    stop : StopToken
    watch : callable, optional
        Takes every result.
    """

    def __init__(
        self,
        settings: Settings,
        classifier: Classifier,
        open_source: Callable[[], Source],
        pulse: Pulse,
        show: Callable[[str], object],
        say: Callable[[str], object],
        stop: StopToken,
        watch: Callable[[Result], object] = lambda _: None,
    ) -> None:
        self._watch = watch
        self._settings = settings
        self._classifier = classifier
        self._open_source = open_source
        self._pulse = pulse
        self._show = show
        self._say = say
        self._stop = stop
        self._source: Changed | None = None
        self._smears: Smears | None = None
        self._meter = Meter()
        self._work_log = WorkLog(settings.database)
        self._is_there = False
        self._has_stored = False
        self._unstored = 0

    def begin_smear(self, name: str = "") -> None:
        """Let the next result begin a smear, as a key does; from any thread."""
        if self._smears:
            self._smears.ask(KEY, name)

    def end(self) -> None:
        """End in good order; from any thread."""
        self._stop.request()
        if self._source:
            self._source.stop()

    def run(self) -> events.Finished | events.Interrupted:
        """Run until the source has ended, or this was asked to end.

        Raises
        ------
        OutputFailed
            If the database cannot be written, for another reason than its disk.
        """
        tries = 0
        self._pulse.wait_for(FIRST_FRAME)
        while True:
            self._has_stored = False
            try:
                ended = self._try()
            except OutputFailed as error:  # of opening, or of a run that ended by it
                if not is_of_disk(error):
                    raise
                tries = 0 if self._has_stored else tries + 1
                self._wait_for_disk(error, _DISK_WAITS[min(tries, len(_DISK_WAITS) - 1)])
            else:
                self._write_work_log()
                return ended

    def _write_work_log(self) -> None:
        try:
            self._work_log.write()
        except OutputFailed as error:  # counts of a few seconds are no reason to fail at the end
            self._say(str(error))

    def _wait_for_disk(self, error: OutputFailed, seconds: float) -> None:
        lost = f"; {self._unstored} results were not stored" if self._unstored else ""
        self._say(f"{error}{lost}; trying again in {seconds:g} s")
        self._unstored = 0
        self._pulse.wait_for(DISK)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._stop.check()
            time.sleep(_LOOK_EVERY)

    def _try(self) -> events.Finished | events.Interrupted:
        """One run, until it ends; an output that fails is raised."""
        settings = self._settings
        self._source = source = self._opened()
        self._stop.check()
        model = self._classifier.model_file.sha256
        resume = settings.resumes and is_same_work(settings.database, source.names, model)
        stream = run(
            source,
            self._classifier,
            [settings.database],
            settings.command,
            resume,
            self._stop,
            commits=True,
            keeps_crops=settings.keeps_crops,
            keeps_looks=True,
        )
        with ExitStack() as stack:
            smears: Smears | None = None
            for event in stream:
                try:
                    if isinstance(event, events.Started):
                        smears = stack.enter_context(self._begin(event, source))
                    elif isinstance(event, events.Finished):
                        assert smears is not None
                        smears.end()
                        return event
                    elif isinstance(event, events.Interrupted):
                        return event
                    elif isinstance(event, events.SinkFailed):
                        raise event.error
                    elif smears is not None:
                        self._take(event, smears)
                except OutputFailed as error:
                    stream.throw(error)  # which closes the outputs
                    raise
                except Interrupted as interrupt:
                    ended = stream.throw(interrupt)
                    assert isinstance(ended, events.Interrupted)
                    return ended
        raise AssertionError("a run ends with an event that says so")

    def _opened(self) -> Changed:
        source = self._open_source()
        if not self._settings.resumes:  # a frame comes when it was taken, a file lies there
            source = Timed(source, self._work_log)
        return Metered(source, self._meter) if self._settings.are_fields else Changed(source)

    def _begin(self, event: events.Started, source: Source) -> Smears:
        if event.how:
            self._say(event.how)
        log = SmearLog(self._settings.database, self._classifier.contract)
        metadata = self._classifier.model_file.metadata
        smears = Smears(log, self._settings, metadata.accuracy, self._show, self._meter)
        smears.go_on(source.names)
        self._smears = smears
        return smears

    def _take(self, event: events.Event, smears: Smears) -> None:
        if isinstance(event, events.SampleDone):
            self._unstored += 1
            smears.add(event.result)
            self._watch(event.result)
            if event.result.error in _AWAY:
                self._say(f"{event.result.error}: {event.result.message}")
                self._pulse.wait_for(CAMERA)
                self._is_there = False
            else:
                self._is_there = True
        elif isinstance(event, events.GoldenChecked):
            self._say(event.says)
        elif isinstance(event, events.Committed):
            self._unstored = 0
            smears.settle()
            self._work_log.note_committed()
            self._note_stored(smears.status)

    def _note_stored(self, status: str) -> None:
        if not self._is_there:
            return
        self._has_stored = True
        wait = self._pulse.end_wait()
        if wait and wait.what in (CAMERA, DISK):
            self._work_log.note_over(wait)
            self._say(f"{wait.what}: over after {wait.seconds:.1f} s")
        self._pulse.note_ready()
        self._pulse.note_committed(status)
        if self._settings.resumes:
            self._pulse.wait_for(IMAGES)
