"""`Classifier`: one result per input, in order, whatever the input."""

from __future__ import annotations

import doctest
import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import (
    SEVERAL_CHUNKS,
    batching_flatbuffer,
    encoded,
    one_by_one_flatbuffer,
    small_cell,
    write_cells,
    write_changed_model,
    write_model_of,
)

from edge.crops.drawn import draw_cell, draw_crop, write_samples
from edge.crops.preprocess import to_crop
from edge.decisions.decision import judge, probability
from edge.engine.classifier import Classifier
from edge.machine import available_processors
from edge.models.cnmc import SIDE
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.rows import Result
from edge.samples import Sample
from edge.sources.find import find_inputs

BEFORE_MEASURING = "edge.engine.engine._BEFORE_MEASURING"
ONE_BY_ONE_OR_8 = r"one by one \d+\.\d\d ms a crop, in batches of 8 \d.* ms"
BAD = {3: "empty", 9: "not-an-image", 10: "truncated", 39: "greyscale"}


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    """Files of 40 cells, some of them unreadable: index -> reason in `BAD`."""
    paths = write_cells(tmp_path, SEVERAL_CHUNKS)
    paths[3].write_bytes(b"")
    paths[9].write_text("not an image")
    paths[10].write_bytes(paths[11].read_bytes()[:-20])
    paths[39].write_bytes(encoded(small_cell()[:, :, 0]))
    return paths


def inputs(paths: list[Path]) -> list[Sample]:
    return list(find_inputs(map(str, paths)))


def decided(result: Result) -> tuple[str | None, float | None, float | None]:
    """What the network says, without what names the input."""
    return result.decision, result.logits


def test_a_path_gives_a_decision(classifier: Classifier, cells: list[Path]) -> None:
    result = classifier.classify(cells[0])
    assert result.decision in {"healthy", "leukemia", "refer"}
    assert result.label in {"hem", "all"}
    assert (result.error, result.message) == (None, None)
    assert (result.source, result.file, result.index) == (str(cells[0]), str(cells[0]), 0)
    assert result.model == classifier.model_file.metadata.network
    assert result.model_sha256 == classifier.model_file.sha256


def test_a_path_may_be_text_or_bytes(classifier: Classifier, cells: list[Path]) -> None:
    result = classifier.classify(cells[0])
    assert classifier.classify(str(cells[0])) == result
    assert classifier.classify(os.fsencode(cells[0])) == result


def test_pixels_give_the_decision_their_file_gives(classifier: Classifier, tmp_path: Path) -> None:
    cell = draw_cell(5)
    (tmp_path / "cell.png").write_bytes(encoded(cell))
    from_pixels = classifier.classify(cell)
    assert decided(from_pixels) == decided(classifier.classify(tmp_path / "cell.png"))
    assert (from_pixels.source, from_pixels.file) == ("array", "")


def test_a_crop_of_an_image_gives_the_decision_of_the_image(classifier: Classifier) -> None:
    cell = draw_cell(5)
    assert decided(classifier.classify(to_crop(cell, SIDE))) == decided(classifier.classify(cell))


def test_pixels_that_are_no_image_are_a_value_error(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="uint8 image"):
        classifier.classify(np.zeros((70, 70)))
    assert classifier.classify(small_cell()).error is None  # and the classifier is still whole


def test_an_array_of_any_shape_is_a_result_and_the_stream_goes_on(classifier: Classifier) -> None:
    shapes = [(1, 100_000, 3), (100_000, 1, 3), (0, 0, 3), (0, 9, 3), (9, 9), (9, 9, 4)]
    cell = draw_cell(1)
    given = [cell, *(np.zeros(shape, np.uint8) for shape in shapes), cell]
    found = list(classifier.classify_each(given))
    assert [result.error for result in found] == [
        *(None, "too-large", "too-large", "not-an-image", "not-an-image"),
        *("not-an-image", "not-an-image", None),
    ]


