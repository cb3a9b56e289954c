"""Group a sweep's runs in stacks: runs of one shape, as many as fit in the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from nnfs_cli.config.consistency import n_params
from nnfs_cli.config.schema import Config
from nnfs_cli.core.blocks import block_size
from nnfs_cli.data.source import n_test
from nnfs_cli.data.table import DataInfo
from nnfs_cli.sweeps.plan import Plan
from nnfs_cli.training.stack import Stack

CACHE_BYTES = 1 << 20  # largest work space of a stack


def shape_of(config: Config, known: DataInfo) -> str:
    """Return a text that is equal for runs that can be trained in one stack."""
    samples = known.samples
    test = n_test(samples, config.dataset.parameters["test_size"])
    layers = [(layer.units, repr(layer.activation)) for layer in config.layers]
    settings = (config.loss, config.dtype, config.epochs, config.log_every)
    inputs = len(config.features or known.columns)
    path = config.dataset.parameters.get("test_path")
    return repr((layers, settings, inputs, samples, test, known.classes, path))


def max_networks(config: Config, known: DataInfo) -> int:
    """Return how many networks of a configuration's shape fit in a stack."""
    inputs = len(config.features or known.columns)
    units = [layer.units for layer in config.layers]
    per_sample = inputs + 4 * sum(units)
    numbers = per_sample * min(known.samples, block_size(max(units))) + 3 * n_params(config, known)
    return max(1, CACHE_BYTES // (numbers * np.dtype(config.dtype).itemsize))


def partition(
    plan: Plan, numbers: Iterable[int], pieces: int, cache_dir: Path | None
) -> Iterator[Stack]:
    """Yield the runs in stacks, in order within a shape, in at least `pieces` stacks per shape."""
    digests = plan.digests()
    shapes: dict[str, list[int]] = {}
    for number in numbers:
        config = plan.configs[number]
        shapes.setdefault(shape_of(config, plan.info(config)), []).append(number)
    for members in shapes.values():
        first = plan.configs[members[0]]
        largest = max_networks(first, plan.info(first))
        count = -(-len(members) // largest)
        count = min(-(-count // pieces) * pieces, len(members))
        for i in range(count):
            part = members[i * len(members) // count : (i + 1) * len(members) // count]
            yield Stack(part, [plan.configs[number] for number in part], cache_dir, digests)
