"""The memory that a training takes, held against what the machine has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nnfs_cli.config.schema import FILE, Config
from nnfs_cli.core.backprop import work_numbers
from nnfs_cli.data.table import DataInfo
from nnfs_cli.machine import memory

COPIES = 4  # of the parameters: themselves, their gradient, a part of it, and what is drawn


def excesses(config: Config, known: DataInfo, *, to_train: bool) -> Iterator[tuple[str, str]]:
    """Yield each key whose value needs more memory than there is, and how much.

    Unless it is to be trained, a run on a file needs only its parameters.
    """
    samples, columns = known.samples, len(known.columns)
    inputs = len(config.features or known.columns)
    units = [layer.units for layer in config.layers]
    count = sum((a + 1) * b for a, b in pairwise([inputs, *units]))
    to_train = to_train or config.dataset.name != FILE
    needed = [("layers", count * (COPIES if to_train else 1), f"{count:,} parameters need")]
    if to_train:
        at_work = f"{sum(units):,} units at work on {samples:,} samples need"
        numbers = samples * _numbers_of_a_sample(config, columns, inputs)
        needed.append(("layers", work_numbers(units, samples), at_work))
        needed.append(("dataset", numbers, f"{samples:,} samples need"))
    size, there = 4 if config.dtype == "float32" else 8, memory()
    named = set[str]()
    for key, numbers, what in needed:
        if numbers * size > there and key not in named:
            named.add(key)
            gib = f"{numbers * size / 2**30:,.1f} GiB{' to train' if to_train else ''}"
            yield key, f"{what} {gib}; this machine has {there / 2**30:,.1f} GiB"


def _numbers_of_a_sample(config: Config, columns: int, inputs: int) -> int:
    """Return how many numbers of a sample are in memory: its columns, and what the network reads.

    An .npy file stays on its disk, and so do its columns if the network reads them as they are.
    """
    given = config.dataset.parameters
    if not str(given.get("path", "")).lower().endswith(".npy"):
        return columns + inputs + 1
    return inputs + 1 if config.features or given["scale"] != "none" else 0
