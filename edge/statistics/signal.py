"""Signal against noise, in decibels."""

from __future__ import annotations

import math

SNR_LIMIT = 100.0
"""SNR is given within -100..100 dB: float32 itself reaches about 140, which says nothing here."""


def decibels(noise: float, signal: float) -> float:
    """``10 log10(signal / noise)`` of two energies, within :data:`SNR_LIMIT` on either side."""
    if noise == 0:
        return SNR_LIMIT
    if signal == 0:
        return -SNR_LIMIT
    return min(max(10 * math.log10(signal / noise), -SNR_LIMIT), SNR_LIMIT)
