"""Tables of numbers -> a network's inputs and targets, and its outputs -> the targets' own units.

Tables have a row per sample, networks a column; only this module transposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from nnfs_cli.core.activations import Array
from nnfs_cli.core.metrics import magnitude
from nnfs_cli.data import features
from nnfs_cli.data.request import DataRequest
from nnfs_cli.data.table import DataInfo, Table
from nnfs_cli.errors import FileError, short

SAFE = 1e-140, 1e140  # standard deviations whose squares keep full float64 precision


class Scaling(Struct, frozen=True):
    """v -> (v - shift) / factor, for each column."""

    shift: list[float]
    factor: list[float]


class Encoding(Struct, frozen=True):
    """The scalings from raw columns to a network's inputs, and from its outputs to targets."""

    facts: DataInfo
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
    """Samples for a network: x (features + 1, samples), as from `inputs`, y (outputs, samples)."""

    x: Array
    y: Array


def fit(request: DataRequest, info: DataInfo, train: Table) -> Encoding:
    """Return the encoding of a data set, scaled by its training part only.

    FileError names a column that cannot be scaled.
    """
    where, scale, scale_target = request.place, request.scale, request.scale_target
    return Encoding(
        info,
        _scaling(scale, train.X, info.columns, f"{where}: scale: {scale}"),
        _scaling(scale_target, train.y, info.targets, f"{where}: scale_target: {scale_target}")
        if info.classes is None
        else None,
    )


def _scaling(kind: str, values: Array, names: Sequence[str], where: str) -> Scaling | None:
    """Return the scaling of columns (samples, columns); errors begin with `where`."""
    if kind == "none":
        return None
    shifts, factors = [], []
    for column, name in zip(values.T, names, strict=True):
        low, high = float(column.min()), float(column.max())
        shift, factor = low, high - low
        if low == high:
            factor = 1.0  # a constant column becomes 0
        elif kind == "standard":
            shift, factor = _mean_and_deviation(column)
        if not (isfinite(shift) and isfinite(high - low) and 0 < factor < inf):
            problem = "is wider" if high - low > 1 else "varies less"
            raise FileError(
                f"{where}: column {short(name)!r} runs from {low!r} to {high!r}, which {problem} "
                f"than float64 can scale; give it in another unit, or leave it out"
            )
        shifts.append(shift)
        factors.append(factor)
    return Scaling(shifts, factors)


def _mean_and_deviation(column: Array) -> tuple[float, float]:
    """Return mean and standard deviation, rescaled by a power of 2 if squares would overflow."""
    with np.errstate(all="ignore"):
        mean, deviation = column.mean(dtype=np.float64), column.std(dtype=np.float64)
        if not SAFE[0] < deviation < SAFE[1]:
            values = column.astype(np.float64)
            unit = magnitude(values)
            values /= unit
            mean = values.mean()
            values -= mean
            spread = magnitude(values)
            mean, deviation = mean * unit, (values / spread).std() * spread * unit
    return float(mean), float(deviation)


def check_range(request: DataRequest, encoding: Encoding, samples: Samples, part: str = "") -> None:
    """Raise FileError at a feature or target that is too large for the request's dtype."""
    info, dtype = encoding.facts, request.dtype
    limit = np.finfo(dtype).max
    groups = [("scale", request.scale, samples.x, request.features or info.columns)]
    if info.classes is None:
        groups.append(("scale_target", request.scale_target, samples.y, info.targets))
    for key, scale, values, names in groups:
        if isinstance(values, np.memmap) and np.can_cast(values.dtype, dtype):
            continue  # they were found finite when the file was read; a second pass takes long
        if values.min() >= -limit and values.max() <= limit:  # neither holds with a NaN
            continue
        name = next(
            name
            for name, row in zip(names, values, strict=False)
            if not (row.min() >= -limit and row.max() <= limit)
        )
        what = "column" if name in (*info.columns, *info.targets) else "feature"
        cures = [f"dataset.{key}=standard"] if scale == "none" else []
        cures += ["dtype=float64"] if dtype == "float32" else []
        cure = f"try {' or '.join(cures)}" if cures else "give it in another unit, or leave it out"
        raise FileError(
            f"{request.place}: {what} {short(name)!r} is too large for {dtype}{part}; {cure}"
        )


def inputs(request: DataRequest, encoding: Encoding, X: Array) -> Array:
    """Return raw columns X (samples, columns) as a network reads them, (features + 1, samples).

    A mapped file without features or scaling stays on disk: (columns, samples), without ones.
    """
    if isinstance(X, np.memmap) and not (request.features or encoding.inputs):
        return X.T
    names, scaling = encoding.facts.columns, encoding.inputs

    def columns(some: slice) -> Array:
        values = X.T[some].astype(np.float64, copy=False)
        if not scaling:
            return values
        shift, factor = (np.array(v[some])[:, np.newaxis] for v in (scaling.shift, scaling.factor))
        scaled: Array = (values - shift) / factor
        return scaled

    x = np.ones((len(request.features or names) + 1, len(X)), request.dtype)
    with np.errstate(all="ignore"):  # float32 may not hold them, which check_range reports
        features.write(request.features, names, columns, x[:-1])
    return x


def targets(request: DataRequest, encoding: Encoding, y: Array) -> Array:
    """Return a Table's targets as a network's outputs, (outputs, samples)."""
    if encoding.facts.classes is None:
        with np.errstate(all="ignore"):
            if encoding.targets:
                y = (y - encoding.targets.shift) / encoding.targets.factor
            return np.ascontiguousarray(y.T, request.dtype)
    if request.outputs == 1:
        return y[np.newaxis].astype(request.dtype)
    return np.equal(np.arange(len(encoding.facts.classes))[:, np.newaxis], y).astype(request.dtype)


def samples(request: DataRequest, encoding: Encoding, table: Table) -> Samples:
    """Return a table's rows as a network reads them."""
    return Samples(inputs(request, encoding, table.X), targets(request, encoding, table.y))


def answers(encoding: Encoding, y_hat: Array) -> Array:
    """Return outputs (outputs, samples) in the targets' own units, (samples, outputs)."""
    y = y_hat.T
    if encoding.targets:
        y = y * encoding.targets.factor + encoding.targets.shift
    return y


def output_names(encoding: Encoding, units: int) -> list[str]:
    """Return the name of each output."""
    info = encoding.facts
    if units == 1:
        return ["y_hat"]
    return [f"y_hat_{name}" for name in info.classes or info.targets]
