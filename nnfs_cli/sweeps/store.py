"""Trained stacks on disk, `stacks-T-N.npz`, and the results of their runs.

A stack is written, whole or not at all, when it is done. Sixteen files of tier T are merged into
one of tier T + 1, which keeps their number small.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, NnfsError, short
from nnfs_cli.runs import directory, paths
from nnfs_cli.storage import files
from nnfs_cli.storage.arrays import read_arrays, save_arrays, unpack_arrays, write_arrays
from nnfs_cli.storage.digest import sealed, unsealed
from nnfs_cli.training.stack import Trained

TIER = 16  # most files of one tier
FIGURES = ("cost", "accuracy", "test_cost", "test_accuracy")


class RunResult(msgspec.Struct, frozen=True):
    """The result of one run: status is finished, diverged or failed."""

    number: int
    status: str
    epochs: int | None = None
    figures: dict[str, float] = {}
    message: str = ""


def stack_files(path: Path) -> list[Path]:
    """Return the files of trained stacks, by tier and number."""
    names = (re.fullmatch(r"stacks-(\d+)-(\d+)\.npz", entry.name) for entry in path.iterdir())
    ordered = sorted((int(name[1]), int(name[2]), name[0]) for name in names if name)
    return [path / name for _, _, name in ordered]


def movable(trained: Trained, written: Mapping[str, str]) -> Trained:
    """Return a trained stack with the paths of its data replaced as in `written`."""
    if not written:
        return trained

    def changed(text: str) -> str:
        plain = paths.movable_plain(msgspec.json.decode(text), written)
        return msgspec.json.encode(plain).decode()

    changes = np.array([changed(text) for text in trained.changes.tolist()], str)
    return replace(trained, config=np.array(changed(str(trained.config))), changes=changes)


def save(path: Path, trained: Trained) -> None:
    """Write a trained stack, and merge files if there are many."""
    _write(path, [trained], 0)
    with files.locked(path / ".lock-files") as alone:
        if alone:  # otherwise another process is merging
            _merge(path)


def _merge(path: Path) -> None:
    """Merge the files of each full tier into one of the next."""
    for tier in count():
        here = [file for file in stack_files(path) if file.name.startswith(f"stacks-{tier}-")]
        if len(here) < TIER:
            return
        _write(path, [stack for file in here for stack in load(file)], tier + 1)
        for file in here:  # if interrupted, runs are stored twice, equally
            file.unlink()


def _write(path: Path, trained: list[Trained], tier: int) -> None:
    """Write trained stacks as one file of a tier, named after its first run."""
    numbers = {number for stack in trained for number in numbers_of(stack)}
    target = path / f"stacks-{tier}-{min(numbers)}.npz"
    if target.exists():  # from before --retry-failed: keep the runs that are not repeated
        before = [stack for stack in load(target) if not numbers_of(stack) <= numbers]
        trained = [*before, *trained]
    arrays = {"identity": np.array(identity(path)), **_arrays_of(trained)}
    write_arrays(target, sealed(arrays))


def _arrays_of(trained: list[Trained]) -> dict[str, Array]:
    """Return the arrays of stacks, named POSITION/FIELD and POSITION/log/FIGURE."""
    return {
        f"{i}/{field.name}": value
        for i, stack in enumerate(trained)
        for field in fields(Trained)
        for value in [getattr(stack, field.name)]
        if not isinstance(value, dict)
    } | {f"{i}/log/{k}": v for i, stack in enumerate(trained) for k, v in stack.log.items()}


def packed(trained: Trained) -> bytes:
    """Return a trained stack as bytes that `unpacked` reads."""
    buffer = io.BytesIO()
    save_arrays(buffer, sealed(_arrays_of([trained])))
    return buffer.getvalue()


class Failure(msgspec.Struct):
    """The error of a stack that could not be trained, sent as JSON in its place."""

    error: str


def unpacked(content: bytes) -> Trained:
    """Return the trained stack in some bytes. Raises NnfsError if they hold a Failure, ValueError
    if they hold anything else."""
    if content.startswith(b"{"):
        try:
            error = msgspec.json.decode(content, type=Failure).error
        except msgspec.MsgspecError as wrong:  # a ValueError only in later versions
            raise ValueError(str(wrong)) from None
        raise NnfsError(f"a worker failed: {short(error, 400)}")
    try:
        (trained,) = _stacks_of(unsealed(unpack_arrays(content)))
    except (TypeError, KeyError) as error:
        raise ValueError(str(error)) from None
    return trained


def identity(path: Path) -> str:
    """Return the identity in a sweep's run.json, or an empty string."""
    return str((directory.peek(path) or {}).get("identity", ""))