def test_the_probability_follows_from_logits_and_temperature(
    classifier: Classifier, cells: list[Path]
) -> None:
    metadata = classifier.model_file.metadata
    for result in classifier.classify_samples(inputs(cells)):
        assert result.logits is not None
        first, second = result.logits
        assert result.p("all") == probability(second - first, metadata.temperature)
        verdict = judge(result.logits, metadata)
        assert result.label == verdict.label
        assert result.decision == ("refer" if result.quality else verdict.decision)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("text"), "not-an-image"),
        (lambda path: path.mkdir(), "not-a-file"),
        (lambda path: None, "not-found"),
    ],
    ids=["empty", "text", "folder", "missing"],
)
def test_an_unreadable_file_is_a_result_with_the_reason(
    classifier: Classifier, tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "cell.png"
    make(path)
    result = classifier.classify(path)
    assert result.error == reason
    assert result.message
    assert result.file == str(path)
    assert {result.decision, result.label, result.probability, result.logits} == {None}


def test_results_come_in_the_order_of_the_inputs_and_alike_with_any_threads(
    cells: list[Path],
) -> None:
    def run(threads: int) -> list[Result]:
        with Classifier(threads=threads) as classifier:
            return list(classifier.classify_samples(inputs(cells)))

    one, three = run(1), run(3)
    assert [result.file for result in one] == [str(path) for path in cells]
    assert [result.index for result in one] == list(range(SEVERAL_CHUNKS))
    assert len({decided(result) for result in one}) > 5  # a mix-up would show
    assert one == three


def test_bad_files_do_not_touch_the_good_ones(classifier: Classifier, mixed: list[Path]) -> None:
    results = list(classifier.classify_samples(inputs(mixed)))
    assert {r.index: r.error for r in results if r.error} == BAD
    good = [result for result in results if result.error is None]
    assert len(good) == SEVERAL_CHUNKS - len(BAD)
    for result in good:
        assert decided(result) == decided(classifier.classify(result.file))


def test_every_input_gets_exactly_one_result(classifier: Classifier, cells: list[Path]) -> None:
    for n in (0, 1, 7, 8, 9, 33):
        results = list(classifier.classify_samples(inputs(cells[:n])))
        assert [result.file for result in results] == [str(path) for path in cells[:n]]


def test_classify_may_be_called_from_many_threads(
    classifier: Classifier, cells: list[Path]
) -> None:
    alone = [classifier.classify(path) for path in cells]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(classifier.classify, cells * 3))
    assert together == alone * 3


def test_an_endless_source_is_read_only_a_little_ahead(cells: list[Path]) -> None:
    read = 0

    def endless() -> Iterator[Sample]:
        nonlocal read
        for read in itertools.count(1):
            yield Sample("camera", str(cells[read % SEVERAL_CHUNKS]))

    with Classifier(threads=2) as classifier:
        results = classifier.classify_samples(endless())
        assert [next(results).index for _ in range(5)] == [0, 1, 2, 3, 4]
    assert read < 500


def test_stopping_early_leaves_the_classifier_usable(
    classifier: Classifier, cells: list[Path]
) -> None:
    results = classifier.classify_samples(inputs(cells))
    next(results)
    results.close()
    assert len(list(classifier.classify_samples(inputs(cells)))) == SEVERAL_CHUNKS


def test_two_runs_may_take_turns(classifier: Classifier, cells: list[Path]) -> None:
    one = classifier.classify_samples(inputs(cells))
    other = classifier.classify_samples(inputs(cells))
    for first, second in zip(one, other, strict=True):
        assert first == second


def test_an_error_of_the_source_is_not_swallowed(classifier: Classifier, cells: list[Path]) -> None:
    def unplugged() -> Iterator[Sample]:
        yield from inputs(cells[:10])
        raise OSError("camera unplugged")

    with pytest.raises(OSError, match="camera unplugged"):
        list(classifier.classify_samples(unplugged()))


def test_leaving_the_context_ends_the_threads(cells: list[Path]) -> None:
    with Classifier(threads=2) as classifier:
        assert classifier.classify(cells[0]).error is None
    with pytest.raises(RuntimeError, match="shutdown"):
        list(classifier.classify_samples(inputs(cells)))
    classifier.close()  # twice does no harm


def test_by_default_there_is_a_thread_per_usable_processor_and_the_shipped_model() -> None:
    with Classifier() as classifier:
        assert classifier.threads == available_processors() >= 1
        assert classifier.model_file.sha256 == read_model_file(SHIPPED_MODEL).sha256


def test_another_model_file_is_used_when_given(tmp_path: Path) -> None:
    careful = write_changed_model(tmp_path / "careful.tflite", refer_band=(0.0, 1.0))
    with Classifier(careful, threads=1) as classifier:
        results = [classifier.classify(draw_cell(seed)) for seed in range(3)]
    assert {result.decision for result in results} == {"refer"}
    assert {result.model_sha256 for result in results} == {read_model_file(careful).sha256}


def test_paths_and_arrays_may_be_mixed_and_give_what_each_gives_alone(
    classifier: Classifier, cells: list[Path]
) -> None:
    given = [cells[0], draw_cell(1), str(cells[2]), draw_cell(3), os.fsencode(cells[4])]
    results = list(classifier.classify_each(given))
    assert [result.index for result in results] == [0, 1, 2, 3, 4]
    assert [replace(result, index=0, sample=None) for result in results] == [
        replace(classifier.classify(crop), sample=None) for crop in given
    ]


