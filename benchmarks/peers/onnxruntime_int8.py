"""onnxruntime at its best: its own static quantization, called from threads."""

import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from peer import (
    BATCHES,
    CORES,
    Image,
    Labels,
    as_float,
    cached,
    compare,
    in_batches,
    print_figures,
    quantizing_arguments,
    read_crop,
    versions,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FloatImages = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Calls:
    """Calls of one session: side by side on a thread each, or one by one on all threads."""

    session: "InferenceSession"
    side_by_side: bool
    batch: int

    @property
    def setting(self) -> str:
        """Threads and batch."""
        threads = (
            f"{CORES} calls of 1 thread" if self.side_by_side else f"1 call of {CORES} threads"
        )
        return f"{threads}, batches of {self.batch}"

    def ready(self, crops: Sequence[Image]) -> list[FloatImages]:
        """Batches of shape (batch, 70, 70, 3), float32."""
        return [as_float(few) for few in in_batches(crops, self.batch)]

    def infer(self, batches: Sequence[FloatImages]) -> Labels:
        """Label every crop of ready batches."""
        if not self.side_by_side:
            return np.concatenate([self.label(batch) for batch in batches])
        with ThreadPoolExecutor(CORES) as pool:
            return np.concatenate(list(pool.map(self.label, batches)))

    def classify(self, paths: Sequence[str]) -> Labels:
        """Label every file; files are read in threads."""
        with ThreadPoolExecutor(CORES) as pool:
            batches = in_batches(paths, self.batch)
            if self.side_by_side:
                work = pool.map(lambda few: self.label(self.read(few)), batches)
                return np.concatenate(list(work))
            return np.concatenate([self.label(ready) for ready in pool.map(self.read, batches)])

    def label(self, batch: FloatImages) -> Labels:
        """Call the session with one batch."""
        name = self.session.get_inputs()[0].name
        return self.session.run(None, {name: batch})[0].argmax(axis=1)

    def read(self, paths: Sequence[str]) -> FloatImages:
        """Read one batch of files."""
        return as_float([read_crop(path) for path in paths])


def has_vnni() -> bool:
    """Whether an x86 processor adds products of 8 bits unsaturated; assumed unless known."""
    flags = Path("/proc/cpuinfo")
    return not flags.exists() or "vnni" in flags.read_text(encoding="utf-8")


def int8_model(model: Path, representative: Sequence[Image], cache: Path) -> Path:
    """Quantize a float ONNX network as onnxruntime's documentation advises.

    The types are the advice for processors in the docstring of ``quantize_static``: uint8
    activations on x86, with 7-bit weights where it lacks VNNI and 8 bits would saturate; int8
    activations elsewhere. The graph is optimized first, without symbolic shapes, which are
    for transformers.
    """
    import onnxruntime
    from onnxruntime.quantization import QuantFormat, QuantType

    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    options = {
        "quant_format": QuantFormat.QDQ,
        "per_channel": True,
        "activation_type": QuantType.QUInt8 if x86 else QuantType.QInt8,
        "weight_type": QuantType.QInt8,
        "reduce_range": x86 and not has_vnni(),
    }
    parts = [
        model.read_bytes(),
        np.stack(representative),
        f"{onnxruntime.__version__} {options}".encode(),
    ]
    folder = cached(
        cache,
        f"{model.stem}-onnxruntime",
        parts,
        lambda folder: quantize(model, representative, folder, options),
    )
    return folder / "int8.onnx"


def quantize(
    model: Path, representative: Sequence[Image], folder: Path, options: dict[str, object]
) -> None:
    """Write ``int8.onnx`` into a folder."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = onnx.load(model).graph.input[0].name
    feeds = ({name: as_float([crop])} for crop in representative)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, FloatImages] | None:
            return next(feeds, None)

    prepared = folder / "float.onnx"
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    quantize_static(prepared, folder / "int8.onnx", Reader(), **options)
    prepared.unlink()


def all_ways(model: Path) -> list[Calls]:
    """Every setting that may be the best."""
    import onnxruntime

    def session(threads: int) -> "InferenceSession":
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    sessions = {True: session(1), False: session(CORES)}
    return [
        Calls(session, side_by_side, batch)
        for side_by_side, session in sessions.items()
        for batch in BATCHES
    ]


def main() -> None:
    """Measure what the command line asks for."""
    options = quantizing_arguments(__doc__).parse_args()
    print_figures(
        lambda: {
            "name": "onnxruntime int8",
            "versions": versions("onnxruntime"),
            **compare(options, int8_model, all_ways),
        }
    )


if __name__ == "__main__":
    main()
