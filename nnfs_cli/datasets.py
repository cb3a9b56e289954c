"""Data sets: from a name to samples and targets. Alone knows scikit-learn; the only transpose.

An entry of DATASETS is a function whose signature is the configuration's schema, with the facts
that are known before it is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta

from nnfs_cli import cache
from nnfs_cli.core.activations import Array

Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Count = Annotated[int, Meta(ge=2, le=10**9)]
Spread = Annotated[float, Meta(ge=0)]


class Table(NamedTuple):
    """Samples as rows: X (samples, columns), float64, and y (samples,), class numbers."""

    X: Array
    y: Array


class Facts(NamedTuple):
    """What is known of a data set before it is loaded."""

    columns: tuple[str, ...]
    classes: int
    samples: int


@dataclass(frozen=True)
class Dataset:
    """A function from parameters to a table, and one from the same parameters to its facts.

    `slow` marks what is worth a place in the cache.
    """

    load: Callable[..., Table]
    facts: Callable[..., Facts]
    slow: bool = False


def gate(*outputs: int) -> Dataset:
    """Return a logic gate: its outputs for the inputs 00, 01, 10 and 11."""

    def load() -> Table:
        return Table(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array(outputs))

    return Dataset(load, lambda: Facts(("x1", "x2"), 2, 4))


def moons(samples: Count = 200, noise: Spread = 0.2, seed: Seed = 0, shuffle: bool = True) -> Table:
    """Return two interleaving half circles."""
    from sklearn.datasets import make_moons

    return Table(*make_moons(samples, shuffle=shuffle, noise=noise, random_state=seed))


def circles(
    samples: Count = 200,
    noise: Spread = 0.1,
    factor: Annotated[float, Meta(ge=0, lt=1)] = 0.5,
    seed: Seed = 0,
) -> Table:
    """Return a circle within a circle, `factor` times its size."""
    from sklearn.datasets import make_circles

    return Table(*make_circles(samples, noise=noise, factor=factor, random_state=seed))


def blobs(
    samples: Count = 200,
    centers: Annotated[int, Meta(ge=2, le=1000)] = 2,
    std: Spread = 1.0,
    seed: Seed = 0,
) -> Table:
    """Return normally distributed clouds around random centers, a class each."""
    from sklearn.datasets import make_blobs

    return Table(
        *make_blobs(samples, centers=centers, cluster_std=std, random_state=seed)  # two columns
    )


def plane(samples: int, centers: int = 2, **_: Any) -> Facts:
    """Return the facts of points of the plane, in `centers` classes."""
    return Facts(("x1", "x2"), centers, samples)


DATASETS = {
    "or": gate(0, 1, 1, 1),
    "and": gate(0, 0, 0, 1),
    "nand": gate(1, 1, 1, 0),
    "xor": gate(0, 1, 1, 0),
    "moons": Dataset(moons, plane, slow=True),
    "circles": Dataset(circles, plane, slow=True),
    "blobs": Dataset(blobs, plane, slow=True),
}


def load(name: str, parameters: dict[str, Any], cache_dir: Path | None) -> Table:
    """Return the data set; one that is slow to make is looked for in cache_dir, and left there."""
    dataset = DATASETS[name]
    if not dataset.slow:
        return dataset.load(**parameters)
    key = cache.key(name, parameters)
    rows = cache.read(cache_dir, key) if cache_dir else None
    if rows is None:
        table = dataset.load(**parameters)
        rows = np.column_stack([table.X, table.y])
        if cache_dir:
            cache.write(cache_dir, key, rows)
    return Table(rows[:, :-1], rows[:, -1].astype(np.intp))


def n_test(samples: int, test_size: float) -> int:
    """Return how many of the samples the test part gets."""
    return ceil(samples * test_size)


def split(table: Table, test_size: float, seed: int) -> tuple[Table, Table | None]:
    """Return the training part and the test part: the rows of scikit-learn's train_test_split."""
    if not test_size:
        return table, None
    count = n_test(len(table.y), test_size)
    order = np.random.RandomState(seed).permutation(len(table.y))
    test, train = order[:count], order[count:]
    return Table(table.X[train], table.y[train]), Table(table.X[test], table.y[test])


def network_inputs(X: Array, dtype: str) -> Array:
    """Return X (samples, features) as a network reads it: (features + 1, samples), ones last."""
    x = np.ones((X.shape[1] + 1, X.shape[0]), dtype)
    x[:-1] = X.T
    return x


def network_targets(y: Array, classes: int, units: int, dtype: str) -> Array:
    """Return class numbers (samples,) as targets (units, samples): 0 and 1, or one-hot."""
    if units == 1:
        return y[np.newaxis].astype(dtype)
    return np.equal(np.arange(classes)[:, np.newaxis], y).astype(dtype)
