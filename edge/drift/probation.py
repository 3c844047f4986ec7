"""Probation: a new model is gone back from unless it proves itself on live cells.

Whoever runs it shows its cells to the float twin, too, and counts them. It is active for good
once enough were seen; the model before is active again once int8 differs from float more often
than allowed, once the model file is refused, and once a process that ran it died.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from edge.drift.shadow import ShadowVerdict
from edge.errors import EdgeAllError, ModelFileRefused, OutputFailed
from edge.models.store import Active, ModelStore, Probation
from edge.sinks.lock import LockFile


class Supervision:
    """Watches over a run of the active model while it is on probation; a context manager.

    One process at a time counts: a lock, which ends with the process, tells one that still runs
    from one that died. Where the model is not the active one, or not on probation, it does
    nothing.

    Parameters
    ----------
    store : ModelStore
    model : Path or None
        What is to be run.
    say : callable
        Is told, in a sentence, what becomes of the model.
    """

    def __init__(self, store: ModelStore, model: Path | None, say: Callable[[str], None]) -> None:
        self.model = model
        self._store, self._say = store, say
        self._lock = LockFile(store.pointer)
        self._on: tuple[Active, Probation] | None = None
        self._cells = 0
        self._is_loaded = False

    @property
    def counts(self) -> bool:
        """Whether cells of this run are counted; the float twin has to see them then."""
        return self._on is not None

    def __enter__(self) -> Supervision:
        if self._standing() is None:
            return self
        try:
            self._lock.take()
        except OutputFailed:
            self._say("the model is on probation, and another process counts its cells")
            return self
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._on is not None and self._is_its_fault(error):
                self._go_back(f"the run failed ({error})")
            elif self._on is not None:
                active, before = self._on
                seen = before.seen + self._cells
                self._store.set_probation(active, Probation(before.needed, seen))
        finally:
            self._lock.release()

    def loaded(self) -> None:
        """The model file was taken: what is refused from now on is something else."""
        self._is_loaded = True

    def see(self, verdict: ShadowVerdict) -> None:
        """Hear what the float twin found so far in this run.

        Raises
        ------
        OutputFailed
            If what follows from it cannot be written.
        """
        if self._on is None:
            return
        active, before = self._on
        self._cells = verdict.test.cells
        if verdict.is_alarm:
            self._go_back(verdict.says)
        elif before.seen + self._cells >= before.needed:
            self._store.set_probation(active, None)
            self._on = None
            self._say(f"the model has passed its probation of {before.needed} cells")

    def _begin(self) -> None:
        found = self._standing()  # as it is now that nobody else changes it
        if found is None:
            return
        active, probation = found
        self._on = found
        if probation.is_running:
            self._go_back("a process that ran it died")
            self.model = self._store.active_path()
            return
        self._store.set_probation(active, Probation(probation.needed, probation.seen, True))
        self._say(
            f"the model is on probation: {probation.seen} of {probation.needed} cells seen by its"
            " float twin, too"
        )

    def _standing(self) -> tuple[Active, Probation] | None:
        """What is so in the store, if the model to be run is the active one on probation."""
        if self.model is None:
            return None
        active = self._store.active()
        if active is None or active.probation is None:
            return None
        is_it = self._store.path_of(active.active) == self.model
        return (active, active.probation) if is_it else None

    def _go_back(self, why: str) -> None:
        self._on = None
        now = self._store.roll_back()
        self._say(
            f"the model failed its probation: {why}; {now.active[:12]} is active again, which runs"
            " begun from now on use"
        )

    def _is_its_fault(self, error: BaseException | None) -> bool:
        """Whether a run ended in a way that a sound model does not end it."""
        if isinstance(error, ModelFileRefused):
            return error.reason == "golden" or not self._is_loaded
        return isinstance(error, Exception) and not isinstance(error, EdgeAllError)
