"""Tables of numbers -> what a network reads, and its answers -> the data's own terms.

The only transpose is here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from nnfs_cli import features
from nnfs_cli.core.activations import Array
from nnfs_cli.datasets import Facts, Table
from nnfs_cli.schema import Config


class Scaling(Struct, frozen=True):
    """v -> (v - shift) / factor, for each column."""

    shift: list[float]
    factor: list[float]


class Encoding(Struct, frozen=True):
    """All that turns raw columns into a network's inputs, and its outputs into answers."""

    facts: Facts
    inputs: Scaling | None = None
    targets: Scaling | None = None

    def __post_init__(self) -> None:
        for scaling, names in (
            (self.inputs, self.facts.columns),
            (self.targets, self.facts.targets),
        ):
            if scaling and {len(scaling.shift), len(scaling.factor)} != {len(names)}:
                raise ValueError("a scaling needs a number for each column")


class Samples(NamedTuple):
    """Samples for a network: x (features + 1, samples), as `inputs` says, y (outputs, samples)."""

    x: Array
    y: Array


def fit(config: Config, known: Facts, train: Table) -> Encoding:
    """Return the encoding of a configuration's data, scaled by its training part alone."""
    given = config.dataset.parameters
    return Encoding(
        known,
        _scaling(given["scale"], train.X),
        _scaling(given["scale_target"], train.y) if known.classes is None else None,
    )


def _scaling(kind: str, values: Array) -> Scaling | None:
    if kind == "none":
        return None
    shift, factor = [], []
    for column in values.T:
        low, high = float(column.min()), float(column.max())
        if low == high:
            shift.append(low)  # a constant column becomes 0
            factor.append(1.0)
        elif kind == "standard":
            shift.append(float(column.mean(dtype=np.float64)))
            factor.append(float(column.std(dtype=np.float64)))
        else:
            shift.append(low)
            factor.append(high - low)
    return Scaling(shift, factor)


def inputs(config: Config, encoding: Encoding, X: Array) -> Array:
    """Return raw columns X (samples, columns) as a network reads them, (features + 1, samples).

    A mapped file that is to be read as it is stays on its disk: (columns, samples), without ones.
    """
    if isinstance(X, np.memmap) and not (config.features or encoding.inputs):
        return X.T
    columns = encoding.facts.columns
    terms = [features.parse(expression, columns) for expression in config.features or columns]
    scaling = encoding.inputs

    def column(i: int) -> Array:
        values = X[:, i].astype(np.float64, copy=False)
        return (values - scaling.shift[i]) / scaling.factor[i] if scaling else values

    x = np.ones((len(terms) + 1, len(X)), config.dtype)
    with np.errstate(all="ignore"):  # float32 may not hold them; the cost will tell
        for row, term in zip(x, terms, strict=False):
            row[:] = features.product(term, column)
    return x


def targets(config: Config, encoding: Encoding, y: Array) -> Array:
    """Return targets as in Table as a network should give them, (outputs, samples)."""
    if encoding.facts.classes is None:
        if encoding.targets:
            y = (y - encoding.targets.shift) / encoding.targets.factor
        return np.ascontiguousarray(y.T, config.dtype)
    if config.layers[-1].units == 1:
        return y[np.newaxis].astype(config.dtype)
    return np.equal(np.arange(len(encoding.facts.classes))[:, np.newaxis], y).astype(config.dtype)


def samples(config: Config, encoding: Encoding, table: Table) -> Samples:
    """Return a table's rows as a network reads them."""
    return Samples(inputs(config, encoding, table.X), targets(config, encoding, table.y))


def answers(encoding: Encoding, y_hat: Array) -> Array:
    """Return outputs (outputs, samples) in the targets' own units, (samples, outputs)."""
    answer = y_hat.T
    if encoding.targets:
        answer = answer * encoding.targets.factor + encoding.targets.shift
    return answer


def output_names(encoding: Encoding, units: int) -> list[str]:
    """Return what each output is called."""
    known = encoding.facts
    if units == 1:
        return ["y_hat"]
    return [f"y_hat_{name}" for name in known.classes or known.targets]
