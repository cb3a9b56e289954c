"""The evidence of a run: its log, and its network before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli.analysis import baselines as analysis_baselines
from nnfs_cli.analysis.baselines import Baselines
from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Activation, Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.blocks import BLOCKS
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.metrics import predicted_class
from nnfs_cli.core.network import Network, activations, outputs
from nnfs_cli.data import encoding
from nnfs_cli.data.encoding import Samples
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run
from nnfs_cli.training import setup

MARGIN = 0.02  # largest distance of a saturated a from its limit
SATURATED = 0.95  # share of samples that makes a unit saturated
POWER_ITERATIONS = 15


class LayerState(NamedTuple):
    """A layer on the training data: counts of its ailing units, and two norms.

    `dead` units have a = 0 on every sample and an activation that dies; `saturated` ones are close
    to their activation's limits on nearly all samples; `copies` have the [W b] of another unit.
    `gradient` is the norm of dC/d[W b], `step` that of an update divided by the norm of [W b], or
    by 1 if that is less.
    """

    dead: int
    saturated: int
    copies: int
    gradient: float
    step: float


@dataclass(frozen=True)
class Evidence:
    """The finite part of a run's log, and its layers before and after training.

    - `chance` is the cost of guessing, as in Loss; `constant` that of the loss's best constant.
    - `majority` is the share of the most common class, `test_majority` that in the test part; None
      if the targets are numbers.
    - `missed` maps each class that is never predicted to its number of samples.
    - `size` is the largest absolute value of an input.
    - `end` is None if the parameters are not finite.
    - `sizes` are those of each layer's W before training, as multiples of what xavier draws.
    - `inputs` and `targets` are some of the training samples, (columns, samples) in float64.
    """

    config: Config
    status: str
    log: Mapping[str, Array]
    chance: float
    constant: float
    majority: float | None
    test_majority: float | None
    missed: dict[str, int]
    size: float
    samples: int
    start: list[LayerState]
    end: list[LayerState] | None
    sizes: list[float]
    params: Array
    network: Network
    inputs: Array
    targets: Array

    @property
    def first(self) -> float:
        return float(self.log["cost"][0])

    @property
    def last(self) -> float:
        return float(self.log["cost"][-1])

    @property
    def rises(self) -> int:
        """The number of logged steps in which the cost rose by more than 0.01 %."""
        cost = self.log["cost"]
        return int((cost[1:] > cost[:-1] * (1 + 1e-4)).sum())

    @property
    def steps(self) -> int:
        return len(self.log["cost"]) - 1

    @property
    def last_tenth(self) -> float:
        """The drop of the cost in the last tenth of the epochs, as a share of its total drop.

        With fewer than 10 logged steps it is bounded by the slope at the end.
        """
        epoch, cost = self.log["epoch"], self.log["cost"]
        fall = float(cost[0]) - float(cost[-1])
        if self.steps < 1 or fall <= 1e-9 * cost[0] or not self.end:
            return 0.0
        tenth = float(np.interp(0.9 * epoch[-1], epoch, cost) - cost[-1])
        if self.steps < 10:
            slope = self.config.learning_rate * sum(
                layer.gradient * layer.gradient for layer in self.end
            )
            tenth = min(tenth, slope * 0.1 * float(epoch[-1]))
        return tenth / fall

    @cached_property
    def baselines(self) -> Baselines | None:
        """The costs of other models of the same data."""
        return analysis_baselines.baselines(self.config, self.inputs, self.targets)

    @cached_property
    def cost(self) -> float:
        """The cost after training on the same samples as the baselines."""
        return float(self._evaluator().evaluate().cost)

    def _evaluator(self) -> Backprop:
        """Return the network after training on `inputs` and `targets`, in float64."""
        x = np.vstack([self.inputs, np.ones((1, self.inputs.shape[1]))])
        output = self.config.layers[-1].activation.name
        loss = objective(LOSSES[self.config.loss], output, self.network.layers[-1].activation)
        return Backprop(self.network, loss, self.params.astype(np.float64), x, self.targets)

    @cached_property
    def sharpness(self) -> float:
        """The largest curvature of the cost where training ended, by power iteration.

        A learning rate above 2 / sharpness overshoots there. NaN if it cannot be computed.
        """
        backprop = self._evaluator()
        params = backprop.params
        direction = np.random.RandomState(0).standard_normal(len(params))
        size = np.nan
        with np.errstate(all="ignore"):
            far = 1e-4 * max(1.0, float(np.linalg.norm(params)))
            for _ in range(POWER_ITERATIONS):
                direction /= np.linalg.norm(direction)
                slopes = []
                for sign in (1, -1):
                    np.copyto(params, self.params + sign * far * direction)
                    slopes.append(backprop.gradient() / backprop.samples)
                direction = (slopes[0] - slopes[1]) / (2 * far)
                size = float(np.linalg.norm(direction))
        return size

    @cached_property
    def linearity(self) -> float:
        """The R^2 with which a linear function of the inputs fits z of the last layer.

        NaN if there are too few samples, or if z hardly varies.
        """
        columns, samples = self.inputs.shape
        if samples < 3 * (columns + 1) or columns > analysis_baselines.COLUMNS or not self.end:
            return np.nan
        x = np.vstack([self.inputs, np.ones((1, samples))])
        params = self.params.astype(np.float64)
        *hidden, _ = activations(self.network, params, x)
        below = np.vstack([hidden[-1], np.ones((1, samples))]) if hidden else x
        with np.errstate(all="ignore"):
            z = self.network.views(params)[-1] @ below
            z -= z.mean(axis=-1, keepdims=True)
            spread = float((z**2).sum())
            if not 1e-12 * samples < spread < np.inf:
                return np.nan
            scale = np.abs(x).max(axis=-1, keepdims=True)
            x = x / np.where(scale > 0, scale, 1)
            fit = np.linalg.lstsq(x.T, z.T, rcond=None)[0]
            return 1 - float(((z.T - x.T @ fit) ** 2).sum()) / spread


def gather(run: Run, cache_dir: Path) -> Evidence:
    """Return the evidence of a run. Raises FileError if its files or its data have changed."""
    model = models.load(run)
    config, network = run.config, model.network
    tables = models.own_tables(model, cache_dir)
    samples = encoding.samples(request_of(config), model.encoding, tables["train"])
    test = tables.get("test")
    start = setup.initial_params(config, network)
    both = [_states(run, network, params, samples) for params in (start, model.params)]
    names = model.known.classes
    finite = bool(np.isfinite(model.params).all())
    columns = len(config.features or model.known.columns)
    inputs, targets = analysis_baselines.chosen(samples.x[:columns], samples.y)
    tested = encoding.targets(request_of(config), model.encoding, test.y) if test else None
    return Evidence(
        config,
        str(run.facts.get("status")),
        _finite(record.read_log(run)),
        LOSSES[config.loss].chance(samples.y, names is not None),
        analysis_baselines.constant(config, samples.y),
        None if names is None else _majority(samples.y),
        None if names is None or tested is None else _majority(tested),
        _missed(model, samples, names) if names and finite else {},
        float(max(abs(samples.x.max()), abs(samples.x.min()))),
        int(samples.y.shape[-1]),
        both[0],
        both[1] if finite else None,
        _sizes(network, start),
        model.params,
        network,
        inputs,
        targets,
    )


def _finite(log_: Mapping[str, Array]) -> dict[str, Array]:
    """Return a log up to its first cost that is not finite, with at least one entry."""
    lost = ~np.isfinite(log_["cost"])
    stop = max(1, int(lost.argmax())) if lost.any() else len(lost)
    return {key: values[:stop] for key, values in log_.items()}


def _majority(y: Array) -> float:
    largest = int(np.bincount(predicted_class(y)).max())
    return largest / int(y.shape[-1])


def _sizes(network: Network, params: Array) -> list[float]:
    """Return the root mean square of each layer's W as a multiple of xavier's."""
    with np.errstate(all="ignore"):
        return [
            float(np.sqrt(np.mean(Wb[:, :-1].astype(np.float64) ** 2) * layer.fan_in))
            for layer, Wb in zip(network.layers, network.views(params), strict=True)
        ]


def _missed(model: Model, samples: Samples, names: tuple[str, ...]) -> dict[str, int]:
    """Return the number of samples of each class that is never predicted, by its name."""
    counts = np.bincount(predicted_class(samples.y), minlength=len(names))
    predicted = np.zeros(len(names) + 1, bool)  # the last is for outputs that are not a number
    size, _ = BLOCKS
    for start in range(0, samples.x.shape[-1], size):
        block = samples.x[:, start : start + size]
        predicted[predicted_class(outputs(model.network, model.params, block))] = True
    return {names[i]: int(counts[i]) for i in np.flatnonzero((counts > 0) & ~predicted[:-1])}


def _states(run: Run, network: Network, params: Array, samples: Samples) -> list[LayerState]:
    """Return the state of each layer at `params`."""
    config = run.config
    backprop = setup.evaluator(config, run.encoding, network, params, samples)
    with np.errstate(all="ignore"):
        gradient = backprop.gradient() / backprop.samples
        bound = config.gradient_clip or np.inf
        update = config.learning_rate * np.clip(gradient, -bound, bound)
        dead, saturated = _ailing(network, params, samples.x)
        return [
            LayerState(
                n_dead,
                n_saturated,
                _copies(Wb),
                float(np.linalg.norm(dWb.astype(np.float64))),
                float(np.linalg.norm(change) / max(1.0, float(np.linalg.norm(Wb)))),
            )
            for n_dead, n_saturated, Wb, dWb, change in zip(
                dead,
                saturated,
                *(network.views(array) for array in (params, gradient, update)),
                strict=True,
            )
        ]


def near_limits(activation: Activation, a: Array) -> Array:
    """Return where a is saturated, of the shape of a; nowhere if the activation has no limits."""
    if activation.limits is None:
        return np.zeros(a.shape, bool)
    low, high = activation.limits
    near: Array = (a <= low + MARGIN) | (a >= high - MARGIN)
    return near


def _ailing(network: Network, params: Array, x: Array) -> tuple[list[int], list[int]]:
    """Return the number of dead and of saturated units in each layer."""
    active = [np.zeros(layer.units) for layer in network.layers]
    close = [np.zeros(layer.units) for layer in network.layers]
    samples = x.shape[-1]
    size, _ = BLOCKS
    for start in range(0, samples, size):
        for i, a in enumerate(activations(network, params, x[:, start : start + size])):
            active[i] += (a > 0).sum(axis=-1)
            activation = network.layers[i].activation
            if activation.limits:
                close[i] += near_limits(activation, a).sum(axis=-1)
    return (
        [
            int((n == 0).sum()) if layer.activation.dies else 0
            for n, layer in zip(active, network.layers, strict=True)
        ],
        [int((n > SATURATED * samples).sum()) for n in close],
    )


def _copies(Wb: Array) -> int:
    """Return the number of units with the same parameters as another unit."""
    size = float(np.abs(Wb).max()) or 1.0
    _, counts = np.unique(np.round(Wb / size, 6), axis=0, return_counts=True)
    return int(counts[counts > 1].sum())