def test_an_array_that_is_no_image_is_a_result_with_the_reason(classifier: Classifier) -> None:
    grey = np.zeros((70, 70), np.uint8)
    good, bad, other = classifier.classify_each([draw_cell(1), grey, draw_cell(2)])
    assert (good.error, bad.error, other.error) == (None, "not-an-image", None)
    assert "uint8 (70, 70)" in str(bad.message)


def test_an_array_may_be_used_again_once_it_was_given(classifier: Classifier) -> None:
    crops = [draw_crop(seed, SIDE) for seed in range(20)]

    def camera() -> Iterator[np.ndarray]:
        image = np.empty((70, 70, 3), np.uint8)
        for crop in crops:
            image[:] = crop
            yield image

    found = [decided(result) for result in classifier.classify_each(camera())]
    assert found == [decided(classifier.classify(crop)) for crop in crops]
    assert len(set(found)) > 5


def test_what_is_neither_path_nor_array_is_a_type_error_after_the_results_before_it(
    classifier: Classifier, cells: list[Path]
) -> None:
    results = classifier.classify_each([cells[0], None])  # type: ignore[list-item]
    assert next(results).error is None
    with pytest.raises(TypeError):
        next(results)


def test_a_few_inputs_are_shared_by_all_threads(
    cells: list[Path],
) -> None:
    together = threading.Barrier(4)

    class Meeting(Sample):
        def read(self) -> bytes:
            together.wait(10)
            return super().read()

    few = [Meeting("", str(path)) for path in cells[:4]]
    with Classifier(threads=4) as classifier:
        assert [result.error for result in classifier.classify_samples(few)] == [None] * 4


@pytest.mark.parametrize("batch", [8, 32])
def test_batches_change_no_result(
    batch: int, mixed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "edge.engine.engine.measure_batches",
        lambda plan, network, crops: replace(plan, batch=batch),
    )
    monkeypatch.setattr(BEFORE_MEASURING, 64)
    model = write_model_of(tmp_path / "model.tflite", batching_flatbuffer())
    paths = [str(path) for path in mixed * 10]
    with Classifier(model, threads=2) as classifier:
        one_by_one = [classifier.classify(path) for path in mixed] * 10
        assert classifier.plan.batch == 1
        results = list(classifier.classify_each(paths))
        assert classifier.plan.batch == batch
    assert [replace(result, index=0) for result in results] == one_by_one


@pytest.mark.parametrize(
    ("flatbuffer", "words", "enough"),
    [
        (batching_flatbuffer, ONE_BY_ONE_OR_8, 64),
        pytest.param(batching_flatbuffer, ONE_BY_ONE_OR_8, 256, marks=pytest.mark.slow),
        (one_by_one_flatbuffer, "batches of 8 refused by the model file", 64),
    ],
    ids=["any batch", "any batch, as it ships", "one by one only"],
)
def test_batches_are_measured_once_enough_crops_were_seen(
    flatbuffer: Callable[[], bytes],
    words: str,
    enough: int,
    cells: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if enough < 256:  # what ships waits for
        monkeypatch.setattr(BEFORE_MEASURING, enough)
    model = write_model_of(tmp_path / "model.tflite", flatbuffer())
    with Classifier(model, threads=2) as classifier:
        at_first = classifier.plan
        fewer = enough // len(cells)
        list(classifier.classify_each(cells * fewer))
        assert classifier.plan == at_first
        results = list(classifier.classify_each(cells * (fewer + 2)))
        assert re.search(words, classifier.plan.why)
        assert [decided(result) for result in results[:SEVERAL_CHUNKS]] == [
            decided(classifier.classify(path)) for path in cells
        ]


def test_with_memory_for_one_interpreter_several_threads_share_it(
    cells: list[Path], classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.classifier.available_processors", lambda: 4)
    monkeypatch.setattr("edge.engine.classifier.available_memory", lambda: 0)
    with Classifier() as crowded:
        plan = crowded.plan
        assert (plan.interpreters, plan.threads, crowded.threads) == (1, 4, 4)
        assert list(crowded.classify_samples(inputs(cells))) == list(
            classifier.classify_samples(inputs(cells))
        )


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_samples(tmp_path / "crops", 1)
    monkeypatch.chdir(tmp_path)
    (examples,) = doctest.DocTestFinder(recurse=False).find(Classifier, "Classifier")
    assert doctest.DocTestRunner().run(examples) == (0, 4)
