"""Runtime profiles: what tflite-runtime 2.14.0 can load, asked of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from environments import no_tflite_runtime
from tflite_helpers import in_old_runtime

from convert.graph.flatbuffer import names, pack, unpack
from convert.graph.profiles import EDGE_TPU, PROFILES, lacking, too_new
from convert.verify.gates import judge_profile
from edge.errors import ConversionFailed
from edge.models.metadata import Operator
from edge.models.model_file import SHIPPED_MODEL, read_model_file

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


def with_operator(code: int, version: int, uses: bool = False) -> bytes:
    """A flatbuffer that needs one builtin operator, and does nothing, or has it once."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode, operator_code.version = code, version
    operator_code.deprecatedBuiltinCode = min(code, 127)
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    if uses:
        graph.operators = [schema.OperatorT()]
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


def test_the_gate_names_what_the_runtime_lacks() -> None:
    codes = {name: code for code, name in names("BuiltinOperator").items()}
    assert judge_profile(read_model_file(SHIPPED_MODEL).flatbuffer, PROFILE).passed
    gate = judge_profile(with_operator(codes["CONV_2D"], 8, uses=True), PROFILE)
    assert gate.result == "failed"
    assert gate.value == 1
    assert "tflite-2.14 lacks CONV_2D version 8" in gate.says


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ConversionFailed, match=r"no runtime profile tflite-9; known are edgetpu, tflite-2\.14"
    ):
        too_new([], "tflite-9")


def spoilt(change: Callable[[Any], None]) -> bytes:
    """The shipped network with something about its first convolution changed."""
    model = unpack(read_model_file(SHIPPED_MODEL).flatbuffer)
    change(model)
    return pack(model)


def first_convolution(model: Any) -> Any:
    return model.subgraphs[0].operators[0]


def input_of(model: Any) -> Any:
    return model.subgraphs[0].tensors[int(model.subgraphs[0].inputs[0])]


def test_the_shipped_network_maps_to_the_edge_tpu_by_its_documentation() -> None:
    flatbuffer = read_model_file(SHIPPED_MODEL).flatbuffer
    assert lacking(flatbuffer, EDGE_TPU) == ()
    assert judge_profile(flatbuffer, EDGE_TPU).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: setattr(model.operatorCodes[0], "builtinCode", 32), "CUSTOM"),
        (lambda model: setattr(input_of(model), "type", 0), "is FLOAT32, not 8 bits"),
        (
            lambda model: setattr(input_of(model), "shapeSignature", [-1, 70, 70, 3]),
            "not known when it is compiled",
        ),
        (
            lambda model: setattr(input_of(model), "shape", [2, 70, 70, 3]),
            "more than three dimensions",
        ),
        (
            lambda model: setattr(first_convolution(model).builtinOptions, "dilationWFactor", 2),
            "dilated differently",
        ),
    ],
    ids=["operator", "float", "dynamic", "dimensions", "dilation"],
)
def test_what_keeps_an_operator_off_the_edge_tpu_is_named(
    change: Callable[[Any], None], words: str
) -> None:
    found = lacking(spoilt(change), EDGE_TPU)
    assert words in found[0]
    gate = judge_profile(spoilt(change), EDGE_TPU)
    assert gate.result == "failed"
    assert gate.value == len(found)


def test_an_activation_fused_into_a_pooling_is_named() -> None:
    name = "MAX_POOL_2D"

    def fuse(model: Any) -> None:
        code = names("BuiltinOperator")
        for operator in model.subgraphs[0].operators:
            used = model.operatorCodes[operator.opcodeIndex]
            if code[max(used.builtinCode, used.deprecatedBuiltinCode)] == name:
                operator.builtinOptions.fusedActivationFunction = 1

    found = lacking(spoilt(fuse), EDGE_TPU)
    assert len(found) == 5
    assert all(each.startswith(name) and "activation is fused" in each for each in found)
