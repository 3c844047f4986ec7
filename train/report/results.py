"""Runs measured, and put in the order in which the report shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.statistics.evaluation import Evaluation, evaluate
from edge.statistics.scores import Scores, measure_scores
from train.data.split_file import PROTOCOLS
from train.report.runs import Run, Split

PAPER_TITLES = {"cnn": "CNN", "vgg16": "VGG-16", "resnet50": "ResNet-50"}
"""The paper's networks in the order of the report -> what people call them."""

NETWORK_TITLES = {**PAPER_TITLES, "small": "small network"}
"""All networks in the order of the report -> what people call them."""

CLASSIFIER_TITLES = {
    "rf": "random forest",
    "lr": "logistic regression",
    "svm": "support vector machine",
    "knn": "k nearest neighbours",
    "sgd": "stochastic gradient descent",
    "mlp": "multilayer perceptron",
    "gb": "boosted trees, not the paper's",
}
"""Baseline classifiers in the order of the report -> what people call them."""

FEATURE_TITLES = {"pca": "PCA", "descriptors": "descriptors"}
"""Features of the baselines in the order of the report -> short titles."""

_RECIPES = ("paper", "best")


@dataclass(frozen=True)
class System:
    """A network trained by a recipe, or a baseline; compared across splits.

    Attributes
    ----------
    name, recipe, kind : str
        As in :class:`train.report.runs.Run`.
    title : str
        For people; names the recipe where the report holds several.
    """

    name: str
    recipe: str
    kind: str
    title: str


@dataclass(frozen=True)
class Result:
    """One system measured on one split.

    Attributes
    ----------
    run : Run
    system : System
    evaluation : Evaluation
    per_negative : dict
        Negative subject -> Scores of its crops against all positive crops held out.
    """

    run: Run
    system: System
    evaluation: Evaluation
    per_negative: dict[str, Scores]


@dataclass(frozen=True)
class Results:
    """Everything measured.

    Attributes
    ----------
    splits : tuple of Split
        Paper split first.
    systems : tuple of System
        Networks first.
    measured : dict
        (split, system) -> Result; what was not run is not there.
    """

    splits: tuple[Split, ...]
    systems: tuple[System, ...]
    measured: dict[tuple[Split, System], Result]

    def on(self, split: Split) -> list[Result]:
        """Results on a split, in the order of the systems."""
        found = (self.measured.get((split, system)) for system in self.systems)
        return [result for result in found if result]

    def with_protocol(self, protocol: str) -> list[Split]:
        """Splits of one protocol."""
        return [split for split in self.splits if split.protocol == protocol]

    @property
    def shown(self) -> list[System]:
        """Systems whose curves are drawn: the networks, or all if there is none."""
        networks = [system for system in self.systems if system.kind == "network"]
        return networks or list(self.systems)

    def shown_on(self, split: Split) -> list[Result]:
        """Results on a split of the systems whose curves are drawn."""
        return [result for result in self.on(split) if result.system in self.shown]


@dataclass(frozen=True)
class Unit:
    """What a mean over people never seen is taken over.

    Attributes
    ----------
    name : str
        A negative subject (``holdout``) or a split (``subject``, ``official``).
    crops : int
        Negative crops in it.
    scores : Scores
    """

    name: str
    crops: int
    scores: Scores


def measure_runs(runs: Sequence[Run], replicates: int) -> Results:
    """Measure runs; `replicates` are those of the bootstrap."""
    several = len({run.recipe for run in runs if run.kind == "network"}) > 1
    measured = {}
    for run in runs:
        system = System(run.name, run.recipe, run.kind, _title(run, several))
        measured[run.split, system] = Result(
            run,
            system,
            evaluate(run.margins, run.labels, run.subjects, replicates),
            _per_negative_subject(run),
        )
    splits = sorted({split for split, _ in measured}, key=_split_order)
    systems = sorted({system for _, system in measured}, key=_system_order)
    pairs = [(split, system) for split in splits for system in systems]
    return Results(
        tuple(splits),
        tuple(systems),
        {pair: measured[pair] for pair in pairs if pair in measured},
    )


def leak_free_units(results: Results, protocol: str, system: System) -> list[Unit]:
    """Scores of a system on each unit that a leak-free protocol holds out."""
    units = []
    for split in results.with_protocol(protocol):
        result = results.measured.get((split, system))
        if result and protocol == "holdout":
            counts = _negative_crops(result.run)
            units += [Unit(name, counts[name], s) for name, s in result.per_negative.items()]
        elif result:
            crops = result.run.held_out.negative
            units.append(Unit(split.title, crops, result.evaluation.scores))
    return units


def subjects_known(result: Result) -> bool:
    """Whether the crops say whose they are, so that accuracy per subject means something."""
    return "crops" not in (
        result.evaluation.negative.resampled,
        result.evaluation.positive.resampled,
    )


def _per_negative_subject(run: Run) -> dict[str, Scores]:
    """Measure each negative subject's crops against all positive crops.

    As :func:`edge.statistics.metrics.per_negative_subject`; only where people are held
    out by name, since elsewhere there may be as many subjects as crops.
    """
    if run.split.protocol != "holdout":
        return {}
    masks = {
        subject: (run.labels == 1) | (run.subjects == subject) for subject in _negative_crops(run)
    }
    return {
        subject: measure_scores(run.margins[mask], run.labels[mask])
        for subject, mask in masks.items()
    }


def _negative_crops(run: Run) -> dict[str, int]:
    """Count the crops of each negative subject held out."""
    negative = run.subjects[run.labels == 0].tolist()
    return {subject: negative.count(subject) for subject in sorted(set(negative))}


def _title(run: Run, several: bool) -> str:
    if run.kind == "network":
        title = NETWORK_TITLES.get(run.name, run.name)
        return f"{title}, {run.recipe or 'unnamed'} recipe" if several else title
    classifier, _, features = run.name.partition("-")
    title = classifier.upper() if classifier in CLASSIFIER_TITLES else classifier
    return f"{title}, {FEATURE_TITLES.get(features, features)}" if features else title


def _split_order(split: Split) -> tuple[int, str]:
    return PROTOCOLS.index(split.protocol), split.name


def _system_order(system: System) -> tuple[bool, int, int, str, int, str]:
    classifier, _, features = system.name.partition("-")
    return (
        system.kind == "baseline",
        _place(classifier, [*NETWORK_TITLES, *CLASSIFIER_TITLES]),
        _place(features, list(FEATURE_TITLES)),
        system.name,
        _place(system.recipe, _RECIPES),
        system.recipe,
    )


def _place(name: str, order: Sequence[str]) -> int:
    return order.index(name) if name in order else len(order)
