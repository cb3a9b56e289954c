"""What outputs are worth beside their cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array


def predicted_class(y_hat: Array) -> Array:
    """Return the class of each sample, (..., samples), from outputs (..., units, samples).

    One unit says class 1 from 0.5 upwards; of several, the largest says its own index.
    """
    if y_hat.shape[-2] == 1:
        return np.greater_equal(y_hat[..., 0, :], 0.5).astype(np.intp)
    classes: Array = y_hat.argmax(axis=-2)
    return classes


def count_correct(y_hat: Array, y: Array) -> Array:
    """Return how many samples have the class of their target, (...); y is 0/1 or one-hot."""
    correct: Array = np.equal(predicted_class(y_hat), predicted_class(y))
    count: Array = correct.sum(axis=-1)
    return count
