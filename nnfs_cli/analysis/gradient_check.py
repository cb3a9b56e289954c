"""Backpropagation compared with central differences, on a configuration's network and data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.data.encoding import Samples
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError
from nnfs_cli.training import setup

TOLERANCE = 1e-6
COMPONENTS = 200  # most components compared per array
SAMPLES = 1000  # most samples used
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)  # change of z at the largest input
TOO_LARGE = "the numbers are too large to compare gradients: scale the data, or draw smaller W"


class Component(NamedTuple):
    """One component of the gradient, computed both ways; `error` is relative.

    `place` is (unit, input) in W and (unit,) in b, from 0. `kink`: every step crosses a kink of a
    unit or of the loss on some sample, so there is no derivative to compare with.
    """

    place: tuple[int, ...]
    backpropagation: float
    difference: float
    error: float
    kink: bool = False


@dataclass(frozen=True)
class Comparison:
    """W or b of one layer: the number of components compared, and the worst of them.

    `kinks` is the number skipped; `worst` is None if all were.
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
    """The comparison of each array, and the number of samples used."""

    comparisons: list[Comparison]
    used: int
    samples: int

    @property
    def agrees(self) -> bool:
        return all(comparison.agrees for comparison in self.comparisons)


def check(config: Config, cache_dir: Path | None, sources: Sources | None = None) -> Report:
    """Return the comparison of backpropagation with central differences before the first update.

    It is made in float64, at the parameters that training starts from, on a fixed random choice of
    components and samples if there are many. Raises NnfsError if the cost is not finite.
    """
    double = msgspec.structs.replace(config, dtype="float64")
    encoding, train, _ = setup.encode(double, cache_dir, sources)
    samples = train.x.shape[-1]
    chosen = sorted(Random(0).sample(range(samples), min(samples, SAMPLES)))
    train = train if len(chosen) == samples else Samples(train.x[:, chosen], train.y[:, chosen])
    network = setup.network_of(double, encoding.facts)
    params = setup.initial_params(config, network).astype(np.float64)
    prober = _Prober(setup.evaluator(double, encoding, network, params, train), train.x)
    places = network.views(np.arange(network.n_params))
    comparisons = []
    for number, indices in enumerate(places, 1):
        comparisons.append(_compare(prober, number, "W", indices[:, :-1]))
        comparisons.append(_compare(prober, number, "b", indices[:, -1]))
    return Report(comparisons, len(chosen), samples)


def _compare(prober: _Prober, layer: int, array: str, indices: Array) -> Comparison:
    """Return the comparison of an array; `indices` are its components' places in the parameters."""
    size = indices.size
    components = []
    for i in sorted(Random(0).sample(range(size), min(size, COMPONENTS))):
        place = tuple(int(part) for part in np.unravel_index(i, indices.shape))
        components.append(prober.component(int(indices[place]), place))
    smooth = [component for component in components if not component.kink]
    worst = max(smooth, key=lambda component: component.error, default=None)
    return Comparison(layer, array, size, len(smooth), len(components) - len(smooth), worst)


