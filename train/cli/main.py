"""``edge-all-train``: train the networks, measure them, audit the splits."""

import json
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli.command import one_sentence, say
from edge.cli.extras import need
from train.cli.study import study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calibration.cells.crop_set import CropSet
    from train.data.near_duplicates import NearDuplicate
    from train.data.split_file import Split
    from train.training.recipe import Recipe

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Train networks on labelled crops and measure them on people they never saw."
    " For research, not diagnosis.",
)

NETWORKS = {
    "cnn": "the paper's own small CNN (170,674 parameters)",
    "vgg16": "VGG-16 (39,896,898 parameters)",
    "resnet50": "ResNet-50 (23,591,810 parameters)",
}

_MOST_LISTED = 20


class Precision(str, Enum):
    """Keras dtype policies."""

    auto = "auto"
    float32 = "float32"
    mixed_bfloat16 = "mixed_bfloat16"


class RecipeName(str, Enum):
    """Keys of train.training.recipe.RECIPES."""

    best = "best"
    paper = "paper"


class Protocol(str, Enum):
    """Protocols of train.data.split_file."""

    paper = "paper"
    subject = "subject"
    official = "official"


DataOption = Annotated[
    Path,
    typer.Option(
        help="Folder of labelled crops: hem/ and all/ folders at any depth, C-NMC's"
        " preliminary set, or both."
    ),
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
SplitSeedOption = Annotated[int, typer.Option(help="Of the split.")]
DatasetOption = Annotated[
    str, typer.Option(help="What the crops are, in words, for the record and the model file.")
]


def train(
    context: typer.Context,
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Run folder; the same command goes on in it.")] = Path(
        "build/train"
    ),
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
    from train.training import backend
    from train.training.run import Job, train_network

    crops, chosen = _data_and_split(data, split, protocol, hold_out, split_seed)
    if data_parallel:
        say(f"spreading batches over {backend.use_all_devices()} devices")
    if deterministic:
        backend.make_deterministic()
    network = str(context.info_name)
    wanted = _recipe(recipe.value, network, epochs, batch_size, learning_rate, validation_share)
    usual = backend.usual_precision() if precision is Precision.auto else precision.value
    job = Job(
        network,
        crops,
        chosen,
        replace(wanted, precision=usual, seed=seed),
        dataset or f"crops in {data.name}",
        out,
    )
    say(
        f"{network}: {len(chosen.training)} crops to train on, {len(chosen.test)} to test on"
        f" ({chosen.name}), on {backend.machine()}"
    )
    record = train_network(job, _say_epoch)
    for line in _outcome(record):
        print(line)
    print(f"saved {job.file('.keras')} and {job.file('.json').name}")


for _name, _help in NETWORKS.items():
    app.command(_name, help=f"Train {_help}.")(one_sentence(train))
app.command()(study)


@app.command()
@one_sentence
def split(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder for the split files.")],
    protocol: ProtocolOption = None,
    hold_out: HoldOutOption = "",
    seed: SplitSeedOption = 0,
    folds: Annotated[int, typer.Option(min=2, help="Of protocol subject.")] = 5,
) -> None:
    """Make splits and save them as files that can be audited."""
    need("train", "sklearn")
    from train.data.audit import audit, refuse_leaks, sentence
    from train.data.near_duplicates import find_near_duplicates
    from train.data.split_file import save_split

    crops = _load(data, keep_twins=protocol is Protocol.paper)
    like = find_near_duplicates(crops)
    for made in _make_splits(crops, protocol, hold_out, seed, folds, like):
        refuse_leaks(made, like)
        save_split(made, out / f"{made.name}.json")
        print(
            f"{out / made.name}.json: {len(made.training)} to train on, {len(made.test)} to"
            f" test on; {sentence(audit(made, like))}"
        )


@app.command("audit")
@one_sentence
def audit_command(
    splits: Annotated[list[Path], typer.Argument(metavar="SPLIT...", help="Split files.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder the splits were made on: look for near-duplicates too, turned,"
            " re-encoded, resized or cut closer."
        ),
    ] = None,
) -> None:
    """Report people and images on both sides of a split.

    Exit code 3 if a split that promises to be leak-free is not.
    """
    from edge.errors import LeakFound
    from train.data.audit import audit, sentence
    from train.data.near_duplicates import find_near_duplicates
    from train.data.split_file import apply_split, load_split

    loaded = [load_split(path) for path in splits]
    crops = _load(data, keep_twins=True) if data else None
    like = find_near_duplicates(crops) if crops else None
    leaking = []
    for found in loaded:
        if crops:
            apply_split(found, crops)  # or near-duplicates of other files were looked for
        result = audit(found, like)
        print(f"{found.name}: {sentence(result)}")
        for pair in (result.near_duplicates or ())[:_MOST_LISTED]:
            print(f"  {pair.first} and {pair.second} are one picture ({pair.likeness:.2f})")
        for name in result.unknown[:_MOST_LISTED]:
            print(f"  {name}: nothing says whose it is")
        if found.leak_free and not result.clean:
            leaking.append(found.name)
    if leaking:
        raise LeakFound(f"not leak-free, though they promise to be: {', '.join(leaking)}")


@app.command()
@one_sentence
def baselines(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder for records and predictions.")],
    protocol: ProtocolOption = None,
    hold_out: HoldOutOption = "",
    split: SplitOption = None,
    split_seed: SplitSeedOption = 0,
    dataset: DatasetOption = "",
    seed: Annotated[int, typer.Option(help="Of the classifiers.")] = 0,
) -> None:
    """Train the paper's six baselines on two sets of features and measure them."""
    need("train", "keras", "sklearn")
    from train.baselines.runs import train_baselines

    crops, chosen = _data_and_split(data, split, protocol, hold_out, split_seed)
    for record in train_baselines(crops, chosen, seed, dataset or f"crops in {data.name}", out):
        metrics = record["metrics"]
        print(
            f"{record['network']:<16} accuracy {metrics['accuracy']:.3f}, balanced accuracy"
            f" {metrics['balanced_accuracy']:.3f}, AUROC {metrics['auroc']:.3f}"
        )


@app.command()
@one_sentence
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[Path, typer.Option(help="Folder for report.md, report.html, figures.")],
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder of the crops: show the worst errors. Not for publishing."),
    ] = None,
) -> None:
    """Write the paper's tables and figures with ours beside them."""
    need("train", "sklearn", "matplotlib")
    from train.report.write import write_report

    for path in write_report(runs, out, pictures)[:2]:
        print(f"wrote {path}")


