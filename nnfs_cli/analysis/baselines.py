"""Costs of simple models for comparison: a constant, a linear model, random features."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core import losses
from nnfs_cli.core.activations import ACTIVATIONS, Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network

ROWS = 1000  # most samples that a model is fitted to
FEW = 20  # fewest samples of which some are kept out of a fit
COLUMNS = 2000  # most inputs of a model
RANDOM_FEATURES = 200
ITERATIONS = 100  # of L-BFGS


class Baselines(NamedTuple):
    """Costs of other models of the same samples.

    `linear` is that of a network without hidden layers, fitted to all samples. The others are
    costs on samples kept out of the fit: `linear_kept_out` of the linear model, `curved` of one on
    random tanh features.
    """

    linear: float
    linear_kept_out: float
    curved: float

    @property
    def bends(self) -> bool:
        """Whether the curved model is clearly better than the linear one on samples kept out."""
        return bool(self.curved < 0.9 * self.linear_kept_out)

    @property
    def floor(self) -> float:
        """The cost of the better of the two models on samples kept out."""
        return min(self.curved, self.linear_kept_out)


def constant(config: Config, y: Array) -> float:
    """Return the cost of always answering the loss's best constant; y is (outputs, samples)."""
    loss = LOSSES[config.loss]
    answer = losses.constant(y, loss.best_constant)
    with np.errstate(all="ignore"):
        costs = loss.loss(np.broadcast_to(answer, y.shape), y.astype(np.float64))
    return float(np.nansum(costs)) / int(y.shape[-1])  # 0 log 0 counts as 0


def chosen(x: Array, y: Array) -> tuple[Array, Array]:
    """Return at most ROWS of the samples as float64; the choice is always the same."""
    rows = np.arange(y.shape[-1])
    if len(rows) > ROWS:
        rows = np.sort(np.random.RandomState(0).permutation(len(rows))[:ROWS])
    taken = np.asarray(x[:, rows], np.float64)
    return taken, np.asarray(y[:, rows], np.float64)


def baselines(config: Config, x: Array, y: Array) -> Baselines | None:
    """Return the baselines of samples x (columns, samples), without ones, and y.

    None if there are more than COLUMNS columns, or numbers that cannot be scaled.
    """
    if len(x) > COLUMNS:
        return None
    with np.errstate(all="ignore"):
        shift, factor = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
        x = np.where(factor > 0, (x - shift) / np.where(factor > 0, factor, 1), 0)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    rng = np.random.RandomState(0)
    weights = 2 * rng.standard_normal((RANDOM_FEATURES, len(x))) / np.sqrt(len(x))
    curves = np.vstack([x, np.tanh(weights @ x + rng.standard_normal((RANDOM_FEATURES, 1)))])
    order = rng.permutation(x.shape[-1])
    halves = [order[::2], order[1::2]]
    pairs = [(halves[0], halves[1]), (halves[1], halves[0])]
    if len(order) < FEW:
        pairs = [(order, order)]

    def kept_out(features: Array, decay: float) -> float:
        costs = [_fit(config, features, y, fitted, out, decay) for fitted, out in pairs]
        return float(np.mean(costs))

    return Baselines(
        _fit(config, x, y, order, order, 0),
        kept_out(x, 1e-3),
        min(kept_out(curves, decay) for decay in ((1e-3, 1e-2) if len(order) >= FEW else (0,))),
    )


def _fit(config: Config, x: Array, y: Array, fitted: Array, out: Array, decay: float) -> float:
    """Return the cost of a network without hidden layers on the samples `out`."""
    output = config.layers[-1].activation
    activation = ACTIVATIONS[output.name](**output.parameters)
    network = Network((Layer(len(x), len(y), activation),))
    params = np.zeros(network.n_params)
    loss = objective(LOSSES[config.loss], output.name, activation)

    def on(rows: Array) -> Backprop:
        ones = np.ones((1, len(rows)))
        return Backprop(network, loss, params, np.vstack([x[:, rows], ones]), y[:, rows])

    backprop = on(fitted)

    def evaluate(at: Array) -> tuple[float, Array]:
        params[:] = at
        W = network.views(at)[0][:, :-1]
        gradient = backprop.gradient() / backprop.samples
        network.views(gradient)[0][:, :-1] += decay * W
        return float(backprop.evaluate().cost) + decay / 2 * float((W**2).sum()), gradient

    with np.errstate(all="ignore"):
        first = max(1.0, float(y.std()))
        params[:] = minimum(evaluate, np.zeros(network.n_params), first=first)
        return float(on(out).evaluate().cost)


def minimum(
    evaluate: Callable[[Array], tuple[float, Array]], start: Array, *, first: float = 1.0
) -> Array:
    """Return the minimum that L-BFGS finds; `evaluate` returns value and gradient.

    Nocedal 1980, with 10 pairs; `first` is the length of the first step.
    """
    at, (value, gradient) = start, evaluate(start)
    pairs: list[tuple[Array, Array]] = []
    for _ in range(ITERATIONS):
        direction = _direction(gradient, pairs)
        slope = float(gradient @ direction)
        if not slope < -1e-14 * (1e-30 + abs(value)):
            break
        step = 1.0 if pairs else first / float(np.linalg.norm(direction))
        for _ in range(30):
            new_value, new_gradient = evaluate(at + step * direction)
            if new_value <= value + 1e-4 * step * slope:
                break
            step /= 2
        else:
            break
        change, bend = step * direction, new_gradient - gradient
        if change @ bend > 0 and bend @ bend > 0:
            pairs = [*pairs[-9:], (change, bend.copy())]
        at, value, gradient = at + change, new_value, new_gradient
    return at


def _direction(gradient: Array, pairs: list[tuple[Array, Array]]) -> Array:
    """Return the direction of L-BFGS from the last changes of position and gradient."""
    direction = -gradient
    weights = []
    for change, bend in reversed(pairs):
        weights.append(float(change @ direction) / float(change @ bend))
        direction = direction - weights[-1] * bend
    if pairs:
        change, bend = pairs[-1]
        direction = direction * (float(change @ bend) / float(bend @ bend))
    for (change, bend), weight in zip(pairs, reversed(weights), strict=True):
        direction = direction + change * (weight - float(bend @ direction) / float(change @ bend))
    return direction
