"""Results of a watch in which files were decided again: resumed, migrated, counted, shown."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from edge_helpers import encoded, small_cell
from sink_helpers import RUN, result, results, resume
from watch_helpers import CELL, IN_DOUBT, LOOK_EVERY, until

from edge.engine.classifier import Classifier
from edge.events import Finished
from edge.rows import Result
from edge.run import run
from edge.sinks.outputs import Outputs
from edge.sources.watching.watch import Watch
from edge.tally import Tally

OTHER = encoded(small_cell(5))


def again(n: int, earlier: int) -> Result:
    """Result n, of the file of an earlier one that was written again."""
    file = result(earlier).file
    return replace(result(n), file=file, sample=file, supersedes=earlier, file_version="5-6-a")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def query(path: Path, text: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(text).fetchall()


def watch_until(
    folder: Path, outputs: list[Path], inputs: int, is_resumed: bool, in_doubt: float = IN_DOUBT
) -> Finished:
    """Watch a folder in this thread until so many rows are there in all."""
    watch = Watch(str(folder), look_every=LOOK_EVERY, events=False, in_doubt=in_doubt)

    def stop() -> None:
        until(lambda: outputs[0].exists() and len(rows(outputs[0])) >= inputs)
        watch.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        with Classifier(threads=1) as classifier:
            *_, last = run(watch, classifier, outputs, resume=is_resumed)
        assert isinstance(last, Finished)
        return last
    finally:
        stopping.join()


def test_a_watch_that_is_resumed_decides_again_what_changed_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).write_bytes(CELL)
    outputs = [tmp_path / "r.csv", tmp_path / "r.jsonl", tmp_path / "r.db"]
    assert watch_until(folder, outputs, 3, is_resumed=False).tally.total == 3
    (folder / "a.png").write_bytes(OTHER)
    (folder / "b.png").write_bytes(CELL)  # the same again
    tally = watch_until(folder, outputs, 4, is_resumed=True).tally
    assert (tally.total, tally.superseded, tally.earlier) == (3, 1, 2)
    (folder / "c.png").write_bytes(OTHER)
    tally = watch_until(folder, outputs, 5, is_resumed=True).tally
    assert (tally.total, tally.superseded, tally.earlier) == (3, 2, 2)
    assert [row["supersedes"] for row in rows(outputs[0])] == ["", "", "", "0", "2"]
    lines = [json.loads(line) for line in outputs[1].read_text().splitlines()]
    assert [line["supersedes"] for line in lines] == [None, None, None, 0, 2]
    assert query(outputs[2], "SELECT idx, supersedes, superseded_by FROM results") == [
        (0, None, 3),
        (1, None, None),
        (2, None, 4),
        (3, 0, None),
        (4, 2, None),
    ]


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.db"])
def test_superseding_rows_are_resumed_at_any_point(tmp_path: Path, name: str) -> None:
    wanted = [*results(10), again(10, 2), again(11, 10)]
    for count in range(8, 13):
        path = tmp_path / f"{count}{name}"
        with Outputs([path], RUN) as outputs:
            for each in wanted[:count]:
                outputs.write(each)
        assert resume([path], wanted) == list(range(count, 12))
        with Outputs([path], RUN, resume=True) as outputs:
            assert [row.row() for row in outputs.rows()] == [each.row() for each in wanted]


def test_each_cell_counts_once_whatever_it_was_before() -> None:
    tally = Tally(("healthy", "leukemia"))
    for each in results(20):
        tally.add_earlier(each)
    for n, earlier in ((20, 3), (21, 4), (22, 21)):  # number 3 had failed
        tally.add(again(n, earlier))
    valid = [each for each in results(20) if each.index not in (3, 4)]
    valid += [again(20, 3), again(22, 21)]
    assert (tally.total, tally.superseded, tally.earlier) == (20, 3, 18)
    assert tally.failed == sum(each.decision is None for each in valid)
    assert [each.index for each in tally.failures] == [e.index for e in valid if e.error]
    for word in ("healthy", "leukemia", "refer"):
        assert tally.decisions[word] == sum(each.decision == word for each in valid)


def test_a_page_shows_the_valid_result_only_and_says_so(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    with Outputs([page], RUN) as outputs:
        for each in [*results(5), again(5, 1), again(6, 3)]:
            outputs.write(each)
    text = page.read_text(encoding="utf-8")
    assert "2 earlier results are not shown and not counted" in re.sub(r"\s+", " ", text)
    cells = re.search(r'id="cells">(.*?)</script>', text, re.DOTALL)
    assert cells
    assert sorted(cell[0] for cell in json.loads(cells[1])) == [0, 2, 4, 5, 6]
    assert "<p>None.</p>" in text  # number 3, which had failed, was decided later


def test_a_watch_says_what_it_has_not_decided(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(CELL)
    (folder / "slow.png").write_bytes(CELL[:100])
    last = watch_until(folder, [tmp_path / "r.csv"], 1, is_resumed=False, in_doubt=60.0)
    assert (last.tally.total, last.tally.failed) == (1, 0)
    said = last.left[0]
    assert f"not decided, because it may not be complete yet: {folder}/slow.png;" in said
