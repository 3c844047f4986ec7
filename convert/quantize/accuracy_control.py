"""Accuracy control: the least departure from plain int8 that makes a network pass.

Three sets of cells keep the result honest. The representative set gives ranges, scales and the
ranking of layers; other cells of the training subjects judge the candidates
(:func:`judge_on`). The held-out cells, on which the gates of the conversion are measured
afterwards, are never seen here: choosing cannot flatter them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from convert.graph.layers import CARRIERS, Layer, layers
from convert.quantize.equalisation import equalise, find_exponents
from convert.quantize.range_estimators import ESTIMATORS, MINMAX
from convert.quantize.ranges import Ranges, observe_all_ranges, observe_ranges
from convert.quantize.recipe import Recipe
from convert.verify.latency import latency_ratio
from convert.verify.layer_fidelity import compare_layers
from edge.crops.preprocess import UInt8Image
from edge.engine.network import FloatNetwork, Int8Network
from edge.engine.runtime import find_runtime
from edge.statistics.answers import likeliest_of

PLAIN = "plain int8: ranges by min-max"
"""The first attempt, in words."""

_RANKED_ON = 32  # cells: a ranking needs no more, and keeping all tensors is slow
_LEAST_GAIN = 0.02  # of the error: less is chance


@dataclass(frozen=True)
class Judgement:
    """How a candidate does.

    Attributes
    ----------
    passed : bool
    agreement : float
        Share of cells whose more probable label is that of the twin, 0..1.
    mean_logit_error : float
        Of ``|int8 - float|`` over all logits. Candidates are compared by it, as agreement moves
        in whole cells.
    """

    passed: bool
    agreement: float
    mean_logit_error: float


@dataclass(frozen=True)
class Budget:
    """What may be spent.

    Attributes
    ----------
    float_layers : int
        Layers that compute in float; pooling, padding and flattening are free.
    latency : float
        Longest time of one cell, as a multiple of the all-int8 network's.
    tried : int
        Layers tried in each round, the worst first.
    """

    float_layers: int = 3
    latency: float = 1.25
    tried: int = 6


@dataclass(frozen=True)
class Attempt:
    """One thing tried.

    Attributes
    ----------
    what : str
    agreement, mean_logit_error : float
        As judged.
    bought : float
        By how much the mean logit error is lower than the best before; negative if higher.
    latency_ratio : float or None
        Time of a cell over that of the all-int8 network; None where no layer is in float, which
        costs nothing. A measured time: set it apart from results that must repeat.
    """

    what: str
    agreement: float
    mean_logit_error: float
    bought: float
    latency_ratio: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Controlled:
    """The best network found.

    Attributes
    ----------
    flatbuffer : bytes
        Int8, with input and output as of any other.
    twin : bytes
        The float twin it was made from, equalised or not: the one to compare its layers with.
    recipe : Recipe
    attempts : tuple of Attempt
        In the order tried; of layers in float, those that were kept.
    passed : bool
        Whether the judge passes it.
    ended : str
        Why the search ended, in words.
    """

    flatbuffer: bytes
    twin: bytes
    recipe: Recipe
    attempts: tuple[Attempt, ...]
    passed: bool
    ended: str


Judge = Callable[[bytes], Judgement]


def judge_on(
    twin: bytes, cells: UInt8Image, least_agreement: float, most_steps: float = 2.0
) -> Judge:
    """Make a judge that compares candidates with the twin on the cells given.

    Parameters
    ----------
    twin : bytes
    cells : ndarray of uint8, shape (n, side, side, 3)
        Neither representative nor evaluation cells.
    least_agreement : float
        0..1.
    most_steps : float
        Largest mean logit error, in steps of the int8 output; rounding of the output alone costs
        a quarter. A hundred cells cannot tell an agreement of 99.5 % from one of 99 %, so this
        limit has to.

    Returns
    -------
    callable
        From an int8 flatbuffer to its Judgement.
    """
    expected = FloatNetwork(twin, find_runtime()).logits_of(cells)

    def judge(flatbuffer: bytes) -> Judgement:
        network = Int8Network(flatbuffer, find_runtime())
        found = network.logits_of(cells)
        same = likeliest_of(found) == likeliest_of(expected)
        agreement, error = float(same.mean()), float(np.abs(found - expected).mean())
        passed = agreement >= least_agreement and error <= most_steps * network.logit_step
        return Judgement(passed, agreement, error)

    return judge


def control(
    twin: bytes,
    representative: UInt8Image,
    judge: Judge,
    budget: Budget | None = None,
    latency: Callable[[bytes, bytes], float] = latency_ratio,
    ranges: Ranges | None = None,
) -> Controlled:
    """Find an int8 network that the judge passes, departing from plain int8 as little as it takes.

    In this order, ending as soon as the judge passes: ranges by every estimator, min-max first;
    equalised channels; layers in float, one after the other. Of the worst layers
    (:func:`convert.verify.layer_fidelity.compare_layers`) each is tried alone and together with
    those that read it, so that its output is not int8 either; what lowers the error most is kept.

    Parameters
    ----------
    twin : bytes
    representative : ndarray of uint8, shape (n, side, side, 3)
    judge : callable
        From a candidate to its Judgement, on other cells than these and than those of the gates.
    budget : Budget, optional
    latency : callable
        From a candidate and the all-int8 network to the ratio of their times. It only refuses
        candidates beyond the budget; what is measured enters nothing else.
    ranges : Ranges, optional
        By min-max, of the representative set, where they were observed already.

    Returns
    -------
    Controlled
        The best found, passed or not.
    """
    search = _Search(twin, representative, judge, budget or Budget(), latency)
    for recipe in search.cheap_cures(ranges or observe_ranges(twin, representative)):
        search.attempt(recipe)
        if search.passed:
            return search.result("the judge passes it without a layer in float")
    return search.result(search.revert())


@dataclass(frozen=True)
class _Candidate:
    recipe: Recipe
    flatbuffer: bytes
    judgement: Judgement
    layers: int = 0


class _Search:
    """The best candidate so far, and what was tried on the way."""

    def __init__(
        self,
        twin: bytes,
        representative: UInt8Image,
        judge: Judge,
        budget: Budget,
        latency: Callable[[bytes, bytes], float],
    ) -> None:
        self._twin, self._representative = twin, representative
        self._judge, self._budget, self._latency = judge, budget, latency
        self._graph = layers(twin)
        self._best: _Candidate | None = None
        self._attempts: list[Attempt] = []

    @property
    def passed(self) -> bool:
        return self.best.judgement.passed

    @property
    def best(self) -> _Candidate:
        assert self._best is not None
        return self._best

    def cheap_cures(self, ranges: Ranges) -> Iterator[Recipe]:
        """Recipes that cost no latency. Lazy: what the first one does not need is not observed."""
        yield Recipe(MINMAX, ranges)
        others = [name for name in ESTIMATORS if name != MINMAX]
        found = observe_all_ranges(self._twin, self._representative, others)
        for name in others:
            yield Recipe(name, found[name])
        exponents = find_exponents(self._twin, self._representative)
        if exponents:
            equalised = equalise(self._twin, exponents)
            names = list(dict.fromkeys([self.best.recipe.estimator, MINMAX]))
            found = observe_all_ranges(equalised, self._representative, names)
            for name in names:
                yield Recipe(name, found[name], exponents)

    def attempt(self, recipe: Recipe) -> None:
        candidate = self._candidate(recipe)
        self._note(candidate, recipe.departs or PLAIN, None)
        if self._best is None or _order(candidate) < _order(self._best):
            self._best = candidate

    def revert(self) -> str:
        """Keep layers in float until it passes; returns why it ended."""
        plain = self.best.flatbuffer
        while not self.passed:
            candidates = sorted(self._reversions(), key=_order)
            if not candidates:
                return f"{self._budget.float_layers} layers in float are all the budget allows"
            enough = (1 - _LEAST_GAIN) * self.best.judgement.mean_logit_error
            helpful = [c for c in candidates if c.judgement.mean_logit_error < enough]
            if not helpful:
                return "no layer that was tried buys anything in float"
            for candidate in helpful:
                ratio = self._latency(candidate.flatbuffer, plain)
                if ratio <= self._budget.latency:
                    break
            else:
                return f"what helps takes more than {self._budget.latency:g} times as long"
            added = [n for n in candidate.recipe.kept_float if n not in self.best.recipe.kept_float]
            self._note(candidate, f"in float: {', '.join(added)}", ratio)
            self._best = candidate
        return "the judge passes it with layers in float"

    def result(self, ended: str) -> Controlled:
        recipe = self.best.recipe
        twin = equalise(self._twin, recipe.exponents)
        attempts = tuple(self._attempts)
        return Controlled(self.best.flatbuffer, twin, recipe, attempts, self.passed, ended)

    def _reversions(self) -> Iterator[_Candidate]:
        """The worst layers, each alone and with its readers, as far as the budget goes."""
        recipe = self.best.recipe
        some = self._representative[_shuffled(len(self._representative))[:_RANKED_ON]]
        twin = equalise(self._twin, recipe.exponents)
        found = compare_layers(twin, self.best.flatbuffer, some)
        by_name = {layer.name: layer for layer in self._graph}
        ranked = [by_name[row.name] for row in sorted(found, key=lambda row: row.rank)]
        worst = [layer for layer in ranked if layer.operator not in CARRIERS]
        tried: set[frozenset[str]] = {frozenset(recipe.kept_float)}
        for layer in worst[: self._budget.tried]:
            for more in ({layer.name}, {layer.name, *self._readers(layer)}):
                kept = frozenset(recipe.kept_float) | more
                count = sum(by_name[name].operator not in CARRIERS for name in kept)
                if kept not in tried and count <= self._budget.float_layers:
                    tried.add(kept)
                    in_order = tuple(layer.name for layer in self._graph if layer.name in kept)
                    yield self._candidate(replace(recipe, kept_float=in_order), count)

    def _readers(self, layer: Layer) -> Iterator[str]:
        """The layers that compute with its output, and those that carry it there."""
        for reader in self._graph:
            if layer.output in reader.inputs:
                yield reader.name
                if reader.operator in CARRIERS:
                    yield from self._readers(reader)

    def _candidate(self, recipe: Recipe, count: int = 0) -> _Candidate:
        flatbuffer = recipe.build(self._twin)
        return _Candidate(recipe, flatbuffer, self._judge(flatbuffer), count)

    def _note(self, candidate: _Candidate, what: str, ratio: float | None) -> None:
        found = candidate.judgement
        before = found if self._best is None else self._best.judgement
        bought = before.mean_logit_error - found.mean_logit_error
        self._attempts.append(Attempt(what, found.agreement, found.mean_logit_error, bought, ratio))


def _order(candidate: _Candidate) -> tuple[bool, int, float]:
    """What passes before what does not, then by what it takes, then by its error."""
    found = candidate.judgement
    return not found.passed, candidate.layers if found.passed else 0, found.mean_logit_error


def _shuffled(count: int) -> npt.NDArray[np.int64]:
    """An order free of that of the cells, which often alternate by label and subject."""
    return np.random.default_rng(0).permutation(count)
