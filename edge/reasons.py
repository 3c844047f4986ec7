"""Reason codes: why an input gave no decision.

The codes are stable: they stand in the ``error`` column of every result file.
"""

from __future__ import annotations

from collections.abc import Iterable

REASONS = {
    "not-found": "no such file, or a link to nothing",
    "link-loop": "a link that leads back to itself",
    "not-a-file": "a pipe, socket or device",
    "permission": "this user may not read it",
    "encrypted": "a member of a zip with a password",
    "unsupported": "held in a way that is not read: compression, colours, several frames, a stream",
    "unreachable": "no answer from the network in time",
    "http-error": "the server answered with an error",
    "no-camera": "the camera is not there, or another program has it",
    "camera-lost": "the camera went away while it was read",
    "no-frame": "the camera is there, but gave no frame in time",
    "frozen": "the camera gave the very same frame again, bit for bit",
    "io-error": "the operating system could not read it",
    "too-large": "more bytes or pixels than edge-all decodes",
    "empty": "no bytes in it",
    "not-an-image": "not BMP, PNG, JPEG, TIFF or WebP",
    "truncated": "the end of the image is missing",
    "damaged": "an image, but it does not decode",
    "wrong-depth": "not 8 bits per channel",
    "greyscale": "one channel: colour is needed",
    "alpha": "parts of it are transparent",
    "no-cells": "no cell was found in a field",
    "written-again": "a field whose cells are there already was written again under its name",
    "quality": "with --strict: the crop is not as the network needs it; `quality` says how",
}
"""Code -> meaning, in the order in which the checks are made."""

CAMERA_FAULTS = ("no-camera", "camera-lost", "no-frame", "frozen")
"""Codes that say something of a camera, not of a frame."""

QUALITY = {
    "scale-unknown": "of a field, and the scale of the field or of the network is not known",
    "too-small": "smaller than the crop a network sees: it was enlarged",
    "not-square": "not square: black was added",
    "not-on-black": "no black around the cell: over a quarter of the border is lighter",
    "empty": "nothing in it but black",
    "several-cells": "more than one piece as large as a cell of the reference",
    "small-cell": "smaller than any cell of the reference: debris, or magnified less",
    "large-cell": "larger than any cell of the reference: cells that touch, or magnified more",
    "under-exposed": "darker in a colour than any cell of the reference",
    "over-exposed": "lighter in a colour than any cell of the reference",
    "blurred": "less in focus than any cell of the reference",
    "scale-shift": "the cells of this smear are all shown larger or smaller than those of training",
}
"""Code -> meaning, in the order of the column ``quality``. The codes are stable."""

SCALE_UNKNOWN = "scale-unknown"
"""The code of a cell of a field of which nobody knows how large it is to be shown."""

SCALE_SHIFT = "scale-shift"
"""The one code that is of a smear, not of a crop alone."""


def in_words(codes: Iterable[str]) -> str:
    """Say what codes mean, in one line; a code of a later version is said as it is."""
    return "; ".join(f"{code}: {QUALITY[code]}" if code in QUALITY else code for code in codes)
