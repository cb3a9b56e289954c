"""Initializers, which draw the parameters of a layer before training.

`draw(rng, shape, fan_in, fan_out)` returns an array of `shape`: (fan_out, fan_in) for W, (fan_out,)
for b. An entry of INITIALIZERS is a function that returns `draw`. Its signature is the
configuration's schema, and a ValueError that it raises is shown to the user.
"""

from collections.abc import Callable
from math import isinf, sqrt
from typing import TypeAlias

import numpy as np

from nnfs_cli.core.activations import Array

Shape: TypeAlias = tuple[int, ...]
Initializer: TypeAlias = Callable[["np.random.RandomState", Shape, int, int], Array]


def normal(mean: float, std: float) -> Initializer:
    """N(mean, std^2)."""
    if std < 0:
        raise ValueError("std: must be 0 or more")
    return lambda rng, shape, fan_in, fan_out: mean + std * rng.standard_normal(shape)


def plain() -> Initializer:
    """N(0, 1) x 0.01."""
    return normal(0, 0.01)


def xavier() -> Initializer:
    """N(0, 1 / fan_in), as in the articles; Glorot and Bengio 2010 average with fan_out."""
    return lambda rng, shape, fan_in, fan_out: rng.standard_normal(shape) / sqrt(fan_in)


def he() -> Initializer:
    """N(0, 2 / fan_in). He et al. 2015, eq. 10."""
    return lambda rng, shape, fan_in, fan_out: rng.standard_normal(shape) * sqrt(2 / fan_in)


def uniform(low: float, high: float) -> Initializer:
    """U[low, high)."""
    if low > high:
        raise ValueError("low: must not be more than high")
    if isinf(high - low):
        raise ValueError("high: is too far from low")
    return lambda rng, shape, fan_in, fan_out: rng.uniform(low, high, shape)


def glorot_uniform() -> Initializer:
    """U[-r, r), r = sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010, eq. 16."""

    def draw(rng: np.random.RandomState, shape: Shape, fan_in: int, fan_out: int) -> Array:
        r = sqrt(6 / (fan_in + fan_out))
        return rng.uniform(-r, r, shape)

    return draw


def zeros() -> Initializer:
    """All zero. As W of a hidden layer, it keeps all units equal throughout training."""
    return lambda rng, shape, fan_in, fan_out: np.zeros(shape)


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "plain": plain,
    "xavier": xavier,
    "he": he,
    "glorot_uniform": glorot_uniform,
    "normal": normal,
    "uniform": uniform,
    "zeros": zeros,
}
