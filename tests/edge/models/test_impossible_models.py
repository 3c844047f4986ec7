"""Model files with a right seal and impossible content: refused by a sentence, within bounds."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_model_file import METADATA, a_reference, entries, npy, of_reference, sealed

from edge.engine.network import INPUT_SCALE, INPUT_ZERO_POINT
from edge.errors import ModelFileRefused
from edge.models import cnmc
from edge.models.metadata import FIELDS, metadata_of, parse_metadata
from edge.models.model_file import SHIPPED_MODEL, read_model_file

NAN, INFINITY = float("nan"), float("inf")
SOUND = json.loads(METADATA.to_json())
LABELS = SOUND["contract"]["labels"]
SIZES = {
    "percentiles": [*range(20, 29)],
    "cells": 100,
    "people": 5,
    "sizes": None,
}
OF_PEOPLE = {
    "people": 5,
    "largest": 7.0,
    "uneven": 0.3,
    "uneven_spread": 0.1,
    "slope": -0.5,
    "between": 0.05,
    "within": 0.5,
}
DEEP = json.loads("[" * 200 + "]" * 200)
UNPRINTABLE = ["\x1b[2J", "two\nlines", "\x00", "\x9b31m", "\u202egpj", "\ud800", "\r", "\u2028"]
WRONG_ANYWHERE = ["", None, True, [], {}, [None], NAN, INFINITY, -INFINITY, -1, 10**400, DEEP]

WRONG_WORDS = ["", " a", "a,b", "a/b", "=1", "x" * 41, 7, None, "a'b", *UNPRINTABLE]
WRONG_NAMES = ["HEM", *WRONG_WORDS]

NUMBERS: dict[str, list[Any]] = {
    "temperature": [0, -1.5, 1e9, 1e-9, "1.5", "NaN"],
    "golden_tolerance": [1e9, 25, 10**9, -1, 4.0, 0.5, "4"],
    "schema": [],
}
TEXTS: dict[str, list[Any]] = {
    name: [7, "x" * 5000, *UNPRINTABLE]
    for name in ("network", "quantization", "minimum_runtime", "head")
}
HASHES = {
    name: ["0" * 63, "0" * 65, "Z" * 64, "A" * 64, 0]
    for name in ("flatbuffer_sha256", "twin_sha256", "keras_sha256")
}
FACTS = {
    name: [
        "text",
        [1],
        {"auroc": NAN},
        {"auroc": [0.5, INFINITY]},
        {"auroc": 10**400},
        {"a\x1b[2J": 1},
        {"deep": DEEP},
        {"note": "\ud800"},
    ]
    for name in ("trained_on", "accuracy", "fidelity", "calibration")
}
OTHERS: dict[str, list[Any]] = {
    "refer_band": [
        *([0.6, 0.9], [0.1, 0.4], [-0.1, 0.9], [0.1, 1.1], [0.5], ["0.1", "0.9"]),
        *([NAN, 0.9], [0.1, NAN], [0.1, INFINITY], [True, True], [0.1, 0.5, 0.9]),
    ],
    "thresholds": [[0.6, 0.7, 0.8], [0.6], [0.1, 0.6, 0.6], [NAN] * 3, "0.6", [True] * 3],
    "contract": [
        {**SOUND["contract"], name: value}
        for name, values in {
            "side": [31, 513, 70.0, "70", NAN, 0, -70, 10**9, True],
            "labels": [
                *(LABELS[:1], [*LABELS, LABELS[0]], [], "hem", {"hem": 0}, ["hem", "all"]),
                *([LABELS[0], {**LABELS[1], "name": name}] for name in WRONG_NAMES),
                *([LABELS[0], {**LABELS[1], "words": name}] for name in WRONG_WORDS),
                *([LABELS[0], {**LABELS[1], "words": word}] for word in ("refer", "Failed")),
                *([LABELS[0], {**LABELS[1], "colour": name}] for name in ("", "pink", 3, None)),
                [{**LABELS[0], "of_the_future": 1}, LABELS[1]],
            ],
            "positive": ["", "hem", "cat", 1, ["all"], "\x1b[2J"],
            "background": ["", "white", None, 0],
            "um_per_pixel": [0, -1, NAN, INFINITY, "0.1", True, 1e9],
            "diameters": [
                *([], {}, 7, {**SIZES, "of_the_future": 1}),
                *({**SIZES, "percentiles": few} for few in ([1.0], [*range(9, 0, -1)], [NAN] * 9)),
                *({**SIZES, "cells": count} for count in (0, -1, 1.5, "1")),
                *({**SIZES, "sizes": sizes} for sizes in ([], {}, 7)),
                *(
                    {**SIZES, "sizes": {**OF_PEOPLE, name: value}}
                    for name in OF_PEOPLE
                    for value in (NAN, None, "0.1", 1e10, -1e10)
                ),
                {**SIZES, "sizes": {**OF_PEOPLE, "people": 3}},
            ],
            "intended_use": [7, "x" * 5000, *UNPRINTABLE],
            "channels": ["BGR", "", 3],
            "dtype": ["uint8", "float32"],
            "scale": [1.0, 0, NAN, INFINITY, "1/255", -1 / 255],
            "zero_point": [0, 128, -128.0, "-128"],
            "of_the_future": [1],
        }.items()
        for value in values
    ],
    "operators": [
        [{**SOUND["operators"][0], name: value}]
        for name, values in {
            "name": ["", "conv", "CONV 2D", "\x1b[2J", 7, "X" * 500],
            "version": [0, -1, 1.5, "1", NAN, 10**9],
            "count": [0, -1, 1.5, "1", INFINITY, 10**9],
        }.items()
        for value in values
    ]
    + [[{"name": "CONV_2D"}], [7], SOUND["operators"] * 200],
    "created_with": [{"numpy": 2}, {"x\n": "1"}, {"numpy": "\x1b[2J"}, [["numpy", "2"]]],
}
WRONG = {**NUMBERS, **TEXTS, **HASHES, **FACTS, **OTHERS}
MAY_BE = {  # what is possible among the values that are wrong nearly everywhere
    "quantization": [""],
    "minimum_runtime": [""],
    "thresholds": [None],
    **{name: [{}] for name in (*FACTS, "created_with")},
}


def is_among(value: object, possible: list[Any]) -> bool:
    return any(type(value) is type(one) and value == one for one in possible)


CASES = [
    pytest.param(name, value, id=f"{name}-{i}")
    for name in FIELDS
    for i, value in enumerate([*WRONG[name], *WRONG_ANYWHERE])
    if not is_among(value, MAY_BE.get(name, []))
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path to write to, again and again, whose own name would move a cursor."""
    return tmp_path_factory.mktemp("sealed") / "m\x1b[2J\u202e.tflite"


