"""``/metrics``: read by Prometheus's own parser, and compared with the rows."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from command_helpers import edge_all
from conftest import ROOT
from databases import query
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from review_helpers import database_in
from served import served

from edge.fleet.exposition import GAUGE, Family, Measured, text_of
from edge.reviews.database import ReviewDatabase
from edge.web.access import TRIES
from edge.web.state import Watched

DASHBOARD = ROOT / "docs" / "grafana" / "edge-all.json"

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def numbers_in(text: str) -> Numbers:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of a service with two smears, an outage, and a reference beside it."""
    folder = tmp_path_factory.mktemp("metrics")
    source = "sim:seed=3,fps=40,width=160,height=120,white=1,frames=24,disconnect=16,away=0.3"
    done = edge_all("run", source, "--crops", "--out", folder / "r.db")
    assert done.exit_code == 0, done.output
    with contextlib.closing(sqlite3.connect(folder / "r.db")) as connection, connection:
        # what fields in place of crops, and a broker, would have left there
        connection.execute("UPDATE smears SET light = 200, red = 1, blue = 1, focus = 0.1")
        connection.execute("INSERT INTO deliveries VALUES (1, 'mqtt://lab:1883/x/m1', '')")
    return folder / "r.db"


@pytest.fixture(scope="module")
def text(watched: Path) -> str:
    with served(ReviewDatabase(watched)) as address:
        answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def test_counters_are_the_rows(text: str, watched: Path) -> None:
    found = numbers_in(text)
    decided = query(watched, "SELECT decision, count(*) FROM results GROUP BY 1")
    reasons = query(watched, "SELECT error, count(*) FROM results GROUP BY 1")
    for decision, count in decided:
        if decision:
            assert found["edge_all_cells_total", (("decision", decision),)] == count
    for error, count in reasons:
        if error:
            assert found["edge_all_failures_total", (("reason", error),)] == count
    camera = (("what", "waiting for the camera"),)
    assert found["edge_all_outages_total", camera] == 1
    assert 0.2 < found["edge_all_outage_seconds_total", camera] < 30
    assert found["edge_all_smears_total", ()] == 1
    assert found["edge_all_smears_undelivered", (("receiver", "mqtt://lab:1883/x/m1"),)] == 0
    (model,) = query(watched, "SELECT sha256 FROM models")
    (info,) = [dict(labels) for name, labels in found if name == "edge_all_info"]
    assert info["model_sha256"] == model[0]


def test_the_histogram_holds_each_frame_once(text: str, watched: Path) -> None:
    found = numbers_in(text)
    ((frames,),) = query(watched, "SELECT count(decision) FROM results")
    buckets = [
        (float(dict(labels)["le"]), value)
        for (name, labels), value in found.items()
        if name == "edge_all_frame_seconds_bucket"
    ]
    assert buckets == sorted(buckets)
    assert [value for _, value in buckets] == sorted(value for _, value in buckets)
    assert buckets[-1] == (float("inf"), frames)
    assert found["edge_all_frame_seconds_count", ()] == frames
    assert found["edge_all_frame_seconds_sum", ()] > 0


def test_only_who_has_the_token_reads_them_and_guesses_are_counted(
    tmp_path: Path,
) -> None:
    token_file = tmp_path / "token"
    with served(database_in(tmp_path), token_file=token_file) as address:
        url, token = f"{address}/metrics", token_file.read_text().strip()
        assert httpx.get(url).status_code == 401
        for _ in range(TRIES + 1):  # the right one is never counted
            right = httpx.get(url, headers={"authorization": f"Bearer {token}"})
            assert right.status_code == 200
        assert "edge_all_cells_total" in right.text
        other = httpx.get(f"{address}/history", headers={"authorization": f"Bearer {token}"})
        assert "Token" in other.text  # pages take it by their form alone
        wrong = [
            httpx.get(url, headers={"authorization": f"Bearer {token}x"}).status_code
            for _ in range(TRIES + 1)
        ]
        assert wrong == [401] * TRIES + [429]


@pytest.fixture(scope="module")
def compared(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The numbers, with a reference of one person."""
    folder = tmp_path_factory.mktemp("reference")
    edge_all("samples", folder / "cells", "-n", "2")
    done = edge_all("drift", "learn", folder / "cells", "--out", folder / "people.json")
    assert done.exit_code == 0, done.output
    with served(ReviewDatabase(watched), watched=Watched(folder / "people.json")) as address:
        return httpx.get(f"{address}/metrics").text


def test_smears_are_compared_with_the_people_of_a_reference(compared: str) -> None:
    found = numbers_in(compared)
    assert found["edge_all_data_drift_alarm", ()] == 0  # one person is no reference
    assert found["edge_all_data_drift_limit", ()] == 1000


@settings(max_examples=30)
@given(st.text(max_size=20), st.text(max_size=20), st.floats(allow_nan=False))
def test_any_text_and_number_is_read_back(words: str, label: str, value: float) -> None:
    text = text_of([Family("edge_all_x", GAUGE, words, (Measured(value, {"a": label}),))])
    assert numbers_in(text) == {("edge_all_x", (("a", label),)): value}


def expressions() -> list[str]:
    """What the dashboard asks Prometheus, of any instrument."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    return [target["expr"].replace("$instance", ".*") for target in targets]


def test_the_dashboard_and_the_page_name_the_numbers_that_there_are(
    text: str, compared: str
) -> None:
    there = {name for name, _ in {**numbers_in(text), **numbers_in(compared)}}
    asked = {name for each in expressions() for name in re.findall(r"edge_all_\w+", each)}
    assert asked <= there
    page = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
    _, _, page = page.partition("\n## Numbers for Prometheus\n")
    named = set(re.findall(r"`(edge_all_\w+)`", page.partition("\n## Grafana")[0]))
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in there}
    assert named == whole
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} == named


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here: apt install")
def test_a_real_prometheus_reads_them_and_answers_what_the_dashboard_asks(
    watched: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token_file = tmp_path / "token"
    with served(ReviewDatabase(watched), token_file=token_file) as address:
        settings_file = tmp_path / "prometheus.yml"
        settings_file.write_text(
            "scrape_configs:\n"
            "  - job_name: edge-all\n"
            "    scrape_interval: 1s\n"
            f"    authorization: {{credentials_file: {token_file}}}\n"
            f"    static_configs: [{{targets: ['{address.partition('//')[2]}']}}]\n"
        )
        command = ["prometheus", f"--config.file={settings_file}"]
        command += [f"--storage.tsdb.path={tmp_path / 'store'}"]
        with subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as prometheus:
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1") as api:
                    assert wait_for(api, 'up{job="edge-all"} == 1')
                    for expression in expressions():
                        answer = api.get("/query", params={"query": expression}).json()
                        assert answer["status"] == "success", (expression, answer)
                    cells = wait_for(api, "sum(edge_all_cells_total)")
            finally:
                prometheus.terminate()
    assert cells == query(watched, "SELECT count(decision) FROM results")[0][0]


def wait_for(api: httpx.Client, expression: str) -> float:
    """Ask until there is an answer."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            answer = api.get("/query", params={"query": expression}).json()
            if answer.get("data", {}).get("result"):
                return float(answer["data"]["result"][0]["value"][1])
        time.sleep(0.2)
    raise AssertionError(f"{expression} has no answer")
