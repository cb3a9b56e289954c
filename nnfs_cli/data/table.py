"""A table of samples, and its names and length."""

from typing import NamedTuple

from msgspec import Struct

from nnfs_cli.core.activations import Array


class Table(NamedTuple):
    """Samples as rows: X (samples, columns); y, class numbers (samples,) or numbers (samples,
    targets)."""

    X: Array
    y: Array


class DataInfo(Struct, frozen=True):
    """The names of a table's columns, targets and classes, and its length.

    `classes` is None if targets are numbers.
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...] | None
    samples: int
