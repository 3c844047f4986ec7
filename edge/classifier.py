"""Classify crops with a model file: one interpreter per thread, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

import numpy as np

from edge.decision import judge
from edge.decode import crop_and_frame_of, file_name
from edge.errors import CropUnreadable, ModelFileRefused
from edge.frame import Frame, frame_of
from edge.model_file import SHIPPED_MODEL, ModelFile, read_model_file
from edge.preprocess import UInt8Image, to_crop
from edge.quality import limits_of, quality_codes
from edge.results import Result
from edge.runtime import Int8Network, Runtime, find_runtime
from edge.sources import Input

_CHUNK = 8  # inputs a thread takes at once: handing over costs less than 1 % then
_CHUNKS_AHEAD = 3  # per thread: enough that none waits, few enough that memory stays flat


class Classifier:
    """A loaded model file, ready to classify; thread-safe.

    Reading, decoding, preprocessing and inference of a crop happen in one thread,
    several crops at a time: OpenCV and the runtime release the interpreter lock.

    Parameters
    ----------
    model : path-like, optional
        Model file; the shipped one by default.
    threads : int, optional
        Crops at a time; by default one per processor this process may use.
    keep_crops : bool
        Whether results carry their crop, for a report with thumbnails.
    strict : bool
        Refuse a crop that has quality codes. Otherwise its decision is ``refer``.

    Raises
    ------
    ModelFileRefused
        If the model file is refused; ``reason`` says why.
    RuntimeMissing
        If no TFLite runtime is installed.

    Examples
    --------
    >>> from edge.classifier import Classifier
    >>> with Classifier() as classifier:
    ...     result = classifier.classify("crops/cell-000.png")
    >>> result.decision in ("healthy", "leukemia", "refer")
    True
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        keep_crops: bool = False,
        strict: bool = False,
    ) -> None:
        self._keep_crops = keep_crops
        self._strict = strict
        self.model_file: ModelFile = read_model_file(Path(model or SHIPPED_MODEL))
        self._limits = limits_of(self.model_file.reference)
        self.runtime: Runtime = find_runtime()
        self.threads = threads or available_processors()
        first = Int8Network(self.model_file.flatbuffer, self.runtime)
        check_golden(self.model_file, first)
        self._networks: SimpleQueue[Int8Network] = SimpleQueue()
        self._networks.put(first)
        for _ in range(self.threads - 1):
            self._networks.put(Int8Network(self.model_file.flatbuffer, self.runtime))
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="classify")

    def __enter__(self) -> Classifier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads; inputs not yet started are dropped."""
        self._pool.shutdown(cancel_futures=True)

    def classify(self, crop: UInt8Image | str | os.PathLike[str]) -> Result:
        """Classify one image, given as a path or as pixels.

        Parameters
        ----------
        crop : path-like or ndarray of uint8, shape (height, width, 3)
            An RGB image of one cell, or the path of one.

        Returns
        -------
        Result
            With ``error`` set if the file cannot be read, or the crop was refused.
        """
        network = self._networks.get()
        try:
            if isinstance(crop, np.ndarray):
                blank = self.blank(Input("array", "", 0))
                return self._judge(network, to_crop(crop), frame_of(crop), blank)
            path = os.fsdecode(crop)
            return self._classify_input(network, Input(path, path, 0))
        finally:
            self._networks.put(network)

    def classify_all(self, inputs: Iterable[Input]) -> Iterator[Result]:
        """Classify inputs as they come; results come in the order of the inputs.

        Parameters
        ----------
        inputs : iterable of Input
            As :func:`edge.sources.find_inputs` finds them; read a little ahead.

        Yields
        ------
        Result
        """
        waiting: deque[Future[list[Result]]] = deque()
        source = iter(inputs)
        try:
            while chunk := list(islice(source, _CHUNK)):
                waiting.append(self._pool.submit(self._classify_chunk, chunk))
                if len(waiting) > _CHUNKS_AHEAD * self.threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _classify_chunk(self, chunk: list[Input]) -> list[Result]:
        network = self._networks.get()
        try:
            return [self._classify_input(network, entry) for entry in chunk]
        finally:
            self._networks.put(network)

    def _classify_input(self, network: Int8Network, entry: Input) -> Result:
        blank = self.blank(entry)
        try:
            crop, frame = crop_and_frame_of(entry.read())
        except CropUnreadable as error:
            return self.blank(entry, error)
        return self._judge(network, crop, frame, blank)

    def _judge(self, network: Int8Network, crop: UInt8Image, frame: Frame, blank: Result) -> Result:
        kept = replace(blank, crop=crop) if self._keep_crops else blank
        codes = quality_codes(crop, frame, self._limits)
        if codes and self._strict:
            return kept.refused_for_quality(codes)
        logit_hem, logit_all = network.logits(crop).tolist()
        verdict = judge(logit_hem, logit_all, self.model_file.metadata)
        return kept.with_verdict(verdict, (logit_hem, logit_all)).with_quality(codes)

    def blank(self, entry: Input, error: CropUnreadable | None = None) -> Result:
        """Result of an input without a decision: which input, which model, which error."""
        return Result(
            source=file_name(entry.source),
            file=file_name(entry.path),
            index=entry.index,
            model=self.model_file.metadata.network,
            model_sha256=self.model_file.sha256,
            error=error.reason if error else None,
            message=error.message if error else None,
        )


def available_processors() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def golden_error(model_file: ModelFile, network: Int8Network) -> int:
    """Largest difference of golden logits on this machine, in steps of the int8 output."""
    golden = model_file.golden
    found = np.stack([network.raw_logits(crop) for crop in golden.inputs])
    return int(np.abs(found.astype(int) - golden.logits.astype(int)).max())


def check_golden(model_file: ModelFile, network: Int8Network) -> None:
    """Refuse a model whose golden vectors do not reproduce on this machine.

    Raises
    ------
    ModelFileRefused
        ``golden``.
    """
    off, allowed = golden_error(model_file, network), model_file.metadata.golden_tolerance
    if off > allowed:
        raise ModelFileRefused(
            "golden",
            f"{model_file.path}: golden logits are off by {off} steps on this machine, {allowed}"
            " are allowed; run edge-all doctor, and try another TFLite runtime version",
        )
