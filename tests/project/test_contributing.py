"""What docs/contributing.md says to copy is copied, called something else, and works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing.md"
PROGRAM = """
import mine_sink, mine_source, mine_stage
mine_sink.register()
from pathlib import Path
from edge.engine.classifier import Classifier
from edge.run import run
from edge.sources.registry import open_source
from edge.stages import make_stage
with Classifier(threads=1, stages=[make_stage("parts")]) as classifier:
    list(run(open_source(["mine:2"]), classifier, [Path("r.mine")]))
"""


def to_copy() -> dict[str, Path]:
    """What is added -> the file to copy."""
    rows = re.findall(r"^\| (an? [\w ]+) \| `([^`]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {kind: ROOT / path for kind, path in rows}


def test_every_kind_has_a_file_to_copy() -> None:
    files = to_copy()
    assert set(files) == {"a network", "a source", "a camera", "a stage", "a sink"}
    assert all(
        path.is_file() and len(path.read_text().splitlines()) < 60 for path in files.values()
    )


def test_a_copied_source_stage_and_sink_run(tmp_path: Path) -> None:
    for kind in ("source", "stage", "sink"):
        text = to_copy()[f"a {kind}"].read_text(encoding="utf-8")
        for theirs, mine in (("toy", "mine"), ("Toy", "Mine"), ("quarters", "parts")):
            text = text.replace(theirs, mine)
        (tmp_path / f"mine_{kind}.py").write_text(text, encoding="utf-8")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "r.mine").read_text().splitlines()]
    assert [row["parent"] for row in rows] == ["field-0"] * 4 + ["field-1"] * 4
    assert not any(row["error"] for row in rows)
