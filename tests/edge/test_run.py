"""A run: a stream of events; a source, a stage and a sink of one's own; ended and resumed."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_sink
import toy_source
import toy_stage  # noqa: F401
from conftest import ROOT

from edge import events
from edge.crops.drawn import draw_cell, write_samples
from edge.engine.classifier import Classifier
from edge.errors import ModelFileRefused, NoInputs, NoSuchStage, OutputFailed
from edge.process.interrupts import StopToken
from edge.run import run
from edge.samples import Box, Sample, cut_out
from edge.sinks import registry
from edge.sources.registry import open_source
from edge.stages import make_stage

FIELDS = 40
PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [{helpers!r}, {root!r}]
import toy_sink, toy_source, toy_stage
toy_sink.register()
from edge import events
from edge.engine.classifier import Classifier
from edge.run import run
from edge.sinks import registry
from edge.sources.registry import open_source
from edge.stages import make_stage
resume, *outputs = sys.argv[1:]
with Classifier(threads=2, stages=[make_stage("quarters")]) as classifier:
    source = open_source(["toy:{fields}"])
    for event in run(source, classifier, list(map(Path, outputs)), resume=resume == "resume"):
        if isinstance(event, events.SampleDone):
            print(event.result.index, flush=True)
    assert isinstance(event, events.Finished), event
"""


