"""edge-all itself, measured as benchmarks/peers measures the others: one JSON object on stdout."""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edge.cli.command import one_sentence
from edge.decoding.decode import read_crop
from edge.engine.classifier import Classifier
from edge.engine.network import Int8Network
from edge.models.cnmc import SIDE

WARM_UP = 512  # crops, among which edge-all measures batches: no peer's trial counts either
TRIAL = 512  # crops that the engine alone is timed on
ROUNDS = 3


@one_sentence
def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="model file")
    parser.add_argument("--list", type=Path, required=True, help="text file: a crop's path a line")
    options = parser.parse_args()
    paths = options.list.read_text(encoding="utf-8").splitlines()
    with Classifier(options.model) as classifier:
        seconds_for(classifier, np.resize(paths, WARM_UP).tolist())
        print(
            json.dumps(
                {
                    "name": "edge-all",
                    "crops": len(paths),
                    "crops_per_second": len(paths) / seconds_for(classifier, paths),
                    "engine_crops_per_second": engine_alone(classifier, paths[:TRIAL]),
                    "interpreters": classifier.plan.interpreters,
                    "batch": classifier.plan.batch,
                    "setting": str(classifier.plan),
                }
            )
        )


def seconds_for(classifier: Classifier, paths: Sequence[str]) -> float:
    """Seconds from files to results."""
    start = time.perf_counter()
    done = sum(1 for _ in classifier.classify_each(paths))
    seconds = time.perf_counter() - start
    assert done == len(paths)
    return seconds


def engine_alone(classifier: Classifier, paths: Sequence[str]) -> float:
    """Crops per second that the interpreters of the plan make of crops in memory, at their best."""
    plan = classifier.plan
    networks = [
        Int8Network(classifier.model_file.flatbuffer, classifier.runtime, plan.threads)
        for _ in range(plan.interpreters)
    ]
    crops = np.stack([read_crop(path, SIDE) for path in paths])

    def label(network: Int8Network) -> int:
        return len(network.raw_logits_of(crops, plan.batch))

    with ThreadPoolExecutor(len(networks)) as pool:
        rates = []
        for _ in range(ROUNDS + 1):  # the first invocations allocate memory
            start = time.perf_counter()
            done = sum(pool.map(label, networks))
            rates.append(done / (time.perf_counter() - start))
    return max(rates)


if __name__ == "__main__":
    main()
