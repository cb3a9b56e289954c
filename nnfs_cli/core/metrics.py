"""What outputs are worth beside their cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array


def predicted_class(y_hat: Array) -> Array:
    """Return the class of each sample, (..., samples), from outputs (..., units, samples).

    One unit says class 1 from 0.5 upwards; of several, the largest says its own index. A sample
    with an output that is not a number has no class, -1.
    """
    if y_hat.shape[-2] == 1:
        classes = np.greater_equal(y_hat[..., 0, :], 0.5).astype(np.intp)
    else:
        classes = y_hat.argmax(axis=-2)
    classes[np.isnan(y_hat).any(axis=-2)] = -1
    return classes


def count_correct(y_hat: Array, y: Array) -> Array:
    """Return how many samples have the class of their target, (...); y is 0/1 or one-hot."""
    correct: Array = np.equal(predicted_class(y_hat), predicted_class(y))
    count: Array = correct.sum(axis=-1)
    return count


class ClassScores(NamedTuple):
    """Scores of each class, (classes,), and how often class i was taken for j, at [i, j]."""

    precision: Array
    recall: Array
    f1: Array
    confusion: Array


def class_scores(predicted: Array, true: Array, classes: int) -> ClassScores:
    """Return the scores of class numbers (samples,); what would divide by zero is 0.

    A sample without a predicted class, -1, counts as missed, and is not in the confusion.
    """
    has_class = predicted >= 0
    confusion = np.bincount((true * classes + predicted)[has_class], minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    right = confusion.diagonal()
    said, were = confusion.sum(axis=0), np.bincount(true, minlength=classes)
    return ClassScores(
        right / np.maximum(said, 1),
        right / np.maximum(were, 1),
        2 * right / np.maximum(said + were, 1),
        confusion,
    )


class NumberScores(NamedTuple):
    """Scores of numbers, averaged over outputs."""

    r2: float
    rmse: float
    mae: float


def number_scores(predicted: Array, true: Array) -> NumberScores:
    """Return R^2, root of the mean squared error and mean absolute error, (samples, outputs).

    R^2 of a constant target is 1 if it is met, else 0. Squares are taken of numbers of size 1, so
    that none is too large or too small.
    """
    with np.errstate(all="ignore"):
        error = predicted - true
        unit, unit_true = magnitude(error), magnitude(true)
        error = error / unit
        square, variance = (error**2).mean(axis=0), (true / unit_true).var(axis=0)
        share = square / np.where(variance > 0, variance, 1) * (unit / unit_true) ** 2
        r2 = np.where(variance > 0, 1 - share, square == 0)
        most = unit.max()
        absolute = (np.abs(error) * (unit / most)).mean() * most
        return NumberScores(
            float(r2.mean()), float((np.sqrt(square) * unit).mean()), float(absolute)
        )


def magnitude(values: Array) -> Array:
    """Return the power of 2 at or below the largest number of each column, 1 for a column of zeros.

    To divide by it rounds nothing.
    """
    largest = np.abs(values).max(axis=0)
    usable = np.isfinite(largest) & (largest > 0)
    exponent = np.frexp(np.where(usable, largest, 1.0))[1] - 1
    power: Array = np.ldexp(1.0, exponent)
    return power
