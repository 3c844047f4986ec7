"""The unit under a real systemd: ready, killed, hung, without a way to write elsewhere, ended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from systemd_machine import DATABASE, machine_with, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "there can be one"),
]

RUN = f"run sim:fps=5,width=160,height=120,white=1 --crops --threads 1 --out {DATABASE}"


def test_systemd_starts_watches_and_ends_the_service(tmp_path: Path) -> None:
    settings = "RestartSec=1", "WatchdogSec=20"
    with machine_with(tmp_path, RUN, *settings) as machine:
        machine.wait_until("ActiveState", "active")  # by READY=1: a frame is stored
        assert "results stored since the start" in machine.says("StatusText")
        assert machine.run("id", "-u", "edge-all").stdout.strip() == "987"

        writes = "touch {0} 2>/dev/null && echo wrote {0};"
        places = ("/etc/x", "/usr/x", "/opt/x", "/var/x", "/home/x", "/var/lib/edge-all/x")
        assert machine.within("".join(map(writes.format, places))) == (
            "wrote /var/lib/edge-all/x\n"
        )
        assert machine.within("ls -A /home /root") == "/home:\n\n/root:\n"

        machine.run("kill", "-9", machine.says("MainPID"))
        machine.wait_until("NRestarts", "1")
        machine.wait_until("ActiveState", "active")

        machine.run("kill", "-STOP", machine.says("MainPID"))  # it lives, and stores nothing
        machine.wait_until("NRestarts", "2")
        machine.wait_until("ActiveState", "active")
        log = machine.run("journalctl", "-u", "edge-all", "--no-pager").stdout
        assert "Watchdog timeout" in log

        machine.run("systemctl", "stop", "edge-all")
        assert machine.says("ActiveState") == "inactive"
        assert machine.says("Result") == "success"


def test_one_that_hangs_before_its_first_frame_is_started_again_and_one_that_waits_is_not(
    tmp_path: Path,
) -> None:
    away = RUN.replace("white=1", "white=1,disconnect=0,away=3600")
    settings = "RestartSec=1", "TimeoutStartSec=45", "TimeoutStopSec=1"
    with machine_with(tmp_path, away, *settings) as machine:
        time.sleep(60)  # each wait with a name gives it more time to start
        assert machine.says("NRestarts") == "0"
        assert machine.says("ActiveState") == "activating"
        assert machine.says("StatusText").startswith("waiting for the ")
        machine.run("kill", "-STOP", machine.says("MainPID"))
        machine.wait_until("NRestarts", "1")
