"""What several tests of the engine classify, and with what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_helpers import SEVERAL_CHUNKS, write_cells

from edge.engine.classifier import Classifier


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    """The shipped model in two threads."""
    with Classifier(threads=2) as classifier:
        yield classifier


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of 40 different cells."""
    return write_cells(tmp_path_factory.mktemp("cells"), SEVERAL_CHUNKS)
