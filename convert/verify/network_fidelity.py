"""What the Keras network itself answers on labelled cells, against labels and its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.network.input_range import BYTES, SIGNED, UNIT, InputRange
from convert.record import TrainingRecord
from convert.verify.fidelity import Fidelity, Stages
from edge.statistics.answers import Logits, answers_of, margins_of
from edge.statistics.bootstrap import draw_people
from edge.statistics.evaluation import REPLICATES, Estimate, Evaluation, evaluate
from edge.statistics.scores import weighted_scores
from edge.statistics.several import SeveralEvaluation, evaluate_several, weighted_several
from edge.statistics.shares import NORMAL, wilson_interval

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
        Largest less smallest calibrated probability: of the second of two labels; of more, of
        that in which it is largest.
    one_label : bool
        Whether every cell gets the same label.
    evaluation : Evaluation, SeveralEvaluation or None
        Of two labels, or of more; None without cells of every label.
    against_record : tuple of AgainstRecord
        Empty where it cannot be compared.
    people : str
        Whose cells they are, in words.
    better_range : BetterRange or None
        The best of them; None where there is none, or none was tried.
    """

    spread: float
    one_label: bool
    evaluation: Evaluation | SeveralEvaluation | None = None
    against_record: tuple[AgainstRecord, ...] = ()
    people: str = ""
    better_range: BetterRange | None = None

    @property
    def auroc(self) -> Estimate | None:
        """AUROC of the evaluation, of more than two labels the mean of theirs; None without labels.

        With an interval that holds both that of the bootstrap over people, which is too narrow
        for a handful of them, and that of cells (Hanley and McNeil 1982, The meaning and use of the
        area under a ROC curve, equation 1); of more labels, the mean of theirs.
        """
        if self.evaluation is None:
            return None
        found = self.evaluation.estimate("auroc")
        cells = [sum(row) for row in self.evaluation.confusion]
        errors = [_hanley_mcneil(found.value, sum(cells) - of_one, of_one) for of_one in cells[1:]]
        if len(cells) > 2:
            errors.append(_hanley_mcneil(found.value, sum(cells[1:]), cells[0]))
        half = NORMAL * float(np.mean(errors))
        low, high = min(found.low, found.value - half), max(found.high, found.value + half)
        return Estimate(found.value, max(low, 0.0), min(high, 1.0))

    @property
    def other_order(self) -> tuple[int, ...] | None:
        """Of more than two labels, what the cells of each are called most often, by number.

        None where that is not another order of the labels: every one called by one other name.
        """
        if not isinstance(self.evaluation, SeveralEvaluation):
            return None
        called = tuple(int(np.argmax(row)) for row in self.evaluation.confusion)
        labels = tuple(range(len(called)))
        return called if called != labels and tuple(sorted(called)) == labels else None

    @property
    def as_recorded(self) -> bool:
        """Whether the network is as good as its record says, by all it says."""
        return bool(self.against_record) and all(found.agrees for found in self.against_record)


def measure_network(
    stages: Stages,
    record: TrainingRecord,
    fidelity: Fidelity,
    names: tuple[str, ...],
    fed: InputRange,
    logits_in: Callable[[InputRange], Logits],
) -> NetworkFidelity:
    """Measure a Keras network against labels and record.

    Parameters
    ----------
    stages : Stages
        Its logits are those of the network as it is converted.
    record : TrainingRecord
    fidelity : Fidelity
        What turns logits into probabilities.
    names : tuple of str
        Of the labels, in the order of the logits.
    fed : InputRange
        The range in which it is fed.
    logits_in : callable
        Logits on the same cells in another range. Asked only where the network is not as
        good as its record says: an honest network costs no time.
    """
    band = fidelity.refer_band
    ends = None if band is None else (band.low, band.high)
    answers = answers_of(stages.keras, fidelity.temperature, ends, fidelity.thresholds)
    spread = float(np.ptp(answers.every_p, axis=0).max())
    one_label = len(set(answers.likeliest.tolist())) == 1
    labels, subjects = stages.known_labels, stages.subjects
    if labels is None or subjects is None:
        return NetworkFidelity(spread, one_label)
    evaluation = _evaluate(stages.keras, labels, subjects)
    people, is_everybody = _people(subjects, record)
    against = _against_record(evaluation, record, names, 0.0 if is_everybody else PEOPLE_DIFFER)
    found = NetworkFidelity(spread, one_label, evaluation, against, people)
    if found.as_recorded:
        return found
    others = [
        _better(stages.keras, other, logits_in(other), labels, subjects)
        for other in _OTHER_RANGES
        if other != fed
    ]
    best = max((o for o in others if o.gain > 0), key=lambda o: o.gain, default=None)
    return NetworkFidelity(spread, one_label, evaluation, against, people, best)


