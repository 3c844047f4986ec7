"""Crops as PNG files: without loss."""

from __future__ import annotations

import cv2

from edge.crops.preprocess import UInt8Image


def png_of(rgb: UInt8Image) -> bytes:
    """Encode an RGB image, uint8 of shape (height, width, 3), as a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return data.tobytes()
