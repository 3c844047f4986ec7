"""The page of a run: what it holds, and what a browser makes of it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command_helpers import edge_all
from conftest import ROOT
from edge_helpers import write_cells
from sink_helpers import MODEL, RUN, begun, blank, result, results, resume

from edge.crops.drawn import draw_crop
from edge.errors import OutputFailed
from edge.models.cnmc import SIDE
from edge.rows import Result, smear_of
from edge.sinks.page import gathered
from edge.sinks.page.gathered import Gathered
from edge.sinks.page.histogram import histogram
from edge.sinks.page.sink import ReportFile

assert MODEL.metadata.refer_band is not None
LOW, HIGH = MODEL.metadata.refer_band
CLASSES = {"healthy": "label-0", "leukemia": "label-1"}


def write(page: Path, some: Iterable[Result]) -> str:
    with begun(ReportFile(page, RUN)) as report:
        for each in some:
            report.write(each)
    return page.read_text(encoding="utf-8")


def data(text: str, name: str) -> Any:
    """Data for the script, as the browser reads them."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def thumbnails(text: str) -> list[str]:
    found = re.findall(
        '<script type="application/json" class="thumbnails">(.*?)</script>', text, re.DOTALL
    )
    return [each for pack in found for each in json.loads(pack)]


def of(n: int, p: float, **fields: Any) -> Result:
    """A result with a probability of choice."""
    decision = "refer" if LOW <= p <= HIGH else "leukemia" if p > HIGH else "healthy"
    return replace(
        blank(result(n)), label="all", decision=decision, probabilities=(1 - p, p),
        logits=(0.0, 0.0), **fields,
    )  # fmt: skip