def _evaluate(
    logits: Logits, labels: npt.NDArray[np.integer], subjects: npt.NDArray[np.str_]
) -> Evaluation | SeveralEvaluation:
    if logits.shape[1] == 2:
        return evaluate(margins_of(logits), labels, subjects)
    return evaluate_several(logits, labels, subjects)


def _people(subjects: npt.NDArray[np.str_], record: TrainingRecord) -> tuple[str, bool]:
    """Whose cells these are, in words, and whether all people of the record are among them."""
    present = set(subjects.tolist())
    if record.held_out is None:
        return f"{len(subjects)} cells it may have been trained on", True
    if not record.held_out:
        return f"{len(subjects)} held-out cells", True
    held_out = set(record.held_out)
    words = f"{len(present & held_out)} of the {len(record.held_out)} held-out people"
    return words, held_out <= present


def _against_record(
    evaluation: Evaluation | SeveralEvaluation,
    record: TrainingRecord,
    names: tuple[str, ...],
    slack: float,
) -> tuple[AgainstRecord, ...]:
    """Compare what the record says; accuracy in its own proportion of the labels."""
    crops = [_count(record.held_out_crops.get(name)) for name in names]
    shares = {"balanced_accuracy": [1 / len(names)] * len(names)}
    if all(crops):
        shares["accuracy"] = [count / sum(crops) for count in crops]
    found = []
    for score, of_labels in shares.items():
        recorded = record.metrics.get(score)
        if not isinstance(recorded, float | int) or not 0 <= recorded <= 1:
            continue
        value, low, high = _mixed(evaluation.confusion, of_labels[1:])
        bootstrap = evaluation.estimate("balanced_accuracy")
        below, above = bootstrap.value - bootstrap.low, bootstrap.high - bootstrap.value
        low, high = min(low, value - below) - slack, max(high, value + above) + slack
        measured = Estimate(value, max(low, 0.0), min(high, 1.0))
        found.append(AgainstRecord(score.replace("_", " "), float(recorded), measured))
    return tuple(found)


def _mixed(
    confusion: tuple[tuple[int, ...], ...], shares: list[float]
) -> tuple[float, float, float]:
    """Mean of the recalls where so many of the cells are of each label, with Wilson's ends.

    The shares are those of all labels but the first, whose is the rest. The ends are not empty
    where all cells are decided correctly.
    """
    parts = []
    for label, (row, share) in enumerate(zip(confusion, [1 - sum(shares), *shares], strict=True)):
        right, cells = row[label], sum(row)
        ends = wilson_interval(right, cells)
        parts.append(tuple(share * part for part in (right / cells, *ends)))
    value, low, high = (float(sum(part)) for part in zip(*parts, strict=True))
    return value, low, high


def _better(
    logits: Logits,
    other: InputRange,
    others: Logits,
    labels: npt.NDArray[np.integer],
    subjects: npt.NDArray[np.str_],
) -> BetterRange:
    """How much better the network decides in another range; the same people are drawn for both."""
    if not np.isfinite(others).all():
        return BetterRange(other, 0.0, -1.0)
    once = _balanced_accuracy(others, labels, np.ones((1, len(labels))))
    gains = np.concatenate(
        [
            _balanced_accuracy(others, labels, weights)
            - _balanced_accuracy(logits, labels, weights)
            for weights in draw_people(labels, subjects, REPLICATES, 0)
        ]
    )
    return BetterRange(other, float(once[0]), float(np.percentile(gains, 2.5)))


def _balanced_accuracy(
    logits: Logits, labels: npt.NDArray[np.integer], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Of several weightings, (replicates, n) -> (replicates,)."""
    if logits.shape[1] == 2:
        return weighted_scores(margins_of(logits), labels, weights)["balanced_accuracy"]
    return weighted_several(logits, labels, weights)["balanced_accuracy"].ravel()


def _hanley_mcneil(auroc: float, negatives: int, positives: int) -> float:
    """Standard error of an AUROC of independent cells."""
    of_positives = auroc / (2 - auroc) - auroc**2
    of_negatives = 2 * auroc**2 / (1 + auroc) - auroc**2
    variance = auroc * (1 - auroc)
    variance += (positives - 1) * of_positives + (negatives - 1) * of_negatives
    return float(np.sqrt(max(variance, 0.0) / (positives * negatives)))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
