"""The paper's six baselines and boosted trees, with scikit-learn, on the networks' splits.

None of their settings is in the paper. Those of the six are fixed: round numbers from the flat
middle of cross-validations, by subject and by image, on the crops of C-NMC that are left when
subjects H22, 2, 16, 33 and 44 are held out. No setting was chosen on those five; the test
parts of other splits hold crops that had a say. Both classes count alike, whatever their shares.
The trees were added because they hold best for people never seen; each person of a class counts
alike to them. Their settings are round numbers that nothing was tried against.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.cells.crop_set import CropSet
from train.baselines.features import FEATURES, FeatureTable
from train.baselines.importance import permutation_importance
from train.data.sampling import PERSON, crop_weights

Margins = npt.NDArray[np.float64]

LARGEST_MARGIN = float(np.log((1 - 1e-6) / 1e-6))
"""13.8: log-odds of the probability 0.999999. Some classifiers claim to be certain, but a
margin must be finite."""

_Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Baseline:
    """A classifier and how its answer becomes log-odds.

    Attributes
    ----------
    build : callable
        Seed and number of training crops -> unfitted scikit-learn classifier.
    margins : callable
        Fitted classifier, features (n, k) and training labels -> margins, shape (n,).
    by_person : bool
        Whether each person of a class counts alike when it is trained, or each crop.
    """

    build: Callable[[int, int], Any]
    margins: Callable[[Any, FeatureTable, _Labels], Margins]
    by_person: bool = False


@dataclass(frozen=True)
class BaselineRun:
    """What one baseline says about the test part.

    Attributes
    ----------
    baseline, features : str
        Keys of :data:`BASELINES` and :data:`train.baselines.features.FEATURES`.
    margins : ndarray of float64, shape (n,)
        As :func:`fit_baseline` returns them.
    others : dict
        Name of another set -> margins of its crops.
    importance : dict
        Of boosted trees on descriptors what
        :func:`train.baselines.importance.permutation_importance` says; empty of any other.
    seconds : float
        Training and prediction, without the features.
    """

    baseline: str
    features: str
    margins: Margins
    others: dict[str, Margins]
    importance: dict[str, float]
    seconds: float


def fit_baseline(name: str, features: str, training: CropSet, test: CropSet, seed: int) -> Margins:
    """Train one baseline and let it decide on the test part.

    Parameters
    ----------
    name : str
        A key of :data:`BASELINES`.
    features : str
        A key of :data:`train.baselines.features.FEATURES`; what is learned for them is learned from
        the training part alone.
    training : CropSet
        Crops of both classes.
    test : CropSet
        Only its crops are used.
    seed : int
        The same seed gives the same margins.

    Returns
    -------
    ndarray of float64, shape (n,)
        For each crop of `test` the log-odds of the positive label, ``log(p / (1 - p))``, at least 0
        where the decision is that one; finite, within +-:data:`LARGEST_MARGIN`. For the SVM,
        which knows no probabilities, it is the decision value: 0 on the border and +-1 at the edge
        of the margin; fit a temperature before reading probabilities from it.
    """
    (run,) = run_baselines(training, test, seed, names=[name], features=[features])
    return run.margins


def run_baselines(
    training: CropSet,
    test: CropSet,
    seed: int,
    names: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    also: Mapping[str, CropSet] | None = None,
) -> Iterator[BaselineRun]:
    """Train baselines one after the other; crops are turned into features once.

    Parameters
    ----------
    training, test : CropSet
    seed : int
    names : sequence of str, optional
        Keys of :data:`BASELINES`; all by default.
    features : sequence of str, optional
        Keys of :data:`train.baselines.features.FEATURES`; all by default.
    also : mapping, optional
        Name -> another set to decide on.

    Yields
    ------
    BaselineRun
        As soon as it is there: features by features, and for each baseline by baseline.
    """
    for feature in features or FEATURES:
        transform = FEATURES[feature](training.crops, seed)
        seen, unseen = transform(training.crops), transform(test.crops)
        others = {name: transform(crops.crops) for name, crops in (also or {}).items()}
        for name in names or BASELINES:
            start = time.perf_counter()
            decide = _fit(BASELINES[name], seen, training, seed)
            margins = decide(unseen)
            of_others = {other: decide(table) for other, table in others.items()}
            seconds = time.perf_counter() - start
            explained = name == BOOSTED and feature == "descriptors" and len(set(test.labels)) == 2
            lost = permutation_importance(decide, unseen, test.labels, seed) if explained else {}
            yield BaselineRun(name, feature, margins, of_others, lost, seconds)


def _fit(
    baseline: Baseline, seen: FeatureTable, training: CropSet, seed: int
) -> Callable[[FeatureTable], Margins]:
    """Train a baseline: features (n, k) to margins (n,)."""
    labels = training.labels
    classifier = baseline.build(seed, len(labels))
    if baseline.by_person:
        weights = crop_weights(PERSON, labels, training.subjects)
        classifier.fit(seen, labels, sample_weight=weights)
    else:
        classifier.fit(seen, labels)

    def margins(unseen: FeatureTable) -> Margins:
        found = baseline.margins(classifier, unseen, labels)
        return np.clip(np.asarray(found, np.float64), -LARGEST_MARGIN, LARGEST_MARGIN)

    return margins


# ---------------------------------------------------------------- how answers become log-odds


def _decision_value(classifier: Any, unseen: FeatureTable, labels: _Labels) -> Margins:
    """What is trained with balanced class weights says it itself."""
    return np.asarray(classifier.decision_function(unseen))


def _balanced_log_odds(classifier: Any, unseen: FeatureTable, labels: _Labels) -> Margins:
    """Log-odds of the probability less those of the training part.

    Bayes' rule for what is trained without class weights: what the probability would be if
    the classes were equally frequent. Unlike resampling it invents no neighbours.
    """
    return _less_prior(classifier.predict_proba(unseen)[:, 1], labels)


def _vote(classifier: Any, unseen: FeatureTable, labels: _Labels) -> Margins:
    """As :func:`_balanced_log_odds`, with one vote more for each class.

    Laplace's rule of succession: 15 neighbours who agree would claim to be certain otherwise.
    """
    votes = classifier.n_neighbors * classifier.predict_proba(unseen)[:, 1]
    return _less_prior((votes + 1) / (classifier.n_neighbors + 2), labels)


def _log_odds(classifier: Any, unseen: FeatureTable, labels: _Labels) -> Margins:
    """Of what was trained with both classes weighing alike: its log-odds as they are."""
    p_positive = np.clip(classifier.predict_proba(unseen)[:, 1], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p_positive / (1 - p_positive)), np.float64)


def _less_prior(p_positive: npt.NDArray[np.floating], labels: _Labels) -> Margins:
    p_positive = np.clip(p_positive, 1e-6, 1 - 1e-6)
    positive = np.count_nonzero(labels == 1)
    prior = np.log(positive / (len(labels) - positive))
    return np.asarray(np.log(p_positive / (1 - p_positive)) - prior, np.float64)


# ---------------------------------------------------------------- the seven


def _random_forest(seed: int, crops: int) -> Any:
    """300 trees; leaves of at least 5 crops, so that probabilities are not all 0 or 1.

    No class weights: they move the splits, but hardly what the trees vote where crops are few.
    """
    from sklearn.ensemble import RandomForestClassifier

    # one thread: several add the trees' votes up in any order, and the last bits differ
    return RandomForestClassifier(300, min_samples_leaf=5, random_state=seed, n_jobs=1)


def _logistic_regression(seed: int, crops: int) -> Any:
    """L2 penalty, C = 0.1."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)