def test_the_first_words_are_that_it_gives_no_diagnosis(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", results(5))
    body = re.sub("<[^>]*>", " ", text[text.index("<body>") :])
    assert " ".join(body.split()).startswith("Research software: this page gives no diagnosis.")


def test_cells_come_in_the_order_in_which_a_person_must_look(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", results(300))
    shown = [(cell[3], cell[4]) for cell in data(text, "cells")]
    expected = sorted(
        (each for each in results(300) if each.decision),
        key=lambda each: (
            each.decision != "refer",
            abs(each.probability - 0.5)
            if each.decision == "refer"
            else max(LOW - each.probability, each.probability - HIGH),
        ),
    )
    assert shown == [(each.decision, round(each.probability, 6)) for each in expected]
    assert len({decision for decision, _ in shown}) == 3


def test_the_page_counts_what_the_results_are(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", results(300))
    counted = Counter(each.decision or "failed" for each in results(300))
    for word, count in counted.items():
        assert f'<li class="{CLASSES.get(word, word)}"><b>{count}</b> {word}</li>' in text
    cells = [counted[word] for word in ("refer", "healthy", "leukemia", "failed")]
    row = "".join(f"<td>{count}</td>" for count in (*cells, 300))
    assert f"<tr><th scope=row>crops</th>{row}</tr>" in text


def test_failed_inputs_are_named_with_the_reason(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", results(10))
    assert text.count("<td>truncated</td><td>the end of the image is missing</td>") == 1
    assert r"<th scope=row>crops/3/a\r\nb.png</th>" in text


def test_cells_of_one_field_are_told_apart(tmp_path: Path) -> None:
    names = [f"crops/field.png@{x},0,70,70" for x in (0, 70)]
    cut = {"file": "crops/field.png", "parent": "crops/field.png"}
    some = [of(n, 0.5, sample=name, **cut) for n, name in enumerate(names)]
    text = write(tmp_path / "x.html", some)
    assert [cell[2] for cell in data(text, "cells")] == names


def test_a_page_without_any_result_is_a_page(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", [])
    assert data(text, "cells") == []
    assert "<p>None.</p>" in text


def test_the_thumbnail_is_the_crop(tmp_path: Path) -> None:
    crops = {n: draw_crop(n, SIDE) for n in range(3)}
    text = write(tmp_path / "x.html", (replace(of(n, 0.5 + n / 100), crop=crops[n]) for n in crops))
    for cell, encoded in zip(data(text, "cells"), thumbnails(text), strict=True):
        stored = np.frombuffer(base64.b64decode(encoded), np.uint8)
        pixels = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        assert pixels.shape == (70, 70, 3)
        assert np.abs(pixels.astype(int) - crops[cell[0]]).mean() < 2


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>.png",
        '"><img src=x onerror=alert(1)>.png',
        "<!--.png",
        "$script ${style} $$.png",
        "a\u2028b\u202ec.png",
    ],
)
def test_no_file_name_becomes_markup_or_script(tmp_path: Path, name: str) -> None:
    plain = write(tmp_path / "x.html", [of(0, 0.5, file="n", source="n"), of(1, 0.5)])
    text = write(
        tmp_path / "x.html",
        [
            replace(of(0, 0.5), file=name, source=name + "/"),
            replace(blank(result(1)), file=name, source=name, error="empty"),
        ],
    )
    tags = "<(/?[a-z!][^ >]*)"
    structure = [tag for tag in re.findall(tags, text) if tag not in {"tr", "/tr", "p", "/p"}]
    assert set(structure) <= {*re.findall(tags, plain), "table", "div", "th", "td", "/td", "/th"}
    assert text.count("<script") == text.count("</script>") == plain.count("<script")
    assert data(text, "cells")[0][1:3] == [name + "/", name]


def test_the_page_needs_no_network_and_may_not_use_it(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", results(5))
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)


@pytest.mark.parametrize(
    ("source", "file", "name"),
    [
        ("crops", "crops/a/b.png", "crops"),
        ("crops/a.png", "crops/a.png", "crops"),
        ("a.png", "a.png", "."),
        ("/a.png", "/a.png", "/"),
    ],
)
def test_a_file_that_was_named_itself_comes_from_its_folder(
    source: str, file: str, name: str
) -> None:
    assert smear_of(source, file) == name


def test_a_page_of_too_many_cells_shows_those_that_most_need_a_look_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "MAX_CELLS", 10)
    monkeypatch.setattr(gathered, "MAX_FAILED", 5)
    text = write(tmp_path / "x.html", results(300))
    assert len(data(text, "cells")) == 10
    assert {cell[3] for cell in data(text, "cells")} == {"refer"}
    failed = sum(each.decision is None for each in results(300))
    assert f"shows the 10 of {300 - failed} cells that most need a look" in text
    assert text.count("<td>truncated</td>") == 5
    assert f"And {failed - 5} more;" in text


def test_the_histogram_has_every_cell_in_its_bin(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    with begun(ReportFile(page, RUN)) as report:
        for n, p in enumerate([0.0, 0.019, 0.02, 0.5, 0.999, 1.0]):
            report.write(of(n, p))
        report.flush()
        with contextlib.closing(sqlite3.connect(tmp_path / "x.html.unfinished")) as connection:
            found = Gathered(connection)
            assert found.histogram() == [2, 1, *[0] * 23, 1, *[0] * 23, 2]
            assert found.refer_band == (LOW, HIGH)


def test_the_histogram_says_in_words_what_it_shows() -> None:
    drawn = histogram([1, 0, 3, 0], (0.25, 0.75), "p(leukemia)")
    assert "Histogram of p(leukemia) of 4 cells, refer band 0.250 to 0.750" in drawn
    assert drawn.count('class="bar"') == 2
    assert "<title>0.50 to 0.75: 3</title>" in drawn
    heights = [float(h) for h in re.findall(r'class="bar".*?height="([\d.]+)"', drawn)]
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.2)


def test_an_earlier_page_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    earlier = write(page, results(2))
    with begun(ReportFile(page, RUN)) as report:
        report.write(of(0, 0.5))
        report.flush()
        assert page.read_text() == earlier
    assert page.read_text() != earlier
    assert list(tmp_path.iterdir()) == [page]


def stop(page: Path, error: BaseException) -> None:
    with contextlib.suppress(type(error)), begun(ReportFile(page, RUN)) as report:
        for each in results(100):
            report.write(each)
        raise error


def test_an_interrupted_run_leaves_a_page_and_can_be_resumed(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    stop(page, KeyboardInterrupt())
    assert ", not finished</dd>" in page.read_text()
    assert resume([page], results(150)) == list(range(100, 150))
    assert ", not finished</dd>" not in page.read_text()
    assert len(data(page.read_text(), "cells")) == sum(bool(r.decision) for r in results(150))
    assert list(tmp_path.iterdir()) == [page]


def test_a_run_that_fails_leaves_no_page_and_can_be_resumed(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    stop(page, OutputFailed("another output is full"))
    assert not page.exists()
    assert resume([page], results(100)) == []
    assert len(data(page.read_text(), "cells")) == sum(bool(r.decision) for r in results(100))


def test_without_resume_what_an_earlier_run_gathered_is_dropped(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    stop(page, KeyboardInterrupt())
    assert len(data(write(page, results(3)), "cells")) == 3


def test_a_page_that_cannot_be_written_is_an_error_of_edge_all(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    report = ReportFile(page, RUN)
    report.begin()
    page.mkdir()
    with pytest.raises(OutputFailed, match=r"cannot write .*x\.html: .* run the command again"):
        report.__exit__(None, None, None)
    assert (tmp_path / "x.html.unfinished").exists()


def test_the_command_writes_a_page_with_a_thumbnail_for_every_cell(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    write_cells(tmp_path / "crops", 12)
    page = tmp_path / "x.html"
    done = edge_all("classify", tmp_path / "crops", "--report", page)
    assert done.exit_code == 0
    assert "cell-00.png" in done.stdout  # the table: there is no result file
    stored = thumbnails(page.read_text())
    assert len(stored) == 12
    assert all(base64.b64decode(each).startswith(b"\xff\xd8") for each in stored)


MEMORY = """
import sys, resource
sys.path[:0] = sys.argv[2:]
import numpy as np
from pathlib import Path
from sink_helpers import RUN, result
from edge.sinks.outputs import Outputs
folder = Path(sys.argv[1])
crop = np.zeros((70, 70, 3), np.uint8)
marks = []
for n in (1_000, 10_000):
    with Outputs([folder / f"{n}{end}" for end in (".csv", ".jsonl", ".db", ".html")], RUN) as out:
        for i in range(n):
            out.write(result(i, crop))
    marks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*marks)
"""


@pytest.mark.slow
def test_memory_stays_flat_over_many_results(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path), str(ROOT / "tests" / "helpers"), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
    )
    few, many = map(int, done.stdout.split())
    assert many < 1.08 * few


def test_what_was_gathered_is_a_results_database(tmp_path: Path) -> None:
    stop(tmp_path / "x.html", KeyboardInterrupt())
    with contextlib.closing(sqlite3.connect(tmp_path / "x.html.unfinished")) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (100,)