def refusal(path: Path, data: bytes) -> ModelFileRefused:
    """Why a model file is refused, which is a line that a terminal can show."""
    path.write_bytes(data)
    with pytest.raises(ModelFileRefused) as refused:
        read_model_file(path)
    message = str(refused.value)
    assert message.isprintable()
    assert len(message) < 262
    return refused.value


def with_member(name: str, data: bytes) -> bytes:
    return sealed({**entries(), name: data})


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_field_that_cannot_be_so_is_refused_by_its_name(
    file: Path, name: str, value: object
) -> None:
    text = json.dumps({**SOUND, name: value}).encode()
    refused = refusal(file, with_member("edge-all.json", text))
    assert name in str(refused) or "JSON" in str(refused)  # where that has no such value
    assert refused.reason == ("schema" if "metadata schema" in str(refused) else "metadata")


def test_the_table_has_every_field() -> None:
    assert set(WRONG) == set(FIELDS) == set(SOUND)


def test_the_contract_of_the_metadata_is_that_of_the_runtime() -> None:
    contract = read_model_file(SHIPPED_MODEL).metadata.contract
    assert (contract.side, contract.zero_point) == (cnmc.SIDE, INPUT_ZERO_POINT)
    assert contract.scale == pytest.approx(INPUT_SCALE, abs=1e-9)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100)
@given(name=st.sampled_from(sorted(FIELDS)), value=json_values)
def test_whatever_a_field_holds_it_is_taken_or_a_value_error(name: str, value: object) -> None:
    with contextlib.suppress(ValueError):
        read = metadata_of({**SOUND, name: value})
        assert parse_metadata(read.to_json()) == read


