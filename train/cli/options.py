"""Options that several commands of ``edge-all-train`` have."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edge.contract import LARGEST_SIDE, SMALLEST_SIDE


class Precision(str, Enum):
    """Keras dtype policies."""

    auto = "auto"
    float32 = "float32"
    mixed_bfloat16 = "mixed_bfloat16"


class RecipeName(str, Enum):
    """Keys of train.training.recipe.RECIPES."""

    best = "best"
    paper = "paper"


class Sampling(str, Enum):
    """Values of train.data.sampling.SAMPLINGS."""

    crop = "crop"
    sqrt = "sqrt"
    person = "person"


class Protocol(str, Enum):
    """Protocols of train.data.split_file that a command line asks for by name."""

    paper = "paper"
    subject = "subject"
    official = "official"


class Background(str, Enum):
    """Backgrounds of edge.contract."""

    black = "black"
    natural = "natural"


DataOption = Annotated[
    Path,
    typer.Option(
        help="Labelled crops: a folder with a folder for each label, C-NMC's folders or preliminary"
        " set, or a CSV file with the columns file, label and, if known, subject."
    ),
]
LabelsOption = Annotated[
    str, typer.Option(help="Which labels, in their order, as a,b,c. By default all there are.")
]
PositiveOption = Annotated[
    str, typer.Option(help="Label that must not be missed; of two it becomes the second.")
]
WordsOption = Annotated[
    str, typer.Option(help="What people read for the labels, in their order, as x,y,z.")
]
SideOption = Annotated[
    int | None,
    typer.Option(
        min=SMALLEST_SIDE,
        max=LARGEST_SIDE,
        help="Of the crops, in pixels. By default the paper's, or what an own network takes.",
    ),
]
BackgroundOption = Annotated[
    Background | None,
    typer.Option(help="What lies around the cells. By default found out from the crops' borders."),
]
PixelSizeOption = Annotated[
    float | None,
    typer.Option(min=0.001, max=100, help="Micrometres that a pixel of a crop of --side spans."),
]
TestOption = Annotated[
    Path | None,
    typer.Option(help="Train on all of --data, and test on this other set, as of another lab."),
]
HoldOutOption = Annotated[
    str, typer.Option(help="Test on these subjects, as H22,33,44, and train on the others.")
]
ProtocolOption = Annotated[
    Protocol | None,
    typer.Option(
        help="paper: 80/20 by image, as the paper did, the same person on both sides;"
        " subject: people in folds; official: C-NMC's folds, then its preliminary set."
        " By default about a quarter of the people is held out."
    ),
]
SplitOption = Annotated[Path | None, typer.Option(help="Use this file of edge-all-train split.")]
PrecisionOption = Annotated[
    Precision, typer.Option(help="auto: mixed_bfloat16 on a GPU, float32 on a processor.")
]
SamplingOption = Annotated[
    Sampling | None,
    typer.Option(
        help="Whose crops an epoch holds: crop: every crop once; sqrt: of each person as the square"
        " root of the crops there are; person: of each person of a label equally many. By default"
        " as the recipe says."
    ),
]
SplitSeedOption = Annotated[int, typer.Option(help="Of the split.")]
DatasetOption = Annotated[
    str, typer.Option(help="What the crops are, in words, for the record and the model file.")
]


def words_in(text: str) -> tuple[str, ...]:
    """Take a list apart that is separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def described(data: Path) -> str:
    """Say what crops are that nobody described: which folder they lie in."""
    return f"crops in {(data.parent if data.is_file() else data).absolute().name}"
