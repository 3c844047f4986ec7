"""``edge-all-train``: train the networks, measure them, audit the splits."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from edge.cli.command import one_sentence, say
from edge.cli.extras import need
from train.cli.options import (
    BackgroundOption,
    DataOption,
    DatasetOption,
    HoldOutOption,
    LabelsOption,
    PositiveOption,
    Precision,
    PrecisionOption,
    Protocol,
    ProtocolOption,
    RecipeName,
    SplitOption,
    SplitSeedOption,
    described,
    words_in,
)
from train.cli.study import study
from train.cli.training import train

NETWORKS = {
    "cnn": "the paper's own small CNN (170,674 parameters)",
    "vgg16": "VGG-16 (39,896,898 parameters)",
    "resnet50": "ResNet-50 (23,591,810 parameters)",
    "small": "a small network of our own, to compare recipes with (128,946 parameters)",
}

_MOST_LISTED = 20


class Networks(TyperGroup):
    """Commands, where the path of a Keras model stands for a network of its own."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command; all networks are trained by the same one."""
        own = cmd_name.endswith(".keras")
        return super().get_command(ctx, next(iter(NETWORKS)) if own else cmd_name)


app = typer.Typer(
    cls=Networks,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Train networks on labelled crops and measure them on people they never saw."
    " The path of a Keras model (MY.keras) in place of a command trains that one further."
    " For research, not diagnosis.",
)

for _name, _help in NETWORKS.items():
    app.command(_name, help=f"Train {_help}.")(one_sentence(train))
app.command()(study)


@app.command()
@one_sentence
def split(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder for the split files.")],
    labels: LabelsOption = "",
    positive: PositiveOption = "",
    background: BackgroundOption = None,
    protocol: ProtocolOption = None,
    hold_out: HoldOutOption = "",
    seed: SplitSeedOption = 0,
    folds: Annotated[int, typer.Option(min=2, help="Of protocol subject.")] = 5,
) -> None:
    """Make splits and save them as files that can be audited."""
    need("train", "sklearn")
    from train.cli.data import SplitWanted, make_splits
    from train.data.audit import audit, refuse_leaks, sentence
    from train.data.near_duplicates import find_near_duplicates
    from train.data.prepare import Wanted, prepare
    from train.data.split_file import save_split

    how = SplitWanted(protocol=protocol, hold_out=hold_out, seed=seed, folds=folds)
    around = background.value if background else ""
    wanted = Wanted(data, words_in(labels), positive, background=around)
    crops = prepare(wanted, protocol is Protocol.paper, say).crops
    like = find_near_duplicates(crops)
    for made in make_splits(crops, how, like):
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
    from train.data.audit import audit, sentence, whose
    from train.data.near_duplicates import find_near_duplicates
    from train.data.prepare import Wanted, prepare
    from train.data.split_file import apply_split, load_split

    leaking, like = [], None
    for found in [load_split(path) for path in splits]:
        if data:
            crops = prepare(Wanted(data, found.labels), True, say).crops
            apply_split(found, crops)  # or near-duplicates of other files were looked for
            like = find_near_duplicates(crops)
        result = audit(found, like)
        print(f"{found.name}: {sentence(result)}")
        for line in whose(found):
            print(f"  {line}")
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
    labels: LabelsOption = "",
    positive: PositiveOption = "",
    protocol: ProtocolOption = None,
    hold_out: HoldOutOption = "",
    split: SplitOption = None,
    split_seed: SplitSeedOption = 0,
    dataset: DatasetOption = "",
    seed: Annotated[int, typer.Option(help="Of the classifiers.")] = 0,
) -> None:
    """Train six baselines of the paper and boosted trees on two sets of features; two labels."""
    need("train", "keras", "sklearn")
    from train.baselines.runs import train_baselines
    from train.cli.data import SplitWanted, data_and_split
    from train.data.prepare import Wanted

    prepared, chosen = data_and_split(
        Wanted(data, words_in(labels), positive),
        SplitWanted(split, protocol=protocol, hold_out=hold_out, seed=split_seed),
    )
    for record in train_baselines(prepared, chosen, seed, dataset or described(data), out):
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
        list[str] | None, typer.Argument(metavar="[NETWORK...]", help="By default all.")
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
