"""The forward and backward pass of one block of samples, for a network or a stack of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfs_cli.core.products import joined

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Activation, Array
    from nnfs_cli.core.network import Network
    from nnfs_cli.core.products import Product

BLOCKS = 1024, 4096  # fewest and most samples of a block, where there are enough
BLOCK_NUMBERS = 1 << 17  # numbers per block and layer: fits the cache, hides call overhead


def block_size(units: int) -> int:
    """Return the most samples of a block, for a network whose widest layer has `units` units."""
    fewest, most = BLOCKS
    return max(fewest, min(most, BLOCK_NUMBERS // units))


class Space(NamedTuple):
    """One layer's work space."""

    z: Array
    delta: Array
    a: Array
    x: Array  # the next layer's x


@dataclass(slots=True)
class Stage:
    """One layer and one block of samples: every array that the passes read and write.

    Forward: z = Wb x, a = f(z). Backward, from delta = dC/dz: dWb = delta xT, and dC/dx = WT delta.
    """

    below: Stage | None
    activation: Activation
    Wb: Array  # (..., units, fan_in + 1)
    x: Array  # (..., fan_in + 1, samples), the last row ones
    z: Array  # (..., units, samples)
    a: Array  # (..., units, samples)
    above: Array | None  # the next layer's x without its ones, if that is not `a`
    delta: Array  # (..., units, samples)
    dWb: Array  # (..., units, fan_in + 1)
    WT: Array  # (..., fan_in, units)
    xT: Array  # (..., samples, fan_in + 1)
    forward: Product  # of Wb and x
    outer: Product  # of delta and xT
    pull: Product  # of WT and delta


@dataclass(slots=True)
class Block:
    """Consecutive samples: a stage for each layer, first layer first, and their targets.

    `source` is copied into the first stage's x, unless that holds the samples already.
    """

    stages: list[Stage]
    y: Array
    source: Array | None

    def forward(self) -> None:
        """Fill z and a of each stage, first layer first."""
        if self.source is not None:
            np.copyto(self.stages[0].x[..., :-1, :], self.source, casting="same_kind")
        for stage in self.stages:
            stage.forward(stage.Wb, stage.x, stage.z)
            stage.activation.forward(stage.z, stage.a)
            if stage.above is not None:
                np.copyto(stage.above, stage.a)

    def backward(self) -> None:
        """Fill dWb of each stage, and delta of all but the last; the caller fills that."""
        for stage in reversed(self.stages):
            stage.outer(stage.delta, stage.xT, stage.dWb)
            if below := stage.below:
                stage.pull(stage.WT, stage.delta, below.delta)
                below.activation.vjp(below.z, below.a, below.delta)


def work_space(
    network: Network, networks: tuple[int, ...], samples: int, dtype: Any
) -> list[Space]:
    """Return each layer's work space; `networks` is (n,) for a stack and () for one network."""
    spaces = []
    for layer in network.layers:
        z, delta, a = (np.empty((*networks, layer.units, samples), dtype) for _ in range(3))
        x = np.ones((*networks, layer.units + 1, samples), dtype)
        # In a stack, x without its row of ones is not contiguous, so `a` has its own array.
        spaces.append(Space(z, delta, a if networks else x[:-1], x))
    return spaces


def stages(
    network: Network, params: Array, x: Array, grad: Array, spaces: list[Space], product: Product
) -> list[Stage]:
    """Return the stages of a block of x, first layer first; their gradients are views of `grad`."""
    stages: list[Stage] = []
    for layer, Wb, dWb, (z, delta, a, x_above) in zip(
        network.layers, network.views(params), network.views(grad), spaces, strict=True
    ):
        above = x_above[..., :-1, :] if params.ndim > 1 else None
        WT, xT = Wb[..., :-1].mT, x.mT
        forward = outer = product
        if x.ndim < Wb.ndim:
            forward, outer = joined(Wb, x, z), joined(delta, xT, dWb)
        # With one unit, W^T.delta is elementwise; multiply is 3 times faster.
        pull: Product = np.multiply if layer.units == 1 else np.matmul
        arrays = (Wb, x, z, a, above, delta, dWb, WT, xT)
        below = stages[-1] if stages else None
        stages.append(Stage(below, layer.activation, *arrays, forward, outer, pull))
        x = x_above
    stages[-1].above = None
    return stages
