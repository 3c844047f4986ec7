"""The scripts that edge-all is compared with: on their own, pinned, honest about what they ran."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from imported import OURS, imports

from edge.crops.drawn import draw_cell
from edge.models.model_file import SHIPPED_MODEL

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "benchmarks" / "peers"
SCRIPTS = sorted(PEERS.glob("*.py"))
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "ai_edge_litert": "ai-edge-litert"}


def requirements() -> dict[str, str]:
    """Version of every required distribution."""
    lines = (PEERS / "requirements.txt").read_text().splitlines()
    stated = [line.partition("#")[0].strip() for line in lines]
    return dict(line.split("==") for line in stated if line)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_peer_imports_only_pinned_libraries_and_nothing_of_ours(script: Path) -> None:
    found = imports(ast.walk(ast.parse(script.read_text()))) - {"peer"}
    assert not found & OURS
    assert {DISTRIBUTIONS.get(name, name) for name in found} <= requirements().keys()


@pytest.fixture
def crops(tmp_path: Path) -> list[Path]:
    """Ten drawn cells, every other one redder."""
    paths = [tmp_path / f"cell-{seed}.png" for seed in range(10)]
    for seed, path in enumerate(paths):
        strength = np.array([0.3, 0.3, 1.0] if seed % 2 else [1.0, 0.3, 0.3])
        bgr = (draw_cell(seed)[:, :, ::-1] * strength).astype(np.uint8)
        assert cv2.imwrite(str(path), cv2.resize(bgr, (140, 140)))
    return paths


@pytest.fixture
def crop_list(tmp_path: Path, crops: list[Path]) -> Path:
    listed = tmp_path / "crops.txt"
    listed.write_text("".join(f"{path}\n" for path in crops))
    return listed


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PEERS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What a script printed: stdout holds one JSON object and nothing else."""
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["crops"] == 10
    assert found["crops_per_second"] > 0
    assert found["engine_crops_per_second"] > 0
    assert found["setting"]
    assert found["engine_setting"]
    return dict(found)


def test_the_plain_script_runs_the_shipped_model(crop_list: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="the plain script runs on ai-edge-litert")
    found = figures(run("plain.py", SHIPPED_MODEL, "--list", crop_list))
    assert found["name"] == "plain script"
    assert "agreement" not in found


def test_a_file_that_is_no_image_is_named_in_one_sentence(
    crop_list: Path, crops: list[Path]
) -> None:
    crops[3].write_bytes(b"no image")
    done = run("plain.py", SHIPPED_MODEL, "--list", crop_list)
    assert done.returncode == 1
    assert not done.stdout
    assert str(crops[3]) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_list_of_nothing_is_refused(crop_list: Path) -> None:
    crop_list.write_text("\n")
    done = run("plain.py", SHIPPED_MODEL, "--list", crop_list)
    assert done.returncode == 1
    assert str(crop_list) in done.stderr


@pytest.mark.parametrize("script", ["plain.py", "onnxruntime_int8.py"])
def test_a_file_that_is_no_network_is_named_in_one_sentence(
    script: str, crop_list: Path, tmp_path: Path
) -> None:
    model, kept = tmp_path / "model", tmp_path / "kept"
    model.write_bytes(b"no network")
    options: tuple[object, ...] = ()
    if script == "onnxruntime_int8.py":
        pytest.importorskip("onnxruntime", reason="needs the onnx extra")
        options = ("--representative", crop_list, "--cache", kept)
    else:
        pytest.importorskip("ai_edge_litert", reason="the plain script runs on ai-edge-litert")
    done = run(script, model, "--list", crop_list, *options)
    assert done.returncode == 1
    assert not done.stdout
    assert str(model) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(kept.glob("*"))


@pytest.fixture
def redness(tmp_path: Path) -> Path:
    """A float ONNX network that tells redder crops from bluer ones."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx extra")
    pytest.importorskip("onnxruntime", reason="needs the onnx extra")
    make, numbers = onnx.helper, onnx.numpy_helper.from_array
    # six channels carry red, six blue: 1x1 convolutions of x/255, averaged over the crop
    channels = np.repeat(np.eye(3, dtype=np.float32)[[0, 2]], 6, axis=0)
    weights = np.repeat(np.array([[1], [-1]], np.float32), 6, axis=0)
    graph = make.make_graph(
        [
            make.make_node("Transpose", ["crop"], ["planes"], perm=[0, 3, 1, 2]),
            make.make_node("Conv", ["planes", "channels"], ["features"]),
            make.make_node("Relu", ["features"], ["positive"]),
            make.make_node("GlobalAveragePool", ["positive"], ["means"]),
            make.make_node("Flatten", ["means"], ["flat"]),
            make.make_node("Gemm", ["flat", "weights"], ["logits"]),
        ],
        "redness",
        [make.make_tensor_value_info("crop", onnx.TensorProto.FLOAT, ["batch", 70, 70, 3])],
        [make.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 2])],
        [
            numbers(channels[:, :, None, None], "channels"),
            numbers(np.hstack([-weights, weights]), "weights"),
        ],
    )
    path = tmp_path / "redness.onnx"
    opset = make.make_opsetid("", 15)
    onnx.save(make.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def test_onnxruntime_quantizes_once_and_agrees_with_the_float_network(
    redness: Path, crop_list: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    command = ("onnxruntime_int8.py", redness, "--list", crop_list)
    options = ("--representative", crop_list, "--cache", kept)
    assert figures(run(*command, *options))["agreement"] == 1
    files = {path: path.stat().st_mtime_ns for path in kept.rglob("*.*")}
    assert sorted(path.name for path in files) == ["int8.onnx", "labels.npy"]
    # the network tells them apart, so that agreeing means something
    assert list(np.load(next(kept.rglob("labels.npy")))) == [0, 1] * 5
    assert figures(run(*command, *options))["agreement"] == 1
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*.*")} == files


def test_a_network_that_int8_spoils_is_seen_in_the_agreement(
    redness: Path, crop_list: Path, tmp_path: Path
) -> None:
    # calibrated on black crops alone, every range is empty
    black = tmp_path / "black.png"
    assert cv2.imwrite(str(black), np.zeros((140, 140, 3), np.uint8))
    representative = tmp_path / "representative.txt"
    representative.write_text(f"{black}\n")
    options = ("--representative", representative, "--cache", tmp_path / "kept")
    done = run("onnxruntime_int8.py", redness, "--list", crop_list, *options)
    assert figures(done)["agreement"] == 0.5


def test_no_library_leaves_an_identifier_of_this_machine(
    redness: Path, crop_list: Path, tmp_path: Path
) -> None:
    options = ("--representative", crop_list, "--cache", tmp_path / "kept")
    figures(run("onnxruntime_int8.py", redness, "--list", crop_list, *options))
    assert not (tmp_path / "cache").exists()  # XDG_CACHE_HOME, where onnxruntime keeps one
