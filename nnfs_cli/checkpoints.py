"""A training's state on disk, while it runs: from it, it goes on as if it had never stopped."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nnfs_cli import config as configuration
from nnfs_cli import disk, experiment, listing, runs
from nnfs_cli.config import to_plain
from nnfs_cli.core.activations import Array
from nnfs_cli.datasets import Facts
from nnfs_cli.digest import sealed, unsealed
from nnfs_cli.errors import ConfigError, FileError, NnfsError, short
from nnfs_cli.experiment import Training
from nnfs_cli.paths import KEYS, movable
from nnfs_cli.runs import Run
from nnfs_cli.schema import Config

CHECKPOINT = "checkpoint.npz"
MAX_WRITTEN = 100_000  # weights, with their rows and all else below document.MAX_NODES


class State(NamedTuple):
    """How far a training is: the log up to an epoch, and the parameters there."""

    epoch: int
    params: Array
    log: dict[str, list[float]]


def write(path: Path, training: Training, facts: Mapping[str, Any] | None) -> None:
    """Write the training's state into its directory, whole, with what makes that a run.

    Without `facts` run.json stays as it is: that of the weights that the run already has.
    """
    if not (path / runs.FACTS).exists():
        runs.write_config(path, training.config)
    log = {f"log/{key}": np.array(values) for key, values in training.log.items()}
    text = (path / runs.CONFIG).read_text("utf-8")
    named = runs.identity(text, msgspec.to_builtins(training.encoding))
    state = {"epoch": np.array(training.epoch), "params": training.params, **log}
    disk.write_arrays(path / CHECKPOINT, sealed({"identity": np.array(named), **state}))
    if facts is not None:
        now = {"status": "running", "epochs": training.epoch, **training.figures, **facts}
        runs.write_facts(path, now, training.encoding)


def remove(path: Path) -> None:
    """Remove the state of a training that has come to its end."""
    with suppress(OSError):
        (path / CHECKPOINT).unlink()


def read(run: Run, training: Training) -> State:
    """Return the state that a run was left in: its checkpoint, or its end."""
    path = run.path / CHECKPOINT
    if runs.is_there(path):
        runs.check_identity(run)
        arrays = disk.read_arrays(path)
        try:
            arrays = unsealed(arrays)
        except ValueError as error:
            raise FileError(f"{path}: is not the state of this run: {error}") from None
        log = {key[4:]: value for key, value in arrays.items() if key.startswith("log/")}
        epoch, params = arrays.get("epoch"), arrays.get("params")
        if (
            epoch is None
            or params is None
            or epoch.shape != ()
            or epoch.dtype.kind != "i"
            or params.shape != training.params.shape
            or params.dtype != training.params.dtype
            or not 0 <= epoch <= training.config.epochs
            or arrays.get("identity") != run.identity
        ):
            raise FileError(f"{path}: is not the state of this run")
        runs.check_log(path, log)
        if log["epoch"][-1] > epoch:
            raise FileError(f"{path}: is not the state of this run: its log is of another epoch")
        return State(int(epoch), params, _lists(log))
    params = runs.read_weights(run, training.network)
    return State(run.facts["epochs"], params, _lists(runs.read_log(run)))


def _lists(log: Mapping[str, Array]) -> dict[str, list[float]]:
    return {key: values.tolist() for key, values in log.items()}


def restore(training: Training, state: State) -> None:
    """Put a training, newly prepared, into a state."""
    every, last = training.config.log_every, training.config.epochs
    # An entry for the end of a shorter training, or for where it was interrupted, is not of this.
    kept = [i for i, epoch in enumerate(state.log["epoch"]) if epoch % every == 0 or epoch == last]
    training.params[...] = state.params
    training.epoch = state.epoch
    training.log = {key: [values[i] for i in kept] for key, values in state.log.items()}


def resume(run: Run, wanted: Config, cache_dir: Path, threads: int) -> Training:
    """Return the training of a run, where it was left; `wanted` may have more epochs, which its
    config.yaml then has, too.

    ConfigError lists whatever else is different.
    """
    told = differences(run.config, wanted)
    if wanted.epochs < run.config.epochs:
        told.append(f"epochs: was {run.config.epochs}, is {wanted.epochs}; it can only be raised")
    if told:
        lines = "\n  ".join(told)
        raise ConfigError(f"{run.path}: cannot be resumed with another configuration:\n  {lines}")
    if run.facts.get("status") == "diverged":
        raise NnfsError(f"{run.path}: diverged; change the configuration and train anew")
    wanted = msgspec.structs.replace(wanted, name=run.config.name)
    experiment.check_facts(wanted, run.encoding.facts, run.path)
    training = experiment.prepare(wanted, cache_dir, threads)
    if training.data_digest != run.facts.get("data_digest"):
        raise FileError(f"{run.path}: its data set has changed since it was trained")
    restore(training, read(run, training))
    if wanted != run.config:
        runs.write_config(run.path, wanted)
    return training


def differences(was: Config, is_: Config) -> list[str]:
    """Return what is different between two configurations, but for their names and epochs, and
    where the data are: those may have been moved, and have a digest."""
    before, now = flat(to_plain(was)), flat(to_plain(is_))
    free = {"name", "epochs", *(f"dataset.{key}" for key in KEYS)}
    return [
        f"{key}: was {short(str(before.get(key)))}, is {short(str(now.get(key)))}"
        for key in dict.fromkeys([*before, *now])
        if key not in free and before.get(key) != now.get(key)
    ]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings and lists, but for weights, as one mapping with dotted keys."""
    nested = isinstance(value, list) and value and isinstance(value[0], Mapping | str)
    if not isinstance(value, Mapping) and not nested:
        return {prefix: value}
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    found: dict[str, Any] = {}
    for key, item in items:
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def find(config: Config, runs_dir: Path) -> Path | None:
    """Return the run of just this configuration that was started last."""
    # Older runs have absolute paths. All directories in runs_dir write relative ones alike.
    parameters = config.dataset.parameters
    every = tuple(key for key in KEYS if parameters.get(key))
    parts = (msgspec.structs.replace(config.dataset, relative=keys) for keys in ((), every))
    given = [config, *(msgspec.structs.replace(config, dataset=part) for part in parts)]
    texts = set[bytes]()
    for each in given:
        with suppress(ConfigError):  # an absolute path that config.yaml could not hold
            texts.add(configuration.dump(movable(each, runs_dir / "run")).encode())
    most = max(map(len, texts), default=0) + 1
    for path, facts in reversed(listing.directories(runs_dir).items()):
        with suppress(OSError):
            if facts and path.name.isprintable() and disk.read(path / runs.CONFIG, most) in texts:
                return path
    return None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a run's directory, so that no two processes train it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NnfsError(f"{path}: another process is training it") from None
        except OSError:
            pass  # a file system without locks
        _clean(path)
        yield
    finally:
        os.close(descriptor)


