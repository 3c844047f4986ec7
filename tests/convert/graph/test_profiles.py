"""Runtime profiles: what tflite-runtime 2.14.0 can load, asked of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from environments import no_tflite_runtime
from tflite_helpers import in_old_runtime

from convert.graph.flatbuffer import names
from convert.graph.profiles import PROFILES, too_new
from convert.verify.gates import judge_profile
from edge.errors import ConversionFailed
from edge.models.metadata import Operator

PROFILE = "tflite-2.14"

# a flatbuffer of one operator code: the interpreter looks every code up before it reads on
PROBE = """
import json, sys
from tflite_runtime.interpreter import Interpreter
loads = {}
for name, versions in json.load(open(sys.argv[1])).items():
    loads[name] = []
    for version, flatbuffer in versions.items():
        try:
            Interpreter(model_content=bytes.fromhex(flatbuffer))
            loads[name].append(int(version))
        except ValueError:
            pass
print(json.dumps(loads))
"""


def with_operator(code: int, version: int) -> bytes:
    """A flatbuffer that needs one builtin operator, and does nothing."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode, operator_code.version = code, version
    operator_code.deprecatedBuiltinCode = min(code, 127)
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [operator_code], [graph]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@no_tflite_runtime
def test_the_profile_is_what_tflite_runtime_loads(tmp_path: Path, old_python: Path) -> None:
    codes = {name: code for code, name in names("BuiltinOperator").items()}
    highest = max(PROFILES[PROFILE].values())
    asked = {
        name: {v: with_operator(code, v).hex() for v in range(1, highest + 3)}
        for name, code in codes.items()
        if name not in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")
    }
    (tmp_path / "probe.json").write_text(json.dumps(asked))
    loads = in_old_runtime(old_python, PROBE, tmp_path / "probe.json")
    assert {name: max(found) for name, found in loads.items() if found} == PROFILES[PROFILE]


def test_a_network_of_known_operators_passes() -> None:
    needs = [Operator("CONV_2D", 3, 10), Operator("FULLY_CONNECTED", 10, 2)]
    assert too_new(needs, PROFILE) == ()
    assert judge_profile(needs, PROFILE).passed


def test_every_operator_that_is_too_new_is_named() -> None:
    needs = [
        Operator("CONV_2D", 8, 1),
        Operator("FULLY_CONNECTED", 4, 1),
        Operator("FULLY_CONNECTED", 12, 1),
        Operator("STABLEHLO_ADD", 1, 1),
    ]
    assert too_new(needs, PROFILE) == (
        "CONV_2D version 8 (it has up to 7)",
        "FULLY_CONNECTED version 12 (it has up to 10)",
        "STABLEHLO_ADD version 1 (not in it)",
    )
    gate = judge_profile(needs, PROFILE)
    assert gate.result == "failed"
    assert gate.value == 3
    assert "tflite-2.14 lacks CONV_2D version 8" in gate.says


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ConversionFailed, match=r"no runtime profile tflite-9; known are tflite-2\.14"
    ):
        too_new([], "tflite-9")
