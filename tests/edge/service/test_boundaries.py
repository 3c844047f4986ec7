"""Where smears begin, and where the database of a service may lie."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from edge.errors import OutputFailed
from edge.rows import Result
from edge.service.boundaries import KEY, Boundaries
from edge.sinks.local_disk import NETWORK, check_database, file_system_of

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:45 / /mnt/lab\040share rw,relatime - nfs4 server:/lab rw
41 40 0:46 / /mnt/lab\040share/here rw shared:5 master:2 - tmpfs tmpfs rw
42 22 0:47 / /mnt/twice rw - ext4 /dev/sdb1 rw
43 22 0:48 / /mnt/twice rw - fuse.sshfs host: rw
"""


def a_result(index: int, file: str = "a.png", decision: str | None = "refer") -> Result:
    return Result("sim:", file, index, "cnn", "0" * 64, decision=decision)


def test_a_name_in_the_file_name_begins_a_smear_where_it_changes() -> None:
    boundaries = Boundaries(60, re.compile(r"-(B\d+)-"), has_begun=False)
    files = ["x-B1-0.png", "x-B1-1.png", "none.png", "x-B2-0.png", "x-B1-2.png"]
    found = [boundaries.of(a_result(n, file)) for n, file in enumerate(files)]
    assert [each and (each.first_index, each.name) for each in found] == [
        (0, "B1"),
        None,
        None,
        (3, "B2"),
        (4, "B1"),
    ]


def test_a_smear_that_goes_on_after_a_restart_is_not_begun_again() -> None:
    boundaries = Boundaries(60, re.compile(r"-(B\d+)-"), has_begun=True, name="B1")
    assert boundaries.of(a_result(0, "x-B1-0.png")) is None


def test_a_rest_by_the_monotonic_clock_begins_a_smear_with_the_next_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    boundaries = Boundaries(60, None, has_begun=True)
    monkeypatch.setattr(time, "time", lambda: 1e12)  # a clock that jumps is not looked at
    now += 59
    assert boundaries.of(a_result(0)) is None
    now += 61
    assert boundaries.of(a_result(1, decision=None)) is None  # an empty field is no cell
    found = boundaries.of(a_result(2))
    assert found is not None
    assert (found.first_index, found.begun_by) == (2, "gap")


def test_of_several_keys_between_two_results_the_last_counts() -> None:
    boundaries = Boundaries(60, None, has_begun=True)
    boundaries.ask(KEY, "one")
    boundaries.ask(KEY, "two")
    found = boundaries.of(a_result(5))
    assert found is not None
    assert (found.first_index, found.name) == (5, "two")
    assert boundaries.of(a_result(6)) is None


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/lab", "ext4"),
        ("/mnt/lab share/results", "nfs4"),
        ("/mnt/lab share/here/results", "tmpfs"),
        ("/mnt/lab shared", "ext4"),
        ("/mnt/twice", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind


def test_a_disk_of_this_machine_is_no_network(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert file_system_of(tmp_path.resolve(), mounts) not in NETWORK
    check_database(tmp_path / "r.db")


def test_a_database_on_a_network_file_system_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"9 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    with pytest.raises(OutputFailed, match=r"network file system \(nfs4\).*copy it"):
        check_database(tmp_path / "r.db")


@pytest.mark.parametrize(("name", "said"), [("r.csv", "end in"), ("no/r.db", "no such folder")])
def test_a_database_that_cannot_be_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OutputFailed, match=said):
        check_database(tmp_path / name)
