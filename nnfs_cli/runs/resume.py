"""Resume a run, find the run of a configuration, or start one with a run's weights."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import dump, to_plain
from nnfs_cli.data.source import Sources
from nnfs_cli.data.table import DataInfo
from nnfs_cli.errors import ConfigError, FileError, NnfsError, short
from nnfs_cli.runs import directory, listing, record
from nnfs_cli.runs.checkpoint import read, restore
from nnfs_cli.runs.paths import KEYS, movable
from nnfs_cli.runs.record import Run
from nnfs_cli.storage import files
from nnfs_cli.training import setup
from nnfs_cli.training.setup import Training

MAX_WRITTEN = 100_000  # weights in a configuration, to stay below the reader's MAX_NODES


def resume(
    run: Run, wanted: Config, cache_dir: Path, threads: int, sources: Sources | None = None
) -> Training:
    """Return a run's training in the state in which it stopped.

    `wanted` may have more epochs; these are then written to config.yaml. ConfigError lists all
    other differences.
    """
    changes = differences(run.config, wanted)
    if wanted.epochs < run.config.epochs:
        changes.append(
            f"epochs: was {run.config.epochs}, is {wanted.epochs}; it can only be raised"
        )
    if changes:
        lines = "\n  ".join(changes)
        raise ConfigError(f"{run.path}: cannot be resumed with another configuration:\n  {lines}")
    if run.facts.get("status") == "diverged":
        raise NnfsError(f"{run.path}: diverged; change the configuration and train a new run")
    wanted = msgspec.structs.replace(wanted, name=run.config.name)
    sources = sources or Sources()
    setup.check_facts(wanted, run.encoding.facts, run.path, sources)
    training = setup.prepare(wanted, cache_dir, threads, sources)
    if training.data_digest != run.facts.get("data_digest"):
        raise FileError(f"{run.path}: its data set has changed since it was trained")
    restore(training, read(run, training))
    if wanted != run.config:
        record.write_config(run.path, wanted)
    return training


def differences(was: Config, is_: Config) -> list[str]:
    """Return the differences between two configurations, except in name, epochs and data paths:
    data may have been moved, and have a digest."""
    before, now = flat(to_plain(was)), flat(to_plain(is_))
    free = {"name", "epochs", *(f"dataset.{key}" for key in KEYS)}
    return [
        f"{key}: was {short(str(before.get(key)))}, is {short(str(now.get(key)))}"
        for key in dict.fromkeys([*before, *now])
        if key not in free and before.get(key) != now.get(key)
    ]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings and lists, except weights, as one mapping with dotted keys."""
    nested = isinstance(value, list) and value and isinstance(value[0], Mapping | str)
    if not isinstance(value, Mapping) and not nested:
        return {prefix: value}
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    dotted: dict[str, Any] = {}
    for key, item in items:
        dotted |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return dotted


def find(config: Config, runs_dir: Path) -> Path | None:
    """Return the newest run of exactly this configuration, or None."""
    # Older runs have absolute paths. Relative paths are the same from all directories in runs_dir.
    parameters = config.dataset.parameters
    every = tuple(key for key in KEYS if parameters.get(key))
    parts = (msgspec.structs.replace(config.dataset, relative=keys) for keys in ((), every))
    variants = [config, *(msgspec.structs.replace(config, dataset=part) for part in parts)]
    texts = set[bytes]()
    for variant in variants:
        with suppress(ConfigError):  # an absolute path that cannot be written to config.yaml
            texts.add(dump(movable(variant, runs_dir / "run")).encode())
    most = max(map(len, texts), default=0) + 1
    for path, facts in reversed(listing.directories(runs_dir).items()):
        with suppress(OSError):
            if (
                facts
                and path.name.isprintable()
                and files.read(path / directory.CONFIG, most) in texts
            ):
                return path
    return None


def begin_from(config: Config, known: DataInfo, run: Run) -> Config:
    """Return a configuration that contains a run's W and b as initial weights."""
    network, old = (
        setup.network_of(config, known),
        setup.network_of(run.config, run.encoding.facts),
    )
    shapes = [[(layer.fan_in, layer.units) for layer in net.layers] for net in (old, network)]
    if shapes[0] != shapes[1]:
        was, is_ = ("-".join(str(n) for n in (s[0][0], *(u for _, u in s))) for s in shapes)
        raise FileError(f"{run.path}: its network is {was}, but the configuration's is {is_}")
    params = record.read_weights(run, old) if run.params is None else run.params
    if not np.isfinite(params).all():
        raise FileError(f"{run.path}: its weights are not finite; choose another run to start from")
    if old.n_params > MAX_WRITTEN:
        problem = f"has {old.n_params:,} parameters; a configuration can hold {MAX_WRITTEN:,}"
        raise FileError(f"{run.path}: {problem}")
    layers = [
        msgspec.structs.replace(
            layer, weights=Wb[:, :-1].tolist(), biases=Wb[:, -1].tolist(), initializer=None
        )
        for layer, Wb in zip(config.layers, old.views(params), strict=True)
    ]
    return msgspec.structs.replace(config, layers=layers)
