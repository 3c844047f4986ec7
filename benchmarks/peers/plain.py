"""The plain script: read a crop, call the interpreter, go on with the next one."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from peer import (
    BATCHES,
    CORES,
    SIDE,
    TRIAL,
    WARM_UP,
    Image,
    Labels,
    arguments,
    fastest,
    filled,
    in_batches,
    listed,
    print_figures,
    read_crop,
    read_crops,
    timed,
    versions,
)

Int8Images = npt.NDArray[np.int8]


class Network:
    """An int8 model file in an interpreter; threads as the runtime chooses unless given."""

    def __init__(self, model: Path, threads: int | None = None, batch: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self.interpreter = Interpreter(model_path=str(model), num_threads=threads)
        except ValueError as error:
            raise ValueError(f"{model}: no .tflite model that can be loaded: {error}") from error
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.interpreter.resize_tensor_input(self.input, (batch, SIDE, SIDE, 3))
        self.interpreter.allocate_tensors()
        self.output = self.interpreter.get_output_details()[0]["index"]

    def label(self, batch: Int8Images) -> Labels:
        """Label one batch, shape (batch, 70, 70, 3)."""
        self.interpreter.set_tensor(self.input, batch)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output).argmax(axis=1)


def to_int8(crops: Sequence[Image]) -> Int8Images:
    """Quantize crops: scale 1/255 and zero point -128 leave one bit to flip."""
    return (np.stack(crops) ^ 0x80).view(np.int8)


def classify(network: Network, paths: Sequence[str]) -> list[int]:
    """Label files one after the other."""
    return [int(network.label(to_int8([read_crop(path)]))[0]) for path in paths]


@dataclass(frozen=True)
class Engine:
    """The interpreter alone: all cores on one batch, or a core for each of several."""

    model: Path
    interpreters: int
    batch: int

    @property
    def setting(self) -> str:
        """Interpreters, threads and batch."""
        threads = CORES // self.interpreters
        return f"{self.interpreters} interpreter(s) of {threads} thread(s), batches of {self.batch}"

    def work(self, crops: Sequence[Image]) -> Callable[[], object]:
        """Make everything ready; what is returned labels the crops."""
        threads = CORES // self.interpreters
        networks = [Network(self.model, threads, self.batch) for _ in range(self.interpreters)]
        batches = [filled(to_int8(few), self.batch) for few in in_batches(crops, self.batch)]
        shares = [batches[first :: self.interpreters] for first in range(self.interpreters)]

        def label_share(network: Network, share: Sequence[Int8Images]) -> list[Labels]:
            return [network.label(batch) for batch in share]

        def label_all() -> list[list[Labels]]:
            with ThreadPoolExecutor(self.interpreters) as pool:
                return list(pool.map(label_share, networks, shares))

        return label_all


def measure(model: Path, paths: Sequence[str]) -> dict[str, object]:
    """Time the script over all files and its engine at its best."""
    crops = read_crops(paths)[:TRIAL]
    network = Network(model)
    classify(network, paths[:WARM_UP])
    seconds, _ = timed(partial(classify, network, paths))
    engines = [Engine(model, count, batch) for count in sorted({1, CORES}) for batch in BATCHES]
    # one after the other: the interpreters of all settings together would fill the memory
    found = [fastest({engine.setting: engine.work(crops)}) for engine in engines]
    engine_setting, engine_seconds = min(found, key=lambda each: each[1])
    return {
        "name": "plain script",
        "versions": versions("ai-edge-litert"),
        "crops": len(paths),
        "crops_per_second": len(paths) / seconds,
        "engine_crops_per_second": len(crops) / engine_seconds,
        "setting": "1 interpreter, its own number of threads, batches of 1",
        "engine_setting": engine_setting,
    }


def main() -> None:
    """Measure what the command line asks for."""
    options = arguments(__doc__, "int8 .tflite model file").parse_args()
    print_figures(lambda: measure(options.model, listed(options.list)))


if __name__ == "__main__":
    main()
