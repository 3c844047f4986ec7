"""What the scripts of this folder share: crops, timing, a cache, one JSON object on stdout.

Nothing here comes from edge-all: these scripts stand for what people write without it.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Thing = TypeVar("Thing")
Number = TypeVar("Number", bound=np.generic)

SIDE = 70
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
WARM_UP = 16  # crops of a first run that nobody times
TRIAL = 512  # crops that settings are compared on, and the engine alone is timed on
ROUNDS = 3
BATCHES = (1, 4, 8, 32)
# onnxruntime and NNCF tell their makers that they are used, unless told not to
UNREPORTED = {"ORT_DISABLE_TELEMETRY": "1", "NNCF_CI": "1"}


class Way(Protocol):
    """One setting of a library: how a network is called."""

    @property
    def setting(self) -> str:
        """What tells it from the others."""

    def ready(self, crops: Sequence[Image]) -> list[npt.NDArray[np.generic]]:
        """Batches as the engine takes them; the last one may hold fewer crops."""

    def infer(self, batches: Sequence[npt.NDArray[np.generic]]) -> Labels:
        """Label every crop of ready batches on all cores."""

    def classify(self, paths: Sequence[str]) -> Labels:
        """Label every file on all cores, from reading to label."""


def read_crop(path: str) -> Image:
    """Read a crop as people do: OpenCV, area interpolation to 70x70 RGB.

    Colours are swapped after the reduction: the same bytes with less work.

    Raises
    ------
    ValueError
        If OpenCV cannot read the file.
    """
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: OpenCV cannot read it as an image; take it off the list")
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB)


def read_crops(paths: Sequence[str]) -> list[Image]:
    """Read crops on all cores."""
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(read_crop, paths))


def as_float(crops: Sequence[Image]) -> npt.NDArray[np.float32]:
    """Stack crops as a float network takes them: (N, 70, 70, 3), x/255."""
    return np.multiply(np.stack(crops), np.float32(1 / 255), dtype=np.float32)


def in_batches(things: Sequence[Thing], size: int) -> list[Sequence[Thing]]:
    """Cut a sequence into pieces of a size; the last one may be shorter."""
    return [things[at : at + size] for at in range(0, len(things), size)]


def filled(batch: npt.NDArray[Number], size: int) -> npt.NDArray[Number]:
    """Repeat the crops of a short batch until it has the one size that an engine takes."""
    return batch if len(batch) == size else np.resize(batch, (size, *batch.shape[1:]))


def timed(work: Callable[[], Thing]) -> tuple[float, Thing]:
    """Seconds that a piece of work takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def fastest(works: Mapping[str, Callable[[], object]]) -> tuple[str, float]:
    """Name and seconds of the fastest of several pieces of work, at its best.

    They take turns, so that a busy moment of the machine is nobody's bad luck alone.
    """
    seconds = {
        (name, turn): timed(work)[0] for turn in range(ROUNDS) for name, work in works.items()
    }
    (name, _), best = min(seconds.items(), key=lambda item: item[1])
    return name, best


def measure(
    ways: Sequence[Way], paths: Sequence[str], crops: Sequence[Image]
) -> tuple[dict[str, object], Labels]:
    """Time every way in a trial, then the fastest over all files.

    Parameters
    ----------
    ways
        Settings to choose from.
    paths
        Files of the crops.
    crops
        The same crops in memory.

    Returns
    -------
    figures, labels
        Crops per second from file to label and of the engine alone, each with its setting;
        the label of every file.
    """
    by_setting = {way.setting: way for way in ways}
    for way in ways:
        way.classify(paths[:WARM_UP])
    setting, _ = fastest(
        {name: partial(way.classify, paths[:TRIAL]) for name, way in by_setting.items()}
    )
    seconds, labels = timed(partial(by_setting[setting].classify, paths))
    engine_setting, engine_seconds = fastest(
        {name: partial(way.infer, way.ready(crops[:TRIAL])) for name, way in by_setting.items()}
    )
    figures = {
        "crops": len(paths),
        "crops_per_second": len(paths) / seconds,
        "engine_crops_per_second": len(crops[:TRIAL]) / engine_seconds,
        "setting": setting,
        "engine_setting": engine_setting,
    }
    return figures, labels


