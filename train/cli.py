"""``edge-all-train``: train a network on labelled crops."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edge.command import one_sentence, say
from edge.extras import need

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Network(str, Enum):
    """Networks of the paper."""

    cnn = "cnn"
    vgg16 = "vgg16"
    resnet50 = "resnet50"


class Precision(str, Enum):
    """Keras dtype policies."""

    float32 = "float32"
    mixed_bfloat16 = "mixed_bfloat16"


@app.command()
@one_sentence
def main(
    network: Annotated[Network, typer.Argument(help="Which of the paper's networks.")],
    data: Annotated[
        Path,
        typer.Option(help="Folder of labelled crops: hem/ and all/ folders at any depth."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for NETWORK.keras and NETWORK.json.")] = Path(
        "build/train"
    ),
    hold_out: Annotated[
        str,
        typer.Option(help="Subjects held out, as H22,33,44; by default about a quarter."),
    ] = "",
    dataset: Annotated[
        str, typer.Option(help="What the crops are, in words, for the record and the model file.")
    ] = "",
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    precision: Annotated[
        Precision,
        typer.Option(help="mixed_bfloat16 is faster where the processor has it."),
    ] = Precision.float32,
    seed: Annotated[int, typer.Option(help="Of weights, order, augmentation, split.")] = 0,
) -> None:
    """Train a network and measure it on people it never saw. For research, not diagnosis."""
    need("train", "keras", "sklearn")
    from calibration.crop_set import load_crops
    from calibration.labelled_crops import find_labelled_crops
    from train.fit import Recipe, train_network
    from train.split import choose_held_out, held_out

    crops = load_crops(find_labelled_crops(data))
    named = [name.strip().upper() for name in hold_out.split(",") if name.strip()]
    subjects = named or choose_held_out(crops, seed)
    test = held_out(crops, subjects)
    say(f"{len(crops)} crops, {test.sum()} held out: subjects {', '.join(subjects)}")
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision.value,
        seed=seed,
    )
    record = train_network(
        network.value, crops, subjects, test, recipe, out, dataset or f"crops in {data.name}"
    )
    for subject, metrics in record["per_healthy_subject"].items():
        print(
            f"healthy subject {subject}: balanced accuracy {metrics['balanced_accuracy']:.3f},"
            f" AUROC {metrics['auroc']:.3f}, weighted F1 {metrics['weighted_f1']:.3f}"
            f" ({metrics['crops']} crops, {metrics['leukemia_subjects']} leukemia subjects)"
        )
    print(f"saved {out / network.value}.keras and .json")
