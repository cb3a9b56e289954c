"""Backpropagation against central differences, on a configuration's own network and data."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np

from nnfs_cli import experiment
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.encoding import Samples
from nnfs_cli.errors import NnfsError
from nnfs_cli.schema import Config

TOLERANCE = 1e-6
COMPONENTS = 200  # of an array, at most
SAMPLES = 1000
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)


class Component(NamedTuple):
    """One component of the gradient, from both sides; `error` is relative.

    `place` is (unit, input) in W and (unit,) in b, from 0. At a kink the slope to the left is not
    that to the right, and there is nothing to compare.
    """

    place: tuple[int, ...]
    backpropagation: float
    difference: float
    error: float
    kink: bool = False


@dataclass(frozen=True)
class Comparison:
    """W or b of one layer: how many of its components were compared, and the worst of them.

    `kinks` were skipped besides; `worst` is None if all were.
    """

    layer: int
    array: str
    components: int
    compared: int
    kinks: int
    worst: Component | None

    @property
    def agrees(self) -> bool:
        return self.worst is None or self.worst.error <= TOLERANCE


@dataclass(frozen=True)
class Report:
    """The comparison of each array, and how many of the samples it was made on."""

    comparisons: list[Comparison]
    used: int
    samples: int

    @property
    def agrees(self) -> bool:
        return all(comparison.agrees for comparison in self.comparisons)


def check(config: Config, cache_dir: Path | None) -> Report:
    """Return how backpropagation and central differences agree before the first update.

    In float64, at the very parameters that training starts from. Of many components or samples a
    choice is taken, the same each time. NnfsError if there is no finite cost to compare.
    """
    double = msgspec.structs.replace(config, dtype="float64")
    encoding, train, _ = experiment.encode(double, cache_dir)
    samples = train.x.shape[-1]
    chosen = sorted(Random(0).sample(range(samples), min(samples, SAMPLES)))
    train = train if len(chosen) == samples else Samples(train.x[:, chosen], train.y[:, chosen])
    network = experiment.network_of(double, encoding.facts)
    params = experiment.initial_params(config, network).astype(np.float64)
    prober = _Prober(experiment.evaluator(double, encoding, network, params, train))
    places = network.views(np.arange(network.n_params))
    comparisons = []
    for number, indices in enumerate(places, 1):
        comparisons.append(_compare(prober, number, "W", indices[:, :-1]))
        comparisons.append(_compare(prober, number, "b", indices[:, -1]))
    return Report(comparisons, len(chosen), samples)


def _compare(prober: _Prober, layer: int, array: str, indices: Array) -> Comparison:
    """Return the comparison of an array, whose components are at `indices` of the parameters."""
    size = indices.size
    found = []
    for i in sorted(Random(0).sample(range(size), min(size, COMPONENTS))):
        place = tuple(int(part) for part in np.unravel_index(i, indices.shape))
        found.append(prober.component(int(indices[place]), place))
    smooth = [component for component in found if not component.kink]
    worst = max(smooth, key=lambda component: component.error, default=None)
    return Comparison(layer, array, size, len(smooth), len(found) - len(smooth), worst)


class _Prober:
    """Moves one parameter at a time, and puts it back."""

    def __init__(self, backprop: Backprop) -> None:
        self.backprop = backprop
        self.cost = float(backprop.evaluate().cost)
        with np.errstate(all="ignore"):
            self.gradient = backprop.gradient() / backprop.samples
        if not (isfinite(self.cost) and np.isfinite(self.gradient).all()):
            raise NnfsError("the cost is not finite before the first update: look at data and W")
        # What rounding may change of a cost: its own last bits, and those of each product in it.
        size = self.cost + float(np.abs(self.gradient * backprop.params).sum())
        self.rounding = 16 * float(np.finfo(np.float64).eps) * size

    def component(self, i: int, place: tuple[int, ...]) -> Component:
        """Return parameter i's component, at the largest step at which both sides agree.

        Where they do not, shorter steps stay clear of most kinks. A difference that no longer
        changes, and is the same to the left and to the right, is the true slope: then
        backpropagation is wrong. If the two sides stay apart, this is a kink.
        """
        exact = float(self.gradient[i])
        before, apart = inf, inf
        best = Component(place, exact, inf, inf)
        for step in STEPS:
            left, right, central = self._slopes(i, step)
            gap = abs(exact - central)
            error = gap / max(abs(exact), abs(central), self.rounding / step / TOLERANCE)
            if not isfinite(error):
                error = inf
            if error <= best.error:
                best = Component(place, exact, central, error)
            apart = abs(right - left)
            if error <= TOLERANCE or max(apart, abs(central - before)) < gap / 10:
                return best
            before = central
        return best._replace(kink=apart >= gap / 10)

    def _slopes(self, i: int, step: float) -> tuple[float, float, float]:
        """Return the slope of the cost to the left, to the right and across, from five points.

        The central one is exact to step^4, the one-sided ones to step^2.
        """
        params = self.backprop.params
        initial = params[i].copy()
        costs = []
        for steps in (-2, -1, 1, 2):
            params[i] = initial + steps * step
            costs.append(float(self.backprop.evaluate().cost))
        params[i] = initial
        far_left, left, right, far_right = costs
        return (
            (3 * self.cost - 4 * left + far_left) / (2 * step),
            (-3 * self.cost + 4 * right - far_right) / (2 * step),
            (8 * (right - left) - (far_right - far_left)) / (12 * step),
        )
