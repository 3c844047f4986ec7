"""Find a network by its name on the command line."""

from __future__ import annotations

from functools import partial

from edge.errors import DataRefused
from edge.models import cnmc
from train.networks.network import Network
from train.networks.own import SUFFIX, read_own, side_of
from train.networks.paper import NETWORKS, build


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
    if name in NETWORKS or not name.endswith(SUFFIX):
        return cnmc.SIDE
    return side_of(name) or cnmc.SIDE


def find_network(name: str, side: int, labels: int) -> Network:
    """Find a network by its name on the command line.

    Parameters
    ----------
    name : str
        A key of :data:`train.networks.paper.NETWORKS`, or the path of a ``.keras`` file.
    side, labels : int
        Side of the crops, and number of the labels.

    Raises
    ------
    DataRefused
        If there is none, or it takes other crops or answers with another number of labels.
    """
    if name in NETWORKS:
        return Network(name, partial(build, name, side, labels))
    if not name.endswith(SUFFIX):
        raise DataRefused(
            f"no network {name}; there are {', '.join(NETWORKS)}, or give a {SUFFIX} file"
        )
    return read_own(name, side, labels)
