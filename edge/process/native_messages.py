"""Keep what native libraries print while they load off the terminal.

Neither runtime has a switch for it. File descriptor 2 belongs to the whole process, so it is
redirected here alone, under a lock: from the first of those who ask for silence to the last.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

_STDERR = 2


class _Silence:
    """What file descriptor 2 was before anybody asked for silence, and how many did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._kept: int | None = None

    def begin(self) -> None:
        with self._lock:
            if self._asked == 0:
                self._kept = _redirect()
            self._asked += 1

    def end(self) -> None:
        with self._lock:
            self._asked = max(self._asked - 1, 0)  # forked inside, it has started anew
            if self._asked == 0:
                self._give_back()

    def start_anew(self) -> None:
        """Forget, in a process just forked, the threads that it has not got."""
        self._lock = threading.Lock()  # one of them may hold the other
        self._asked = 0
        self._give_back()

    def _give_back(self) -> None:
        if self._kept is not None:
            os.dup2(self._kept, _STDERR)
            os.close(self._kept)
            self._kept = None


def _redirect() -> int | None:
    """Send file descriptor 2 nowhere; what it was, or None where it is nobody's stderr."""
    if sys.__stderr__ is None:  # closed from the start: a result file may have taken its number
        return None
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or replaced by None
        sys.stderr.flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed since
        return None
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDERR)
        os.close(nowhere)
    except OSError:  # no descriptor left: better some lines too many
        os.close(kept)
        return None
    return kept


_silence = _Silence()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_silence.start_anew)


@contextlib.contextmanager
def native_messages_silenced() -> Iterator[None]:
    """Keep lines of native code ("Created XNNPACK delegate") off the terminal.

    Threads may overlap in it, and it may be nested. What Python or another thread writes to
    stderr meanwhile is lost, too: do nothing inside but load. What goes wrong is raised as an
    exception.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()
