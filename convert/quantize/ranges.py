"""Activation ranges of a float twin over the representative set."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.graph.flatbuffer import activation_tensors
from convert.quantize.range_estimators import BINS, ESTIMATORS, MINMAX, Histogram
from edge.crops.preprocess import UInt8Image
from edge.engine.open_network import OpenNetwork

Ranges = dict[str, tuple[float, float]]
"""Tensor name -> smallest and largest value that int8 is to hold."""


@dataclass(frozen=True)
class CellRanges:
    """Activation ranges cell by cell.

    Attributes
    ----------
    tensors : tuple of str
    low, high : ndarray of float64, shape (cells, tensors)
        Smallest and largest value of a tensor on a cell.
    """

    tensors: tuple[str, ...]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def over(self, cells: npt.NDArray[np.intp] | slice = slice(None)) -> Ranges:
        """Ranges over some of the cells, by their positions; over all by default."""
        ends = zip(self.low[cells].min(axis=0), self.high[cells].max(axis=0), strict=True)
        return {
            name: (float(low), float(high))
            for name, (low, high) in zip(self.tensors, ends, strict=True)
        }


def observe_cells(flatbuffer: bytes, crops: UInt8Image) -> CellRanges:
    """Run the float twin over crops and note every tensor's range on every one.

    The input's range is 0..1 whatever the crops hold, so that its int8 scale is exactly 1/255.

    Parameters
    ----------
    flatbuffer : bytes
    crops : ndarray of uint8, shape (n, side, side, 3)

    Returns
    -------
    CellRanges
    """
    network = OpenNetwork(flatbuffer)
    tensors = activation_tensors(flatbuffer)
    low, high = np.zeros((2, len(crops), len(tensors)))
    column = {index: place for place, index in enumerate(tensors)}
    for cell, crop in enumerate(crops):
        for index, values in _values(network, tensors, crop[None]):
            low[cell, column[index]] = values.min()
            high[cell, column[index]] = values.max()
    fed = column[network.ends[0]]
    low[:, fed], high[:, fed] = 0.0, 1.0
    return CellRanges(tuple(tensors.values()), low, high)


def observe_ranges(
    flatbuffer: bytes, representative: UInt8Image, estimator: str = MINMAX
) -> Ranges:
    """Run the float twin over the representative set and estimate every tensor's range.

    The logits' range is what was seen: a clipped logit is a wrong answer.

    Parameters
    ----------
    flatbuffer : bytes
    representative : ndarray of uint8, shape (n, side, side, 3)
    estimator : str
        Of :data:`convert.quantize.range_estimators.ESTIMATORS`. All but min-max run the twin twice.

    Returns
    -------
    Ranges
    """
    return observe_all_ranges(flatbuffer, representative, [estimator])[estimator]


def observe_all_ranges(
    flatbuffer: bytes, representative: UInt8Image, estimators: Collection[str]
) -> dict[str, Ranges]:
    """Estimate ranges in several ways from the same runs, by the name of the estimator.

    Memory holds a histogram for every tensor, never the tensors of more than one cell.
    """
    seen = observe_cells(flatbuffer, representative).over()
    histograms = {}
    if set(estimators) - {MINMAX}:
        network = OpenNetwork(flatbuffer)
        names = activation_tensors(flatbuffer)
        inner = {index: seen[name] for index, name in names.items() if index not in network.ends}
        found = _histograms(network, inner, representative)
        histograms = {names[index]: histogram for index, histogram in found.items()}
    return {
        estimator: {
            name: ESTIMATORS[estimator](histograms[name]) if name in histograms else range_
            for name, range_ in seen.items()
        }
        for estimator in estimators
    }


def observe_channels(
    flatbuffer: bytes, representative: UInt8Image
) -> dict[int, npt.NDArray[np.float64]]:
    """Largest magnitude of every channel (last axis) of every tensor, by the tensor's index."""
    network = OpenNetwork(flatbuffer)
    peaks: dict[int, npt.NDArray[np.float64]] = {}
    for index, values in _values(network, activation_tensors(flatbuffer), representative):
        peak = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0).astype(np.float64)
        peaks[index] = np.maximum(peaks[index], peak) if index in peaks else peak
    return peaks


def _histograms(
    network: OpenNetwork, ends: dict[int, tuple[float, float]], representative: UInt8Image
) -> dict[int, Histogram]:
    counts = {index: np.zeros(BINS, np.int64) for index in ends}
    for index, values in _values(network, ends, representative):
        counts[index] += np.histogram(values, BINS, ends[index])[0]
    return {index: Histogram(*ends[index], counts[index]) for index in ends}


def _values(
    network: OpenNetwork, tensors: Collection[int], cells: UInt8Image
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    for cell in cells:
        network.feed(cell)
        for index in tensors:
            yield index, network.tensor(index)
