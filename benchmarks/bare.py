"""The bare minimum: import, load a model file, invoke once, with nothing of edge-all."""

import argparse
import importlib

import cv2  # noqa: F401  (a program that reads images has it in memory)
import numpy as np


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--interpreters", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    # kept until all are there, as a program that uses all of them would
    _ = [invoked(options.model, options.batch) for _ in range(options.interpreters)]


def invoked(model: str, batch: int) -> object:
    """Interpreter that was invoked once."""
    interpreter = interpreter_class()(model_path=model, num_threads=1)
    details = interpreter.get_input_details()[0]
    if batch > 1:
        interpreter.resize_tensor_input(details["index"], (batch, 70, 70, 3))
    interpreter.allocate_tensors()
    interpreter.set_tensor(details["index"], np.zeros((batch, 70, 70, 3), np.int8))
    interpreter.invoke()
    return interpreter


def interpreter_class() -> type:
    """Interpreter of the runtime that edge-all would take."""
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        try:
            return importlib.import_module(module).Interpreter
        except ImportError:
            continue
    raise SystemExit("no TFLite runtime found; install one with: pip install ai-edge-litert")


if __name__ == "__main__":
    main()
