"""Material the tests of sinks share: results of no classifier, and full disks."""

from __future__ import annotations

import contextlib
import functools
import resource
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.decisions.decision import Verdict, judge
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.rows import Result, columns_of
from edge.samples import Sample
from edge.sinks.outputs import Outputs
from edge.sinks.sink import Run, Sink

COLUMNS = columns_of(("hem", "all"))
"""Of result files of the shipped network."""

S = TypeVar("S", bound=Sink)

MODEL = read_model_file(SHIPPED_MODEL)
RUN = Run(
    command="edge-all classify crops",
    sources=("crops",),
    network="cnn",
    model_sha256="0123abcd",
    model_json=MODEL.metadata.to_json(),
    contract=MODEL.metadata.contract,
    edge_all="0.1.0",
    runtime="ai-edge-litert 2.3.0",
    machine="bench, some processor",
    threads=2,
)
NAMES = ("cell.png", 'two\nlines, "quoted".png', "zellé 細胞.png", "a\r\nb.png", '""', r"\xff.png")


def result(n: int, crop: UInt8Image | None = None) -> Result:
    """Result number n: every seventh failed, names of all kinds, all probabilities."""
    file = f"crops/{n}/{NAMES[n % 6]}"
    blank = Result("crops", file, n, model="cnn", model_sha256="0123abcd", sample=file)
    if n % 7 == 3:
        return replace(blank, error="truncated", message="copy it again")
    logits = (float(np.sin(n)), float(np.cos(3 * n)))
    verdict: Verdict = judge(logits, MODEL.metadata)
    return replace(blank.with_verdict(verdict, logits), crop=crop)


@functools.cache
def results(n: int) -> list[Result]:
    """The first n results."""
    return [result(i) for i in range(n)]


def blank(found: Result) -> Result:
    """The result before its decision."""
    return Result(
        found.source,
        found.file,
        found.index,
        model=found.model,
        model_sha256=found.model_sha256,
        sample=found.sample,
    )


def take(outputs: Outputs, wanted: Result) -> list[Result] | None:
    """Ask outputs for a result as a run does."""
    sample = Sample(wanted.source, wanted.file, wanted.sample or "")
    return outputs.earlier(sample, wanted.model, wanted.model_sha256)


@contextmanager
def begun(sink: S) -> Iterator[S]:
    """A sink that nothing stands in the way of."""
    with sink:
        sink.begin()
        yield sink


def resume(paths: Sequence[Path], wanted: Sequence[Result]) -> list[int]:
    """Go on with outputs until they hold all wanted results; the indices that were still needed."""
    needed = []
    with Outputs(paths, RUN, resume=True) as outputs:
        for each in wanted:
            if take(outputs, each) is None:
                needed.append(each.index)
                outputs.write(each)
        outputs.check_end()
    return needed


def database_rows(path: Path, run_id: int = 1) -> list[dict[str, object]]:
    """Rows of a run as another program would read them."""
    names = ", ".join("idx" if column == "index" else column for column in COLUMNS)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            f"SELECT {names} FROM results WHERE run_id = ? ORDER BY rowid", [run_id]
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    keeps, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # Python leaves half a .pyc
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        sys.dont_write_bytecode = keeps
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
