"""A network's layers, its flat array of parameters, and its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nnfs_cli.core.products import WIDE, from_blocks, in_blocks, widths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnfs_cli.core.activations import Activation, Array
    from nnfs_cli.core.initializers import Initializer


@dataclass(frozen=True)
class Layer:
    """a = f(W x + b), where W is (units, fan_in) and b is (units,)."""

    fan_in: int
    units: int
    activation: Activation

    @property
    def n_params(self) -> int:
        return self.units * (self.fan_in + 1)


@dataclass(frozen=True)
class Network:
    """Layers, first hidden layer first.

    The parameters of a network are one array (..., n_params). A layer's part of it is [W b] row by
    row: (..., units, fan_in + 1) with the bias last, and the inputs' last row is ones.
    """

    layers: tuple[Layer, ...]

    @cached_property
    def n_params(self) -> int:
        return sum(layer.n_params for layer in self.layers)

    def views(self, params: Array) -> list[Array]:
        """Return each layer's [W b], (..., units, fan_in + 1), as views of params."""
        ends = np.cumsum([0, *(layer.n_params for layer in self.layers)])
        return [
            params[..., start:end].reshape(
                *params.shape[:-1], layer.units, layer.fan_in + 1, copy=False
            )
            for layer, (start, end) in zip(self.layers, pairwise(ends), strict=True)
        ]


def initialize(
    network: Network, initializers: Sequence[tuple[Initializer, Initializer]], seed: int
) -> Array:
    """Return float64 parameters (n_params,), drawn layer by layer, W row by row and then b.

    `initializers` holds a pair for each layer, for W and for b. RandomState's stream is frozen
    (NEP 19), so a seed gives the same parameters in every version of NumPy.
    """
    rng = np.random.RandomState(seed)
    params = np.empty(network.n_params)
    layers = zip(network.layers, network.views(params), initializers, strict=True)
    with np.errstate(all="ignore"):  # extreme values may overflow; the cost shows it
        for layer, Wb, (draw_W, draw_b) in layers:
            Wb[:, :-1] = draw_W(rng, (layer.units, layer.fan_in), layer.fan_in, layer.units)
            Wb[:, -1] = draw_b(rng, (layer.units,), layer.fan_in, layer.units)
    return params


def activations(network: Network, params: Array, x: Array) -> Iterator[Array]:
    """Yield a of each layer, (..., units, samples), for x (..., inputs + 1, samples), ones last.

    As in Backprop, x may lack the row of ones; then it is copied.
    """
    if x.shape[-2] == network.layers[0].fan_in:
        bare = x
        x = np.ones((*bare.shape[:-2], bare.shape[-2] + 1, bare.shape[-1]), params.dtype)
        x[..., :-1, :] = bare
    for layer, Wb in zip(network.layers, network.views(params), strict=True):
        with np.errstate(all="ignore"):
            z = Wb @ x
            x = np.ones((*z.shape[:-2], layer.units + 1, z.shape[-1]), z.dtype)
            layer.activation.forward(z, x[..., :-1, :])
        yield x[..., :-1, :]


def outputs(network: Network, params: Array, x: Array) -> Array:
    """Return y_hat (..., outputs, samples) for x as in activations."""
    for a in activations(network, params, x):
        y_hat = a
    return y_hat


def answers(network: Network, params: Array, x: Array) -> Array:
    """Return y_hat (outputs, samples) of one network for x (inputs + 1, samples), ones last.

    Unlike in `outputs`, a sample's bits do not depend on the other samples: blocks have only widths
    that give the same bits, and the last block is padded.
    """
    shapes = {(layer.units, layer.fan_in + 1) for layer in network.layers}
    parts, start, samples = [], 0, x.shape[-1]
    for width in widths(shapes, samples, params.dtype):
        narrowest = width < min(WIDE)
        stop = samples if narrowest else samples - (samples - start) % width
        y_hat = from_blocks(outputs(network, params, in_blocks(x[:, start:stop], width)))
        parts.append(y_hat[:, : stop - start])
        start = stop
    return np.concatenate(parts, axis=1)
