"""How fast edge-all is on this machine: ``make bench [CROPS=folder] [NETWORKS=files]``.

All figures of a network are measured in one run, so that their ratios hold on a busy machine too.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from figures import table
from network_bench import NetworkBench

from edge.cli.command import one_sentence
from edge.engine.runtime import find_runtime
from edge.machine import available_processors, installed_version, processor_name
from edge.models.model_file import SHIPPED_MODEL
from edge.sources.find import open_sources


@one_sentence
def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="+", help="files, folders and globs of crops")
    parser.add_argument("--models", nargs="+", type=Path, default=[SHIPPED_MODEL], metavar="FILE")
    parser.add_argument("--count", type=int, default=10_000, help="inputs; crops are repeated")
    parser.add_argument(
        "--many", type=int, default=100_000, help="inputs of the longest run; 0 leaves it out"
    )
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder")
    options = parser.parse_args()
    paths = [str(Path(found.file).resolve()) for found in open_sources(options.source)]
    options.out.mkdir(parents=True, exist_ok=True)
    facts = {
        "machine": f"{processor_name()}, {available_processors()} processors usable",
        "versions": {
            name: installed_version(name)
            for name in ("edge-all", "numpy", "opencv-python-headless", find_runtime().name)
        },
        "crops": f"{len(paths)} files, repeated to {options.count} inputs",
    }
    print(facts["machine"])
    print(", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    print(facts["crops"])
    networks = []
    for model in options.models:
        found = NetworkBench(model, paths, options.count, options.out).run(options.many)
        print(f"\n{table(found)}", flush=True)
        targets = [{**asdict(target), "met": target.is_met} for target in found.targets]
        networks.append({**asdict(found), "targets": targets})
    result = options.out / "bench.json"
    result.write_text(
        json.dumps({**facts, "networks": networks}, indent=2) + "\n", encoding="utf-8"
    )
    print(f"\nsaved {result}")


if __name__ == "__main__":
    main()
