"""A block of samples on its way through a network, or a stack of them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfs_cli.core.products import joined

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Activation, Array
    from nnfs_cli.core.network import Network
    from nnfs_cli.core.products import Product

BLOCKS = 1024, 4096  # samples at a time, at least and at most, if there are so many
BLOCK_NUMBERS = 1 << 17  # that a block has of a layer: they stay in cache, and outlast a call


def block_size(units: int) -> int:
    """Return how many samples a block has at most, where the widest layer has so many units."""
    least, most = BLOCKS
    return max(least, min(most, BLOCK_NUMBERS // units))


class Space(NamedTuple):
    """Arrays to work in, of one layer."""

    z: Array
    delta: Array
    a: Array
    x: Array  # of the next layer


@dataclass(slots=True)
class Step:
    """One layer at work on one block of samples: every array that it reads and writes.

    Forward: z = Wb x, a = f(z). Backward, from delta = dC/dz: dWb = delta xT, and dC/dx = WT delta.
    """

    below: Step | None
    activation: Activation
    Wb: Array  # (..., units, fan_in + 1)
    x: Array  # (..., fan_in + 1, samples), the last row ones
    z: Array  # (..., units, samples)
    a: Array  # (..., units, samples)
    above: Array | None  # the next layer's x without its ones, if that is not a
    delta: Array  # (..., units, samples)
    dWb: Array  # (..., units, fan_in + 1)
    WT: Array  # (..., fan_in, units)
    xT: Array  # (..., samples, fan_in + 1)
    forward: Product  # of Wb and x
    outer: Product  # of delta and xT
    pull: Product  # of WT and delta


@dataclass(slots=True)
class Block:
    """Some of the samples: their steps, first layer first, and their targets.

    `source` is what to copy into the first step's x, if that does not hold the samples already.
    """

    steps: list[Step]
    y: Array
    source: Array | None

    def forward(self) -> None:
        """Fill z and a of each step, first layer first."""
        if self.source is not None:
            np.copyto(self.steps[0].x[..., :-1, :], self.source, casting="same_kind")
        for step in self.steps:
            step.forward(step.Wb, step.x, step.z)
            step.activation.forward(step.z, step.a)
            if step.above is not None:
                np.copyto(step.above, step.a)

    def backward(self) -> None:
        """Fill dWb of each step, and delta of all but the last, whose delta is given."""
        for step in reversed(self.steps):
            step.outer(step.delta, step.xT, step.dWb)
            if below := step.below:
                step.pull(step.WT, step.delta, below.delta)
                below.activation.vjp(below.z, below.a, below.delta)


def work_space(
    network: Network, networks: tuple[int, ...], samples: int, dtype: Any
) -> list[Space]:
    """Return each layer's share of the work space, for a stack (networks,) or a single one, ()."""
    spaces = []
    for layer in network.layers:
        z, delta, a = (np.empty((*networks, layer.units, samples), dtype) for _ in range(3))
        x = np.ones((*networks, layer.units + 1, samples), dtype)
        # In a stack the rows of ones are gaps, which all but copying would stumble over.
        spaces.append(Space(z, delta, a if networks else x[:-1], x))
    return spaces


def steps(
    network: Network, params: Array, x: Array, grad: Array, spaces: list[Space], product: Product
) -> list[Step]:
    """Return the steps of a block of x, first layer first, whose gradient goes to `grad`."""
    found: list[Step] = []
    for layer, Wb, dWb, (z, delta, a, x_above) in zip(
        network.layers, network.views(params), network.views(grad), spaces, strict=True
    ):
        above = x_above[..., :-1, :] if params.ndim > 1 else None
        WT, xT = Wb[..., :-1].mT, x.mT
        forward = outer = product
        if x.ndim < Wb.ndim:
            forward, outer = joined(Wb, x, z), joined(delta, xT, dWb)
        # Of a single unit there is no sum to take, and multiply is three times as fast.
        pull: Product = np.multiply if layer.units == 1 else np.matmul
        arrays = (Wb, x, z, a, above, delta, dWb, WT, xT)
        below = found[-1] if found else None
        found.append(Step(below, layer.activation, *arrays, forward, outer, pull))
        x = x_above
    found[-1].above = None
    return found
