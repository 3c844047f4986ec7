"""A run on a cluster: a source in shards, into a folder of Parquet files; killed, it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import edge
from edge.cluster.folder import ClusterRun, ResultFolder
from edge.cluster.job import Job, Shard, shards_of
from edge.cluster.judged import Done, judged
from edge.cluster.pool import Pool
from edge.cluster.tables import count, first_failures, numbered
from edge.engine.classifier import Classifier
from edge.errors import NoInputs
from edge.events import Finished, ScaleShifted
from edge.process.interrupts import StopToken
from edge.samples import Source
from edge.tally import MOST_FAILURES, Tally


@dataclass(frozen=True)
class ClusterStarted:
    """The cluster is there, and the folder open.

    Attributes
    ----------
    machine : str
        What it is, for people.
    earlier : int
        Shards that an earlier run has done.
    """

    machine: str
    earlier: int


@dataclass(frozen=True)
class ShardWritten:
    """The results of one more shard are on the disk.

    Attributes
    ----------
    number : int
        Of the shard, from 0.
    tally : Tally
        Of all results so far; it goes on counting.
    """

    number: int
    tally: Tally


def run_on_cluster(
    source: Source,
    classifier: Classifier,
    out: Path,
    shard: int,
    command: str = "",
    pixel_size: float | None = None,
    stop: StopToken | None = None,
    runtime: str | None = None,
) -> Iterator[ClusterStarted | ShardWritten | ScaleShifted | Finished]:
    """Classify all samples of a source on the Ray cluster at hand.

    Parameters
    ----------
    source : Source
        Every machine must be able to read its files, under the same names.
    classifier : Classifier
        Its model file is sent to all machines; it classifies nothing itself.
    out : Path
        Folder; what an earlier run of the same has written stays, and is passed over.
    shard : int
        Samples a file.
    command : str
        What started the run, for the record.
    pixel_size : float, optional
        That samples of the source were given.
    stop : StopToken, optional
        Holds back signals while a file is written.
    runtime : str, optional
        Asked for on all machines, as of a Classifier.

    Yields
    ------
    ClusterStarted, ShardWritten, ScaleShifted or Finished

    Raises
    ------
    NoInputs
        If the source cannot be read again in the same order.
    ClusterFailed, OutputFailed, ResumeRefused
    """
    if source.is_live:
        raise NoInputs(
            "a run on a cluster needs sources that can be read again in the same order: name files,"
            " folders, archives or a list in a file"
        )
    stop = stop or StopToken()
    model = classifier.model_file
    job = Job(model.sha256, classifier.strict, runtime, os.getcwd(), edge.__version__)
    contract, tally, at, shards = classifier.contract, Tally(classifier.contract.words), 0, 0
    with Pool() as pool:
        record = {
            "edge_all": edge.__version__,
            "runtime": f"{classifier.runtime.name} {classifier.runtime.version}",
            "machine": pool.machine,
            "command": command,
        }
        run = ClusterRun(
            source.names,
            model.metadata.network,
            model.sha256,
            contract.names,
            classifier.strict,
            pixel_size,
            shard,
            record,
        )
        start = time.perf_counter()
        with ResultFolder(out, run) as folder, source as batches:
            yield ClusterStarted(pool.machine, len(folder.parts))
            samples = (sample for batch in batches for sample in batch)
            done = _each(shards_of(samples, shard), folder, pool, job, model.path.read_bytes())
            for each in judged(done, contract, classifier.strict):
                if isinstance(each, ScaleShifted):
                    yield each
                    continue
                counts = count(each.table)
                if not each.is_earlier:
                    table = numbered(each.table, at)
                    with stop.held():  # a file and its line in the manifest
                        folder.write(each.shard, at, table, counts)
                at += counts.rows
                shards += 1
                earlier = counts.rows if each.is_earlier else 0
                tally.add_counts(counts.decisions, counts.marked, earlier)
                room = MOST_FAILURES - len(tally.failures)
                tally.failures += first_failures(each.table, room, contract)
                yield ShardWritten(each.shard.number, tally)
            folder.finish(shards)
            seconds = time.perf_counter() - start
        yield Finished(tally, seconds, tuple(source.left))


def _each(
    shards: Iterator[Shard], folder: ResultFolder, pool: Pool, job: Job, model: bytes
) -> Iterator[Done]:
    """Results of all shards in their order: of the first ones they are there already."""
    for shard in shards:
        table = folder.table_of(shard)
        if table is None:
            for new, made in pool.in_order(job, model, _behind(shard, shards)):
                yield Done(new, made, is_earlier=False)
            return
        yield Done(shard, table, is_earlier=True)


def _behind(first: Shard, rest: Iterable[Shard]) -> Iterator[Shard]:
    yield first
    yield from rest
