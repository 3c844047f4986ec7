"""A machine of its own with a real systemd, in a container over this machine's files.

Everything that it writes stays in memory. It takes root, ``systemd-nspawn`` and ``nsenter``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import ROOT

UNIT = ROOT / "edge" / "service" / "edge-all.service"
PROGRAMS = ("systemd-nspawn", "nsenter", "unshare", "mount", "pgrep")
DATABASE = "/var/lib/edge-all/results.db"
_PATIENCE = 120.0

_BOX = """set -eu
mount -t tmpfs box "$1/box"
cp -a "$1/files" "$1/box/upper"
mkdir "$1/box/work" "$1/box/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/box/upper,workdir=$1/box/work" "$1/box/root"
mount --bind "$2" "$1/box/root/opt/python"
exec systemd-nspawn --quiet --directory="$1/box/root" --boot --register=no --keep-unit \\
  --private-network --link-journal=no --machine="edge-all-$$" --console=pipe -- --unit=only.target
"""
_TARGET = "[Unit]\nWants=edge-all.service\n"


def why_not() -> str:
    """Why there can be no such machine here; empty where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)} here: apt install systemd-container"
    if os.geteuid() != 0:
        return "not root, who alone starts containers"
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True)
    return "no namespaces are allowed here" if done.returncode else ""


class Machine:
    """A running machine."""

    def __init__(self, leader: int) -> None:
        self._leader = str(leader)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as its root."""
        enter = ["nsenter", "-t", self._leader, "-m", "-u", "-i", "-n", "-p"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=60)

    def says(self, name: str) -> str:
        """Property of the service."""
        done = self.run("systemctl", "show", "edge-all", "--value", "-p", name)
        return done.stdout.strip()

    def within(self, script: str) -> str:
        """What a shell prints that sees the files as the service does."""
        return self.run("nsenter", "-t", self.says("MainPID"), "-m", "sh", "-c", script).stdout

    def wait_until(self, name: str, value: str) -> None:
        """Wait until a property is so."""
        until = time.monotonic() + _PATIENCE
        while (found := self.says(name)) != value:
            log = self.run("journalctl", "-u", "edge-all", "--no-pager", "-n", "20").stdout
            assert time.monotonic() < until, f"{name} is {found!r}, not {value!r}\n{log}"
            time.sleep(0.2)


@contextmanager
def machine_with(folder: Path, command: str, *settings: str) -> Iterator[Machine]:
    """A machine that starts the service: what a technician does after docs/service.md.

    Parameters
    ----------
    folder : Path
        Empty.
    command : str
        Of ``edge-all``.
    *settings : str
        Lines of the section ``Service`` besides those of the unit that comes along.
    """
    units = folder / "files" / "etc" / "systemd" / "system"
    (units / "edge-all.service.d").mkdir(parents=True)
    for each in ("box", "files/opt/python"):
        (folder / each).mkdir(parents=True)
    shutil.copy(UNIT, units)
    lines = (
        "[Service]",
        "ExecStart=",
        f"ExecStart=/opt/python/bin/{Path(sys.executable).resolve().name} -m edge.cli {command}",
        f"Environment=PYTHONPATH={ROOT}:{sysconfig.get_path('purelib')}",
        "Environment=PYTHONHOME=/opt/python OMP_NUM_THREADS=1",
        *settings,
    )
    (units / "edge-all.service.d" / "test.conf").write_text("\n".join(lines) + "\n")
    (units / "only.target").write_text(_TARGET)
    for name, entry in {
        "passwd": "edge-all:x:987:987::/var/lib/edge-all:/usr/sbin/nologin\n",
        "group": "edge-all:x:987:\n",
    }.items():
        (units.parents[1] / name).write_text(Path("/etc", name).read_text() + entry)
    script = ["unshare", "--mount", "sh", "-c", _BOX, "box", str(folder), sys.base_prefix]
    box = subprocess.Popen(script, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield Machine(_leader_of(box))
    finally:
        box.terminate()  # systemd-nspawn ends its machine in good order
        try:
            box.wait(60)
        except subprocess.TimeoutExpired:
            box.kill()
            box.wait()


def _leader_of(box: subprocess.Popen[bytes]) -> int:
    """Its systemd, once that answers."""
    until = time.monotonic() + _PATIENCE
    while box.poll() is None and time.monotonic() < until:
        found = subprocess.run(["pgrep", "-P", str(box.pid)], capture_output=True, text=True)
        if found.stdout.strip():
            leader = int(found.stdout.split()[0])
            if Machine(leader).run("systemctl", "show", "edge-all").returncode == 0:
                return leader
        time.sleep(0.2)
    raise AssertionError("the machine did not come up")