def _clean(path: Path) -> None:
    """Remove what trainings of this run that were killed left half written.

    Only a training writes these files, and this one holds the directory.
    """
    files = (runs.CONFIG, runs.COSTS, runs.WEIGHTS, runs.FACTS, CHECKPOINT)
    names = "|".join(map(re.escape, files))
    temporary = re.compile(rf"\.({names})\.([0-9]{{1,10}})(-[0-9a-f]{{8}})?")  # of disk.write
    for entry in path.iterdir():
        if (match := temporary.fullmatch(entry.name)) and _is_gone(int(match[2])):
            with suppress(OSError):
                entry.unlink()


def _is_gone(process: int) -> bool:
    """Return whether a process that wrote here before has ended."""
    if process == os.getpid():
        return True  # a container gives the same number to each
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def begin_from(config: Config, known: Facts, run: Run) -> Config:
    """Return a configuration that begins with a run's W and b, written out in full."""
    network, old = (
        experiment.network_of(config, known),
        experiment.network_of(run.config, run.encoding.facts),
    )
    shapes = [[(layer.fan_in, layer.units) for layer in net.layers] for net in (old, network)]
    if shapes[0] != shapes[1]:
        was, is_ = ("-".join(str(n) for n in (s[0][0], *(u for _, u in s))) for s in shapes)
        raise FileError(f"{run.path}: is a network of {was}, and the configuration's is {is_}")
    params = runs.read_weights(run, old) if run.params is None else run.params
    if not np.isfinite(params).all():
        raise FileError(f"{run.path}: its weights are not finite: nothing can begin with them")
    if old.n_params > MAX_WRITTEN:
        told = f"has {old.n_params:,} parameters; a configuration can hold {MAX_WRITTEN:,}"
        raise FileError(f"{run.path}: {told}")
    layers = [
        msgspec.structs.replace(
            layer, weights=Wb[:, :-1].tolist(), biases=Wb[:, -1].tolist(), initializer=None
        )
        for layer, Wb in zip(config.layers, old.views(params), strict=True)
    ]
    return msgspec.structs.replace(config, layers=layers)
