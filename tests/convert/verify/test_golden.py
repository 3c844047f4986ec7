"""Golden vectors: their tolerance comes from the kernels there are, and both runtimes keep it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edge_helpers import write_changed_model
from environments import no_tflite_runtime
from tflite_helpers import in_old_runtime

from convert.verify.gates import judge_golden
from convert.verify.golden import (
    LEAST_TOLERANCE,
    MOST_TOLERANCE,
    Golden,
    make_golden,
    tolerance_for,
)
from edge.engine.classifier import check_golden
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.models.model_file import SHIPPED_MODEL, read_model_file

REPRODUCE = """
import json, sys
from pathlib import Path
from edge.engine.classifier import golden_error
from edge.models.model_file import read_model_file
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
model, runtime = read_model_file(Path(sys.argv[1])), find_runtime()
error = golden_error(model, Int8Network(model.flatbuffer, runtime))
print(json.dumps([f"{runtime.name} {runtime.version}", error]))
"""


@pytest.fixture(scope="module")
def golden() -> Golden:
    return make_golden(read_model_file(SHIPPED_MODEL).flatbuffer)


def test_drawn_crops_span_the_scores(golden: Golden) -> None:
    margins = golden.vectors.logits[:, 1].astype(int) - golden.vectors.logits[:, 0]
    assert margins.min() < -100
    assert margins.max() > 60
    assert len(np.unique(margins)) == len(margins)


def test_the_tolerance_is_above_what_the_kernels_here_differ_by(golden: Golden) -> None:
    assert 0 < golden.seen < golden.tolerance  # XNNPACK and the reference kernels do differ
    assert golden.tolerance == tolerance_for(golden.seen)


@pytest.mark.parametrize(
    ("seen", "tolerance"),
    [(0, LEAST_TOLERANCE), (2, LEAST_TOLERANCE), (3, 5), (12, 18), (15, 23), (20, MOST_TOLERANCE)],
)
def test_half_as_many_steps_again_are_allowed_up_to_a_limit(seen: int, tolerance: int) -> None:
    assert tolerance_for(seen) == tolerance


def test_a_network_that_depends_on_the_kernel_fails_the_gate() -> None:
    assert judge_golden(MOST_TOLERANCE).passed
    failed = judge_golden(25)
    assert failed.result == "failed"
    assert "differ by 25 steps between the kernels" in failed.says


@pytest.fixture(scope="module")
def model_path(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "cnn.tflite"
    return write_changed_model(path, golden=golden.vectors, golden_tolerance=golden.tolerance)


def test_they_reproduce_here(model_path: Path) -> None:
    model = read_model_file(model_path)
    check_golden(model, Int8Network(model.flatbuffer, find_runtime()))


@no_tflite_runtime
def test_they_reproduce_in_tflite_runtime(
    model_path: Path, golden: Golden, old_python: Path
) -> None:
    runtime, error = in_old_runtime(old_python, REPRODUCE, model_path)
    assert runtime == "tflite-runtime 2.14.0"
    assert error <= golden.tolerance