@app.command()
@one_sentence
def bench(
    networks: Annotated[
        list[str] | None, typer.Argument(metavar="[NETWORK...]", help="By default all three.")
    ] = None,
    recipe: Annotated[RecipeName, typer.Option(help="Whose batch size and augmentation.")] = (
        RecipeName.paper
    ),
    precision: PrecisionOption = Precision.auto,
    steps: Annotated[int, typer.Option(min=1, help="Training steps to time.")] = 10,
) -> None:
    """Time training on this machine, as JSON: crops a second, seconds an epoch."""
    need("train", "keras")
    from edge.errors import DataRefused
    from train.training import backend
    from train.training.bench import describe_speeds, measure_speed

    unknown = sorted(set(networks or []) - set(NETWORKS))
    if unknown:
        raise DataRefused(f"no network {unknown[0]}; there are {', '.join(NETWORKS)}")
    policy = backend.usual_precision() if precision is Precision.auto else precision.value
    speeds = [measure_speed(n, recipe.value, policy, steps) for n in networks or NETWORKS]
    print(json.dumps(describe_speeds(speeds), indent=2))


def _data_and_split(
    data: Path, split: Path | None, protocol: Protocol | None, hold_out: str, seed: int
) -> "tuple[CropSet, Split]":
    from train.data.audit import refuse_leaks
    from train.data.near_duplicates import find_near_duplicates
    from train.data.split_file import load_split

    if split:
        chosen = load_split(split)
        crops = _load(data, keep_twins=not chosen.leak_free)
        like = find_near_duplicates(crops) if chosen.leak_free else None
    else:
        crops = _load(data, keep_twins=protocol is Protocol.paper)
        like = find_near_duplicates(crops) if protocol is not Protocol.paper else ()
        chosen = _make_splits(crops, protocol, hold_out, seed, 5, like)[0]
    refuse_leaks(chosen, like)
    return crops, chosen


def _load(data: Path, keep_twins: bool) -> "CropSet":
    from calibration.cells.crop_set import load_crops
    from calibration.cells.labelled_crops import find_labelled_crops

    return load_crops(find_labelled_crops(data, keep_twins, on_remark=say))


def _make_splits(
    crops: "CropSet",
    protocol: Protocol | None,
    hold_out: str,
    seed: int,
    folds: int,
    like: "Sequence[NearDuplicate]",
) -> "list[Split]":
    from calibration.cells.readings import canonical_subject
    from edge.errors import DataRefused
    from train.data import split as splits

    named = [canonical_subject(name) for name in hold_out.split(",") if name.strip()]
    if named and protocol:
        raise DataRefused("give --protocol or --hold-out, not both")
    if protocol is Protocol.paper:
        return [splits.paper_split(crops, seed)]
    if protocol is Protocol.subject:
        return splits.subject_splits(crops, folds, seed, like)
    if protocol is Protocol.official:
        return [splits.official_split(crops)]
    chosen = named or splits.choose_subjects(crops, seed, like=like)
    return [splits.holdout_split(crops, chosen)]


def _recipe(
    name: str,
    network: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    validation_share: float | None,
) -> "Recipe":
    from train.training.recipe import RECIPES

    given: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "validation_share": validation_share,
    }
    given = {field: value for field, value in given.items() if value is not None}
    return replace(RECIPES[name](network), **given)


def _say_epoch(epoch: dict[str, float]) -> None:
    figures = ", ".join(
        f"{name.replace('_', ' ')} {epoch[name]:.3f}"
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "test_accuracy")
        if name in epoch
    )
    say(f"epoch {epoch['epoch']}: {figures} ({epoch['seconds']:.1f} s)")


def _outcome(record: dict[str, Any]) -> list[str]:
    metrics = record["metrics"]
    lines = [
        f"test part: accuracy {metrics['accuracy']:.3f}, balanced accuracy"
        f" {metrics['balanced_accuracy']:.3f}, AUROC {metrics['auroc']:.3f}, weighted F1"
        f" {metrics['weighted_f1']:.3f} ({metrics['crops']} crops)"
    ]
    if record["split"]["protocol"] == "paper":
        return [*lines, "the same people stand on both sides: this flatters (protocol paper)"]
    return lines + [
        f"healthy subject {subject}: balanced accuracy {of['balanced_accuracy']:.3f},"
        f" AUROC {of['auroc']:.3f}, weighted F1 {of['weighted_f1']:.3f}"
        f" ({of['crops']} crops, {of['positive_subjects']} leukemia subjects)"
        for subject, of in record["per_negative_subject"].items()
    ]
