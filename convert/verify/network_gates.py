"""The gates of the Keras network itself: a faithful copy of a wrong network is no use."""

from __future__ import annotations

from convert.network.contract import Terms
from convert.verify.gates import Gate, gate_of
from convert.verify.network_fidelity import NetworkFidelity

STAGE = "record-to-keras"
LEAST_SPREAD = 1e-3
"""Probabilities that lie closer together than this tell no cell from another."""

_CHANCE = 0.5  # AUROC of guessing
_NO_LABELS = "the evaluation cells are not of every label"


def judge_network(found: NetworkFidelity, terms: Terms) -> tuple[Gate, ...]:
    """Hold what the Keras network answers against its record, its terms and chance.

    Parameters
    ----------
    found : NetworkFidelity
    terms : Terms

    Returns
    -------
    tuple of Gate
        ``answers-vary``, ``better-than-chance``, ``as-recorded``, ``input-range``.
    """
    return (
        _answers_vary(found, terms),
        _better_than_chance(found, terms),
        _as_recorded(found),
        _input_range(found, terms),
    )


def _answers_vary(found: NetworkFidelity, terms: Terms) -> Gate:
    words = terms.contract.words
    of = f" of {words[1]}" if len(words) == 2 else ""
    says = f"probabilities{of} lie {found.spread:.3g} apart, {LEAST_SPREAD:g} is required"
    one_answer = found.evaluation is not None and found.one_label
    if one_answer:
        says = f"every cell gets the same label, though cells of {_all_of(terms)} are among them"
    return gate_of(
        "answers-vary",
        STAGE,
        found.spread,
        LEAST_SPREAD,
        found.spread >= LEAST_SPREAD and not one_answer,
        says,
        "a network of one answer is no use; look at its training, and at its input range",
    )


def _better_than_chance(found: NetworkFidelity, terms: Terms) -> Gate:
    name = "better-than-chance"
    auroc = found.auroc
    if auroc is None:
        says = f"{_NO_LABELS}, so that accuracy was not checked; give labelled cells to judge it"
        return Gate(name, STAGE, None, _CHANCE, None, says)
    other = _other_order(found, auroc.high, terms)
    advice = "the network is no better than chance, and nothing it decides can be used"
    if other:
        taken = f"{', '.join(terms.outputs)} ({terms.outputs_from})"
        advice = (
            f"its outputs seem to {'be swapped' if len(other) == 2 else 'stand in another order'}:"
            f" they are taken for {taken}; correct its record, or give --labels {','.join(other)}"
        )
    return gate_of(
        name,
        STAGE,
        auroc.low,
        _CHANCE,
        auroc.low > _CHANCE and not other,
        f"AUROC of the Keras model is {auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f}) on"
        f" {found.people}, and {_CHANCE} is chance",
        advice,
    )


def _other_order(found: NetworkFidelity, auroc: float, terms: Terms) -> tuple[str, ...]:
    """What the outputs seem to stand for instead, in their order; empty if they seem right."""
    names = terms.contract.names
    if len(names) == 2:
        return terms.outputs[::-1] if auroc < _CHANCE else ()
    if found.other_order is None:
        return ()
    # the output taken for what the cells of a label are called is that of the label
    right = {names[called]: name for name, called in zip(names, found.other_order, strict=True)}
    return tuple(right[output] for output in terms.outputs)


def _all_of(terms: Terms) -> str:
    return "both" if len(terms.contract.names) == 2 else "every one"


def _as_recorded(found: NetworkFidelity) -> Gate:
    name = "as-recorded"
    if found.evaluation is None:
        says = f"{_NO_LABELS}, so that the record was not checked; give labelled cells to judge it"
        return Gate(name, STAGE, None, 0.0, None, says)
    if not found.against_record:
        says = "no record holds an accuracy on held-out people to check; train with edge-all-train"
        return Gate(name, STAGE, None, 0.0, None, says)
    worst = min(found.against_record, key=lambda score: score.agrees)  # one that does not, if any
    shown, cells = worst.measured, sum(map(sum, found.evaluation.confusion))
    return gate_of(
        name,
        STAGE,
        shown.value,
        worst.recorded,
        found.as_recorded,
        f"the record says {worst.score} {worst.recorded:.3f}, the Keras model has"
        f" {shown.value:.3f} ({shown.low:.3f} to {shown.high:.3f}) on {cells} cells of"
        f" {found.people}",
        "the record is of another network, or input range or label order differ from training",
    )


def _input_range(found: NetworkFidelity, terms: Terms) -> Gate:
    name, better = "input-range", found.better_range
    source = terms.range_from or "nobody says so"
    says = f"the Keras model is fed crops in {terms.fed} ({source})"
    if found.evaluation is None:
        says += ", which was not checked, as the cells have no labels; give labelled cells"
        return Gate(name, STAGE, None, 0.0, None, says)
    if better is None:
        tried = "it is as good as recorded" if found.as_recorded else "no other range is better"
        return Gate(name, STAGE, None, 0.0, True, f"{says}, and {tried}")
    measured = found.evaluation.scores.balanced_accuracy
    ends = f"{better.input_range.low:g},{better.input_range.high:g}"
    return gate_of(
        name,
        STAGE,
        better.gain,
        0.0,
        False,
        f"{says} with balanced accuracy {measured:.3f}, and in {better.input_range} has"
        f" {better.balanced_accuracy:.3f}",
        f"give --input-range {ends} if it was trained so",
    )
