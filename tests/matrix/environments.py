"""Environments of the matrix: Pythons of this machine, and those of emulated ARM boards."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from matrix.userland import NotHere, Userland

_LITERT, _LEGACY = "ai-edge-litert", "tflite-runtime"


@dataclass(frozen=True)
class Environment:
    """What edge-all is installed in.

    Attributes
    ----------
    architecture : str
        ``x86-64``, ``aarch64`` or ``armhf``.
    python : str
        ``3.11``.
    runtime : str
        Distribution of the TFLite runtime.
    is_quick : bool
        Whether the reduced matrix has it.
    """

    architecture: str
    python: str
    runtime: str
    is_quick: bool = False

    def __str__(self) -> str:
        return f"{self.architecture}, Python {self.python}, {self.runtime}"

    @property
    def folder(self) -> str:
        """Name of the folder it is set up in."""
        return f"{self.architecture}-{self.python}-{self.runtime}"


ALL = (
    Environment("x86-64", "3.11", _LITERT, is_quick=True),  # the others are compared with it
    Environment("x86-64", "3.10", _LITERT),
    Environment("x86-64", "3.12", _LITERT),
    Environment("x86-64", "3.13", _LITERT, is_quick=True),
    Environment("x86-64", "3.11", _LEGACY, is_quick=True),
    Environment("aarch64", "3.11", _LITERT, is_quick=True),
    Environment("aarch64", "3.13", _LITERT),
    Environment("aarch64", "3.11", _LEGACY),
    Environment("armhf", "3.11", _LEGACY, is_quick=True),
)


def set_up(environment: Environment, wheel: Path, folder: Path) -> list[str]:
    """Install the wheel as the docs say it, and nothing else.

    Parameters
    ----------
    environment : Environment
    wheel : Path
    folder : Path
        Where it is made; new.

    Returns
    -------
    list of str
        Command that starts its Python.

    Raises
    ------
    NotHere
    """
    asked = f"{wheel}[legacy]" if environment.runtime == _LEGACY else str(wheel)
    if environment.architecture != "x86-64":
        return _emulated(environment, asked, folder)
    python = _python(environment.python)
    run([python, "-m", "venv", str(folder)])
    programs = folder / "bin"
    install = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([str(programs / "python"), *install, "install", asked])
    if environment.runtime == _LEGACY:
        run([str(programs / "python"), *install, "uninstall", "--yes", _LITERT])
    return [str(programs / "python")]


def _emulated(environment: Environment, asked: str, folder: Path) -> list[str]:
    missing = [tool for tool in Userland.NEEDS if not shutil.which(tool)]
    if missing:
        raise NotHere(f"no {', '.join(missing)}: apt install qemu-user-static")
    userland = Userland(environment.architecture, environment.python, folder)
    userland.unpack()
    userland.pip_install(asked)
    if environment.runtime == _LEGACY and environment.architecture == "aarch64":
        userland.forget(_LITERT)
    return userland.command


def _python(version: str) -> str:
    """A Python of this version that runs: a shim of a version manager may not."""
    path = shutil.which(f"python{version}")
    says = "import sys; print('%d.%d' % sys.version_info[:2])"
    if path:
        done = subprocess.run([path, "-c", says], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return path
    raise NotHere(f"no Python {version}")


def run(command: list[str], **more: str) -> str:
    """Run a command away from the source tree; its output.

    Raises
    ------
    RuntimeError
        If it fails, with what it said.
    """
    done = subprocess.run(
        command, cwd="/", capture_output=True, text=True, env={**os.environ, **more}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
