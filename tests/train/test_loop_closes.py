"""The loop: drawn cells, decisions, reviews, labels, training, a model file, decisions by it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from command_helpers import edge_all
from databases import query
from served import reader_of, served

from edge.crops.drawn import draw_cell
from edge.decoding.decode import decode
from edge.reviews.database import ReviewDatabase
from edge.web.desk import Settings

pytestmark = pytest.mark.slow

CELLS, SMEARS = 160, 4
TINTS = {"hem": (1.8, 1, 0.4), "all": (0.4, 1, 1.8)}  # of blue, green and red light
LABELS = tuple(TINTS)


def built(*arguments: object) -> str:
    """Run a command of the build side."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def draw(folder: Path) -> None:
    """Cells of four people, half of them blueish and half reddish."""
    for seed in range(CELLS):
        label, smear = LABELS[seed % 2], seed // 2 % SMEARS
        cell = draw_cell(seed)[:, :, ::-1] * np.array(TINTS[label])
        path = folder / f"smear-{smear}" / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.clip(cell, 0, 255).astype(np.uint8))


def review_all(reader: httpx.Client) -> int:
    """Say of all cells of the audit what they are, by their colour; how many there were."""
    count = 0
    while True:
        page = reader.get("/review", params={"queue": "audit"}).text
        found = re.search(r'name="showing" value="([\w-]+)"', page)
        if found is None:
            return count
        red, _, blue = decode(reader.get(f"/images/{found[1]}").content).mean(axis=(0, 1))
        label = "all" if red > blue else "hem"
        reader.post("/review", data={"showing": found[1], "label": label})
        count += 1


def test_what_people_say_on_a_device_trains_the_next_network_of_it(tmp_path: Path) -> None:
    results, labelled, mine = tmp_path / "r.db", tmp_path / "labelled", tmp_path / "mine"
    draw(tmp_path / "cells")
    smears = sorted((tmp_path / "cells").iterdir())
    done = edge_all("classify", *smears, "--out", results)
    assert done.exit_code in (0, 3), done.output
    everything = Settings(audit=1.0, control_share=0)
    with served(ReviewDatabase(results), everything) as address, reader_of(address) as ada:
        assert review_all(ada) == CELLS
    done = edge_all("export", results, "--out", labelled)
    assert done.stdout.startswith(f"{CELLS} cells of {SMEARS} smears: 80 all, 80 hem\n")

    options = ("--side", 32, "--recipe", "paper", "--epochs", 25, "--batch-size", 8)
    built(
        *("train", "small", "--data", labelled, *options, "--learning-rate", 0.005),
        *("--positive", "all", "--out", mine),
    )
    band = ("--missed", 0.1, "--false-alarms", 0.1)
    built(
        *("calibration", "probabilities", mine / "small-held-out.csv", *band),
        *("--out", mine / "small-calibration.json"),
    )
    built("convert", "run", mine / "small.keras", "--cells", labelled, "--out", mine)

    store = tmp_path / "store"
    done = edge_all("models", "add", mine / "small.tflite", "--store", store)
    assert done.exit_code == 0, done.output
    ((before,),) = query(results, "SELECT count(DISTINCT sha256) FROM models")
    listed = edge_all("models", "list", "--store", store).stdout
    sha256 = re.search(r"[0-9a-f]{12}", listed)
    assert sha256
    done = edge_all("models", "activate", sha256[0], "--store", store)
    assert done.exit_code == 0, done.output
    done = edge_all(
        *("classify", *smears, "--model", "@active", "--out", results),
        EDGE_ALL_MODELS=str(store),
    )
    assert done.exit_code in (0, 3), done.output
    models = query(results, "SELECT count(DISTINCT model_sha256) FROM runs")
    assert (before, models) == (1, [(2,)])
    last = "SELECT model_sha256, count(decision) FROM results WHERE run_id = 2 GROUP BY 1"
    ((model, decided),) = query(results, last)
    assert str(model).startswith(sha256[0])
    assert decided == CELLS
    wrong = """
        SELECT count(*) FROM results AS now JOIN results AS before USING (file)
        JOIN valid_reviews AS said ON said.idx = before.idx AND said.run_id = 1
        WHERE now.run_id = 2 AND before.run_id = 1 AND now.label <> said.label
    """
    ((count,),) = query(results, wrong)
    assert isinstance(count, int)
    assert count < CELLS / 10
