"""The engine: one or several networks over the same crops, with one share of memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from edge_helpers import batching_flatbuffer, one_by_one_flatbuffer

from edge.crops.drawn import draw_crop
from edge.engine.engine import Engine
from edge.engine.network import FloatNetwork, Int8Network, as_float, as_int8
from edge.engine.plan import make_plan
from edge.engine.runtime import find_runtime
from edge.errors import ModelFileRefused
from edge.models.cnmc import SIDE

CROPS = [draw_crop(seed, SIDE) for seed in range(8)]
BATCHING, ONE_BY_ONE = batching_flatbuffer(), one_by_one_flatbuffer()


def engine(*flatbuffers: bytes, **how: int) -> Engine:
    networks = [
        (partial(Int8Network, flatbuffer, find_runtime()), len(flatbuffer))
        for flatbuffer in flatbuffers
    ]
    return Engine(networks, **{"threads": 2, **how})


def test_two_networks_see_the_same_crops() -> None:
    alone = engine(BATCHING).logits(CROPS)
    together = engine(BATCHING, ONE_BY_ONE).logits(CROPS)
    assert len(alone) == 1
    assert len(together) == 2
    assert all((logits == alone[0]).all() for logits in together)


def test_no_crops_give_no_logits() -> None:
    assert [logits.shape for logits in engine(BATCHING, ONE_BY_ONE).logits([])] == [(0, 2)] * 2


def test_batches_are_measured_for_each_network_and_change_no_logits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.engine.engine._BEFORE_MEASURING", 64)
    both = engine(BATCHING, ONE_BY_ONE)
    expected = both.logits(CROPS)[0]
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(both.logits, [CROPS * 4] * 5):
            assert all((logits == np.tile(expected, (4, 1))).all() for logits in found)
    assert "one by one" in both.plan.why
    assert not both.wants_batch


def test_two_networks_share_the_memory_there_is() -> None:
    memory = 120_000_000
    one, two = make_plan(1000, 2, memory), make_plan(1000, 2, memory, networks=2)
    assert (one.interpreters, two.interpreters) == (2, 1)
    assert two.threads == 2


def test_a_float_network_is_no_int8_network() -> None:
    with pytest.raises(ModelFileRefused, match=r"a float twin has one square crop"):
        FloatNetwork(BATCHING, find_runtime())


def test_a_pixel_is_fed_as_the_contract_says() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert (as_int8(levels) == np.arange(-128, 128)).all()
    assert as_float(levels).dtype == np.float32
    assert as_float(levels)[[0, 51, 255]].tolist() == pytest.approx([0, 0.2, 1])
