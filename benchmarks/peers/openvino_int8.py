"""OpenVINO at its best: quantized by NNCF, asynchronous requests with the throughput hint."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from peer import (
    BATCHES,
    CORES,
    SIDE,
    Image,
    Labels,
    as_float,
    cached,
    compare,
    filled,
    in_batches,
    print_figures,
    quantizing_arguments,
    read_crop,
    versions,
)

if TYPE_CHECKING:
    from openvino import AsyncInferQueue, CompiledModel, InferRequest


@dataclass(frozen=True)
class Requests:
    """Asynchronous requests of a network compiled for one batch, as many as OpenVINO advises."""

    queue: "AsyncInferQueue"
    batch: int

    @property
    def setting(self) -> str:
        """Requests and batch."""
        return f"{len(self.queue)} requests, batches of {self.batch}"

    def ready(self, crops: Sequence[Image]) -> list[Image]:
        """Batches of shape (batch, 70, 70, 3), uint8."""
        return [np.stack(few) for few in in_batches(crops, self.batch)]

    def infer(self, batches: Iterable[Image]) -> Labels:
        """Label every crop of ready batches."""
        labels: dict[int, Labels] = {}

        def keep(request: "InferRequest", job: tuple[int, int, Image]) -> None:
            number, crops, _ = job
            labels[number] = request.get_output_tensor().data[:crops].argmax(axis=1)

        self.queue.set_callback(keep)
        for number, batch in enumerate(batches):
            full = filled(batch, self.batch)
            # the job holds the memory that the request reads from
            self.queue.start_async(full, (number, len(batch), full), share_inputs=True)
        self.queue.wait_all()
        return np.concatenate([labels[number] for number in sorted(labels)])

    def classify(self, paths: Sequence[str]) -> Labels:
        """Label every file; files are read in threads."""
        with ThreadPoolExecutor(CORES) as pool:
            return self.infer(pool.map(self.read, in_batches(paths, self.batch)))

    def read(self, paths: Sequence[str]) -> Image:
        """Read one batch of files."""
        return np.stack([read_crop(path) for path in paths])


def int8_model(model: Path, representative: Sequence[Image], cache: Path) -> Path:
    """Quantize a float ONNX network with NNCF's defaults."""
    import nncf
    import openvino

    def quantize(folder: Path) -> None:
        quantized = nncf.quantize(
            openvino.Core().read_model(model),
            nncf.Dataset(representative, lambda crop: as_float([crop])),
            subset_size=len(representative),
        )
        # as NNCF's guide says: what stays float keeps its precision
        openvino.save_model(quantized, folder / "int8.xml", compress_to_fp16=False)

    parts = [
        model.read_bytes(),
        np.stack(representative),
        f"{openvino.__version__} {nncf.__version__}".encode(),
    ]
    return cached(cache, f"{model.stem}-openvino", parts, quantize) / "int8.xml"


def compiled(model: Path, batch: int) -> "CompiledModel":
    """Compile for throughput, taking crops as they are: x/255 is made part of the network."""
    import openvino
    from openvino.preprocess import PrePostProcessor

    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(model))
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
    network = steps.build()
    network.reshape([batch, SIDE, SIDE, 3])
    return core.compile_model(network, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})


def all_ways(model: Path) -> list[Requests]:
    """Every setting that may be the best."""
    from openvino import AsyncInferQueue

    return [Requests(AsyncInferQueue(compiled(model, batch)), batch) for batch in BATCHES]


def main() -> None:
    """Measure what the command line asks for."""
    options = quantizing_arguments(__doc__).parse_args()
    print_figures(
        lambda: {
            "name": "OpenVINO int8",
            "versions": versions("openvino", "nncf", "onnxruntime"),
            **compare(options, int8_model, all_ways),
        }
    )


if __name__ == "__main__":
    main()
