"""Data sets by name: their samples and targets, and what is known of them without generating any.

The only module that imports scikit-learn. An entry of DATASETS has a function with the
configuration's schema as its signature, and one that returns a DataInfo.
"""

from collections.abc import Callable
from math import tau
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from nnfs_cli.core.activations import Array
from nnfs_cli.data import cache
from nnfs_cli.data.table import DataInfo, Table

Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Count = Annotated[int, Meta(ge=2, le=10**9)]
Spread = Annotated[float, Meta(ge=0)]
Names = Annotated[list[str] | None, Meta(min_length=1, extra={"or_one": True})]


class Dataset(Struct, frozen=True):
    """A function from parameters to a table, and one from the same parameters to its DataInfo.

    `slow` data sets are kept in the cache.
    """

    load: Callable[..., Table]
    facts: Callable[..., DataInfo]
    slow: bool = True


def gate(*outputs: int) -> Dataset:
    """Return a logic gate with these outputs for the inputs 00, 01, 10 and 11."""

    def load() -> Table:
        return Table(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array(outputs))

    return Dataset(load, lambda: plane(4), slow=False)


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
    """Return normally distributed clouds around random centers, one class per cloud."""
    from sklearn.datasets import make_blobs

    return Table(
        *make_blobs(samples, centers=centers, cluster_std=std, random_state=seed)  # two columns
    )


def spirals(
    samples: Count = 200,
    arms: Annotated[int, Meta(ge=2, le=100)] = 2,
    turns: Annotated[float, Meta(gt=0, le=100)] = 1.0,
    noise: Spread = 0.02,
    seed: Seed = 0,
) -> Table:
    """Return arms of a spiral of radius 1, one class per arm, after Lang and Witbrock (1988)."""
    rng = np.random.RandomState(seed)
    y = np.arange(samples) % arms
    radius = np.sqrt(rng.uniform(size=samples))  # uniform density, not crowded in the middle
    angle = tau * (turns * radius + y / arms)
    X = radius[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Table(X + noise * rng.standard_normal(X.shape), y)


def plane(samples: int, centers: int = 2, arms: int = 2, **_: Any) -> DataInfo:
    """Return the DataInfo of points in the plane, with one class per center or arm."""
    classes = tuple(str(i) for i in range(max(centers, arms)))
    return DataInfo(("x1", "x2"), ("y",), classes, samples)


def bundled(
    name: str, samples: int, columns: str, target: str = "class", classes: str = ""
) -> Dataset:
    """Return a data set that is part of scikit-learn."""

    def load() -> Table:
        import sklearn.datasets

        X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
        return Table(X, y if classes else y[:, np.newaxis])

    facts = DataInfo(
        tuple(columns.split()), (target,), tuple(classes.split()) if classes else None, samples
    )
    return Dataset(load, lambda: facts)


def file(
    path: str,
    target: Names = None,
    inputs: Names = None,
    test_path: str | None = None,
    delimiter: Annotated[str | None, Meta(pattern='^[^"\n]$')] = None,
    header: bool | None = None,
) -> Table:
    """Hold the schema of a data file, which data.files reads."""
    raise NotImplementedError


FILE = "file"  # the data set that is written {path: ...}, without a name
CELL = "radius texture perimeter area smoothness compactness concavity concave_points symmetry"
CELL += " fractal_dimension"
DATASETS = {
    "or": gate(0, 1, 1, 1),
    "and": gate(0, 0, 0, 1),
    "nand": gate(1, 1, 1, 0),
    "xor": gate(0, 1, 1, 0),
    "moons": Dataset(moons, plane),
    "circles": Dataset(circles, plane),
    "blobs": Dataset(blobs, plane),
    "spirals": Dataset(spirals, plane, slow=False),
    "iris": bundled(
        "iris",
        150,
        "sepal_length sepal_width petal_length petal_width",
        "species",
        "setosa versicolor virginica",
    ),
    "wine": bundled(
        "wine",
        178,
        "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids"
        " nonflavanoid_phenols proanthocyanins color_intensity hue od280/od315_of_diluted_wines"
        " proline",
        classes="class_0 class_1 class_2",
    ),
    "breast_cancer": bundled(
        "breast_cancer",
        569,
        " ".join(
            [f"mean_{name}" for name in CELL.split()]
            + [f"{name}_error" for name in CELL.split()]
            + [f"worst_{name}" for name in CELL.split()]
        ),
        "diagnosis",
        "malignant benign",
    ),
    "digits": bundled(
        "digits",
        1797,
        " ".join(f"pixel_{i}_{j}" for i in range(8) for j in range(8)),
        "digit",
        "0 1 2 3 4 5 6 7 8 9",
    ),
    "diabetes": bundled("diabetes", 442, "age sex bmi bp s1 s2 s3 s4 s5 s6", "progression"),
}


def load(name: str, parameters: dict[str, Any], cache_dir: Path | None) -> Table:
    """Return the data set; a slow one is read from cache_dir, or written to it."""
    dataset = DATASETS[name]
    if not dataset.slow:
        return dataset.load(**parameters)
    info = dataset.facts(**parameters)
    key = cache.key(name, parameters)
    rows = cache.read(cache_dir, key) if cache_dir else None
    if rows is None or not _are_rows_of(info, rows):
        rows = np.column_stack(dataset.load(**parameters))
        if cache_dir:
            cache.write(cache_dir, key, rows)
    X, y = rows[:, :-1], rows[:, -1:]
    return Table(X, y[:, 0].astype(np.intp) if info.classes else y)


def _are_rows_of(info: DataInfo, rows: Array) -> bool:
    """Return whether an array has the shape and values of a data set: columns, then the target."""
    if rows.dtype != np.float64 or rows.shape != (info.samples, len(info.columns) + 1):
        return False
    if info.classes is None:
        return bool(np.isfinite(rows).all())
    classes = np.arange(len(info.classes))
    return bool(np.isfinite(rows).all() and np.isin(rows[:, -1], classes).all())