def start(outputs: list[Path], resume: bool) -> subprocess.Popen[str]:
    code = PROGRAM.format(helpers=str(ROOT / "tests" / "helpers"), root=str(ROOT), fields=FIELDS)
    command = [sys.executable, "-c", code, "resume" if resume else "start", *map(str, outputs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_toys_of_ones_own_run_and_resume_after_kills_with_every_cell_once(tmp_path: Path) -> None:
    outputs = [tmp_path / f"r{suffix}" for suffix in (".toy", ".csv", ".jsonl", ".db")]
    chance = random.Random(0)
    for attempt in range(3):
        process = start(outputs, resume=attempt > 0)
        assert process.stdout is not None
        for _ in range(chance.randrange(10, 50)):
            process.stdout.readline()
        process.kill()
        process.communicate()
    process = start(outputs, resume=True)
    process.communicate()
    assert process.returncode == 0
    toy = [json.loads(line) for line in outputs[0].read_text().splitlines()]
    assert [row["index"] for row in toy] == list(range(4 * FIELDS))
    assert [row["parent"] for row in toy] == [f"field-{n // 4}" for n in range(4 * FIELDS)]
    assert toy[6]["box"] == "0,70,70,70"
    assert toy[6]["sample"] == "field-1@0,70,70,70"
    assert len({row["sample"] for row in toy}) == 4 * FIELDS
    assert [json.loads(line) for line in outputs[2].read_text().splitlines()] == toy
    with outputs[1].open(newline="") as file:
        assert [row["sample"] for row in csv.DictReader(file)] == [row["sample"] for row in toy]
    with closing(sqlite3.connect(outputs[3])) as connection:
        found = connection.execute("SELECT sample, parent, box FROM results ORDER BY idx")
        assert found.fetchall() == [(row["sample"], row["parent"], row["box"]) for row in toy]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(threads=2)


def test_a_run_is_a_stream_of_events(classifier: Classifier, tmp_path: Path) -> None:
    write_samples(tmp_path / "cells", 3)
    source = open_source([str(tmp_path / "cells")])
    first, *middle, last = run(source, classifier, [tmp_path / "r.csv"], "a command")
    assert isinstance(first, events.Started)
    assert first.run.command == "a command"
    assert first.run.sources == (str(tmp_path / "cells"),)
    results = [event.result for event in middle if isinstance(event, events.SampleDone)]
    assert [result.index for result in results] == [0, 1, 2]
    assert isinstance(last, events.Finished)
    assert last.tally.total == 3
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 4


def test_golden_vectors_are_run_again_and_a_run_ends_where_they_fail(tmp_path: Path) -> None:
    write_samples(tmp_path / "cells", 2)
    found = []
    with Classifier(threads=2) as classifier:
        for due, wanted in ((0.0, 1), (3600.0, 0)):
            seen = list(run(open_source([str(tmp_path / "cells")]), classifier, golden_every=due))
            found = [event for event in seen if isinstance(event, events.GoldenChecked)]
            assert len(found) == wanted
            assert not any(event.has_failed for event in found)
            assert isinstance(seen[-1], events.Finished)
        model = classifier.model_file
        golden = replace(model.golden, logits=model.golden.logits ^ 0x40)
        classifier.model_file = replace(model, golden=golden)  # as if the machine computed so
        out = tmp_path / "out.csv"
        stream = run(open_source([str(tmp_path / "cells")]), classifier, [out], golden_every=0)
        with pytest.raises(ModelFileRefused, match="may be wrong: test the memory") as caught:
            found.extend(stream)
        assert caught.value.reason == "golden"
        assert found[-1].has_failed
        assert len(out.read_text().splitlines()) == 1  # nothing was decided behind it


def test_batches_that_were_measured_are_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.engine._BEFORE_MEASURING", 64)
    write_samples(tmp_path / "cells", 1)
    paths = [str(tmp_path / "cells" / "cell-000.png")] * 400
    with Classifier(threads=2) as classifier:
        kinds = [type(event) for event in run(open_source(paths), classifier)]
    assert kinds.count(events.PlanChanged) == 1
    assert kinds.count(events.SampleDone) == 400


def test_a_service_ends_a_run_that_waits_for_its_source(classifier: Classifier) -> None:
    class Resting(toy_source.ToySource):
        def _samples(self):  # type: ignore[no-untyped-def]
            yield Sample("resting", "only", pixels=draw_cell(0))
            time.sleep(3600)

    stop = StopToken()
    seen: list[events.Event] = []

    def serve() -> None:
        for event in run(Resting("1"), classifier, stop=stop):
            seen.append(event)
            if isinstance(event, events.SampleDone):  # it rests from now on
                threading.Timer(0.5, stop.request).start()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert [type(event) for event in seen] == [
        events.Started,
        events.SampleDone,
        events.Interrupted,
    ]
    assert seen[-1].exit_code == 0  # type: ignore[union-attr]


def test_an_output_that_fails_is_the_last_event_and_says_which(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(toy_sink.ToySink):
        def flush(self) -> None:
            raise OutputFailed("no space left")

    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    registry.register_sink(registry.SinkKind((".full",), Full))
    write_samples(tmp_path / "cells", 2)
    full, whole = tmp_path / "r.full", tmp_path / "r.csv"
    *_, last = run(open_source([str(tmp_path / "cells")]), classifier, [full, whole])
    assert isinstance(last, events.SinkFailed)
    assert last.error.path == full
    assert len(whole.read_text().splitlines()) == 3  # what the other one has is valid


def test_an_output_that_cannot_be_opened_is_an_error(
    classifier: Classifier, tmp_path: Path
) -> None:
    write_samples(tmp_path / "cells", 1)
    source = open_source([str(tmp_path / "cells")])
    with pytest.raises(OutputFailed, match="cannot write"):
        list(run(source, classifier, [tmp_path / "nowhere" / "r.csv"]))


def test_what_a_stage_gives_nothing_of_is_a_row_that_says_so() -> None:
    with Classifier(threads=1, stages=[lambda sample: iter(())]) as classifier:
        (result,) = classifier.classify_each([draw_cell(0)])
    assert (result.error, result.decision) == ("no-cells", None)


def test_pixels_and_the_file_they_are_of_give_the_same_result(
    classifier: Classifier, tmp_path: Path
) -> None:
    (path,) = write_samples(tmp_path, 1)
    array = draw_cell(0)
    named = Sample("camera", "frame 17", pixels=array)
    of_file, of_sample = classifier.classify_each([path, named])
    assert (of_sample.file, of_sample.sample, of_sample.index) == ("frame 17", "frame 17", 1)
    assert of_sample.logits == of_file.logits


def test_a_part_keeps_what_is_known_of_the_whole() -> None:
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    whole = Sample("s", "f", pixels=pixels, time=1.5, um_per_pixel=0.1, facts={"gain": 2})
    part = cut_out(whole, Box(2, 3, 4, 5))
    assert part.pixels is not None
    assert part.pixels.shape == (5, 4, 3)
    assert (part.pixels == pixels[3:8, 2:6]).all()
    assert (part.id, part.parent, part.file) == ("f@2,3,4,5", "f", "f")
    assert (part.time, part.um_per_pixel, part.facts) == (1.5, 0.1, {"gain": 2})


def test_what_is_not_registered_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchStage, match=r"no stage is called halves; known are: .*quarters"):
        make_stage("halves")
    with pytest.raises(NoInputs, match="no such file or folder: nothing:0"):
        open_source(["nothing:0"])
    with pytest.raises(NoInputs, match="toy:1 may never end: name it alone"):
        open_source(["toy:1", str(tmp_path)])
    (tmp_path / "toy:1").mkdir()
    write_samples(tmp_path / "toy:1", 1)


@pytest.mark.parametrize("module", ["edge.sources", "edge.sources.registry", "edge.rows"])
def test_importing_sources_or_rows_loads_no_image_library(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'cv2', 'numpy'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