def test_names_in_other_scripts_are_taken() -> None:
    words = "donn\u00e9es \u2013 C\u2011NMC\u3000\xa0\u767d\u8840\u75c5 \U0001f469\u200d\U0001f52c"
    read = metadata_of({**SOUND, "network": words, "trained_on": {words: words}})
    assert parse_metadata(read.to_json()) == read


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema": 1, "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b" " * (2 << 20),
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"schema": 1e999}',
        b'{"schema": NaN}',
        b'{"schema": 1, "network": "\xed\xa0\x80"}',
        b"7",
        b"null",
        b'"text"',
        b"[]",
        b"1" * 5000,
    ],
    ids=lambda text: repr(text[:25]),
)
def test_metadata_that_are_no_object_of_json_are_refused(file: Path, text: bytes) -> None:
    assert refusal(file, with_member("edge-all.json", text)).reason in {"metadata", "schema"}


COUNTS = json.loads(a_reference().to_json())["probability"]


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b" " * (2 << 20),
        of_reference(schema=True),
        of_reference(cells_are="\x1b[2J"),
        of_reference(cells_are=7),
        of_reference(decisions={"healthy": 2.0, "refer": 0, "leukemia": 0}),
        of_reference(decisions={"healthy": True, "refer": True, "leukemia": 0}),
        of_reference(decisions={"healthy": -1, "refer": 3, "leukemia": 0}),
        of_reference(probability={**COUNTS, "edges": ["0", *COUNTS["edges"][1:]]}),
        of_reference(probability={**COUNTS, "edges": [-INFINITY, *COUNTS["edges"][1:]]}),
        of_reference(probability={**COUNTS, "edges": [*COUNTS["edges"][:-1], 10**400]}),
        of_reference(probability={**COUNTS, "edges": [NAN, *COUNTS["edges"][1:]]}),
        of_reference(probability={**COUNTS, "counts": [10**400, *COUNTS["counts"][1:]]}),
        of_reference(probability={**COUNTS, "counts": [True, *COUNTS["counts"][1:]]}),
        of_reference(probability={"edges": [*range(5001)], "counts": [0] * 5000}),
        of_reference(probability=[COUNTS]),
    ],
    ids=lambda text: repr(text[-25:]),
)
def test_a_drift_reference_with_impossible_counts_is_refused(file: Path, text: bytes) -> None:
    assert refusal(file, with_member("reference.json", text)).reason == "metadata"


