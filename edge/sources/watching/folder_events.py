"""What the system tells of a folder: files closed after writing, moved in, or begun (inotify)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.errors import NoEvents

_MOUNTS = "/proc/self/mounts"
_ON_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "fuse.", "afs", "ceph", "gluster", "lustre", "beegfs", "gpfs"),
    *("vboxsf", "virtiofs", "prl_fs"),  # folders of the host of a virtual machine
)

Tell = Callable[[str, bool], None]
"""Takes a path and whether it is complete, in any thread."""


@contextmanager
def folder_events(folder: str, tell: Tell) -> Iterator[None]:
    """Tell of files in a folder and the folders in it, while in the context.

    Parameters
    ----------
    folder : str
    tell : callable
        Called with paths that start with `folder`.

    Raises
    ------
    NoEvents
        Without the library, on network shares (where other machines write
        unseen), and where the system has no watches left.
    """
    if kind := network_share(folder):
        raise NoEvents(f"{kind} does not tell what other machines write")
    try:
        from watchdog.events import FileClosedEvent, FileMovedEvent, FileSystemEvent
        from watchdog.events import FileSystemEventHandler as Handler
        from watchdog.observers.inotify import InotifyObserver
    except ImportError:
        raise NoEvents("pip install 'edge-all[watch]' to be told at once") from None

    class Teller(Handler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            moved = event.event_type == "moved"
            path = os.fsdecode(event.dest_path if moved else event.src_path)
            complete = isinstance(event, FileClosedEvent | FileMovedEvent)
            if path and (
                complete or event.event_type in ("created", "moved")
            ):  # no path: moved out
                tell(os.path.join(folder, os.path.relpath(path, folder)), complete)

    observer = InotifyObserver(generate_full_events=True)  # or what is moved in looks begun
    try:
        observer.schedule(Teller(), folder, recursive=True)
        observer.start()
    except OSError as error:
        raise NoEvents(f"the system has no watch left ({error.strerror})") from None
    try:
        yield
    finally:
        observer.stop()
        observer.join()


def network_share(folder: str) -> str | None:
    """Kind of the file system a folder is on if other machines write to it, or None."""
    path = os.fsencode(os.path.realpath(folder))
    try:
        with open(_MOUNTS, "rb") as file:  # noqa: PTH123
            mounts = [line.split(b" ")[1:3] for line in file if b" /" in line]
    except OSError:
        return None
    above = ((_unescaped(at), kind) for at, kind in mounts)
    # the longest, and of those the last: it lies over the others
    lengths = {len(at): kind for at, kind in above if os.path.commonpath([path, at]) == at}
    kind = os.fsdecode(lengths[max(lengths)]) if lengths else ""
    return kind if kind.startswith(_ON_NETWORK) else None


def _unescaped(path: bytes) -> bytes:
    r"""Path of a mount: the kernel writes a blank in it as ``\040``, and a few more like that."""
    return re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8) & 255]), path)
