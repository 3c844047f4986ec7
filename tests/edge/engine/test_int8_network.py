"""`Int8Network`: raw logits from crops, and which flatbuffers are refused."""

from __future__ import annotations

import os
import struct
import sys

import numpy as np
import pytest
from edge_helpers import batching_flatbuffer, one_by_one_flatbuffer, small_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.crops.preprocess import to_crop
from edge.engine.classifier import golden_error
from edge.engine.network import Int8Network
from edge.engine.runtime import find_runtime
from edge.errors import BatchRefused, ModelFileRefused
from edge.models.cnmc import SIDE
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.process.native_messages import native_messages_silenced

SHIPPED = read_model_file(SHIPPED_MODEL)
CROPS = SHIPPED.golden.inputs[:9]
BATCHING = Int8Network(batching_flatbuffer(), find_runtime())
ONE_BY_ONE = BATCHING.raw_logits_of(CROPS)


def refusal(flatbuffer: bytes) -> ModelFileRefused:
    with pytest.raises(ModelFileRefused) as refused:
        Int8Network(flatbuffer, find_runtime())
    return refused.value


def test_the_golden_vectors_reproduce_within_the_tolerance() -> None:
    network = Int8Network(SHIPPED.flatbuffer, find_runtime())
    assert golden_error(SHIPPED, network) <= SHIPPED.metadata.golden_tolerance


def test_logits_are_the_raw_outputs_in_steps_from_the_zero_point() -> None:
    network = Int8Network(SHIPPED.flatbuffer, find_runtime())
    crops = [to_crop(small_cell() // divisor, SIDE) for divisor in (1, 3)]
    raw = np.stack([network.raw_logits(crop) for crop in crops]).astype(int)
    logits = np.stack([network.logits(crop) for crop in crops])
    assert network.logit_step > 0
    zero_points = raw - logits / network.logit_step
    assert np.allclose(zero_points, zero_points[0, 0].round())


def test_a_network_gives_the_same_logits_again() -> None:
    network = Int8Network(SHIPPED.flatbuffer, find_runtime())
    crop, black = to_crop(small_cell(), SIDE), np.zeros((70, 70, 3), np.uint8)
    before = network.raw_logits(crop)
    network.raw_logits(black)
    assert (network.raw_logits(crop) == before).all()


@settings(max_examples=25)  # an example is a second of a small board
@given(n=st.integers(0, len(CROPS)), batch=st.integers(1, 8))
def test_batches_of_any_size_give_the_bits_of_their_crops_one_by_one(n: int, batch: int) -> None:
    found = BATCHING.raw_logits_of(CROPS[:n], batch)
    assert found.dtype == np.int8
    assert np.array_equal(found, ONE_BY_ONE[:n])


def test_logits_of_a_batch_are_those_of_its_crops() -> None:
    alone = [BATCHING.logits(crop) for crop in CROPS]
    assert len({tuple(logits) for logits in alone}) > 5  # a mix-up would show
    assert np.array_equal(BATCHING.logits_of(CROPS, 4), alone)


def test_a_network_that_takes_one_crop_at_a_time_says_so_and_goes_on() -> None:
    network = Int8Network(one_by_one_flatbuffer(), find_runtime())
    for batch in (4, 8):
        with pytest.raises(BatchRefused, match=f"does not take {batch} crops at once"):
            network.raw_logits_of(CROPS, batch)
        assert np.array_equal(network.raw_logits_of(CROPS), ONE_BY_ONE)


def test_threads_inside_an_interpreter_change_no_bit() -> None:
    network = Int8Network(batching_flatbuffer(), find_runtime(), threads=2)
    assert np.array_equal(network.raw_logits_of(CROPS, 4), ONE_BY_ONE)


@pytest.mark.parametrize(
    "flatbuffer",
    [b"no model", SHIPPED.flatbuffer.replace(b"TFL3", b"TFL9")],
    ids=["no model", "another version"],
)
def test_a_flatbuffer_the_runtime_cannot_load_is_refused_with_the_runtime(
    flatbuffer: bytes,
) -> None:
    refused = refusal(flatbuffer)
    assert refused.reason == "runtime"
    assert f"{find_runtime().name} {find_runtime().version} cannot load the model" in str(refused)
    assert str(refused).endswith("; install a newer runtime")
    assert len(str(refused).splitlines()) == 1


@pytest.mark.skipif(
    find_runtime().name == "tflite-runtime",
    reason="tflite-runtime checks no flatbuffer; hashes keep damaged ones from it",
)
@pytest.mark.parametrize("length", [8, 1000, len(SHIPPED.flatbuffer) // 2])
def test_a_flatbuffer_that_was_cut_off_is_refused_by_a_runtime_that_checks(length: int) -> None:
    assert refusal(SHIPPED.flatbuffer[:length]).reason == "runtime"


@pytest.mark.parametrize("scale", [2 / 255, 1.0001 / 255, 1 / 256])
def test_a_network_with_another_input_scale_is_refused(scale: float) -> None:
    ours = struct.pack("<f", 1 / 255)
    assert ours in SHIPPED.flatbuffer
    refused = refusal(SHIPPED.flatbuffer.replace(ours, struct.pack("<f", scale)))
    assert refused.reason == "not-a-model"
    assert f"its input is int8 (1, 70, 70, 3), scale {scale:.6g}, zero point -128" in str(refused)
    assert "convert it with edge-all-convert" in str(refused)


def test_native_messages_are_silenced_and_python_is_heard_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    print("before", file=sys.stderr)
    with native_messages_silenced():
        os.write(2, b"INFO: Created XNNPACK delegate\n")
    print("after", file=sys.stderr)
    assert capfd.readouterr().err == "before\nafter\n"


def test_messages_are_heard_again_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="a bad model"), native_messages_silenced():
        raise ValueError("a bad model")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
