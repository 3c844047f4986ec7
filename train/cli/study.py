"""``edge-all-train study``: all runs of a study file, and the report on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.command import one_sentence, say
from edge.cli.extras import need
from edge.records.json_text import read_json

if TYPE_CHECKING:
    from train.data.prepare import Prepared
    from train.data.split_file import Split
    from train.study import Study, System


@one_sentence
def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="A file like those in studies/.")],
    data: Annotated[Path, typer.Option(help="Folder of labelled crops.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs; finished ones are kept.")],
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.md, report.html and figures.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of every network, instead of the study's.")
    ] = None,
) -> None:
    """Train all systems of a study, split by split; killed, the same command goes on."""
    need("train", "keras", "sklearn", *(["matplotlib"] if report else []))
    from train.study import read_study

    found = read_study(file)
    folders = [_run(found, system, name, data, out, epochs) for system, name in found.runs()]
    if report:
        from train.report.write import write_report

        for path in write_report(folders, report, pictures=None)[:2]:
            print(f"wrote {path}")


def _run(
    found: Study, system: System, name: str, data: Path, out: Path, epochs: int | None
) -> Path:
    """Train one system on one split; its run folder."""
    from train.study import BASELINES

    prepared, split = _data_and_split(found, name, data)
    folder = out / name / system.folder
    if system.system == BASELINES and not _has_baselines(folder, split):
        _train_baselines(prepared, split, system.seed, found.dataset, folder)
    elif system.system != BASELINES:
        _train_network(system, prepared, split, found.dataset, folder, epochs)
    return folder


def _data_and_split(found: Study, name: str, data: Path) -> tuple[Prepared, Split]:
    from train.data.audit import refuse_leaks
    from train.data.prepare import Wanted, prepare
    from train.data.split import holdout_split, paper_split
    from train.study import PAPER

    prepared = prepare(Wanted(data), name == PAPER, on_remark=lambda remark: None)
    crops = prepared.crops
    split = paper_split(crops, 0) if name == PAPER else holdout_split(crops, found.hold_out[name])
    refuse_leaks(split)
    return prepared, split


def _has_baselines(folder: Path, split: Split) -> bool:
    """Whether all baselines on this very split left their records in the folder."""
    from train.baselines.baselines import BASELINES
    from train.baselines.features import FEATURES

    records = [folder / f"{name}-{features}.json" for name in BASELINES for features in FEATURES]
    return all(record.is_file() and _split_of(record) == split.sha256 for record in records)


def _split_of(record: Path) -> str:
    """Hash of the split that a record is of; empty for what is no record."""
    try:
        return str(read_json(record)["split"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _train_baselines(
    prepared: Prepared, split: Split, seed: int, dataset: str, folder: Path
) -> None:
    from train.baselines.runs import train_baselines

    for record in train_baselines(prepared, split, seed, dataset, folder):
        print(f"{split.name}: {record['network']}: AUROC {record['metrics']['auroc']:.3f}")


def _train_network(
    system: System, prepared: Prepared, split: Split, dataset: str, folder: Path, epochs: int | None
) -> None:
    from train.networks.find import find_network
    from train.training.backend import usual_precision
    from train.training.recipe import RECIPES
    from train.training.run import Job, train_network

    wanted = RECIPES[system.recipe](system.system)
    precision = usual_precision() if system.precision == "auto" else system.precision
    share = system.validation_share
    recipe = replace(
        wanted,
        epochs=epochs or system.epochs or wanted.epochs,
        validation_share=wanted.validation_share if share is None else share,
        precision=precision,
        seed=system.seed,
    )
    say(f"{split.name}: {system.folder}, {recipe.epochs} epochs, in {folder}")
    contract = prepared.contract
    network = find_network(system.system, contract.side, len(contract.labels))
    job = Job(network, contract, prepared.crops, split, recipe, dataset, folder)
    record = train_network(job, lambda epoch: say(f"epoch {epoch['epoch']}"))
    print(f"{split.name}: {system.folder}: AUROC {record['metrics']['auroc']:.3f}")
