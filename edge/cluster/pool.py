"""Shards on a Ray cluster: as many at a time as it has processors, results in their order.

Plain tasks, not Ray Data: a shard is at once what a task does again when its machine dies, what
one file holds, and what a run that goes on passes over. Ray Data cuts blocks as it likes.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from edge.cluster.job import Job, Shard
from edge.cluster.tables import Table
from edge.cluster.worker import classify_shard
from edge.errors import ClusterFailed
from edge.process.environment import keep_ray_quiet
from edge.wording import shortened

_AHEAD = 3  # shards a processor: none waits for work while an earlier one takes long
_TRIES = 10  # of a shard whose machine or process died
_PATIENCE = 10.0  # seconds in which the head of a cluster answers
_EVERYWHERE = "install the same edge-all[ray] on all machines of the cluster"


class Pool:
    """A connection to a Ray cluster; a context manager.

    That of ``RAY_ADDRESS`` if it is set; otherwise one of this machine, which ends with it.
    """

    def __enter__(self) -> Pool:
        """Connect.

        Raises
        ------
        ClusterFailed
        """
        address = os.environ.get("RAY_ADDRESS")
        keep_ray_quiet()
        import ray

        options: dict[str, Any] = {} if address else {"include_dashboard": False}
        try:
            _knock(address or "")
            ray.init(
                address or "local", logging_level=logging.ERROR, log_to_driver=False, **options
            )
        except (OSError, ConnectionError, RuntimeError, ValueError) as error:
            where = f"at RAY_ADDRESS={address}" if address else "on this machine"
            words = shortened(" ".join(str(error).split()), 200)
            raise ClusterFailed(
                f"there is no Ray cluster {where}: {words}; look at it with ray status"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import ray

        ray.shutdown()

    @property
    def machine(self) -> str:
        """What it runs on, for people and the record."""
        import ray

        alive = sum(node["Alive"] for node in ray.nodes())
        machines = "machine" if alive == 1 else "machines"
        return f"{self.processors} processors of {alive} {machines}, started on {platform.node()}"

    @property
    def processors(self) -> int:
        """Processors of all machines, now."""
        import ray

        return max(int(ray.cluster_resources().get("CPU", 0)), 1)

    def in_order(
        self, job: Job, model: bytes, shards: Iterable[Shard]
    ) -> Iterator[tuple[Shard, Table]]:
        """Classify shards side by side; their tables come in the order of the shards.

        A shard whose machine dies is done again on another one.

        Parameters
        ----------
        job : Job
        model : bytes
            The model file.
        shards : iterable of Shard
            Asked for as they can be done.

        Yields
        ------
        tuple of (Shard, pyarrow.Table)

        Raises
        ------
        ClusterFailed
        """
        import ray

        task = ray.remote(num_cpus=1, max_retries=_TRIES)(_classify)
        held = [ray.put(model)]  # in a list it is fetched only where it is asked for
        rest = iter(shards)
        waiting: deque[tuple[Shard, Any]] = deque()
        more = True
        while more or waiting:
            while more and len(waiting) < _AHEAD * self.processors:
                shard = next(rest, None)
                more = shard is not None
                if shard is not None:
                    waiting.append((shard, task.remote(job, shard, held)))
            if waiting:
                shard, table = waiting.popleft()
                yield shard, _get(table)


def _classify(job: Job, shard: Shard, model: list[Any]) -> Table:
    """Run in a process of the cluster."""
    import ray

    return classify_shard(job, shard, lambda: bytes(ray.get(model[0])))


def _get(reference: Any) -> Table:
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, ClusterFailed):
            raise ClusterFailed(str(cause)) from error
        raise ClusterFailed(f"{type(cause).__name__}: {_words(cause)}; {_EVERYWHERE}") from error
    except ray.exceptions.RayError as error:
        raise ClusterFailed(
            f"a shard failed {_TRIES} times: {_words(error)}; look at the machines with ray status,"
            " and start the same command again: it goes on"
        ) from error


def _knock(address: str) -> None:
    """Try to reach ``host:port``: Ray itself goes on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


def _words(error: BaseException) -> str:
    return shortened(" ".join(str(error).split()), 200)
