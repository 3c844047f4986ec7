"""Options that say of a Keras model what no record beside it says, or outrank that."""

from typing import Annotated

import typer

from convert.network.asked import Asked

Labels = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="What the outputs stand for, in their order: names of the label folders of --cells.",
    ),
]
Positive = Annotated[
    str | None,
    typer.Option(metavar="LABEL", help="The label that is not to be missed, if there is one."),
]
Words = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help="What people read for the labels, in the same order as --labels."
    ),
]
Background = Annotated[
    str | None,
    typer.Option(
        metavar="black|natural",
        help="What lay around the cells in training; by default what lies around those of --cells.",
    ),
]
PixelSize = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=100,
        metavar="UM",
        help="Micrometres that a pixel of the crop spans at the size that the network takes.",
    ),
]
InputRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="What black and white were in training, if neither record nor layers say so.",
    ),
]
IntendedUse = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What the network is for, for every page and screen."),
]


def asked_of(
    labels: str | None,
    positive: str | None = None,
    words: str | None = None,
    background: str | None = None,
    pixel_size: float | None = None,
    input_range: str | None = None,
    intended_use: str | None = None,
) -> Asked:
    """Read the options.

    Raises
    ------
    ConversionFailed
        If one of them cannot be read.
    """
    from convert.network.asked import parse_background, parse_input_range, parse_names

    return Asked(
        parse_names(labels),
        positive,
        parse_names(words),
        parse_background(background),
        pixel_size,
        parse_input_range(input_range),
        intended_use,
    )