def _svm(seed: int, crops: int) -> Any:
    """Radial basis functions, C = 1, gamma = 1 / (features x variance)."""
    from sklearn.svm import SVC

    return SVC(C=1.0, class_weight="balanced")


def _nearest_neighbours(seed: int, crops: int) -> Any:
    """15 neighbours, weighted by 1 / distance."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(min(15, crops), weights="distance")


def _sgd(seed: int, crops: int) -> Any:
    """Logistic loss, L2 penalty 0.01; weights averaged over the steps, which are noisy."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss="log_loss", alpha=0.01, average=True, class_weight="balanced", random_state=seed
    )


def _mlp(seed: int, crops: int) -> Any:
    """One hidden layer of 32, L2 penalty 1, Adam in batches of 32 until the loss stands still."""
    from sklearn.neural_network import MLPClassifier

    # not early_stopping: it watches the accuracy on a tenth of the crops, which stands still
    # while the rare class is being learned, and stops. 2000 epochs are never reached: about 100.
    return MLPClassifier(
        (32,), alpha=1.0, batch_size=min(32, crops), tol=1e-3, max_iter=2000, random_state=seed
    )


def _boosted_trees(seed: int, crops: int) -> Any:
    """150 trees of 8 leaves (Friedman 2001), rate 0.05, a third of the features at each split."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )


BOOSTED = "gb"
"""Name of the boosted trees, which are none of the paper's."""

BASELINES: dict[str, Baseline] = {
    "rf": Baseline(_random_forest, _balanced_log_odds),
    "lr": Baseline(_logistic_regression, _decision_value),
    "svm": Baseline(_svm, _decision_value),
    "knn": Baseline(_nearest_neighbours, _vote),
    "sgd": Baseline(_sgd, _decision_value),
    "mlp": Baseline(_mlp, _balanced_log_odds),
    BOOSTED: Baseline(_boosted_trees, _log_odds, by_person=True),
}
"""Name on the command line -> random forest, logistic regression, support vector machine, k
nearest neighbours, stochastic gradient descent, multilayer perceptron, boosted trees."""
