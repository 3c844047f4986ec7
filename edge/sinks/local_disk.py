"""Whether a database may lie where it is to lie: on a disk of this machine, not on a network.

SQLite in WAL mode shares memory between processes of one machine, and relies on locks that network
file systems do not keep (https://www.sqlite.org/wal.html, "Overview"): it may be damaged there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from edge.errors import OutputFailed

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "lustre", "gpfs", "beegfs"}
    | {"davfs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"}
)
"""Types of file systems, as Linux names them, that reach another machine."""

_SUFFIXES = (".db", ".sqlite")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # in /proc/self/mountinfo: blanks and backslashes


def check_database(path: Path) -> None:
    """Refuse a database of a service where it cannot be kept safely.

    Raises
    ------
    OutputFailed
        If it has another suffix, its folder is missing, or lies on a network file system.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputFailed(f"{path}: the name must end in {' or '.join(_SUFFIXES)}")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise OutputFailed(f"cannot write {path}: no such folder as {folder}; make it first")
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux: nobody tells
        return
    kind = file_system_of(folder, mounts)
    if kind in NETWORK:
        raise OutputFailed(
            f"cannot keep {path} on a network file system ({kind}): SQLite may lose or damage"
            " results there; name a file on a disk of this machine, and copy it when it is done"
        )


def file_system_of(folder: Path, mounts: str) -> str | None:
    """Type of the file system that a folder is on: that of the nearest mount point above it.

    Parameters
    ----------
    folder : Path
        Absolute, without links.
    mounts : str
        Text of ``/proc/self/mountinfo``, see proc(5); of two mounts at one place the later counts.
    """
    nearest, kind = -1, None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
        depth = len(Path(point).parts)
        if folder.is_relative_to(point) and depth >= nearest:
            nearest, kind = depth, after.split(" ")[0]
    return kind
