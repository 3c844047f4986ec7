"""A stage in one file: an image becomes its four quarters."""

from __future__ import annotations

from collections.abc import Iterator

from edge.samples import Box, Sample, cut_out
from edge.stages import register_stage


def quarters(sample: Sample) -> Iterator[Sample]:
    assert sample.pixels is not None
    height, width = (side // 2 for side in sample.pixels.shape[:2])
    for y in (0, height):
        for x in (0, width):
            yield cut_out(sample, Box(x, y, width, height))


register_stage("quarters", lambda: quarters)
