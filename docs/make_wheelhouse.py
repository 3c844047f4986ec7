"""Fetch all wheels that a device without a network needs: ``make wheelhouse ARCH= PYTHON=``.

What pip would choose on the device it cannot know here: it looks at this machine's kernel. So the
wheels are asked for by name and platform.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARIES = ("numpy", "rich>=13")
LITERT = (*LIBRARIES, "opencv-python-headless>=4.6", "ai-edge-litert>=2.1")
LEGACY = "tflite-runtime==2.14.0"
GLIBC = (17, 27, 28, 31, 34)  # versions 2.x that wheels are built for; Debian 12 has 2.36
LAST_LEGACY_PYTHON = (3, 11)


def main() -> None:
    """Fetch them, or end with what is wrong."""
    options = _options()
    out: Path = options.out
    shutil.rmtree(out, ignore_errors=True)
    _pip("wheel", "--no-deps", "--wheel-dir", str(out), str(ROOT))
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={options.python}"]
    target += [f"--platform=manylinux_2_{minor}_{options.arch}" for minor in GLIBC]
    target += [f"--platform=manylinux2014_{options.arch}", f"--dest={out}"]
    if options.arch == "armv7l":  # numpy and OpenCV are Debian's there: they have no wheels
        _pip("download", *target, "rich>=13")
        _pip("download", *target, "--no-deps", LEGACY)
    else:
        _pip("download", *target, *LITERT)
    files = sorted(out.iterdir())
    print(f"{len(files)} wheels, {sum(f.stat().st_size for f in files) / 1e6:.0f} MB, in {out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arch", choices=["x86_64", "aarch64", "armv7l"])
    parser.add_argument("python", type=_version, help="3.11, say: that of the device")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    version = tuple(map(int, options.python.split(".")))
    if options.arch == "armv7l" and version > LAST_LEGACY_PYTHON:
        parser.error("32-bit ARM has no TFLite runtime for a Python newer than 3.11")
    return options


def _version(text: str) -> str:
    if not re.fullmatch(r"3\.\d+", text):
        raise argparse.ArgumentTypeError(f"say the Python of the device as PYTHON=3.11, not {text}")
    return text


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit("pip could not fetch a wheel; see above")


if __name__ == "__main__":
    main()
