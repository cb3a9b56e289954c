"""The states of stacks in training, on disk: a stack continues as if it had never stopped.

A state is `.state-N.npz` in the sweep's directory, named after the stack's first run. An unreadable
one is ignored; its runs restart with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import msgspec
import numpy as np

from nnfs_cli.data.source import Sources
from nnfs_cli.errors import FileError
from nnfs_cli.interrupts import Stopped, asked
from nnfs_cli.storage.arrays import read_arrays, write_arrays
from nnfs_cli.storage.digest import sealed, unsealed
from nnfs_cli.sweeps.store import Failure, identity, packed
from nnfs_cli.training import stack as training_stack
from nnfs_cli.training.stack import Stack, StackState, Trained

FIELDS = [name for name in StackState._fields if name != "log"]


class Piece(NamedTuple):
    """A stack to train and its state; that is saved in `directory`, `every` in seconds."""

    stack: Stack
    state: StackState | None
    directory: Path | None
    every: float


def train(piece: Piece, sources: Sources | None = None) -> Trained:
    """Train a piece and return its runs. Raises Stopped on a stop signal, with the state saved.

    `sources` belongs to the worker, which keeps what it has read for its next piece.
    """
    stack, state, directory, every = piece
    saved, saves = monotonic(), asked.saves
    if asked.stop:  # the signal arrived while the job was queued
        raise Stopped

    def pause(state: StackState) -> None:
        nonlocal saved, saves
        if directory and (asked.stop or asked.saves > saves or monotonic() - saved >= every):
            _write(directory, stack, state)
            saved, saves = monotonic(), asked.saves
        if asked.stop:
            raise Stopped

    return training_stack.train(stack, state, pause, sources)


def train_for_afar(piece: Piece, sources: Sources | None = None) -> bytes:
    """Train a piece and return its runs, or the error, as bytes for store.unpacked."""
    try:
        return packed(train(piece, sources))
    except Exception as error:
        return msgspec.json.encode(Failure(str(error) or type(error).__name__))


def _write(directory: Path, stack: Stack, state: StackState) -> None:
    arrays = {name: np.asarray(getattr(state, name)) for name in FIELDS}
    arrays |= {f"log/{key}": values for key, values in state.log.items()}
    named = {"identity": np.array(identity(directory)), "numbers": np.array(stack.numbers)}
    write_arrays(_path(directory, min(stack.numbers)), sealed({**named, **arrays}))


def _path(directory: Path, number: int) -> Path:
    return directory / f".state-{number}.npz"


def saved(directory: Path) -> Iterator[tuple[list[int], StackState]]:
    """Yield the runs and the state of each stack that was stopped."""
    for path in sorted(directory.glob(".state-*.npz")):
        with suppress(FileError, ValueError, KeyError):
            yield _read(path)


def _read(path: Path) -> tuple[list[int], StackState]:
    arrays = unsealed(read_arrays(path))
    if str(arrays.pop("identity")) != identity(path.parent):
        raise ValueError("it belongs to another sweep")
    numbers = arrays.pop("numbers")
    if numbers.ndim != 1 or numbers.dtype.kind != "i" or not len(numbers):
        raise ValueError("it has no runs")
    log = {key[4:]: values for key, values in arrays.items() if key.startswith("log/")}
    fields = {name: arrays[name] for name in FIELDS}
    return numbers.tolist(), StackState(**fields, log=log)  # type: ignore[arg-type]


def remove(directory: Path, number: int | None = None) -> None:
    """Remove the state of the stack whose first run is `number`, if it exists; by default, all."""
    for path in directory.glob(f".state-{'*' if number is None else number}.npz"):
        with suppress(OSError):
            path.unlink()
