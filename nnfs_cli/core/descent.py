"""Full-batch gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array
    from nnfs_cli.core.backprop import Backprop


def descend(
    backprop: Backprop,
    learning_rate: float | Array,
    stops: Iterable[int],
    *,
    gradient_clip: float | Array | None = None,
    start: int = 0,
) -> Iterator[int]:
    """Update backprop.params in place, and yield each epoch of `stops` on reaching it.

    `stops` are increasing epochs, none before `start`; between two of them the caller may look at
    the parameters, evaluate them, save them, or decide to stop. In a stack, learning_rate and
    gradient_clip may be arrays (networks, 1), with a clip of infinity for none.
    """
    params, samples = backprop.params, backprop.samples
    # The gradient comes summed over samples; to divide these two by their number costs nothing.
    # As arrays of its own dtype they spare each product a conversion.
    with np.errstate(all="ignore"):  # float32 may not hold what a user asks for
        rate = np.asarray(learning_rate / samples, params.dtype)
        bound = None if gradient_clip is None else np.asarray(gradient_clip * samples, params.dtype)
    epoch = start
    for stop in stops:
        with np.errstate(all="ignore"):  # whoever asked for the stop looks for infinities
            for _ in range(stop - epoch):
                grad = backprop.gradient()
                if bound is not None:
                    np.minimum(grad, bound, out=grad)
                    np.maximum(grad, -bound, out=grad)
                np.multiply(grad, rate, grad)
                np.subtract(params, grad, params)
        epoch = stop
        yield epoch
