"""What a Ray cluster costs and gives: overhead per crop, efficiency, and 100 million crops.

``python benchmarks/clusters.py [FOLDER] [--crops N]`` with edge-all[ray] installed. Clusters are of
nodes with one processor each, all on this machine, so no network is between them. One run on one
thread without Ray is what they are held against.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
from ray.cluster_utils import Cluster

from edge.cluster.job import Shard
from edge.cluster.judged import Done, judged
from edge.cluster.tables import count, numbered, table_of, write_table
from edge.crops.drawn import write_samples
from edge.doctor.versions import versions
from edge.engine.classifier import Classifier
from edge.machine import available_processors, processor_name
from edge.samples import Sample

EDGE_ALL = [sys.executable, "-c", "from edge.cli.main import main; main()"]
DRAWN = 200
SHARDS = 8
MANY = 100_000_000


@dataclass(frozen=True)
class Figures:
    """One way to run.

    Attributes
    ----------
    crops : int
    whole, short : float
        Seconds of a run over all of them, and over a few shards: start and end are in both.
    less : int
        Crops of the short one.
    """

    crops: int
    whole: float
    short: float
    less: int

    @property
    def each(self) -> float:
        """Seconds per crop without start and end."""
        return (self.whole - self.short) / (self.crops - self.less)

    @property
    def around(self) -> float:
        """Seconds of start and end."""
        return self.short - self.less * self.each


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="crops; drawn ones by default")
    parser.add_argument("--crops", type=int, default=20_000, help="that a run takes")
    parser.add_argument("--start-only", action="store_true", help="leave the clusters out")
    parser.add_argument("--shard", type=int, default=2000)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"{processor_name()}, {available_processors()} processors usable\n{versions()}")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        folder = options.folder or work / "drawn"
        if not options.folder:
            write_samples(folder, DRAWN)
        paths = sorted(str(path.absolute()) for path in folder.rglob("*") if path.is_file())
        if not options.start_only:
            _report(paths, options.crops, options.shard, work)
        _report_start(paths, options.shard, work)


def _report(paths: list[str], crops: int, shard: int, work: Path) -> None:
    alone = _measure(paths, crops, crops // 4, work, ["--threads", "1"], None)
    print(f"{len(paths)} files, repeated to {crops} inputs; {shard} inputs a shard\n")
    print(f"{'':<34} {'ms a crop':>10} {'crops/s':>8} {'start, s':>9} {'efficiency':>10}")
    _line("one thread, without Ray", alone, 1, alone)
    for nodes in range(1, available_processors() + 1):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        ray = ["--engine", "ray", "--shard", str(shard)]
        found = _measure(paths, crops, crops // 4, work, ray, cluster.address)
        cluster.shutdown()
        _line(f"Ray, nodes of one processor: {nodes}", found, nodes, alone)
    days = MANY * found.each * nodes / 86400
    size = MANY * _bytes_a_row(work) / 1e9
    print(
        f"\n{MANY:,} crops like these: {days:.1f} days of a processor, or"
        f" {days / 64 * 24:.1f} hours of 64; {MANY // shard:,} files, {size:.1f} GB"
    )


def _line(name: str, found: Figures, processors: int, alone: Figures) -> None:
    efficiency = alone.each / found.each / processors
    print(
        f"{name:<34} {found.each * 1000:>10.3f} {1 / found.each:>8.0f} {found.around:>9.1f}"
        f" {efficiency:>10.2f}"
    )


def _measure(
    paths: list[str], crops: int, less: int, work: Path, options: list[str], address: str | None
) -> Figures:
    seconds = []
    for n in (less, crops):
        inputs = work / "inputs.txt"
        inputs.write_text("\n".join(paths[i % len(paths)] for i in range(n)))
        out = work / (f"{time.monotonic_ns()}.parquet" if address else "out.csv")
        command = [*EDGE_ALL, "classify", f"@{inputs}", "--out", str(out), *options]
        environment = os.environ | ({"RAY_ADDRESS": address} if address else {})
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        seconds.append(time.perf_counter() - start)
        if done.returncode not in (0, 1, 3):
            raise SystemExit(done.stderr)
    return Figures(crops, seconds[1], seconds[0], less)


def _parts(work: Path) -> list[Path]:
    return sorted(max(work.glob("*.parquet")).glob("part-*"))


def _bytes_a_row(work: Path) -> float:
    """Of the last run; most of a row are names of files."""
    parts = _parts(work)
    return sum(p.stat().st_size for p in parts) / sum(
        parquet.read_metadata(p).num_rows for p in parts
    )


def _report_start(paths: list[str], shard: int, work: Path) -> None:
    """Say what all shards cost in the one process that the command starts.

    In time of a processor: other programs do not change it much.
    """
    with Classifier(threads=1) as classifier:
        results = [classifier.classify(path) for path in paths[:20]]
    contract = classifier.contract
    rows = [results[i % len(results)] for i in range(shard)]
    table = table_of(rows, contract.names)
    part = Shard(0, tuple(Sample("archive", f"archive/{i:012d}.png") for i in range(shard)))
    start = time.process_time()
    for _ in range(SHARDS):
        pickle.dumps(part)
        _ = part.fingerprint
    sent = time.process_time()
    each = judged((Done(part, table, False) for _ in range(SHARDS)), contract, False)
    for number, done in enumerate(done for done in each if isinstance(done, Done)):
        count(done.table)
        write_table(work / "again.parquet", numbered(done.table, number * shard))
    end = time.process_time()
    crops = SHARDS * shard
    print(
        f"\nwhere it is started: {(sent - start) / crops * 1000:.3f} ms a crop to send it,"
        f" {(end - sent) / crops * 1000:.3f} ms to judge and write it: at most"
        f" {crops / (end - start):.0f} crops/s,"
        f" {MANY:,} in {MANY * (end - start) / crops / 3600:.1f} h"
    )


if __name__ == "__main__":
    main()
