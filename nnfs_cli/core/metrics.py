"""Accuracy, precision, recall, F1, R^2, RMSE and MAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array


def predicted_class(y_hat: Array) -> Array:
    """Return the class of each sample, (..., samples), from outputs (..., units, samples).

    A single unit means class 1 if it is 0.5 or more; of several units, the largest gives the class.
    A sample with an output that is not a number has class -1, for none.
    """
    if y_hat.shape[-2] == 1:
        classes = np.greater_equal(y_hat[..., 0, :], 0.5).astype(np.intp)
    else:
        classes = y_hat.argmax(axis=-2)
    classes[np.isnan(y_hat).any(axis=-2)] = -1
    return classes


def count_correct(y_hat: Array, y: Array) -> Array:
    """Return the number of correctly classified samples, (...); y is 0/1 or one-hot."""
    correct: Array = np.equal(predicted_class(y_hat), predicted_class(y))
    count: Array = correct.sum(axis=-1)
    return count


class ClassScores(NamedTuple):
    """Scores of each class, (classes,); confusion[i, j] counts class i predicted as class j."""

    precision: Array
    recall: Array
    f1: Array
    confusion: Array


def class_scores(predicted: Array, true: Array, classes: int) -> ClassScores:
    """Return the scores of class numbers (samples,); a score that would divide by zero is 0.

    A sample without a predicted class, -1, counts as missed and is left out of the confusion.
    """
    has_class = predicted >= 0
    confusion = np.bincount((true * classes + predicted)[has_class], minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    correct = confusion.diagonal()
    predictions, occurrences = confusion.sum(axis=0), np.bincount(true, minlength=classes)
    return ClassScores(
        correct / np.maximum(predictions, 1),
        correct / np.maximum(occurrences, 1),
        2 * correct / np.maximum(predictions + occurrences, 1),
        confusion,
    )


class NumberScores(NamedTuple):
    """Scores of numbers, averaged over outputs."""

    r2: float
    rmse: float
    mae: float


def number_scores(predicted: Array, true: Array) -> NumberScores:
    """Return R^2, root mean squared error and mean absolute error; arrays are (samples, outputs).

    R^2 of a constant target is 1 if all predictions equal it, else 0. Numbers are scaled to about 1
    before they are squared, so that no square overflows or underflows.
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

    Division by it is exact.
    """
    largest = np.abs(values).max(axis=0)
    usable = np.isfinite(largest) & (largest > 0)
    exponent = np.frexp(np.where(usable, largest, 1.0))[1] - 1
    power: Array = np.ldexp(1.0, exponent)
    return power
