"""Run a sweep: its missing runs are grouped in stacks, which workers train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnfs_cli import __version__
from nnfs_cli.config.consistency import n_params
from nnfs_cli.errors import NnfsError, Problem, config_error
from nnfs_cli.machine import memory
from nnfs_cli.runs import directory
from nnfs_cli.storage import files
from nnfs_cli.sweeps import progress, store
from nnfs_cli.sweeps import workers as sweep_workers
from nnfs_cli.sweeps.directory import plan_facts, write_facts
from nnfs_cli.sweeps.plan import Plan
from nnfs_cli.sweeps.points import NOTHING
from nnfs_cli.sweeps.results import results, write_results
from nnfs_cli.sweeps.stacking import partition
from nnfs_cli.sweeps.store import RunResult, done, movable, numbers_of, results_of, save
from nnfs_cli.sweeps.workers import Workers
from nnfs_cli.training import stack as training_stack
from nnfs_cli.training.stack import Stack, Trained

MAX_EPOCHS = 2**63 - 1  # NumPy's largest integer
COPIES = 2  # copies of a sweep's logs in memory while its files are merged


def check_logs(plan: Plan) -> None:
    """Raise ConfigError unless the logs of a sweep fit in this machine's memory."""
    most = max(config.epochs for config in plan.configs)
    if most > MAX_EPOCHS:
        text = f"{MAX_EPOCHS:,} epochs are the most that a sweep can train"
        raise config_error([Problem("epochs", text)], NOTHING)
    entries = sum(-(-config.epochs // config.log_every) + 1 for config in plan.configs)
    needed = COPIES * entries * len(store.FIGURES) * np.dtype(float).itemsize
    if needed > memory():
        fewer = -(-most // 1000)
        text = f"{entries:,} logged epochs of all runs need {needed / 2**30:,.1f} GiB; "
        text += f"this machine has {memory() / 2**30:,.1f} GiB; log fewer, for example with "
        text += f"log_every={fewer}"
        raise config_error([Problem("log_every", text)], NOTHING)


def run(
    plan: Plan,
    path: Path,
    workers: Workers,
    *,
    cache_dir: Path,
    shard: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    every: float = 10,
) -> Iterator[list[RunResult]]:
    """Train the missing runs of a sweep; yield the earlier results, then those of each stack.

    `shard` (i, n) trains only every n-th stack, starting with the i-th. The state of each stack in
    training is saved once per `every` seconds, and on a signal.
    """
    before = done(path)
    yield list(before.values())
    if retry_failed:
        before = {n: result for n, result in before.items() if result.status == "finished"}
    index, shards = shard
    pieces = workers.width if shards == 1 else shards
    # Every shard partitions all runs, so they agree whatever is done already.
    whole = range(len(plan.points))
    numbers = whole if shards > 1 else [number for number in whole if number not in before]
    mine = list(partition(plan, numbers, pieces, cache_dir))[index - 1 :: shards]
    todo = [part for stack in mine if (part := stack.without(before)) is not None]
    for trained in _trained(plan, path, workers, todo, every):
        save(path, movable(trained, plan.relative_paths(path)))
        progress.remove(path, min(numbers_of(trained)))
        yield list(results_of(trained))


def _trained(
    plan: Plan, path: Path, workers: Workers, todo: Sequence[Stack], every: float
) -> Iterator[Trained]:
    """Yield the stacks of `todo` as they are trained."""
    pieces = _pieces(plan, path, todo, every)
    if not workers.remote:
        yield from sweep_workers.results(workers, progress.train, pieces)
        return
    left = {number for stack in todo for number in stack.numbers}
    for content in sweep_workers.results(workers, progress.train_for_afar, pieces):
        try:
            trained = store.unpacked(content)
            _check_answer(plan, trained, left)
        except ValueError as error:
            raise NnfsError(f"a worker's answer is refused: {error}") from None
        left -= numbers_of(trained)
        yield trained


def _check_answer(plan: Plan, trained: Trained, left: set[int]) -> None:
    """Raise ValueError unless a stack has only runs that are left, as the plan describes them."""
    numbers = trained.numbers.tolist()
    if not numbers_of(trained) <= left or len(set(numbers)) < len(numbers):
        raise ValueError("it has runs that were not requested")
    configs = [plan.configs[number] for number in numbers]
    if not all(
        map(np.array_equal, (trained.config, trained.changes), training_stack.texts(configs))
    ):
        raise ValueError(f"it has other configurations; every worker needs nnfs-cli {__version__}")
    for config in configs[:1]:
        shape, dtype = trained.params.shape[1:], trained.params.dtype
        if shape != (n_params(config, plan.info(config)),) or dtype != config.dtype:
            raise ValueError("it has other parameters")


def _pieces(
    plan: Plan, path: Path, todo: Sequence[Stack], every: float
) -> Iterator[progress.Piece]:
    """Yield the stacks of `todo`: first those that were stopped, with their state."""
    left, taken = {number for stack in todo for number in stack.numbers}, set[int]()
    for numbers, state in progress.saved(path):
        if (left - taken).issuperset(numbers):
            taken.update(numbers)
            configs = [plan.configs[number] for number in numbers]
            stack = Stack(numbers, configs, todo[0].cache_dir, todo[0].digests)
            yield progress.Piece(stack, state, path, every)
    for stack in todo:
        if part := stack.without(taken):
            yield progress.Piece(part, None, path, every)


def finish(plan: Plan, path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write results.csv and run.json from the runs that are done, and return the facts."""
    with files.locked(path / ".lock-results", wait=True):  # the last writer sees all results
        by_number = done(path)
        write_results(path, results(plan, by_number))
        statuses = [result.status for result in by_number.values()]
        counts = {status: statuses.count(status) for status in ("finished", "diverged", "failed")}
        if not (missing := len(plan.points) - len(by_number)):
            progress.remove(path)
        status = "finished" if not missing else "unfinished"
        before = directory.peek(path) or {}
        written = {**before, **plan_facts(plan), **facts, "status": status, **counts}
        write_facts(path, written)
    return written
