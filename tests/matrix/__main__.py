"""Set up every environment, run the same cells in each, and print what differs.

``python tests/matrix`` from the root of a clone. ``--quick`` takes some of them, those of
them that this machine can have; without it one that it cannot have is a failure, too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from matrix.comparison import Difference, compare
from matrix.environments import ALL, Environment, run, set_up
from matrix.userland import NotHere

ROOT = Path(__file__).parents[2]
FEW, FEWER = 100, 24  # cells, and those of the reduced matrix: an emulated one takes a second
HEAD = (
    "| environment | versions | crops that differ | labels | decisions | logits, int8 steps |"
    " golden | boxes of fields | |"
)
_AT_ONCE = 2  # environments that are set up side by side: most of it waits


def main() -> None:
    options = _options()
    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    cells = _cells(options.cells, FEWER if options.quick else FEW, work)
    given = cells, _fields(work), _model_with_twin(work)
    wheel = _wheel(work)
    chosen = [each for each in ALL if each.is_quick or not options.quick]

    def examine(environment: Environment) -> dict[str, Any] | str:
        start = time.monotonic()
        try:
            found: dict[str, Any] | str = _probe(environment, wheel, work, *given)
        except (NotHere, RuntimeError, OSError) as error:
            found = ("not here: " if isinstance(error, NotHere) else "") + str(error)
        seconds = time.monotonic() - start
        print(f"{environment}: {seconds:.0f} s", file=sys.stderr, flush=True)
        return found

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = dict(zip(chosen, pool.map(examine, chosen), strict=True))
    sys.exit(_show(results, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the reduced matrix")
    parser.add_argument("--cells", type=Path, help="folder of crops, of which some are taken")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "matrix")
    return parser.parse_args()


def _cells(given: Path | None, most: int, work: Path) -> Path:
    """A folder of the same cells for all: evenly from those given, or drawn."""
    folder = work / "cells"
    if given is None:
        run([sys.executable, "-m", "edge.cli", "samples", str(folder), "-n", str(most)], **_ours())
        return folder
    files = sorted(p for p in given.rglob("*") if p.suffix.lower() in (".png", ".bmp"))
    folder.mkdir()
    for number in range(min(most, len(files))):
        source = files[number * len(files) // min(most, len(files))]
        shutil.copy(source, folder / f"{number:03d}{source.suffix}")
    return folder


def _fields(work: Path) -> Path:
    folder = work / "fields"
    drawing = ["samples", str(folder), "--fields", "-n", "1"]
    run([sys.executable, "-m", "edge.cli", *drawing], **_ours())
    return folder


def _model_with_twin(work: Path) -> Path:
    convert = ["run", str(ROOT / "train/released/cnn.keras"), "--with-twin", "--out", str(work)]
    run([sys.executable, "-m", "convert", *convert], **_ours())
    return work / "cnn.tflite"


def _ours() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}


def _wheel(work: Path) -> Path:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(work), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = work.glob("*.whl")
    return wheel


def _probe(
    environment: Environment, wheel: Path, work: Path, cells: Path, fields: Path, model: Path
) -> dict[str, Any]:
    folder = work / environment.folder
    python = set_up(environment, wheel, folder)
    out = folder / "found"
    out.mkdir()
    probe = Path(__file__).with_name("probe.py")
    run([*python, str(probe), *map(str, (model, cells, fields, out))])
    found: dict[str, Any] = json.loads((out / "found.json").read_text(encoding="utf-8"))
    return found


def _show(results: dict[Environment, dict[str, Any] | str], options: argparse.Namespace) -> int:
    reference = results[ALL[0]]
    if isinstance(reference, str):
        print(f"{ALL[0]}: {reference}")
        return 1
    lines, failed = [HEAD, "|---|---|--:|--:|--:|--:|--:|--:|---|"], False
    for environment, found in results.items():
        if isinstance(found, str):
            failed |= not (options.quick and found.startswith("not here: "))
            lines.append(f"| {environment} | " + "| " * 6 + f"| {' '.join(found.split())[:200]} |")
            continue
        difference = compare(found, reference)
        failed |= not difference.is_green
        lines.append(_row(environment, found, difference))
    print("\n".join(lines))
    return int(failed)


def _row(environment: Environment, found: dict[str, Any], difference: Difference) -> str:
    cells = len(found["cells"])
    close = f", {difference.close_labels} close" if difference.close_labels else ""
    said = "green" if difference.is_green else f"**red** {'; '.join(difference.faults)}"
    return (
        f"| {environment} | {found['versions']} | {difference.crops} of {cells}"
        f" | {difference.labels}{close} | {difference.decisions} | {difference.steps}"
        f" | {found['golden']} | {difference.boxes} | {said} |"
    )


if __name__ == "__main__":
    main()