class _Prober:
    """Moves one parameter at a time and restores it."""

    def __init__(self, backprop: Backprop, x: Array) -> None:
        self.backprop, self.x = backprop, x
        self.network = backprop.network
        *hidden, output = (layer.activation for layer in self.network.layers)
        loss_kinked = backprop.objective.kinked
        self.kinked = loss_kinked or any(a.kinked for a in (*hidden, output))
        self.straight = all(a.kinked for a in hidden)
        self.straight &= not loss_kinked or output.kinked or output.linear
        self.targets = backprop.targets if loss_kinked else None
        self.ends = np.cumsum([layer.n_params for layer in self.network.layers])
        self.cost = float(backprop.evaluate().cost)
        with np.errstate(all="ignore"):
            self.gradient = backprop.gradient() / backprop.samples
        if not (isfinite(self.cost) and np.isfinite(self.gradient).all()):
            raise NnfsError("the cost is not finite before the first update: look at data and W")
        _, self.inputs, self.signs = zip(*self._passed(), strict=True)
        self.reach = self._reach()
        self.rounding = self._rounding()
        if not isfinite(self.rounding):
            raise NnfsError(TOO_LARGE)

    def component(self, i: int, place: tuple[int, ...]) -> Component:
        """Return parameter i's component at the largest step at which both values agree.

        If they disagree, a shorter step is more exact, until rounding dominates. Steps that cross a
        kink are skipped.
        """
        exact = float(self.gradient[i])
        before = inf
        best: Component | None = None
        clear = self._clear(i) if self.kinked else inf
        # Smallest step that rounding of the parameter changes little.
        least = 1e-9 * abs(float(self.backprop.params[i]))
        if least * float(self.reach[i]) > 10:
            raise NnfsError(TOO_LARGE)
        for relative in STEPS:
            step = max(relative / float(self.reach[i]), least)
            if self.kinked and (2 * step >= clear or self._crosses(i, step)):
                continue
            central = self._slope(i, step)
            gap = abs(exact - central)
            error = self._error(i, step, exact, central)
            if best is None or error <= best.error:
                best = Component(place, exact, central, float(error))
            if error <= TOLERANCE or abs(central - before) < gap / 10:
                return best  # not an error of the step: backpropagation is wrong
            before = central
        return best or Component(place, exact, nan, inf, kink=True)

    def _error(self, i: int, step: float, exact: float, central: float) -> float:
        """Return the relative error, scaled so that rounding cannot exceed the tolerance."""
        gap = abs(exact - central)
        if not isfinite(gap):
            return inf
        if not gap:
            return 0.0
        floor = self.rounding / step / TOLERANCE
        if gap > TOLERANCE * max(abs(exact), abs(central), floor):
            with self._moved(i, 2 * step):  # cost and rounding may be larger there
                floor = max(floor, self._rounding() / step / TOLERANCE)
        return float(gap / max(abs(exact), abs(central), floor))

    def _slope(self, i: int, step: float) -> float:
        """Return the slope of the cost at parameter i, with an error of order step^4."""
        costs = []
        for steps in (-2, -1, 1, 2):
            with self._moved(i, steps * step):
                costs.append(float(self.backprop.evaluate().cost))
        far_left, left, right, far_right = costs
        return (8 * (right - left) - (far_right - far_left)) / (12 * step)

    def _crosses(self, i: int, step: float) -> bool:
        """Return whether a step takes any unit or the loss across a kink, on any sample.

        Between kinks, a network of straight pieces is linear in each parameter: it crosses a kink
        within the step only if it has crossed at an end.
        """
        layer = int(np.searchsorted(self.ends, i, side="right"))
        for steps in (2, -2) if self.straight else (2, -2, 1, -1):
            with self._moved(i, steps * step):
                for number, _, signs in self._passed(layer):
                    if signs is not None and not np.array_equal(self.signs[number], signs):
                        return True
        return False

    def _clear(self, i: int) -> float:
        """Return the change of parameter i that takes its own unit's z to its kink."""
        layer = int(np.searchsorted(self.ends, i, side="right"))
        if not self.network.layers[layer].activation.kinked:
            return inf
        x = self.inputs[layer]
        unit, column = divmod(i - int(self.ends[layer]), len(x))  # from the last unit: < 0
        with np.errstate(all="ignore"):
            z = self.network.views(self.backprop.params)[layer][unit] @ x
            return float(np.abs(z / x[column])[x[column] != 0].min(initial=inf))

    def _passed(self, first: int = 0) -> Iterator[tuple[int, Array, Array | None]]:
        """Yield number, input with its ones, and signs, of each layer from the first on.

        Signs are those of z, and of y_hat - y if the loss is kinked; None for a layer without
        kinks. Layers below the first are unchanged.
        """
        x = self.inputs[first] if first else self.x
        views = self.network.views(self.backprop.params)
        for number in range(first, len(views)):
            activation = self.network.layers[number].activation
            with np.errstate(all="ignore"):
                z = views[number] @ x
                a = np.ones((len(z) + 1, z.shape[1]))
                activation.forward(z, a[:-1])
                signs = [np.sign(z)] if activation.kinked else []
                if self.targets is not None and number == len(views) - 1:
                    signs.append(np.sign(a[:-1] - self.targets))
                yield number, x, np.concatenate(signs) if signs else None
                x = a

    @contextmanager
    def _moved(self, i: int, change: float) -> Iterator[None]:
        params = self.backprop.params
        initial = params[i].copy()
        params[i] += change
        yield
        params[i] = initial

    def _reach(self) -> Array:
        """Return, for each parameter, the largest input that it multiplies, (n_params,)."""
        reach = np.empty_like(self.backprop.params)
        for view, x in zip(self.network.views(reach), self.inputs, strict=True):
            view[:] = np.abs(x).max(axis=-1)
        reach[~((reach > 0) & np.isfinite(reach))] = 1
        return reach

    def _rounding(self) -> float:
        """Return a bound of the cost's rounding error, from its own and each z's last bits."""
        size = float(self.backprop.evaluate().cost)
        layers = zip(
            self.backprop.trace(),
            self.network.views(self.backprop.params),
            self._passed(),
            strict=True,
        )
        with np.errstate(all="ignore"):
            for layer, Wb, (_, x, _) in layers:
                share = np.abs(layer.delta) * (np.abs(Wb) @ np.abs(x))
                size += float(share.sum()) / self.backprop.samples
        return 4 * float(np.finfo(np.float64).eps) * size
