"""Reason codes: why an input gave no decision.

The codes are stable: they stand in the ``error`` column of every result file.
"""

from __future__ import annotations

REASONS = {
    "not-found": "no such file, or a link to nothing",
    "link-loop": "a link that leads back to itself",
    "not-a-file": "a pipe, socket or device",
    "permission": "this user may not read it",
    "encrypted": "a member of a zip with a password",
    "unsupported": "held in a way that is not read: compression, colours, several frames, a stream",
    "unreachable": "no answer from the network in time",
    "http-error": "the server answered with an error",
    "io-error": "the operating system could not read it",
    "too-large": "more bytes or pixels than edge-all decodes",
    "empty": "no bytes in it",
    "not-an-image": "not BMP, PNG, JPEG, TIFF or WebP",
    "truncated": "the end of the image is missing",
    "damaged": "an image, but it does not decode",
    "wrong-depth": "not 8 bits per channel",
    "greyscale": "one channel: colour is needed",
    "alpha": "parts of it are transparent",
    "quality": "with --strict: the crop is not as the network needs it; `quality` says how",
}
"""Code -> meaning, in the order in which the checks are made."""