def compare(
    options: argparse.Namespace,
    quantize: Callable[[Path, Sequence[Image], Path], Path],
    all_ways: Callable[[Path], Sequence[Way]],
) -> dict[str, object]:
    """Quantize a float ONNX network, time it, and compare its labels with the float ones.

    Parameters
    ----------
    options
        What ``quantizing_arguments`` read.
    quantize
        Takes the network, the representative crops and the cache; returns the int8 network.
    all_ways
        Every setting of an int8 network that may be the best.

    Returns
    -------
    dict
        What `measure` found, and ``agreement``: the share of the files whose label is that
        of the float network.
    """
    cv2.setNumThreads(1)  # every core reads a file of its own
    paths = listed(options.list)
    crops = read_crops(paths)
    expected = float_labels(options.model, crops, options.cache)
    int8 = quantize(options.model, read_crops(listed(options.representative)), options.cache)
    figures, labels = measure(all_ways(int8), paths, crops)
    return {**figures, "agreement": float((labels == expected).mean())}


def float_labels(model: Path, crops: Sequence[Image], cache: Path) -> Labels:
    """Label crops with the float ONNX network, by onnxruntime; kept in the cache.

    Returns
    -------
    array of shape (N,)
        0 or 1.

    Raises
    ------
    ValueError
        If onnxruntime cannot load the network.
    """
    import onnxruntime

    def label_all(folder: Path) -> None:
        try:
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exception types have no common base
            raise ValueError(
                f"{model}: onnxruntime cannot load it; give a float .onnx network: {error}"
            ) from error
        name = session.get_inputs()[0].name
        logits = [session.run(None, {name: as_float(few)})[0] for few in in_batches(crops, 32)]
        np.save(folder / "labels.npy", np.concatenate(logits).argmax(axis=1))

    parts = [model.read_bytes(), np.stack(crops), onnxruntime.__version__.encode()]
    return np.load(cached(cache, f"{model.stem}-float", parts, label_all) / "labels.npy")


def cached(
    cache: Path,
    name: str,
    parts: Sequence[bytes | npt.NDArray[np.generic]],
    make: Callable[[Path], None],
) -> Path:
    """Return the folder of something made once from the same parts; whole or not there.

    Parameters
    ----------
    cache
        Folder that keeps what was made.
    name
        What is made.
    parts
        All that the result depends on.
    make
        Makes it in the empty folder it is given.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    kept = cache / f"{name}-{digest.hexdigest()[:12]}"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch, "made")
            made.mkdir()
            make(made)
            made.rename(kept)
    return kept


def versions(*distributions: str) -> dict[str, str]:
    """Installed versions of the libraries that were measured, and of what all use."""
    names = (*distributions, "numpy", "opencv-python-headless")
    return {name: version(name) for name in names}


def arguments(description: str, model: str) -> argparse.ArgumentParser:
    """Command line that all scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", type=Path, help=model)
    parser.add_argument("--list", type=Path, required=True, help="text file: a crop's path a line")
    return parser


def quantizing_arguments(description: str) -> argparse.ArgumentParser:
    """Command line of the scripts that quantize a float ONNX network themselves."""
    parser = arguments(description, "float .onnx network, input x/255")
    parser.add_argument("--representative", type=Path, required=True, help="list to calibrate on")
    parser.add_argument("--cache", type=Path, required=True, help="folder for quantized networks")
    return parser


def listed(path: Path) -> list[str]:
    """Read the paths that a text file lists.

    Raises
    ------
    ValueError
        If it lists none.
    """
    paths = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    if not paths:
        raise ValueError(f"{path}: it lists no file; write the path of a crop on each line")
    return paths


def print_figures(work: Callable[[], dict[str, object]]) -> None:
    """Run a measurement and print its figures as JSON, alone on stdout; failures in a sentence."""
    os.environ.update(UNREPORTED)
    try:
        with _stdout_to_stderr():
            figures = work()
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error}: pip install -r benchmarks/peers/requirements.txt") from error
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(json.dumps(figures, indent=2))


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    # at the level of the process: libraries in C++ print too
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
