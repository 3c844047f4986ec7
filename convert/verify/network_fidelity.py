"""What the Keras network itself answers on labelled cells, against labels and its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.network.input_range import BYTES, SIGNED, UNIT, InputRange
from convert.record import TrainingRecord
from convert.verify.fidelity import Stages, margins_of
from edge.statistics.bootstrap import draw_people
from edge.statistics.evaluation import REPLICATES, Estimate, Evaluation, evaluate
from edge.statistics.reliability import probabilities
from edge.statistics.scores import weighted_scores
from edge.statistics.shares import NORMAL, wilson_interval

Margins = npt.NDArray[np.floating]
"""``logit_all - logit_hem``, shape (n,)."""

PEOPLE_DIFFER = 0.15
"""How much accuracy may differ for want of some of the people that a record's rests on: the
released recipe has a balanced accuracy of 0.59, 0.82 and 0.90 on three groups of people, standard
deviation 0.16 (``train/released/cnn-calibration.json``)."""

_OTHER_RANGES = (UNIT, BYTES, SIGNED)


@dataclass(frozen=True)
class AgainstRecord:
    """One score of the Keras network and what its record says it is.

    Attributes
    ----------
    score : str
        ``balanced accuracy`` or ``accuracy``.
    recorded : float
    measured : Estimate
        With the interval in which it may lie: that of a bootstrap over people and Wilson's of
        both recalls together, wider by :data:`PEOPLE_DIFFER` where people of the record are
        missing.
    """

    score: str
    recorded: float
    measured: Estimate

    @property
    def agrees(self) -> bool:
        """Whether the record's value lies in the interval."""
        return self.measured.low <= self.recorded <= self.measured.high


@dataclass(frozen=True)
class BetterRange:
    """An input range in which the network decides better than in the one it is fed.

    Attributes
    ----------
    input_range : InputRange
    balanced_accuracy : float
        In that range.
    gain : float
        Least gain of it: lower end of the 95 % interval of the difference.
    """

    input_range: InputRange
    balanced_accuracy: float
    gain: float


@dataclass(frozen=True)
class NetworkFidelity:
    """What the Keras network answers on the evaluation cells.

    Attributes
    ----------
    spread : float
        Largest less smallest calibrated probability of leukemia.
    one_label : bool
        Whether every cell gets the same label.
    evaluation : Evaluation or None
        None without labels of both classes.
    against_record : tuple of AgainstRecord
        Empty where it cannot be compared.
    people : str
        Whose cells they are, in words.
    better_range : BetterRange or None
        The best of them; None where there is none, or none was tried.
    """

    spread: float
    one_label: bool
    evaluation: Evaluation | None = None
    against_record: tuple[AgainstRecord, ...] = ()
    people: str = ""
    better_range: BetterRange | None = None

    @property
    def auroc(self) -> Estimate | None:
        """AUROC of the evaluation; None without labels.

        With an interval that holds both that of the bootstrap over people, which is too narrow
        for a handful of them, and that of cells (Hanley and McNeil 1982, The meaning and use of the
        area under a ROC curve, equation 1).
        """
        if self.evaluation is None:
            return None
        found, ((clear, alarm), (miss, hit)) = (
            self.evaluation.estimate("auroc"),
            self.evaluation.confusion,
        )
        half = NORMAL * _hanley_mcneil(found.value, clear + alarm, miss + hit)
        low, high = min(found.low, found.value - half), max(found.high, found.value + half)
        return Estimate(found.value, max(low, 0.0), min(high, 1.0))

    @property
    def as_recorded(self) -> bool:
        """Whether the network is as good as its record says, by all it says."""
        return bool(self.against_record) and all(found.agrees for found in self.against_record)


