"""What a user says of a Keras model; it outranks what its record says."""

from __future__ import annotations

from dataclasses import dataclass

from convert.network.input_range import InputRange, as_input_range
from edge.contract import BACKGROUNDS
from edge.errors import ConversionFailed


@dataclass(frozen=True)
class Asked:
    """Options of a conversion about the model; None where nothing was said.

    Attributes
    ----------
    labels : tuple of str or None
        What the outputs of the Keras model stand for, in their order.
    positive : str or None
        Name of the label that is not to be missed.
    words : tuple of str or None
        What people read for the labels, in the order of the outputs.
    background : str or None
        One of :data:`edge.contract.BACKGROUNDS`.
    um_per_pixel : float or None
        Micrometres that a pixel of the crop the network sees spans.
    input_range : InputRange or None
        What black and full light of a crop are for the model.
    intended_use : str or None
        For people.
    """

    labels: tuple[str, ...] | None = None
    positive: str | None = None
    words: tuple[str, ...] | None = None
    background: str | None = None
    um_per_pixel: float | None = None
    input_range: InputRange | None = None
    intended_use: str | None = None


def parse_names(given: str | None) -> tuple[str, ...] | None:
    """Read ``--labels a,b,c``, and ``--words``."""
    return None if given is None else tuple(name.strip() for name in given.split(","))


def parse_background(given: str | None) -> str | None:
    """Read ``--background``.

    Raises
    ------
    ConversionFailed
        If it is none.
    """
    if given is not None and given not in BACKGROUNDS:
        raise ConversionFailed(f"--background {given!r} is not {' or '.join(BACKGROUNDS)}")
    return given


def parse_input_range(given: str | None) -> InputRange | None:
    """Read ``--input-range 0,255``.

    Raises
    ------
    ConversionFailed
        If it is no two numbers, the lower one first.
    """
    try:
        return as_input_range(None if given is None else [float(e) for e in given.split(",")])
    except ValueError as error:
        raise ConversionFailed(
            f"--input-range {given!r} is no LOW,HIGH: give what black and white were in training,"
            " such as 0,255"
        ) from error
