"""``edge-all-train NETWORK``: train a network and measure it on the test part."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli.command import say
from edge.cli.extras import need
from train.cli.options import (
    BackgroundOption,
    DataOption,
    DatasetOption,
    HoldOutOption,
    LabelsOption,
    PixelSizeOption,
    PositiveOption,
    Precision,
    PrecisionOption,
    Protocol,
    ProtocolOption,
    RecipeName,
    SamplingOption,
    SideOption,
    SplitOption,
    SplitSeedOption,
    TestOption,
    WordsOption,
    described,
    words_in,
)

if TYPE_CHECKING:
    from train.training.recipe import Recipe


def train(
    context: typer.Context,
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Run folder; the same command goes on in it.")] = Path(
        "build/train"
    ),
    labels: LabelsOption = "",
    positive: PositiveOption = "",
    words: WordsOption = "",
    side: SideOption = None,
    background: BackgroundOption = None,
    pixel_size: PixelSizeOption = None,
    test: TestOption = None,
    hold_out: HoldOutOption = "",
    protocol: ProtocolOption = None,
    split: SplitOption = None,
    split_seed: SplitSeedOption = 0,
    recipe: Annotated[
        RecipeName, typer.Option(help="best: ours; paper: Adam 1e-4, 100 epochs, unaugmented.")
    ] = RecipeName.best,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0.0, help="Instead of the recipe's.")
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(min=0.0, max=0.5, help="Of the training part, for early stopping; 0: none."),
    ] = None,
    sampling: SamplingOption = None,
    precision: PrecisionOption = Precision.auto,
    dataset: DatasetOption = "",
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.")] = 0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits each time; slower.")
    ] = False,
    data_parallel: Annotated[
        bool, typer.Option("--data-parallel", help="All devices of all hosts (JAX).")
    ] = False,
) -> None:
    """Train a network and measure it on the test part."""
    need("train", "keras", "sklearn")
    from train.cli.data import SplitWanted, data_and_split
    from train.data.prepare import Wanted, remark_on_few
    from train.data.split_file import apply_split
    from train.networks.find import find_network, usual_side
    from train.training import backend
    from train.training.run import Job, train_network

    side = side or usual_side(str(context.info_name))
    prepared, chosen = data_and_split(
        Wanted(
            data,
            words_in(labels),
            positive,
            words_in(words),
            side,
            background.value if background else "",
            pixel_size,
        ),
        SplitWanted(split, test, protocol, hold_out, split_seed),
    )
    remark_on_few(apply_split(chosen, prepared.crops)[0], say)
    if data_parallel:
        say(f"spreading batches over {backend.use_all_devices()} devices")
    if deterministic:
        backend.make_deterministic()
    network = find_network(str(context.info_name), side, len(prepared.contract.labels))
    wanted = _recipe(
        recipe.value,
        network.name,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation_share=validation_share,
        sampling=sampling.value if sampling else None,
    )
    usual = backend.usual_precision() if precision is Precision.auto else precision.value
    job = Job(
        network,
        prepared.contract,
        prepared.crops,
        chosen,
        replace(wanted, precision=usual, seed=seed),
        dataset or described(data),
        out,
    )
    say(
        f"{network.name}: {len(chosen.training)} crops to train on, {len(chosen.test)} to test on"
        f" ({chosen.name}), on {backend.machine()}"
    )
    record = train_network(job, _say_epoch)
    for line in outcome(record):
        print(line)
    print(f"saved {job.file('.keras')} and {job.file('.json').name}")


def _recipe(name: str, network: str, **given: Any) -> "Recipe":
    from train.training.recipe import RECIPES

    changed = {field: value for field, value in given.items() if value is not None}
    return replace(RECIPES[name](network), **changed)


def _say_epoch(epoch: dict[str, float]) -> None:
    figures = ", ".join(
        f"{name.replace('_', ' ')} {epoch[name]:.3f}"
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "test_accuracy")
        if name in epoch
    )
    say(f"epoch {epoch['epoch']}: {figures} ({epoch['seconds']:.1f} s)")


def outcome(record: dict[str, Any]) -> list[str]:
    """Say what a record measured on the test part.

    Parameters
    ----------
    record : dict
        Of a network or a baseline.
    """
    labels, metrics = record["contract"]["labels"], record["metrics"]
    lines = _of_two(record) if len(labels) == 2 else _of_several(record)
    lines[0] = f"test part: {lines[0]} ({metrics['crops']} crops)"
    if _is_by_image(record):
        lines.append("split by image: a person may stand on both sides, and this flatters")
    return lines


def _is_by_image(record: dict[str, Any]) -> bool:
    return bool(record["split"]["protocol"] == Protocol.paper.value)


def _of_two(record: dict[str, Any]) -> list[str]:
    metrics = record["metrics"]
    first, second = (label["words"] for label in record["contract"]["labels"])
    of_people = {} if _is_by_image(record) else record["per_negative_subject"]
    return [
        f"accuracy {metrics['accuracy']:.3f}, balanced accuracy {metrics['balanced_accuracy']:.3f},"
        f" AUROC {metrics['auroc']:.3f}, weighted F1 {metrics['weighted_f1']:.3f}",
        *(
            f"{first} subject {subject}: balanced accuracy {of['balanced_accuracy']:.3f},"
            f" AUROC {of['auroc']:.3f}, weighted F1 {of['weighted_f1']:.3f}"
            f" ({of['crops']} crops, {of['positive_subjects']} {second} subjects)"
            for subject, of in of_people.items()
        ),
    ]


def _of_several(record: dict[str, Any]) -> list[str]:
    metrics, interval = record["metrics"], record["interval"]
    low, high = (interval[end]["accuracy"] for end in ("low", "high"))
    return [
        f"accuracy {metrics['accuracy']:.3f} (95 % interval {low:.3f} to {high:.3f}), balanced"
        f" accuracy {metrics['balanced_accuracy']:.3f}, AUROC {metrics['auroc']:.3f}",
        *(
            f"{label['words']}: precision {of['precision']:.3f}, recall {of['recall']:.3f},"
            f" F1 {of['f1']:.3f} ({of['cells']} crops)"
            for label, of in zip(record["contract"]["labels"], metrics["labels"], strict=True)
        ),
    ]
