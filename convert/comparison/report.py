"""The comparison of strategies as a document and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.cells.crop_set import load_crops
from calibration.representative.strategies import DEFAULT_STRATEGY, FEWEST, STRATEGIES, look_at
from convert.chosen_cells import describe_crops, split_cells
from convert.comparison.cells import EVERY, NAMES, PLAIN, Outcome, compare_strategies
from convert.graph.float_tflite import to_float_tflite
from convert.job import terms_of
from convert.network.asked import Asked
from convert.network.fitting import load_for_device
from convert.record import record_beside
from edge.documents.markdown import to_markdown
from edge.documents.model import Report, Section, Table, Text
from edge.statistics.mcnemar import mcnemar
from edge.whole_file import save_text

_BASELINE = "random"


@dataclass(frozen=True)
class StrategyComparison:
    """A comparison of strategies on one network.

    Attributes
    ----------
    network, keras_sha256 : str
    candidates_are, evaluation_are : str
        In words.
    intended_use : str
        Of the network, for people.
    outcomes : tuple of Outcome
    """

    network: str
    keras_sha256: str
    candidates_are: str
    evaluation_are: str
    intended_use: str
    outcomes: tuple[Outcome, ...]


def compare_on(keras_file: Path, data: Path, asked: Asked, draws: int) -> StrategyComparison:
    """Compare the strategies on a network and the folder it was trained from.

    Parameters
    ----------
    keras_file : Path
    data : Path
        As for :func:`convert.chosen_cells.labelled_cells`.
        The cells of the record's held-out subjects are the evaluation cells.
    asked : Asked
        What is said of the network; outranks its record.
    draws : int

    Raises
    ------
    ConversionFailed
        If the network cannot be converted.
    DataRefused
        If `data` cannot be used.
    """
    record = record_beside(keras_file)
    terms = terms_of(keras_file, record, asked, data)
    source, _ = load_for_device(keras_file, terms)
    contract = terms.contract
    parts = split_cells(data, contract.names, record.held_out)
    known, evaluation = (
        load_crops(crops, contract.side, contract.background)
        for crops in (parts.known, parts.evaluation)
    )
    outcomes = compare_strategies(
        to_float_tflite(source.model),
        known.crops,
        look_at(known.crops, known.hashes, known.labels, known.subjects, contract.background),
        evaluation.crops,
        draws,
    )
    return StrategyComparison(
        network=source.network,
        keras_sha256=source.sha256,
        candidates_are=describe_crops(parts.known_are, parts.known),
        evaluation_are=describe_crops(parts.whose, parts.evaluation),
        intended_use=contract.intended_use,
        outcomes=tuple(outcomes),
    )


def save_comparison(comparison: StrategyComparison, out: Path) -> list[Path]:
    """Write ``representative-cells.json`` and ``.md`` into a folder.

    Raises
    ------
    OutputFailed
        If they cannot be written.
    """
    data, page = out / "representative-cells.json", out / "representative-cells.md"
    save_text(data, json.dumps(asdict(comparison), indent=1) + "\n")
    save_text(page, to_markdown(describe_comparison(comparison)))
    return [data, page]


def describe_comparison(comparison: StrategyComparison) -> Report:
    """Put a comparison into words and tables."""
    outcomes = comparison.outcomes
    draws = len({outcome.draw for outcome in outcomes})
    sizes = sorted({outcome.n for outcome in outcomes if outcome.strategy != EVERY})
    rows = [_row(outcomes, name, n) for n in sizes for name in NAMES]
    pool = next(outcome.n for outcome in outcomes if outcome.strategy == EVERY)
    return Report(
        title=f"Which cells the int8 ranges of {comparison.network} are taken from",
        notices=[
            comparison.intended_use,
            f"Candidates: {comparison.candidates_are}. Evaluated on {comparison.evaluation_are}.",
            f"Keras file: sha256 {comparison.keras_sha256}.",
        ],
        sections=[
            Section(
                "What was done",
                [
                    Text(
                        f"{draws} times a random half of the candidates was drawn ({pool} cells),"
                        " every strategy chose n cells from the same half, the network was"
                        " quantized on the ranges of these, and int8 compared with its float twin"
                        " on the evaluation cells."
                    ),
                    Text(
                        "Every strategy begins with the cells at both ends of every image"
                        f' statistic, but "{PLAIN}", the plain baseline. "{EVERY}" takes the'
                        f" whole half. Sets of fewer than {FEWEST} cells are refused elsewhere;"
                        " they are here to show what is lost."
                    ),
                ],
            ),
            Section("Fidelity", [_table([*rows, _row(outcomes, EVERY, pool)], draws)]),
            Section("What follows", [Text(words) for words in _findings(outcomes, sizes)]),
        ],
    )


def _table(rows: Sequence[Sequence[str]], draws: int) -> Table:
    return Table(
        caption=f"int8 against float: means over {draws} draws, lowest and highest in brackets",
        columns=(
            "strategy",
            "n",
            "KL (1e-6 nats)",
            "agreement (%)",
            "mean logit error",
            "largest logit error",
            "KL lower : higher than random",
        ),
        rows=rows,
        note="KL: mean over cells of the Kullback-Leibler divergence of int8's probabilities from"
        " float's at temperature 1. The last column counts draws.",
    )


def _of(outcomes: Sequence[Outcome], name: str, n: int) -> list[Outcome]:
    return [outcome for outcome in outcomes if (outcome.strategy, outcome.n) == (name, n)]


def _row(outcomes: Sequence[Outcome], name: str, n: int) -> list[str]:
    found = _of(outcomes, name, n)
    return [
        name,
        str(n),
        _spread([outcome.kl * 1e6 for outcome in found], 1),
        _spread([outcome.agreement * 100 for outcome in found], 2),
        _spread([outcome.mean_logit_error for outcome in found], 4),
        _spread([outcome.max_logit_error for outcome in found], 3),
        "-" if name in (_BASELINE, EVERY) else "{}:{}".format(*_lower(outcomes, name, n)[:2]),
    ]


def _spread(values: Sequence[float], digits: int) -> str:
    mean, low, high = np.mean(values), min(values), max(values)
    return f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _lower(outcomes: Sequence[Outcome], name: str, n: int) -> tuple[int, int, float]:
    """Draws in which a strategy's KL is lower, and higher, than random's; p of a sign test."""
    mine, random = (
        np.array([outcome.kl for outcome in _of(outcomes, which, n)]) for which in (name, _BASELINE)
    )
    test = mcnemar(mine < random, random < mine)  # its exact form is the sign test
    return test.only_first, test.only_second, test.p_value


def _findings(outcomes: Sequence[Outcome], sizes: Sequence[int]) -> list[str]:
    tests = {
        (name, n): _lower(outcomes, name, n) for name in NAMES if name != _BASELINE for n in sizes
    }
    beyond_chance = {key: test for key, test in tests.items() if test[2] < 0.05}
    told = [
        f"{name} at n = {n} ({'lower' if lower > higher else 'higher'} in"
        f" {max(lower, higher)} of {lower + higher} draws, p = {p:.3f})"
        for (name, n), (lower, higher, p) in beyond_chance.items()
    ]
    findings = [
        f"{len(tests)} times a KL was compared with that of random by a sign test over the draws,"
        f" not corrected for their number. Below 0.05: {'; '.join(told) or 'none'}."
    ]
    if not any(name in STRATEGIES for name, _ in beyond_chance):
        findings.append(
            "So these draws do not tell the ways to choose apart, once the extremes are in. Of"
            f" equals, edge-all takes {DEFAULT_STRATEGY}: it alone gives every label and every"
            " person a turn, however few their cells are, which a comparison on well-filled"
            " classes does not show."
        )
    return findings
