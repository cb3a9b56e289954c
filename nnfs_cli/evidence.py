"""What a run shows of its health: what it logged, and its network before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli import encoding, experiment, prediction, runs
from nnfs_cli.core.activations import Array
from nnfs_cli.core.blocks import BLOCKS
from nnfs_cli.core.metrics import predicted_class
from nnfs_cli.core.network import Network, activations
from nnfs_cli.encoding import Samples
from nnfs_cli.runs import Run
from nnfs_cli.schema import Config

LIMITS = {"sigmoid": (0, 1), "tanh": (-1, 1)}
MARGIN = 0.02  # of a limit: closer is saturated
SATURATED = 0.95  # of the samples, above which a unit is


class LayerState(NamedTuple):
    """A layer on the training data: how many of its units have each ailment, and two norms.

    `dead` units are relus that no sample activates, `saturated` ones close to the limits of
    sigmoid or tanh on nearly all samples; `copies` have the [W b] of another unit. `gradient` is
    the norm of dC/d[W b], `step` that of an update, as a share of [W b]'s, or of 1 if that is less.
    """

    dead: int
    saturated: int
    copies: int
    gradient: float
    step: float


@dataclass(frozen=True)
class Evidence:
    """A run's log up to where it was finite, and its layers before and after training.

    `end` is None if the parameters are no longer finite. `chance` is the cost of an answer that
    knows nothing, `majority` the share of the largest class, None if there are none; `size` is the
    largest input as an absolute value.
    """

    config: Config
    status: str
    log: Mapping[str, Array]
    chance: float
    majority: float | None
    size: float
    start: list[LayerState]
    end: list[LayerState] | None

    @property
    def rises(self) -> int:
        """Logged steps in which the cost went up, by more than rounding and rattling."""
        cost = self.log["cost"]
        return int((cost[1:] > cost[:-1] * (1 + 1e-4)).sum())

    @property
    def steps(self) -> int:
        return len(self.log["cost"]) - 1

    @property
    def last_tenth(self) -> float:
        """What the last tenth of the epochs brought, as a share of all that the cost fell.

        Where little was logged, it is no more than the slope at the end makes of it.
        """
        epoch, cost = self.log["epoch"], self.log["cost"]
        fall = float(cost[0]) - float(cost[-1])
        if self.steps < 1 or fall <= 1e-9 * cost[0] or not self.end:
            return 0.0
        tenth = float(np.interp(0.9 * epoch[-1], epoch, cost) - cost[-1])
        if self.steps < 10:
            slope = self.config.learning_rate * sum(layer.gradient**2 for layer in self.end)
            tenth = min(tenth, slope * 0.1 * float(epoch[-1]))
        return tenth / fall


def gather(run: Run, cache_dir: Path) -> Evidence:
    """Return the evidence of a run; FileError if its files or its data are not those it had."""
    model = prediction.load(run)
    config, network = run.config, model.network
    table = prediction.own_tables(model, cache_dir)["train"]
    samples = encoding.samples(config, model.encoding, table)
    start = experiment.initial_params(config, network)
    both = [_states(run, network, params, samples) for params in (start, model.params)]
    classes = model.known.classes is not None
    return Evidence(
        config,
        str(run.facts.get("status")),
        _finite(runs.read_log(run)),
        _chance(config, samples.y, classes),
        _majority(samples.y) if classes else None,
        float(max(abs(samples.x.max()), abs(samples.x.min()))),
        both[0],
        both[1] if np.isfinite(model.params).all() else None,
    )


def _finite(log_: Mapping[str, Array]) -> dict[str, Array]:
    """Return a log up to its first cost that is not finite, but with one entry at least."""
    lost = ~np.isfinite(log_["cost"])
    stop = max(1, int(lost.argmax())) if lost.any() else len(lost)
    return {key: values[:stop] for key, values in log_.items()}


def _chance(config: Config, y: Array, classes: bool) -> float:
    """Return what even odds cost, or of numbers to answer with their mean."""
    if config.loss == "cross_entropy":
        return log(len(y))
    if config.loss == "binary_cross_entropy":
        return log(2)
    if classes:
        return 1 / 8 if len(y) == 1 else (1 - 1 / len(y)) / 2
    return float(y.var(axis=-1, dtype=np.float64).sum()) / 2


def _majority(y: Array) -> float:
    largest = int(np.bincount(predicted_class(y)).max())
    return largest / int(y.shape[-1])


def _states(run: Run, network: Network, params: Array, samples: Samples) -> list[LayerState]:
    """Return the state of each layer at some parameters."""
    config = run.config
    backprop = experiment.evaluator(config, run.encoding, network, params, samples)
    with np.errstate(all="ignore"):
        gradient = backprop.gradient() / backprop.samples
        bound = config.gradient_clip or np.inf
        update = config.learning_rate * np.clip(gradient, -bound, bound)
        dead, saturated = _ailing(config, network, params, samples.x)
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


def _ailing(
    config: Config, network: Network, params: Array, x: Array
) -> tuple[list[int], list[int]]:
    """Return the number of dead and of saturated units in each layer."""
    active = [np.zeros(layer.units) for layer in network.layers]
    close = [np.zeros(layer.units) for layer in network.layers]
    names = [layer.activation.name for layer in config.layers]
    samples = x.shape[-1]
    size, _ = BLOCKS
    for start in range(0, samples, size):
        for i, a in enumerate(activations(network, params, x[:, start : start + size])):
            active[i] += (a > 0).sum(axis=-1)
            if names[i] in LIMITS:
                low, high = LIMITS[names[i]]
                close[i] += ((a <= low + MARGIN) | (a >= high - MARGIN)).sum(axis=-1)
    return (
        [
            int((n == 0).sum()) if name == "relu" else 0
            for n, name in zip(active, names, strict=True)
        ],
        [int((n > SATURATED * samples).sum()) for n in close],
    )


def _copies(Wb: Array) -> int:
    """Return how many units have the same parameters as another one."""
    size = float(np.abs(Wb).max()) or 1.0
    _, counts = np.unique(np.round(Wb / size, 6), axis=0, return_counts=True)
    return int(counts[counts > 1].sum())
