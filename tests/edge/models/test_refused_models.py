"""How a model file is refused: by a command, of the first schema, and where there is no file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from test_impossible_models import LABELS, NAN, SOUND
from test_model_file import entries, sealed

from edge.errors import ModelFileRefused
from edge.models import cnmc
from edge.models.metadata import metadata_of, parse_metadata
from edge.models.model_file import read_model_file


@pytest.mark.parametrize("changes", [{"network": "\x1b[2J"}, {"golden_tolerance": NAN}], ids=str)
def test_a_command_says_in_a_line_why_and_ends_with_4(
    tmp_path: Path, changes: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.cli.main import main

    path = tmp_path / ("long" * 50 + "\x1b[2J.tflite")
    path.write_bytes(sealed(entries(**changes)))
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--model", str(path)])
    assert ended.value.code == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("model file refused (metadata): ")
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "a\0b.tflite"])
def test_what_is_no_file_is_not_read(name: str) -> None:
    with pytest.raises(ModelFileRefused) as refused:
        read_model_file(Path(name))
    assert refused.value.reason == "missing"


def of_three_labels(**fields: Any) -> dict[str, Any]:
    labels = [{**LABELS[0], "name": name, "words": name} for name in ("ring", "rod", "band")]
    contract = {**SOUND["contract"], "labels": labels, "positive": None}
    return {**SOUND, "contract": contract, **fields}


def test_three_labels_have_thresholds_and_two_a_band() -> None:
    sound = of_three_labels(refer_band=None, thresholds=[0.55, 0.6, 0.99])
    assert metadata_of(sound).contract.names == ("ring", "rod", "band")
    for fields in (
        of_three_labels(),
        of_three_labels(thresholds=[0.6, 0.6, 0.6]),
        of_three_labels(refer_band=None, thresholds=[0.6, 0.6, 0.6, 0.6]),
        {**SOUND, "refer_band": None},
        {**SOUND, "thresholds": [0.6, 0.6, 0.6]},
    ):
        with pytest.raises(ValueError, match="refer_band is for two labels, and thresholds"):
            metadata_of(fields)


SCHEMA_1 = {
    **{name: value for name, value in SOUND.items() if name not in ("contract", "thresholds")},
    "schema": 1,
    "labels": ["hem", "all"],
    "input": {name: SOUND["contract"][name] for name in ("side", "channels", "dtype")}
    | {"scale": 1 / 255, "zero_point": -128},
    "intended_use": "for trying",
}


def test_metadata_of_the_first_schema_are_those_of_its_one_contract() -> None:
    read = metadata_of(SCHEMA_1)
    assert read.contract == dataclasses.replace(cnmc.CONTRACT, intended_use="for trying")
    assert read.thresholds is None
    assert parse_metadata(read.to_json()) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", ["all", "hem"]),
        ("labels", ["cat", "dog"]),
        ("input", {**SCHEMA_1["input"], "side": 64}),
        ("input", {**SCHEMA_1["input"], "zero_point": 0}),
        ("refer_band", None),
        ("contract", SOUND["contract"]),
        ("thresholds", None),
    ],
)
def test_metadata_of_the_first_schema_have_no_other_contract(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        metadata_of({**SCHEMA_1, name: value})
