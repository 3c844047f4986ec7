"""Find a network by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from edge.contract import LARGEST_SIDE, SMALLEST_SIDE
from edge.errors import DataRefused
from edge.models import cnmc
from train.networks.network import Network
from train.networks.own import SUFFIX, read_own, side_of
from train.networks.paper import NETWORKS
from train.networks.small import small

if TYPE_CHECKING:
    import keras


BUILDERS: dict[str, Callable[[int, int], keras.Model]] = {**NETWORKS, "small": small}
"""Name on the command line -> builder, given the side of the crops and the number of labels."""

_SMALLEST = {"resnet50": 37}
"""Sides below which the last pooling of a network has nothing left to pool, where that is above
what a contract allows."""


def build(network: str, side: int, labels: int) -> keras.Model:
    """Build a network.

    Parameters
    ----------
    network : str
        A key of :data:`BUILDERS`.
    side : int
        Of the crops, in pixels.
    labels : int

    Raises
    ------
    DataRefused
        If the network cannot be built for crops of this side.
    """
    smallest = _SMALLEST.get(network, SMALLEST_SIDE)
    if not smallest <= side <= LARGEST_SIDE:
        raise DataRefused(
            f"{network} cannot take crops of {side} pixels a side: its poolings need {smallest} to"
            f" {LARGEST_SIDE}; give another --side or another network"
        )
    return BUILDERS[network](side, labels)


def usual_side(name: str) -> int:
    """Side of the crops where nobody says it: the paper's, or what an own network takes.

    Parameters
    ----------
    name : str
        As for :func:`find_network`.

    Raises
    ------
    DataRefused
        If the file of an own network cannot be read.
    """
    if name in BUILDERS or not name.endswith(SUFFIX):
        return cnmc.SIDE
    return side_of(name) or cnmc.SIDE


def find_network(name: str, side: int, labels: int) -> Network:
    """Find a network by its name on the command line.

    Parameters
    ----------
    name : str
        A key of :data:`BUILDERS`, or the path of a ``.keras`` file.
    side, labels : int
        Side of the crops, and number of the labels.

    Raises
    ------
    DataRefused
        If there is none, or it takes other crops or answers with another number of labels.
    """
    if name in BUILDERS:
        return Network(name, partial(build, name, side, labels))
    if not name.endswith(SUFFIX):
        raise DataRefused(
            f"no network {name}; there are {', '.join(BUILDERS)}, or give a {SUFFIX} file"
        )
    return read_own(name, side, labels)
