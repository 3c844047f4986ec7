"""How fast the device side is on this machine: ``make bench [CROPS=folder]``.

Everything is measured in one run, so that the ratios hold on a busy machine too:
the bare stages on one thread, the whole of ``edge-all classify`` on one thread and
on all, the first result of a fresh process, and peak memory of a run over all crops.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.classifier import Classifier, available_processors
from edge.command import one_sentence
from edge.decode import decode, read_bytes
from edge.doctor import installed_version, processor_name
from edge.model_file import SHIPPED_MODEL, read_model_file
from edge.preprocess import to_crop
from edge.runtime import Int8Network, find_runtime
from edge.sources import find_inputs, open_sources

CHUNK = 64  # crops a stage is timed over: pixels of all crops at once would fill the memory
FRESH_PROCESSES = 7

# what any program must do before its first result: the least a cold start can take
BARE_START = """
import sys
import numpy, cv2
from edge.runtime import find_runtime
interpreter = find_runtime().interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"],
                       numpy.zeros((1, 70, 70, 3), numpy.int8))
interpreter.invoke()
"""

# A new process counts the memory of the one that started it as its own: so a small one starts it.
PEAK_MEMORY = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Figures:
    """What one run measured; memory in MB, ``*_start`` in seconds."""

    machine: str
    versions: dict[str, str]
    model: str
    crops: int
    ms_per_crop: dict[str, float]
    cells_per_second: dict[str, float]
    invoke_only_bound: float
    share_of_bound: float
    cold_start: float
    bare_start: float
    peak_memory: float
    bare_memory: float


def measure(sources: Sequence[str], model: Path) -> Figures:
    """Measure everything on the files that sources stand for."""
    paths = [found.path for found in find_inputs(sources)]
    stages = stage_seconds(paths, model)
    threads = available_processors()
    speed = {f"{n} thread(s)": throughput(sources, model, n) for n in sorted({1, threads})}
    bound = threads * len(paths) / stages["invoke"]
    classify = [str(Path(sys.executable).with_name("edge-all")), "classify", "--model", str(model)]
    bare = [sys.executable, "-c", BARE_START, str(model)]
    cold_start, bare_start = median_seconds([*classify, paths[0]], bare)
    return Figures(
        machine=f"{processor_name()}, {threads} processors usable",
        versions={
            name: installed_version(name)
            for name in ("edge-all", "numpy", "opencv-python-headless", find_runtime().name)
        },
        model=read_model_file(model).metadata.network,
        crops=len(paths),
        ms_per_crop={stage: 1000 * seconds / len(paths) for stage, seconds in stages.items()},
        cells_per_second=speed,
        invoke_only_bound=bound,
        share_of_bound=speed[f"{threads} thread(s)"] / bound,
        cold_start=cold_start,
        bare_start=bare_start,
        peak_memory=peak_memory([*classify, *sources]),
        bare_memory=peak_memory(bare),
    )


def stage_seconds(paths: Sequence[str], model: Path) -> Counter[str]:
    """Seconds of every bare stage over all files, on one thread."""
    network = Int8Network(read_model_file(model).flatbuffer, find_runtime())
    seconds: Counter[str] = Counter()

    def timed(stage: str, work: Callable[..., object], things: Sequence[object]) -> list[object]:
        start = time.perf_counter()
        results = [work(thing) for thing in things]
        seconds[stage] += time.perf_counter() - start
        return results

    for at in range(0, len(paths), CHUNK):
        data = timed("read", read_bytes, paths[at : at + CHUNK])
        pixels = timed("decode", decode, data)
        crops = timed("preprocess", to_crop, pixels)
        timed("invoke", network.raw_logits, crops)
    return seconds


def throughput(sources: Sequence[str], model: Path, threads: int) -> float:
    """Cells per second end to end, files to results."""
    with Classifier(model, threads) as classifier:
        start = time.perf_counter()
        done = sum(1 for _ in classifier.classify_all(find_inputs(sources)))
        return done / (time.perf_counter() - start)


def median_seconds(*commands: Sequence[str]) -> list[float]:
    """Median seconds of each command as a fresh process; the commands take turns."""
    runs = [[_seconds(command) for command in commands] for _ in range(FRESH_PROCESSES)]
    return [statistics.median(of_command) for of_command in zip(*runs, strict=True)]


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def peak_memory(command: Sequence[str]) -> float:
    """Peak resident memory of a command in MB."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK_MEMORY, *command], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr}")
    return int(done.stdout) / 1024


def table(found: Figures) -> str:
    """Lay the figures out for people."""
    lines = [
        f"{found.crops} crops, model {found.model}, on {found.machine}",
        ", ".join(f"{name} {version}" for name, version in found.versions.items()),
        "",
        "stage, one thread     ms per crop",
        *(f"  {stage:<16} {value:>14.3f}" for stage, value in found.ms_per_crop.items()),
        f"  {'all four':<16} {sum(found.ms_per_crop.values()):>14.3f}",
        "",
        "edge-all classify   cells a second",
        *(f"  {name:<16} {value:>14.0f}" for name, value in found.cells_per_second.items()),
        f"  {'invoke only':<16} {found.invoke_only_bound:>14.0f}"
        f"  on all processors; classify reaches {found.share_of_bound:.0%} of it",
        "",
        f"cold start  {found.cold_start:.2f} s to the first result of a fresh process,"
        f" {found.cold_start / found.bare_start:.2f} times the bare minimum"
        f" ({found.bare_start:.2f} s: import, load, invoke once)",
        f"memory      {found.peak_memory:.0f} MB at most over all crops,"
        f" {found.peak_memory - found.bare_memory:.0f} MB above the bare minimum",
    ]
    return "\n".join(lines)


@one_sentence
def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="+", help="files, folders and globs of crops")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    options = parser.parse_args()
    open_sources(options.source)
    found = measure(options.source, options.model)
    print(table(found))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
