"""Where the calibration of an instrument is kept: a folder for each microscope and objective.

``$XDG_CONFIG_HOME/edge-all/instruments/MICROSCOPE/OBJECTIVE/``, with ``scale.json``,
``flat-field.json`` and ``flat-field.png`` (16 bits a channel) in it; ``$EDGE_ALL_INSTRUMENTS`` may
name another folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import InstrumentRefused
from edge.instrument.flat_field import REDUCED, FlatField
from edge.records import checks
from edge.records.json_text import MOST_JSON, read_json
from edge.whole_file import save_bytes

SCHEMA = 1
"""Version of the files."""

DEFAULT_MICROSCOPE = "microscope"
"""What a microscope is called that nobody named."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,39}")
_LEVELS = 256.0  # steps of the stored light for a grey level
_SCALE_FILE, _FLAT_FILE, _FLAT_IMAGE = "scale.json", "flat-field.json", "flat-field.png"
_MOST_SIDE = 1 << 16
_SIZE = checks.optional(checks.whole(1, _MOST_SIDE))
_SCALE = checks.record(
    {
        "edge_all_scale": checks.exactly(SCHEMA),
        "um_per_pixel": checks.number(1e-4, 100),
        "width": _SIZE,
        "height": _SIZE,
        "how": checks.string(400),
        "time": checks.number(0, 1e12),
    }
)
_FLAT = checks.record(
    {
        "edge_all_flat_field": checks.exactly(SCHEMA),
        "width": checks.whole(1, _MOST_SIDE),
        "height": checks.whole(1, _MOST_SIDE),
        "frames": checks.whole(1, 1 << 20),
        "sha256": checks.string(64),
        "time": checks.number(0, 1e12),
    }
)


@dataclass(frozen=True)
class StoredScale:
    """A scale that was stored.

    Attributes
    ----------
    um_per_pixel : float
    width, height : int or None
        Of the images it was measured on; None where it was given.
    how : str
        How it was found, for people.
    """

    um_per_pixel: float
    width: int | None
    height: int | None
    how: str


@dataclass(frozen=True)
class Instrument:
    """A microscope with one of its objectives.

    Attributes
    ----------
    microscope, objective : str

    Raises
    ------
    InstrumentRefused
        If a name cannot be that of a folder everywhere.
    """

    microscope: str
    objective: str

    def __post_init__(self) -> None:
        for name in (self.microscope, self.objective):
            if not _NAME.fullmatch(name):
                raise InstrumentRefused(
                    f"no microscope or objective can be called {name[:60]!a}; use up to 40 letters,"
                    " digits, and . _ + - between them"
                )

    def __str__(self) -> str:
        return f"{self.microscope}, {self.objective}"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return instruments_folder() / self.microscope / self.objective

    def save_scale(self, scale: StoredScale) -> None:
        """Keep a scale.

        Raises
        ------
        OutputFailed
        """
        values = {
            "edge_all_scale": SCHEMA,
            "um_per_pixel": scale.um_per_pixel,
            "width": scale.width,
            "height": scale.height,
            "how": scale.how,
            "time": round(time.time(), 3),
        }
        save_bytes(self.folder / _SCALE_FILE, _text(values))

    def scale(self) -> StoredScale | None:
        """The scale that is kept, if there is one.

        Raises
        ------
        InstrumentRefused
            If its file is damaged.
        """
        found = self._read(_SCALE_FILE, _SCALE)
        if found is None:
            return None
        return StoredScale(found["um_per_pixel"], found["width"], found["height"], found["how"])

    def save_flat_field(self, flat: FlatField, frames: int) -> None:
        """Keep the light of an empty field.

        Raises
        ------
        OutputFailed
        """
        steps = np.clip((flat.light * _LEVELS).round(), 1, 65535).astype(np.uint16)
        done, data = cv2.imencode(".png", cv2.cvtColor(steps, cv2.COLOR_RGB2BGR))
        assert done
        values = {
            "edge_all_flat_field": SCHEMA,
            "width": flat.width,
            "height": flat.height,
            "frames": frames,
            "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
            "time": round(time.time(), 3),
        }
        save_bytes(self.folder / _FLAT_IMAGE, data.tobytes())
        save_bytes(self.folder / _FLAT_FILE, _text(values))

    def flat_field(self) -> FlatField | None:
        """The light that is kept, if it is.

        Raises
        ------
        InstrumentRefused
            If its files are damaged.
        """
        found = self._read(_FLAT_FILE, _FLAT)
        if found is None:
            return None
        path = self.folder / _FLAT_IMAGE
        try:
            data = path.read_bytes()
        except OSError as error:
            raise self._damaged(path, error.strerror) from error
        if hashlib.sha256(data).hexdigest() != found["sha256"]:
            raise self._damaged(path, "it is not the image that was stored")
        steps = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        wanted = (-(-found["height"] // REDUCED), -(-found["width"] // REDUCED), 3)
        if steps is None or steps.dtype != np.uint16 or steps.shape != wanted:
            raise self._damaged(path, "it is no light of frames of this size")
        rgb = cv2.cvtColor(steps, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(_LEVELS)
        return FlatField(np.maximum(rgb, 1 / _LEVELS), found["width"], found["height"])

    def _read(self, name: str, check: checks.Check) -> Any:
        path = self.folder / name
        try:
            found = read_json(path, MOST_JSON)
            check("", found)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._damaged(path, error.strerror) from error
        except ValueError as error:
            raise self._damaged(path, error) from error
        return found

    def _damaged(self, path: Path, why: object) -> InstrumentRefused:
        return InstrumentRefused(f"{path}: {why}; calibrate {self} again")


def instruments_folder() -> Path:
    """Where the calibrations of all instruments are."""
    if named := os.environ.get("EDGE_ALL_INSTRUMENTS"):
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "edge-all" / "instruments"


def _text(values: Mapping[str, object]) -> bytes:
    return (json.dumps(values, indent=1, allow_nan=False) + "\n").encode()
