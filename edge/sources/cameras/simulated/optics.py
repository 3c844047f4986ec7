"""What microscope and camera make of a field: uneven light, tint, exposure, focus, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image

_NOISE = 1.2  # grey levels, standard deviation: of a good camera in bright light


@dataclass(frozen=True)
class Optics:
    """A light path and a sensor.

    Attributes
    ----------
    seed : int
        Of the noise.
    vignette : float
        How much darker the corners are than the middle, as a share.
    tint : tuple of float
        What the lamp makes of red, green and blue, as shares.
    """

    seed: int = 0
    vignette: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def light(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """Share of the light that comes to each pixel and colour.

        Returns
        -------
        ndarray of float32, shape (height, width, 3)
        """
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        # the bright place is never quite in the middle
        fall = 1 - np.float32(self.vignette) * ((x - 0.1) ** 2 + (y + 0.15) ** 2) / 2
        return np.asarray(fall[:, :, None] * np.array(self.tint, np.float32), np.float32)

    def take(
        self, pixels: UInt8Image, number: int, exposure: float = 1.0, blur: float = 0.0
    ) -> UInt8Image:
        """Take a frame of a field.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (height, width, 3)
        number : int
            Of the frame: each has noise of its own.
        exposure : float
            How much lighter than it should be.
        blur : float
            Sigma in pixels, for what is out of focus.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
        """
        height, width = pixels.shape[:2]
        seen = pixels if not blur else cv2.GaussianBlur(pixels, (0, 0), blur)
        if self.vignette or self.tint != (1.0, 1.0, 1.0) or exposure != 1:
            light = self.light(height, width) * np.float32(exposure)
            seen = cv2.multiply(seen, light, dtype=cv2.CV_8U)
        noisy = cv2.add(seen, self._noise(number, height, width), dtype=cv2.CV_8U)
        return np.asarray(noisy, np.uint8)

    def _noise(self, number: int, height: int, width: int) -> npt.NDArray[np.int16]:
        """Noise of a frame: a piece of a larger sheet, as drawing it anew takes long."""
        random = np.random.default_rng([self.seed, number, 12])
        sheet = random.normal(0, _NOISE, (257, 263, 3)).round().astype(np.int16)
        times = -(-height // 257), -(-width // 263), 1
        return np.asarray(np.tile(sheet, times)[:height, :width], np.int16)
