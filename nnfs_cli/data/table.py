"""A table of samples, and what is known of it before it is read."""

from typing import NamedTuple

from msgspec import Struct

from nnfs_cli.core.activations import Array


class Table(NamedTuple):
    """Samples as rows: X (samples, columns), and y, which is class numbers (samples,) or numbers
    (samples, targets)."""

    X: Array
    y: Array


class DataInfo(Struct, frozen=True):
    """What is known of a table: the names of columns, targets and classes, and its length.

    Targets that are numbers have no classes.
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...] | None
    samples: int
