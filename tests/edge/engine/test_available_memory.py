"""`available_memory`: the least that machine, container and service leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.machine import available_memory

MEMINFO = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:    4000000 kB\n"
AT_HAND = 4_000_000 * 1024


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(tmp_path: Path, membership: str, groups: dict[str, str]) -> int | None:
    """What is found on a machine with these control groups."""
    write(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": membership})
    write(tmp_path / "cgroup", groups)
    return available_memory(tmp_path / "proc", tmp_path / "cgroup")


def test_on_a_bare_machine_it_is_what_the_kernel_can_give(tmp_path: Path) -> None:
    assert found(tmp_path, "", {}) == AT_HAND


@pytest.mark.parametrize(
    ("membership", "folder"),
    [
        ("0::/\n", ""),
        ("0::/system.slice/edge-all.service\n", "system.slice/edge-all.service"),
        ("0::/system.slice/edge-all.service\n", "system.slice"),
        ("0::/docker/0123\n", ""),  # the host's name, and the container's own group as the top
    ],
)
def test_a_limit_of_the_group_or_of_one_around_it_counts(
    tmp_path: Path, membership: str, folder: str
) -> None:
    files = {
        "memory.max": "1000000000\n",
        "memory.current": "700000000\n",
        "memory.stat": "anon 5\ninactive_file 200000000\nactive_file 7\n",
    }
    groups = {f"{folder}/{name}".lstrip("/"): text for name, text in files.items()}
    assert found(tmp_path, membership, groups) == 500_000_000


def test_limits_of_the_first_kind_of_groups_count_too(tmp_path: Path) -> None:
    membership = "5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n"
    groups = {
        "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/a/b/memory.usage_in_bytes": "300\n",
        "memory/a/memory.limit_in_bytes": "1000\n",
        "memory/a/memory.usage_in_bytes": "900\n",
        "memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 50\n",
    }
    assert found(tmp_path, membership, groups) == 150


def test_a_group_without_a_limit_or_with_a_larger_one_changes_nothing(tmp_path: Path) -> None:
    unlimited = {"memory.max": "max\n", "memory.current": "7\n"}
    larger = {"a/memory.max": "900000000000\n", "a/memory.current": "7\n"}
    assert found(tmp_path, "0::/a\n", unlimited | larger) == AT_HAND


def test_a_group_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "0::/\n", {"memory.max": "10\n", "memory.current": "12\n"}) == 0


def test_where_the_system_does_not_tell_nothing_is_known(tmp_path: Path) -> None:
    assert available_memory(tmp_path, tmp_path) is None


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_this_machine_has_some() -> None:
    at_hand = available_memory()
    assert at_hand is not None
    assert at_hand > 1_000_000
