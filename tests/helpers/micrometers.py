"""Drawn stage micrometers: lines at 10 um, each fifth and tenth longer."""

from __future__ import annotations

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image

_FINER = 2  # drawn so many times larger, then reduced: edges lie between pixels


def micrometer(
    um_per_pixel: float,
    angle: float = 0.0,
    width: int = 640,
    height: int = 480,
    noise: float = 3.0,
    blur: float = 1.0,
    shade: float = 0.2,
    dark: bool = True,
    seed: int = 0,
) -> UInt8Image:
    """Draw one.

    Parameters
    ----------
    um_per_pixel : float
    angle : float
        Degrees that it is turned.
    width, height : int
    noise, blur, shade : float
        Grey levels, pixels, share of the light that is lost at one side.
    dark : bool
        Dark lines on a bright ground.
    seed : int

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: height * _FINER, : width * _FINER].astype(np.float32)
    x = (x + 0.5) / _FINER - width / 2 + np.float32(random.uniform(-9, 9))
    y = (y + 0.5) / _FINER - height / 2
    turned = np.radians(angle)
    along = (x * np.cos(turned) + y * np.sin(turned)) * um_per_pixel
    across = (y * np.cos(turned) - x * np.sin(turned)) * um_per_pixel
    number = np.round(along / 10)
    reach = np.where(number % 10 == 0, 1.0, np.where(number % 5 == 0, 0.8, 0.6))
    length = reach * 0.4 * min(width, height) * um_per_pixel
    line = (np.abs(along - 10 * number) < 1.0) & (np.abs(across) < length)
    ground, ink = (210, 60) if dark else (30, 190)
    drawn = np.where(line, ink, ground).astype(np.float32)
    image = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image *= np.linspace(1, 1 - shade, width, dtype=np.float32)
    image = image[:, :, None] + random.normal(0, noise, (height, width, 3))
    return np.clip(image.round(), 0, 255).astype(np.uint8)
