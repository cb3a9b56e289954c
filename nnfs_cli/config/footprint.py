"""The memory that a training needs, compared with the machine's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nnfs_cli.config.schema import FILE, Config
from nnfs_cli.core.backprop import work_numbers
from nnfs_cli.data.table import DataInfo
from nnfs_cli.machine import memory

COPIES = 4  # parameters, gradient, one partial gradient, and the initial draw


def excesses(config: Config, known: DataInfo, *, to_train: bool) -> Iterator[tuple[str, str]]:
    """Yield each key whose value needs more memory than the machine has, with a message.

    With `to_train` false, a run on a data file needs memory only for its parameters.
    """
    samples, columns = known.samples, len(known.columns)
    inputs = len(config.features or known.columns)
    units = [layer.units for layer in config.layers]
    count = sum((a + 1) * b for a, b in pairwise([inputs, *units]))
    to_train = to_train or config.dataset.name != FILE
    needed = [("layers", count * (COPIES if to_train else 1), f"{count:,} parameters need")]
    if to_train:
        activations = f"the activations of {sum(units):,} units on {samples:,} samples need"
        numbers = samples * _numbers_of_a_sample(config, columns, inputs)
        needed.append(("layers", work_numbers(units, samples), activations))
        needed.append(("dataset", numbers, f"{samples:,} samples need"))
    size, available = 4 if config.dtype == "float32" else 8, memory()
    reported = set[str]()
    for key, numbers, what in needed:
        if numbers * size > available and key not in reported:
            reported.add(key)
            gib = f"{numbers * size / 2**30:,.1f} GiB{' to train' if to_train else ''}"
            yield key, f"{what} {gib}; this machine has {available / 2**30:,.1f} GiB"


def _numbers_of_a_sample(config: Config, columns: int, inputs: int) -> int:
    """Return how many numbers per sample are held in memory: its columns and the network's inputs.

    An .npy file is mapped, not loaded; its columns need no memory if the network reads them as
    they are.
    """
    parameters = config.dataset.parameters
    if not str(parameters.get("path", "")).lower().endswith(".npy"):
        return columns + inputs + 1
    return inputs + 1 if config.features or parameters["scale"] != "none" else 0
