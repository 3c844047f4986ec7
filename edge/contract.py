"""The contract: what a network needs, and what its answers are called.

Training writes it, conversion carries it in the model file, the device obeys it. Nothing else
knows how large a crop is, which labels there are, or what people read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SMALLEST_SIDE, LARGEST_SIDE = 32, 512
"""Sides of crops, in pixels, that networks may have."""

MOST_LABELS = 60
"""Labels of one network: a tally of a run has a byte for each cell."""

BLACK, NATURAL = "black", "natural"
"""What lies around a cell: nothing, as it was cut out along its edge, or what lay around it."""

BACKGROUNDS = (BLACK, NATURAL)

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
"""At which diameters of cells are given."""

FEWEST_PEOPLE = 4
"""People without whom nobody knows how people differ in the size of their cells."""

COLOURS = ("green", "blue", "purple", "sky", "grey")
"""Of labels in their order, where nothing else is said."""

COLOUR_OF_POSITIVE = "vermilion"
"""Of the label that is not to be missed."""

NOT_DECIDED = "refer"
"""The decision that is none of the labels: a person looks."""

FAILED = "failed"
"""Stands for the decision of what has none."""

LONGEST_NAME = 40
"""Characters of the name of a label, and of its words."""

_NOT_IN_NAMES = set(",;\"'/\\<>|`$")
_NOT_FIRST = set("=+-@._ ")

INTENDED_USE = (
    "Research and pre-classification of single-cell crops. Not a medical device:"
    " it gives no diagnosis, and a qualified person looks at every case."
)


@dataclass(frozen=True)
class Label:
    """One answer of a network.

    Attributes
    ----------
    name : str
        In columns (``p_<name>``), records and folders.
    words : str
        What people read, and the decision.
    colour : str
        One of :data:`COLOURS`, or :data:`COLOUR_OF_POSITIVE`.
    """

    name: str
    words: str
    colour: str


@dataclass(frozen=True)
class Sizes:
    """How the cells of one person differ in size from those of another: by it scale is judged.

    All sizes are natural logarithms of areas in pixels of the crop, to which another scale adds.
    The largest tenth of the cells differs least between people, and less still between those whose
    cells are as uneven, which scale does not change: a line through the people
    says how large the largest cells are, on average, for how uneven all of them are.

    Attributes
    ----------
    people : int
        Those with enough cells: the points of the line.
    largest : float
        Mean over people of the mean size of a person's largest tenth.
    uneven, uneven_spread : float
        Mean and spread over people of how far that is above the person's median.
    slope : float
        Of the line.
    between : float
        Spread of people around the line.
    within : float
        What one cell adds to the spread, by which cells of a person were taken: of n cells, as
        much over the square root of n.
    """

    people: int
    largest: float
    uneven: float
    uneven_spread: float
    slope: float
    between: float
    within: float


@dataclass(frozen=True)
class Diameters:
    """How large the cells were that a network was trained on.

    The diameter of a cell is that of the circle of its area, in pixels of the crop.

    Attributes
    ----------
    percentiles : tuple of float
        At :data:`PERCENTILES`, each person weighing alike.
    cells, people : int
        What they rest on; a cell of which nobody knows whose it is counts as a person.
    sizes : Sizes or None
        How people differ; None where too few are known: then nothing tells that cells come at
        another scale.
    """

    percentiles: tuple[float, ...]
    cells: int
    people: int
    sizes: Sizes | None = None

    @property
    def median(self) -> float:
        """Of all people, in pixels of the crop."""
        return self.percentiles[PERCENTILES.index(50)]


@dataclass(frozen=True)
class Contract:
    """What a network is fed, and what it answers.

    Attributes
    ----------
    side : int
        Of a crop, in pixels; it is square.
    labels : tuple of Label
        In the order of the logits.
    positive : str or None
        Name of the label that is not to be missed; of two labels the second. None where all
        weigh alike.
    background : str
        :data:`BLACK` or :data:`NATURAL`.
    um_per_pixel : float or None
        Micrometres that a pixel of a crop spans; None where nobody knows.
    diameters : Diameters or None
        None where nobody measured them: then nothing tells that cells come at another scale.
    intended_use : str
        For people.
    channels : str
        Order of the channels: ``RGB``.
    dtype : str
        Of the input tensor: ``int8``.
    scale, zero_point : float, int
        A pixel x stands for x * 1/255: scale 1/255 and zero point -128, so that
        ``crop ^ 0x80`` seen as int8 is the input.
    """

    side: int
    labels: tuple[Label, ...]
    positive: str | None = None
    background: str = BLACK
    um_per_pixel: float | None = None
    diameters: Diameters | None = None
    intended_use: str = INTENDED_USE
    channels: str = "RGB"
    dtype: str = "int8"
    scale: float = 1 / 255
    zero_point: int = -128

    def __post_init__(self) -> None:
        check_labels(self.labels, self.positive)
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(
                f"crops of {self.side} pixels a side; there are networks for {SMALLEST_SIDE} to"
                f" {LARGEST_SIDE}"
            )
        if self.background not in BACKGROUNDS:
            raise ValueError(f"background is {self.background}, not {' or '.join(BACKGROUNDS)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the logits."""
        return tuple(label.name for label in self.labels)

    @property
    def words(self) -> tuple[str, ...]:
        """Their words, which are the decisions besides ``refer``."""
        return tuple(label.words for label in self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a crop."""
        return self.side, self.side, 3

    @property
    def positive_words(self) -> str | None:
        """Words of the positive label, if there is one."""
        return next((each.words for each in self.labels if each.name == self.positive), None)


def check_labels(labels: Sequence[Label], positive: str | None) -> None:
    """Refuse labels that cannot be told apart or written down.

    Raises
    ------
    ValueError
    """
    if not 2 <= len(labels) <= MOST_LABELS:
        raise ValueError(f"{len(labels)} labels; a network tells 2 to {MOST_LABELS} apart")
    for kind, texts in (
        ("labels", [label.name for label in labels]),
        ("words of labels", [label.words for label in labels]),
    ):
        for text in texts:
            check_name(text)
        if len({text.casefold() for text in texts}) < len(texts):
            raise ValueError(f"{kind} {', '.join(texts)} are not all different, capitals aside")
    for label in labels:
        if label.words.casefold() in (NOT_DECIDED, FAILED):
            raise ValueError(f"a label is called {label.words}, which means something else here")
        if label.colour not in (*COLOURS, COLOUR_OF_POSITIVE):
            raise ValueError(f"label {label.name} has no colour edge-all knows")
    names = [label.name for label in labels]
    if positive is not None and positive not in names:
        raise ValueError(f"the positive label {positive} is none of {', '.join(names)}")
    if positive is not None and len(names) == 2 and names[1] != positive:
        raise ValueError(f"of two labels the second is the positive one, not {positive}")


def check_name(text: str) -> None:
    """Refuse what cannot be the name of a label: of a folder, of a column, in a list.

    Raises
    ------
    ValueError
    """
    if (
        not 0 < len(text) <= LONGEST_NAME
        or not text.isprintable()
        or text != text.strip()
        or _NOT_IN_NAMES & set(text)
        or text[0] in _NOT_FIRST
    ):
        raise ValueError(
            f"{ascii(text)[:60]} cannot be a label: one has 1 to {LONGEST_NAME} printable"
            " characters, begins with a letter or digit, and has no comma, quote or slash"
        )


def make_labels(
    names: Iterable[str], positive: str | None = None, words: Sequence[str] = ()
) -> tuple[Label, ...]:
    """Make labels of names.

    Parameters
    ----------
    names : iterable of str
        In the order of the logits.
    positive : str, optional
        Name of the label that is not to be missed.
    words : sequence of str
        What people read, in the same order; by default the names.

    Returns
    -------
    tuple of Label

    Raises
    ------
    ValueError
        If a name is none, or stands there twice.
    """
    names = list(names)
    if words and len(words) != len(names):
        raise ValueError(f"{len(words)} words for {len(names)} labels")
    others = [name for name in names if name != positive]
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(others)}
    labels = tuple(
        Label(name, read, colours.get(name, COLOUR_OF_POSITIVE))
        for name, read in zip(names, words or names, strict=True)
    )
    check_labels(labels, positive)
    return labels


def with_diameters(contract: Contract, diameters: Diameters | None) -> Contract:
    """Return a contract with the diameters of the cells that its network was trained on."""
    return dataclasses.replace(contract, diameters=diameters)