def measure_network(
    stages: Stages,
    record: TrainingRecord,
    temperature: float,
    fed: InputRange,
    margins_in: Callable[[InputRange], Margins],
) -> NetworkFidelity:
    """Measure a Keras network against labels and record.

    Parameters
    ----------
    stages : Stages
        Its logits are those of the network as it is converted.
    record : TrainingRecord
    temperature : float
    fed : InputRange
        The range in which it is fed.
    margins_in : callable
        Margins on the same cells in another range. Asked only where the network is not as
        good as its record says: an honest network costs no time.
    """
    margins = margins_of(stages.keras)
    p_positive = probabilities(margins / temperature)
    spread, one_label = float(np.ptp(p_positive)), len(set((margins >= 0).tolist())) == 1
    labels, subjects = stages.labels, stages.subjects
    if labels is None or subjects is None or set(labels.tolist()) != {0, 1}:
        return NetworkFidelity(spread, one_label)
    evaluation = evaluate(margins, labels, subjects)
    present = set(subjects.tolist()) & set(record.held_out)
    missing = sorted(set(record.held_out) - present)
    against = _against_record(evaluation, record, PEOPLE_DIFFER if missing else 0.0)
    people = f"{len(present)} of the {len(record.held_out)} held-out people"
    found = NetworkFidelity(spread, one_label, evaluation, against, people)
    if found.as_recorded:
        return found
    others = [
        _better(margins, other, margins_in(other), labels, subjects)
        for other in _OTHER_RANGES
        if other != fed
    ]
    best = max((o for o in others if o.gain > 0), key=lambda o: o.gain, default=None)
    return NetworkFidelity(spread, one_label, evaluation, against, people, best)


def _against_record(
    evaluation: Evaluation, record: TrainingRecord, slack: float
) -> tuple[AgainstRecord, ...]:
    """Compare what the record says; accuracy in its own proportion of the labels."""
    crops = record.held_out_crops
    hem, leukemic = _count(crops.get("hem")), _count(crops.get("all"))
    shares = {"balanced_accuracy": 0.5}
    if hem and leukemic:
        shares["accuracy"] = leukemic / (hem + leukemic)
    found = []
    for score, share in shares.items():
        recorded = record.metrics.get(score)
        if not isinstance(recorded, float | int) or not 0 <= recorded <= 1:
            continue
        value, low, high = _mixed(evaluation, share)
        bootstrap = evaluation.estimate("balanced_accuracy")
        below, above = bootstrap.value - bootstrap.low, bootstrap.high - bootstrap.value
        low, high = min(low, value - below) - slack, max(high, value + above) + slack
        measured = Estimate(value, max(low, 0.0), min(high, 1.0))
        found.append(AgainstRecord(score.replace("_", " "), float(recorded), measured))
    return tuple(found)


def _mixed(evaluation: Evaluation, share: float) -> tuple[float, float, float]:
    """Mean of the two recalls where `share` of the cells are leukemic, with Wilson's ends.

    They are not empty where all cells are decided correctly.
    """
    ((clear, alarm), (miss, hit)) = evaluation.confusion
    parts = []
    for right, wrong, weight in ((clear, alarm, 1 - share), (hit, miss, share)):
        ends = wilson_interval(right, right + wrong)
        parts.append(tuple(weight * part for part in (right / (right + wrong), *ends)))
    value, low, high = (float(sum(part)) for part in zip(*parts, strict=True))
    return value, low, high


def _better(
    margins: Margins,
    other: InputRange,
    others: Margins,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> BetterRange:
    """How much better the network decides in another range; the same people are drawn for both."""
    if not np.isfinite(others).all():
        return BetterRange(other, 0.0, -1.0)
    score = "balanced_accuracy"
    once = weighted_scores(others, labels, np.ones((1, len(labels))))
    gains = np.concatenate(
        [
            weighted_scores(others, labels, weights)[score]
            - weighted_scores(margins, labels, weights)[score]
            for weights in draw_people(labels, subjects, REPLICATES, 0)
        ]
    )
    return BetterRange(other, float(once[score][0]), float(np.percentile(gains, 2.5)))


def _hanley_mcneil(auroc: float, negatives: int, positives: int) -> float:
    """Standard error of an AUROC of independent cells."""
    of_positives = auroc / (2 - auroc) - auroc**2
    of_negatives = 2 * auroc**2 / (1 + auroc) - auroc**2
    variance = auroc * (1 - auroc)
    variance += (positives - 1) * of_positives + (negatives - 1) * of_negatives
    return float(np.sqrt(max(variance, 0.0) / (positives * negatives)))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
