"""Checkpoints: the saved state of a training, from which it continues with the same result."""

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

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, NnfsError
from nnfs_cli.runs import directory, record
from nnfs_cli.runs.record import Run
from nnfs_cli.storage.arrays import read_arrays, write_arrays
from nnfs_cli.storage.digest import sealed, unsealed
from nnfs_cli.training.setup import Training

CHECKPOINT = "checkpoint.npz"


class State(NamedTuple):
    """The log up to an epoch, and the parameters at that epoch."""

    epoch: int
    params: Array
    log: dict[str, list[float]]


def write(path: Path, training: Training, facts: Mapping[str, Any] | None) -> None:
    """Write the training's state into its directory; the first time, config.yaml too.

    `facts` go into run.json. Without them run.json stays, for a run that already has weights.
    """
    if not (path / directory.FACTS).exists():
        record.write_config(path, training.config)
    log = {f"log/{key}": np.array(values) for key, values in training.log.items()}
    text = (path / directory.CONFIG).read_text("utf-8")
    named = record.identity(text, msgspec.to_builtins(training.encoding))
    state = {"epoch": np.array(training.epoch), "params": training.params, **log}
    write_arrays(path / CHECKPOINT, sealed({"identity": np.array(named), **state}))
    if facts is not None:
        now = {"status": "running", "epochs": training.epoch, **training.figures, **facts}
        record.write_facts(path, now, training.encoding)


def remove(path: Path) -> None:
    """Remove the checkpoint of a training that has ended."""
    with suppress(OSError):
        (path / CHECKPOINT).unlink()


def read(run: Run, training: Training) -> State:
    """Return the state to continue from: the run's checkpoint, otherwise its end."""
    path = run.path / CHECKPOINT
    if directory.is_there(path):
        record.check_identity(run)
        arrays = read_arrays(path)
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
        record.check_log(path, log)
        if log["epoch"][-1] > epoch:
            raise FileError(
                f"{path}: is not the state of this run: its log goes beyond its epoch {epoch}"
            )
        return State(int(epoch), params, _lists(log))
    params = record.read_weights(run, training.network)
    return State(run.facts["epochs"], params, _lists(record.read_log(run)))


def _lists(log: Mapping[str, Array]) -> dict[str, list[float]]:
    return {key: values.tolist() for key, values in log.items()}


def restore(training: Training, state: State) -> None:
    """Set a newly prepared training to a state, in place."""
    every, last = training.config.log_every, training.config.epochs
    # Leave out entries logged only because a shorter or interrupted training ended there.
    kept = [i for i, epoch in enumerate(state.log["epoch"]) if epoch % every == 0 or epoch == last]
    training.params[...] = state.params
    training.epoch = state.epoch
    training.log = {key: [values[i] for i in kept] for key, values in state.log.items()}


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Lock a run's directory, so that only one process trains it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NnfsError(f"{path}: another process is training this run") from None
        except OSError:
            pass  # a file system without locks
        _clean(path)
        yield
    finally:
        os.close(descriptor)


def _clean(path: Path) -> None:
    """Remove unfinished files of killed trainings of this run.

    Only a training writes these files, and the caller has the lock.
    """
    files = (directory.CONFIG, directory.COSTS, directory.WEIGHTS, directory.FACTS, CHECKPOINT)
    names = "|".join(map(re.escape, files))
    temporary = re.compile(rf"\.({names})\.([0-9]{{1,10}})(-[0-9a-f]{{8}})?")  # by storage.files
    for entry in path.iterdir():
        if (match := temporary.fullmatch(entry.name)) and _is_gone(int(match[2])):
            with suppress(OSError):
                entry.unlink()


def _is_gone(process: int) -> bool:
    """Return whether the earlier process with this id has ended."""
    if process == os.getpid():
        return True  # in a container, every process may get the same id
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False
