"""Files come in one order, whatever the locale and the file system: a run can be resumed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sources.folders import sorted_names


@settings(max_examples=20)
@given(st.lists(st.binary(min_size=1, max_size=3), max_size=20))
def test_names_come_in_the_order_of_their_bytes_which_no_locale_changes(names: list[bytes]) -> None:
    names = [name.translate(None, b"\0/") + b"x" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / os.fsdecode(name)).touch()
        found = [os.fsencode(name) for name, _ in sorted_names(folder)]
    assert found == sorted(set(names))


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}], ids=["C", "UTF-8"])
def test_another_locale_gives_the_same_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: dict[str, str]
) -> None:
    names = [
        b"\xff.png",
        "\U0001f52c.png".encode(),
        "ü.png".encode(),
        b"a.png",
        "z\u0308.png".encode(),
    ]
    monkeypatch.chdir(tmp_path)
    Path("crops").mkdir()
    for name in names:
        (Path("crops") / os.fsdecode(name)).touch()
    Path("list").write_bytes(b"".join(b"crops/" + name + b"\0" for name in sorted(names)))
    listing = (
        "from edge.files import file_name; from edge.sources.find import find_inputs;"
        "print(ascii([file_name(e.file) for e in find_inputs(['crops', 'c*', '@list'])]))"
    )
    environment = {**os.environ, **locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = subprocess.run(
        [sys.executable, "-c", listing], env=environment, capture_output=True, check=True, text=True
    )
    here = [(b"crops/" + name).decode("utf-8", "backslashreplace") for name in sorted(names)]
    assert ast.literal_eval(found.stdout) == here * 3