def numbers_of(stack: Trained) -> set[int]:
    """Return the numbers of a stack's runs, including failed ones."""
    return {*stack.numbers.tolist(), *stack.failed.tolist()}


def everything(path: Path) -> Iterator[Trained]:
    """Yield the trained stacks of a sweep; a run may be in several."""
    seen: set[Path] = set()
    while left := [file for file in stack_files(path) if file not in seen]:
        seen.update(left)
        for file in left:
            try:
                yield from load(file)
            except FileError:
                if file.exists():
                    raise  # a missing file has been merged into another


def load(path: Path) -> list[Trained]:
    """Return the trained stacks in a file."""
    arrays = read_arrays(path)
    try:
        arrays = unsealed(arrays)
        if str(arrays.pop("identity")) != identity(path.parent):
            raise ValueError("it belongs to another sweep")
        return _stacks_of(arrays)
    except (ValueError, TypeError, KeyError) as error:
        raise FileError(f"{path}: was not written by this sweep: {error}") from None


def _stacks_of(arrays: Mapping[str, Array]) -> list[Trained]:
    """Return the stacks in arrays named as by _arrays_of; ValueError, TypeError or KeyError if
    they are not valid."""
    stacks: dict[str, dict[str, Any]] = {}
    for key, array in arrays.items():
        number, name = key.split("/", 1)
        stack = stacks.setdefault(number, {"log": {}})
        if name.startswith("log/"):
            stack["log"][name[4:]] = array
        else:
            stack[name] = array
    trained = [Trained(**stack) for stack in stacks.values()]
    for each in trained:
        _check(each)
    return trained


def _check(stack: Trained) -> None:
    """Raise ValueError or KeyError unless a stack's arrays fit each other."""
    epochs, per_run, failed = stack.log["epoch"], stack.numbers.shape[:1], stack.failed.shape[:1]
    per_data = stack.encodings.shape[:1]
    expected = {
        "numbers": ("i", per_run),
        "diverged": ("b", per_run),
        "entries": ("i", per_run),
        "params": ("f", (*per_run, *stack.params.shape[-1:])),
        "config": ("U", ()),
        "changes": ("U", per_run),
        "encodings": ("U", per_data),
        "digests": ("U", per_data),
        "encoding": ("i", per_run),
        "failed": ("i", failed),
        "messages": ("U", failed),
    }
    if len(stack.numbers) and "cost" not in stack.log:
        raise ValueError("it has no log of costs")
    if len(epochs) and (epochs[0] != 0 or (np.diff(epochs) <= 0).any()):
        raise ValueError("its epochs do not increase from 0")
    arrays = {name: (getattr(stack, name), *expected[name]) for name in expected}
    for name, values in stack.log.items():
        is_epoch = name == "epoch"
        shape = epochs.shape[:1] if is_epoch else (*per_run, *epochs.shape)
        arrays[f"log/{name}"] = (values, "i" if is_epoch else "f", shape)
    for name, (array, kind, shape) in arrays.items():
        if array.dtype.kind != kind or array.shape != shape:
            raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}")
    for name, values, low, high in (
        ("entries", stack.entries, 1, len(epochs)),
        ("encoding", stack.encoding, 0, len(stack.encodings) - 1),
    ):
        if ((values < low) | (values > high)).any():
            raise ValueError(f"{name} is out of range")


def results_of(trained: Trained) -> Iterator[RunResult]:
    """Yield the result of each run of a stack."""
    for i, number in enumerate(trained.numbers.tolist()):
        last = int(trained.entries[i]) - 1
        yield RunResult(
            number,
            "diverged" if trained.diverged[i] else "finished",
            int(trained.log["epoch"][last]),
            {key: float(trained.log[key][i, last]) for key in FIGURES if key in trained.log},
        )
    for number, message in zip(trained.failed.tolist(), trained.messages.tolist(), strict=True):
        yield RunResult(number, "failed", message=message)


def done(path: Path) -> dict[int, RunResult]:
    """Return the results of the runs that are done, by number; a finished one replaces others."""
    results: dict[int, RunResult] = {}
    for trained in everything(path):
        for result in results_of(trained):
            if result.number not in results or result.status == "finished":
                results[result.number] = result
    return results
