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
    from calibration.cells.crop_set import CropSet
    from train.data.prepare import Prepared
    from train.data.split_file import Split
    from train.study import Study, System
    from train.training.run import Job


@one_sentence
def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="A file like those in studies/.")],
    data: Annotated[Path, typer.Option(help="Folder of labelled crops.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs; finished ones are kept.")],
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.md, report.html and figures.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="Where another set lies that the study wants every system measured on.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of every network, instead of the study's.")
    ] = None,
) -> None:
    """Train all systems of a study, split by split; killed, the same command goes on.

    The report of a study with recipes of its own ranks them; that of any other has the paper's
    tables and figures.
    """
    need("train", "keras", "sklearn", *(["matplotlib"] if report else []))
    from train.report.ranking import write_ranking
    from train.report.write import write_report
    from train.study import EVERYBODY, read_study

    found = read_study(file)
    others = _others(found, also or [], data)
    runs = [
        (system, name, _run(found, system, name, data, others, out, epochs))
        for system, name in found.runs()
    ]
    if report and found.recipes:
        compared = [run for run in runs if run[1] != EVERYBODY]
        for path in write_ranking(found, compared, report):
            print(f"wrote {path}")
    elif report:
        for path in write_report([folder for _, _, folder in runs], report, pictures=None)[:2]:
            print(f"wrote {path}")


def _others(found: Study, given: list[str], data: Path) -> dict[str, CropSet]:
    """Crops of the other sets that a study wants, without those of people who are in the data.

    Raises
    ------
    DataRefused
        If one is not given, or is none of the study's.
    """
    from edge.errors import DataRefused
    from train.data.prepare import Wanted, prepare, prepare_other, strangers
    from train.data.split import need_every_label

    folders = dict(each.split("=", 1) for each in given if "=" in each)
    if len(folders) < len(given):
        raise DataRefused("--also takes NAME=FOLDER, each name once")
    if set(folders) != set(found.also):
        wanted = ", ".join(found.also) or "no other set"
        raise DataRefused(f"the study wants {wanted}; give --also NAME=FOLDER for each, no others")
    if not folders:
        return {}
    prepared = prepare(Wanted(data), False, on_remark=lambda remark: None)
    others = {}
    for name, folder in folders.items():
        crops = prepare_other(Path(folder), Wanted(data), prepared, on_remark=lambda remark: None)
        others[name] = strangers(crops, prepared.crops)
        need_every_label(others[name].labels, prepared.contract.names, name)
        if known := len(crops) - len(others[name]):
            say(f"{name}: {known} of {len(crops)} crops left out, of people who are in {data}")
    return others


def _run(
    found: Study,
    system: System,
    name: str,
    data: Path,
    others: dict[str, CropSet],
    out: Path,
    epochs: int | None,
) -> Path:
    """Train one system on one split; its run folder."""
    from train.study import BASELINES
    from train.training.run import train_network

    prepared, split = _data_and_split(found, name, data, others)
    folder = out / name / system.folder
    if system.system == BASELINES and not _has_baselines(folder, split):
        from train.baselines.runs import train_baselines

        for record in train_baselines(prepared, split, system.seed, found.dataset, folder, others):
            print(f"{split.name}: {record['network']}: AUROC {record['metrics']['auroc']:.3f}")
    elif system.system != BASELINES:
        job = _job(found, system, prepared, split, others, folder, epochs)
        say(f"{split.name}: {system.folder}, {job.recipe.epochs} epochs, in {folder}")
        record = train_network(job, lambda epoch: say(f"epoch {epoch['epoch']}"))
        print(f"{split.name}: {system.folder}: AUROC {record['metrics']['auroc']:.3f}")
    return folder


def _data_and_split(
    found: Study, name: str, data: Path, others: dict[str, CropSet]
) -> tuple[Prepared, Split]:
    from train.data.audit import refuse_leaks
    from train.data.prepare import Wanted, prepare
    from train.data.split import holdout_split, other_split, paper_split
    from train.study import EVERYBODY, PAPER

    prepared = prepare(Wanted(data), name == PAPER, on_remark=lambda remark: None)
    if name == EVERYBODY:
        both, split = other_split(prepared.crops, others[found.also[0]])
        prepared = replace(prepared, crops=both)
    elif name == PAPER:
        split = paper_split(prepared.crops, 0)
    else:
        split = holdout_split(prepared.crops, found.hold_out[name])
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


def _job(
    found: Study,
    system: System,
    prepared: Prepared,
    split: Split,
    others: dict[str, CropSet],
    folder: Path,
    epochs: int | None,
) -> Job:
    from train.networks.find import find_network
    from train.training.backend import usual_precision
    from train.training.run import Job

    wanted = found.recipe(system.recipe, system.system)
    precision = usual_precision() if system.precision == "auto" else system.precision
    share = system.validation_share
    recipe = replace(
        wanted,
        epochs=epochs or system.epochs or wanted.epochs,
        validation_share=wanted.validation_share if share is None else share,
        precision=precision,
        seed=system.seed,
    )
    contract = prepared.contract
    network = find_network(system.system, contract.side, len(contract.labels))
    return Job(network, contract, prepared.crops, split, recipe, found.dataset, folder, others)
