"""Shadowing: some cells of a run are shown to the float twin, and the verdict may be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from command_helpers import edge_all
from edge_helpers import write_cells
from float_twins import with_other_weights, write_model_with_twin

from edge import events
from edge.drift.drawing import is_drawn
from edge.drift.shadow import MOST_WAITING, Shadow
from edge.engine.classifier import Classifier
from edge.errors import ModelFileRefused
from edge.models.model_file import find_twin
from edge.rows import Result
from edge.run import run
from edge.sources.registry import open_source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shadow")
    write_model_with_twin(folder / "good.tflite")
    write_model_with_twin(folder / "weights.tflite", with_other_weights())
    (folder / "cells").mkdir()
    write_cells(folder / "cells", 30)
    return folder


@pytest.fixture
def classifier(folder: Path) -> Iterator[Classifier]:
    with Classifier(folder / "good.tflite", threads=1, keep_crops=True) as classifier:
        yield classifier


def shadow_of(classifier: Classifier, share: float) -> Shadow:
    twin = find_twin(classifier.model_file)
    return Shadow(classifier.model_file, twin, classifier.runtime, share)


def test_the_share_that_the_rule_draws_is_seen_and_the_verdict_comes_before_the_end(
    classifier: Classifier, folder: Path
) -> None:
    with shadow_of(classifier, 0.4) as shadow:
        source = open_source([str(folder / "cells")])
        happened = list(run(source, classifier, shadow=shadow))
    samples = [e.result.sample for e in happened if isinstance(e, events.SampleDone)]
    assert len(samples) == 30
    assert isinstance(happened[-1], events.Finished)
    last = happened[-2]
    assert isinstance(last, events.Shadowed)
    wanted = sum(is_drawn(str(sample), 0.4) for sample in samples)
    assert 0 < last.verdict.test.cells == wanted < 30
    assert last.verdict.test.kept_not <= 1  # one of the cells lies on the boundary
    assert last.verdict.test.limit == 0.005
    assert "too few to tell" in last.verdict.says


def test_an_int8_network_that_is_not_its_twins_is_found_soon_and_said(folder: Path) -> None:
    done = edge_all(
        "classify", folder / "cells", "--model", folder / "weights.tflite", "--shadow", 1
    )
    assert done.exit_code == 3
    assert "more than the 0.50% that the model file allows" in done.stdout
    assert "flip: " in done.stderr


def test_a_sound_network_ends_with_0_and_says_how_many_cells_were_seen(folder: Path) -> None:
    page = folder / "page.html"
    options = ("--model", folder / "good.tflite", "--shadow", 1, "--report", page)
    done = edge_all("classify", folder / "cells", *options)
    assert done.exit_code == 0, done.output
    assert "flips in 30 cells that float saw, too; too few to tell" in done.stdout
    assert "flips in 30 cells that float saw, too; too few to tell" in page.read_text()


def test_without_a_twin_the_run_is_refused_before_it_begins(folder: Path) -> None:
    done = edge_all("classify", folder / "cells", "--shadow", 0.5)
    assert done.exit_code == 4
    assert "--with-twin" in done.stderr
    with Classifier(threads=1) as classifier, pytest.raises(ModelFileRefused):
        shadow_of(classifier, 0.5)


def test_no_more_cells_wait_than_said_and_all_are_counted(
    classifier: Classifier, folder: Path
) -> None:
    result = classifier.classify(sorted((folder / "cells").iterdir())[0])
    n = MOST_WAITING + 16
    with shadow_of(classifier, 1) as shadow:
        for number in range(n):
            shadow.take(replace(result, sample=f"cell {number}"))
            assert number + 1 - shadow.verdict.test.cells <= MOST_WAITING
        shadow.take(Result("s", "f", 0, "cnn", "0" * 64))  # without a crop
        assert shadow.finish().test.cells == n