def npy_header(words: str, version: int = 1, data: bytes = b"", size: int | None = None) -> bytes:
    """Array as NumPy writes it, with anything in its header."""
    text = words.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text) if size is None else size)
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def shaped(shape: str, descr: str = "'|u1'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


ARRAYS = {
    "terabytes": npy_header(shaped("(100000000, 70, 70, 3)")),
    "more digits than a number has": npy_header(shaped(f"({'9' * 400}, 70, 70, 3)")),
    "negative": npy_header(shaped("(-1, 70, 70, 3)"), data=bytes(14_700)),
    "nothing": npy_header(shaped("(0, 70, 70, 3)")),
    "no shape": npy_header(shaped("()"), data=b"\0"),
    "too many": npy(np.zeros((257, 70, 70, 3), np.uint8)),
    "nested": npy_header("(" * 400),
    "minus": npy_header("-" * 500 + "1"),
    "huge header": npy_header(shaped("(1,)") + " " * 60_000),
    "header beyond the end": npy_header(shaped("(1,)"), size=500),
    "header of gigabytes": npy_header(shaped("(1,)"), version=2, size=4_000_000_000),
    "version 3": npy_header(shaped("(1, 70, 70, 3)"), version=3, data=bytes(14_700)),
    "objects": npy_header(shaped("(1, 70, 70, 3)", "'|O'")),
    "text": npy_header(shaped("(1, 70, 70, 3)", "'<U1000000'")),
    "many in one": npy_header(shaped("(1,)", "('u1', (100000000,))")),
    "fields": npy_header(shaped("(1,)", "[('a\\x1b', 'u1')]")),
    "column by column": npy(np.asfortranarray(np.zeros((2, 70, 70, 3), np.uint8))),
    "cut": npy(np.zeros((2, 70, 70, 3), np.uint8))[:-1],
    "more behind": npy(np.zeros((2, 70, 70, 3), np.uint8)) + b"\0",
    "no dictionary": npy_header("7"),
}


@pytest.mark.parametrize("data", ARRAYS.values(), ids=ARRAYS.keys())
def test_golden_vectors_of_impossible_size_are_refused(file: Path, data: bytes) -> None:
    refused = refusal(file, with_member("golden/inputs.npy", data))
    assert refused.reason == "metadata"
    assert "golden" in str(refused)


def set_in_headers(name: str, at: int, value: bytes) -> Callable[[bytearray], None]:
    """Make what changes a field of a member in both of its headers; `at` is its place in one."""

    def change(zipped: bytearray) -> None:
        first, last = zipped.index(name.encode()), zipped.rindex(name.encode())
        for start in (first - 30 + at, last - 46 + 2 + at):
            zipped[start : start + len(value)] = value

    return change


INPUTS = "golden/inputs.npy"
FLAGS, METHOD, CRC, SIZE = 6, 8, 14, 22  # places in a header
ZIPS = {
    "encrypted": sealed(entries(), change=set_in_headers(INPUTS, FLAGS, b"\1")),
    "packed by bzip2": sealed(entries(), how=zipfile.ZIP_BZIP2),
    "packed by lzma": sealed(entries(), how=zipfile.ZIP_LZMA),
    "packed in no way known": sealed(entries(), change=set_in_headers(INPUTS, METHOD, b"\x63")),
    "of another checksum": sealed(entries(), change=set_in_headers(INPUTS, CRC, b"1234")),
    "shorter than it is": sealed(entries(), change=set_in_headers(INPUTS, SIZE, b"\xff")),
    "many members": sealed({**entries(), **{str(i): b"" for i in range(14)}}),
    "thousands of members": sealed({**entries(), **{str(i): b"" for i in range(3000)}}),
    "a long directory": sealed({**entries(), "x" * 60_000: b""}),
    "no members": sealed({}),
}


def test_a_part_that_is_there_twice_is_refused(file: Path) -> None:
    def rename(body: bytearray) -> None:
        body[:] = body.replace(b"edge-all.jsox", b"edge-all.json")

    twice = sealed({**entries(), "edge-all.jsox": b"{}"}, change=rename)
    assert refusal(file, twice).reason == "metadata"


@pytest.mark.parametrize("data", ZIPS.values(), ids=ZIPS.keys())
def test_a_zip_that_edge_all_cannot_have_written_is_refused(file: Path, data: bytes) -> None:
    assert refusal(file, data).reason == "metadata"


READ_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from edge.errors import ModelFileRefused
from edge.models.model_file import SHIPPED_MODEL, read_model_file
read_model_file(SHIPPED_MODEL)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read_model_file(Path(path))
    except ModelFileRefused as refused:
        print(refused.reason)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["edge-all.json", INPUTS])
def test_a_bomb_takes_no_memory(tmp_path: Path, name: str) -> None:
    zeros, small = bytes(48 << 20), 1 << 12

    def say_that_it_is_small(body: bytearray) -> None:
        set_in_headers(name, SIZE, struct.pack("<I", small))(body)
        set_in_headers(name, CRC, struct.pack("<I", zlib.crc32(zeros[:small])))(body)

    bomb = {**entries(), name: zeros}
    paths = [tmp_path / "honest.tflite", tmp_path / "lie.tflite"]
    for path, change in zip(paths, (bytes, say_that_it_is_small), strict=True):
        path.write_bytes(sealed(bomb, how=zipfile.ZIP_DEFLATED, change=change))
        assert path.stat().st_size < 1 << 20
    code = [sys.executable, "-c", READ_IN_LITTLE_MEMORY, *map(str, paths)]
    done = subprocess.run(code, capture_output=True, text=True)
    *reasons, kilobytes = done.stdout.split()
    assert reasons == ["metadata"] * 2, done.stderr
    assert int(kilobytes) < 20_000
