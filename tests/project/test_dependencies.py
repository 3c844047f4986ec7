"""The rule about dependencies: the device side needs nothing of the build side."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from imported import OURS, imports

ROOT = Path(__file__).parents[2]
RUNTIMES = {"ai_edge_litert", "tflite_runtime", "tensorflow", "openvino"}

BROKERS = {"paho"}  # an extra, asked for by edge/fleet alone
PAGES = {"starlette", "uvicorn"}  # an extra, asked for by edge/web alone
CLUSTER = {"ray", "pyarrow"}  # an extra, asked for by edge/cluster alone
ON_REQUEST = {*CLUSTER, *BROKERS, "openvino", "cryptography"}
CAMERAS = {"linuxpy", "pymmcore_plus", "picamera2"}  # extras, asked for by their cameras alone

# package -> packages of this project, and of others, that its modules may import
MAY_IMPORT = {
    "edge": (
        {"edge"},
        {"numpy", "cv2", "rich", "watchdog", *ON_REQUEST, *CAMERAS, *PAGES},
    ),
    "calibration": ({"edge", "calibration"}, {"numpy", "typer", "sklearn", "matplotlib"}),
    "convert": (
        {"edge", "calibration", "convert"},
        {"numpy", "typer", "keras", "tensorflow", "ai_edge_quantizer", "ai_edge_litert"}
        | {"matplotlib", "onnx", "onnxruntime"},
    ),
    "train": (
        {"edge", "calibration", "train"},
        {"numpy", "cv2", "typer", "rich", "keras", "sklearn", "matplotlib"}
        | {"tomli"}  # tomllib of Python 3.10
        | {"tensorflow", "jax", "torch"},  # asked for devices and determinism, by the one in use
    ),
}
# what takes long to import: only inside the functions that need it
HEAVY = {"keras", "tensorflow", "jax", "torch", "sklearn", "matplotlib"}
HEAVY |= {"ai_edge_quantizer", "ai_edge_litert", "onnx", "onnxruntime", "watchdog"}
HEAVY |= CAMERAS | ON_REQUEST
COMMANDS = {  # package -> module of its command line
    "edge": "edge.cli.main",
    "calibration": "calibration.cli",
    "convert": "convert.cli.main",
    "train": "train.cli.main",
}
MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    ours, others = MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    found = imports(ast.walk(ast.parse(path.read_text())))
    assert found & OURS <= ours
    assert found - OURS <= others


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_nothing_heavy_when_it_is_imported(path: Path) -> None:
    assert not imports(ast.parse(path.read_text()).body) & HEAVY


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_command_line_comes_up_without_any_heavy_library(package: str) -> None:
    if package != "edge":
        pytest.importorskip("typer", reason="needs an extra of the build side")
    code = (
        f"import sys; import {COMMANDS[package]};"
        f"print(*sorted({HEAVY | {'cv2', 'rich', 'pandas'}!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= (set() if package == "edge" else {"rich"})  # by typer


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def run_without(blocked: set[str], code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which some libraries cannot be found."""
    code = BLOCKED.format(blocked=blocked) + code
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)


def test_the_device_classifies_where_nothing_of_the_build_side_is_installed(tmp_path: Path) -> None:
    blocked = (HEAVY | OURS - {"edge"} | {"pandas", "h5py"}) - {"ai_edge_litert"}
    code = """
from edge.crops.drawn import write_samples
from edge.engine.classifier import Classifier
path, = write_samples(__import__("pathlib").Path(sys.argv[1]), 1)
with Classifier() as classifier:
    print(classifier.classify(path).decision)
"""
    done = run_without(blocked, code, str(tmp_path))
    assert done.stdout.strip() in {"healthy", "leukemia", "refer"}, done.stderr


@pytest.mark.parametrize(
    ("package", "arguments", "missing"),
    [
        ("train", ["cnn", "--data", "."], "pip install 'edge-all[train]'"),
        ("convert", ["run", "cnn.keras"], "pip install 'edge-all[convert]'"),
    ],
)
def test_a_command_without_its_extra_says_what_to_install(
    package: str, arguments: list[str], missing: str
) -> None:
    pytest.importorskip("typer", reason="needs an extra of the build side")
    code = f"sys.argv[0] = 'edge-all-{package}'\nfrom {COMMANDS[package]} import app\napp()"
    # find_spec finds what is installed: these stand for packages that are not
    hide = "import importlib.util; importlib.util.find_spec = lambda name: None\n"
    done = run_without(HEAVY, hide + code, *arguments)
    assert done.returncode == 2
    assert missing in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("package", "extra"), [("train", "train"), ("convert", "convert"), ("calibration", "convert")]
)
def test_a_command_line_without_its_extra_says_what_to_install(package: str, extra: str) -> None:
    hide = "import importlib.util; importlib.util.find_spec = lambda name: None\n"
    done = run_without({"typer"}, f"{hide}from {package}.__main__ import main; main()", "--help")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: typer not installed; install it with: pip install 'edge-all[{extra}]'\n"
    )


def rooms_imported(path: Path) -> set[str]:
    """Rooms of `edge` that a module imports, also inside functions, but for types alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types
    ]
    return {name.split(".")[1] for name in names if name.startswith("edge.")}


def test_rooms_of_the_device_import_one_way() -> None:
    needs: dict[str, set[str]] = {}
    for path in (ROOT / "edge").rglob("*.py"):
        room = path.relative_to(ROOT / "edge").parts[0].removesuffix(".py")
        needs.setdefault(room, set()).update(rooms_imported(path) - {room})
    while free := {room for room, needed in needs.items() if not needed & set(needs)}:
        needs = {room: needed for room, needed in needs.items() if room not in free}
    assert not needs, f"these import one another in circles: {sorted(needs)}"
