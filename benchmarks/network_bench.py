"""Measure one network: throughput beside its peers, cold start, memory and growth."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import contenders
import processes
import stages
from figures import Figures, Target

from edge.cli.command import say
from edge.machine import available_processors
from edge.models.model_file import read_model_file

FEW = 1_000
"""Inputs of the run that a long one is compared with."""

_BARE = Path(__file__).with_name("bare.py")
_REPRESENTATIVE = 300  # crops that peers quantize on


class NetworkBench:
    """The measurements of one network.

    Parameters
    ----------
    model : Path
        Model file; peers run ``.onnx`` of the same name.
    paths : sequence of str
        Crops.
    count : int
        Inputs of the throughput runs: crops are repeated.
    out : Path
        Folder for lists, results and the peers' quantized networks.
    """

    def __init__(self, model: Path, paths: Sequence[str], count: int, out: Path) -> None:
        self._path, self._out = model, out
        self._model = read_model_file(model)
        self._paths = repeated(paths, count)
        self._program = str(Path(sys.executable).with_name("edge-all"))
        self._targets: list[Target] = []

    def run(self, many: int) -> Figures:
        """Measure everything; 0 for `many` leaves the longest run out."""
        crops = stages.some_crops(self._paths)
        before = stages.best_invocation(self._model, crops)
        measured = self._compare()
        after = stages.best_invocation(self._model, crops)
        batch, seconds = min(before, after, key=lambda best: best[1])
        bound = available_processors() / seconds
        ours = measured[0]
        self._targets.insert(
            0, Target("throughput, of the bound", ours["crops_per_second"] / bound, least=0.85)
        )
        found = Figures(
            network=self._model.metadata.network,
            size=len(self._model.flatbuffer) / 1e6,
            crops=len(self._paths),
            stages=stages.stage_milliseconds(self._paths, self._model, ours["batch"]),
            bound=bound,
            bound_batch=batch,
            contenders=measured,
            targets=self._targets,
        )
        self._start(found)
        if many:
            self._grow(found, many)
        return found

    def _compare(self) -> list[contenders.Measured]:
        """Measure edge-all before each of its peers: each ratio is of two neighbours."""
        crops = self._write_list("crops.txt", self._paths)
        spread = self._paths[:: max(len(self._paths) // _REPRESENTATIVE, 1)][:_REPRESENTATIVE]
        representative = self._write_list("representative.txt", spread)
        ours = [contenders.edge_all(self._path, crops)]
        others = []
        for peer in contenders.peers_of(self._path, crops, representative, self._out):
            self._say(f"compared with {peer.name}")
            others.append(peer.run())
            ratio = ours[-1]["crops_per_second"] / others[-1]["crops_per_second"]
            what = f"throughput, times that of {peer.name}"
            self._targets.append(Target(what, ratio, least=peer.least))
            ours.append(contenders.edge_all(self._path, crops))
        ours.sort(key=lambda run: run["crops_per_second"])
        return [ours[len(ours) // 2], *others]

    def _start(self, found: Figures) -> None:
        self._say("cold starts")
        bare, first, shown = processes.median_seconds(
            [sys.executable, str(_BARE), str(self._path)],
            [*self._classify(), self._paths[0]],
            [self._program, "--help"],
        )
        found.seconds |= {"bare": bare, "first result": first, "edge-all --help": shown}
        self._targets += [
            Target("first result, times the bare one", first / bare, most=1.3),
            Target("edge-all --help, times the bare one", shown / bare, most=0.5),
        ]

    def _grow(self, found: Figures, many: int) -> None:
        self._say(f"runs of {FEW:,} and {many:,} inputs")
        few_runs, long_run = [self._classified(FEW) for _ in range(3)], self._classified(many)
        started = found.seconds["first result"]
        few_seconds = (statistics.median(run.seconds for run in few_runs) - started) / FEW
        long_seconds = (long_run.seconds - started) / many
        few_megabytes = max(run.megabytes for run in few_runs)
        bare = self._bare_megabytes(found.contenders[0])
        found.seconds |= {
            f"per input of {FEW:,}": few_seconds,
            f"per input of {many:,}": long_seconds,
        }
        found.megabytes |= {
            "bare, as many interpreters and crops": bare,
            f"{FEW:,} inputs": few_megabytes,
            f"{many:,} inputs": long_run.megabytes,
        }
        times = f"of {many:,} inputs, times {FEW:,}"
        self._targets += [
            Target(f"peak memory {times}", long_run.megabytes / few_megabytes, most=1.05),
            Target("peak memory, MB above the bare one", long_run.megabytes - bare, most=60),
            Target(f"time per input {times}", long_seconds / few_seconds, most=1.05),
        ]

    def _bare_megabytes(self, ours: contenders.Measured) -> float:
        plan = [f"--interpreters={ours['interpreters']}", f"--batch={ours['batch']}"]
        return processes.measure([sys.executable, str(_BARE), str(self._path), *plan]).megabytes

    def _classified(self, n: int) -> processes.Process:
        """Run over n inputs, with results in a file."""
        inputs = self._write_list(f"{n}.txt", repeated(self._paths, n))
        results = self._out / "results.csv"
        return processes.measure([*self._classify(), f"@{inputs}", "--out", str(results)])

    def _classify(self) -> list[str]:
        return [self._program, "classify", "--model", str(self._path)]

    def _write_list(self, name: str, paths: Sequence[str]) -> Path:
        path = self._out / name
        path.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        return path

    def _say(self, what: str) -> None:
        say(f"{self._model.metadata.network}: {what} ...")


def repeated(paths: Sequence[str], n: int) -> list[str]:
    """Repeat paths until there are n."""
    return list(islice(cycle(paths), n))
