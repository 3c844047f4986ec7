"""The Keras backend: find the accelerator, make runs repeatable, use several devices."""

from __future__ import annotations

import platform
from typing import Any

from edge.errors import DataRefused
from edge.machine import installed_version, processor_name
from edge.process.native_messages import native_messages_silenced

_PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def accelerator() -> str | None:
    """Name of the GPU or TPU the backend sees, or None."""
    with native_messages_silenced():  # TensorFlow reports every driver it does not find
        return _accelerator()


def _accelerator() -> str | None:
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        if not devices:
            return None
        return str(tf.config.experimental.get_device_details(devices[0])["device_name"])
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else str(device.device_kind)
    import torch

    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else None


def usual_precision() -> str:
    """bfloat16 where an accelerator is found, float32 on a processor."""
    return "mixed_bfloat16" if accelerator() else "float32"


def make_deterministic() -> None:
    """Make every operation give the same bits each time; slower."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    # JAX is deterministic on processors as it is; on GPUs XLA_FLAGS must say so before it starts


def use_all_devices() -> int:
    """Spread every batch over all devices of all hosts; returns how many there are.

    Raises
    ------
    DataRefused
        If the backend is not JAX, the only one for which Keras can.
    """
    import keras

    if keras.backend.backend() != "jax":
        raise DataRefused("--data-parallel needs the JAX backend: set KERAS_BACKEND=jax")
    parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)
    return len(keras.distribution.list_devices())


def machine() -> str:
    """Say what a run runs on: accelerator or processor, and system."""
    return f"{accelerator() or processor_name()}, {platform.system()} {platform.machine()}"


def versions() -> dict[str, Any]:
    """Versions of everything that decides what a run gives."""
    import keras

    backend = keras.backend.backend()
    return {
        "edge-all": installed_version("edge-all"),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": f"{backend} {installed_version(_PACKAGES[backend])}",
        "numpy": installed_version("numpy"),
    }
