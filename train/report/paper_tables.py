"""Tables 1 to 6 of the report: the paper's published numbers with ours beside them."""

from __future__ import annotations

from collections.abc import Sequence

from edge.documents.model import Table
from edge.documents.words import counted, number
from train.report import paper
from train.report.paper import validation_accuracy
from train.report.results import (
    CLASSIFIER_TITLES,
    FEATURE_TITLES,
    PAPER_TITLES,
    Result,
    Results,
    System,
    leak_free_units,
)
from train.report.words import (
    NOT_RUN,
    estimated,
    leak_free_protocol,
    mean_of,
    on_paper_split,
    results_of,
)


def crops_table(results: Results) -> Table:
    """Table 1: crops and subjects on both sides of every split."""
    c = paper.CROPS
    sides = (f"{c.training:,}", f"{c.test:,}")
    rows = [
        ("the paper's own", f"{c.negative:,}", f"{c.positive:,}", *sides, *[paper.NOT_STATED] * 3)
    ]
    for split in results.splits:
        run = results.on(split)[0].run
        both = run.training.subjects & run.held_out.subjects
        rows.append(
            (
                split.title,
                f"{run.training.negative + run.held_out.negative:,}",
                f"{run.training.positive + run.held_out.positive:,}",
                f"{run.training.crops:,}",
                f"{run.held_out.crops:,}",
                str(len(run.training.subjects)),
                str(len(run.held_out.subjects)),
                str(len(both)),
            )
        )
    return Table(
        "Table 1. Crops and subjects",
        (
            "split",
            f"{paper.NEGATIVE} crops",
            f"{paper.POSITIVE} crops",
            "training crops",
            "test crops",
            "training subjects",
            "test subjects",
            "subjects on both sides",
        ),
        rows,
        "On leak-free splits byte-identical crops count once, and subjects that share some are one"
        " subject. Training crops include those set aside to stop early.",
    )


def networks_table() -> Table:
    """Table 2: the networks."""
    return Table(
        f"Table 2. Networks, on crops of {paper.SIDE}x{paper.SIDE} pixels",
        ("network", "parameters", "multiply-adds per crop, millions"),
        [
            (title, f"{found.parameters:,}", f"{found.multiply_adds:,}")
            for name, title in PAPER_TITLES.items()
            for found in [paper.NETWORKS[name]]
        ],
        "Parameters trainable and not. The networks trained here are the paper's, layer by layer.",
    )


def accuracies_table(results: Results) -> Table:
    """Table 3: accuracy of the networks on the paper split, the paper's beside ours."""
    protocol = leak_free_protocol(results)
    rows = []
    for name, title in PAPER_TITLES.items():
        found = paper.NETWORKS[name]
        for system in _systems_named(results, name):
            result = on_paper_split(results, system)
            units = leak_free_units(results, protocol, system) if protocol and system else []
            rows.append(
                (
                    system.title if system else title,
                    paper.NOT_STATED,
                    f"{found.test_accuracy:.4f}",
                    _validation(result),
                    estimated(result, "accuracy"),
                    mean_of(units, "accuracy"),
                    f"{found.auroc:.2f}",
                    estimated(result, "auroc"),
                    mean_of(units, "auroc"),
                )
            )
    return Table(
        "Table 3. Accuracy of the networks on the paper's kind of split",
        (
            "network",
            "validation accuracy, paper",
            "test accuracy, paper",
            "validation accuracy, here",
            "test accuracy, here",
            "accuracy, people never seen, here",
            "AUROC, paper",
            "AUROC, here",
            "AUROC, people never seen, here",
        ),
        rows,
        "Validation accuracy as the paper defines it: the mean of the test accuracy over all"
        f" epochs, of which the paper has {paper.EPOCHS}. Test accuracy: of the finished network.",
    )


def baselines_table(results: Results) -> Table:
    """Table 5: accuracy of the baselines."""
    protocol = leak_free_protocol(results)
    rows = []
    for name, title in CLASSIFIER_TITLES.items():
        of_paper = paper.BASELINES.get(name)
        row = [title, "-" if of_paper is None else f"{of_paper:.4f}"]
        systems = [_systems_named(results, f"{name}-{features}")[0] for features in FEATURE_TITLES]
        row += [estimated(on_paper_split(results, system), "accuracy") for system in systems]
        row += [
            mean_of(leak_free_units(results, protocol, system), "accuracy")
            if protocol and system
            else NOT_RUN
            for system in systems
        ]
        rows.append(row)
    return Table(
        "Table 5. Accuracy of the baselines on the paper's kind of split",
        (
            "classifier",
            "paper",
            *(f"here, {title}" for title in FEATURE_TITLES.values()),
            *(f"people never seen, {title}" for title in FEATURE_TITLES.values()),
        ),
        rows,
        f"{paper.MLP_NOTE} The paper does not say which features its baselines had.",
    )


def timing_table(results: Results) -> Table:
    """Table 6: seconds per epoch, on the first split of each network that was timed."""
    crops = f"{paper.CROPS.training:,} crops"
    return Table(
        "Table 6. Seconds per epoch",
        (
            "network",
            f"paper, on Colab, {crops}",
            "here",
            "training crops",
            f"here, as if {crops}",
            "machine",
        ),
        [
            (
                system.title if system else title,
                f"{paper.NETWORKS[name].seconds_per_epoch:.0f}",
                *_timing(results_of(results, system)),
            )
            for name, title in PAPER_TITLES.items()
            for system in _systems_named(results, name)
        ],
    )


def _timing(found: Sequence[Result]) -> tuple[str, str, str, str]:
    """Seconds, crops, seconds scaled to the paper's crops, machine."""
    for result in found:
        run = result.run
        if run.seconds_per_epoch is not None:
            scaled = run.seconds_per_epoch * paper.CROPS.training / run.training.crops
            seconds = f"{run.seconds_per_epoch:.2f}"
            return seconds, f"{run.training.crops:,}", f"{scaled:.2f}", run.machine
    missing = "-" if found else NOT_RUN
    return missing, missing, missing, missing


def _systems_named(results: Results, name: str) -> Sequence[System | None]:
    """Systems of one name, one per recipe; a single None where it was not run."""
    return [system for system in results.systems if system.name == name] or [None]


def _validation(result: Result | None) -> str:
    if not result:
        return NOT_RUN
    accuracies = [epoch.accuracies["test"] for epoch in result.run.history]
    mean = validation_accuracy(accuracies)
    return "-" if mean is None else f"{number(mean)} over {counted(len(accuracies), 'epoch')}"
