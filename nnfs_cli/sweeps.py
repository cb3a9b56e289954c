"""Sweeps: many runs in one directory, trained in stacks by some executor.

A sweep's directory holds config.yaml (base and sweep block), run.json, results.csv, and the stacks
that are trained. What is in these is done and is not done again; results.csv and run.json are made
from them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from nnfs_cli import config as configuration
from nnfs_cli import data, disk, executors, index, paths, plans, runs, stacks, states, trials
from nnfs_cli.encoding import Encoding
from nnfs_cli.errors import ConfigError, FileError, NnfsError, did_you_mean
from nnfs_cli.executors import Workers
from nnfs_cli.plans import Plan
from nnfs_cli.runs import Run
from nnfs_cli.stackfiles import FIGURES, Row, done, everything, movable, numbers_of, rows_of, save
from nnfs_cli.stacks import Stack, Trained

RESULTS, TRIALS = "results.csv", "trials.csv"
MAX_RESULTS = 1 << 28  # bytes
WRITTEN = r"(stacks-\d+|\.state)-\d+\.npz|(results|trials)\.csv|run\.json|config\.yaml"


class Facts(msgspec.Struct):
    """What must be right in a sweep's run.json."""

    identity: str
    runs: int
    keys: list[str]


# --- the directory ---------------------------------------------------------------------------


def open_directory(plan: Plan, runs_dir: Path, facts: Mapping[str, Any], fresh: bool) -> Path:
    """Return the directory of the sweep that has the plan's identity; if there is none, make it.

    Commands started together find the same one.
    """

    def make(identity: str) -> Path:
        named = {"kind": "sweep", "identity": identity, **_plain(plan)}
        return _make_directory(plan, runs_dir, {**named, "status": "unfinished", **facts})

    identities = plan.identities(runs_dir / "sweep")  # paths are alike from all directories there
    return index.find_or_make(identities, runs_dir, make, fresh)


def _make_directory(plan: Plan, runs_dir: Path, facts: Mapping[str, Any]) -> Path:
    path = runs.claim(runs_dir, f"{plan.name}-sweep")
    if plan.options.trials:
        rows = (plans.typed(plan, number, path) for number in range(len(plan.points)))
        copy = trials.text(plan.keys, rows).encode()
        disk.write(path / TRIALS, lambda file: file.write(copy))
    text = plan.text(TRIALS if plan.options.trials else None, path)
    disk.write(path / runs.CONFIG, lambda file: file.write(text.encode()))
    write_facts(path, facts)
    return path


def _plain(plan: Plan) -> dict[str, Any]:
    """Return what run.json says of a plan."""
    return {"runs": len(plan.points), "keys": plan.keys}


def is_sweep(path: Path) -> bool:
    """Return whether a directory is a sweep's."""
    return (runs.peek(path) or {}).get("kind") == "sweep"


def read_facts(path: Path) -> Facts:
    """Return what must be right in a sweep's run.json."""
    where = path / runs.FACTS
    try:
        facts = disk.read_json(where, runs.MAX_FACTS) if runs.is_there(where) else {}
        if facts.get("kind") == "sweep":
            return msgspec.convert(facts, Facts)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise FileError(f"{where}: cannot be read: {disk.reason(error)}") from None
    raise FileError(f"{path}: is no sweep")


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a sweep's run.json."""
    text = msgspec.json.format(msgspec.json.encode(facts), indent=2)
    disk.write(path / runs.FACTS, lambda file: file.write(text + b"\n"))


# --- runs of a sweep -----------------------------------------------------------------------


def read_run(path: Path, number: int) -> Run:
    """Return one run of a sweep."""
    count = read_facts(path).runs
    found, message = None, ""
    for trained in everything(path):
        if number in trained.numbers:
            i = trained.numbers.tolist().index(number)
            found = trained, i
            if not trained.diverged[i]:
                break
        elif number in trained.failed:
            message = str(trained.messages[trained.failed.tolist().index(number)])
    if found:
        return _run_of(path, *found)
    if message:
        raise FileError(f"{path}/{number}: failed: {message}")
    if number >= count:
        raise FileError(f"{path}/{number}: the sweep has runs 0 to {count - 1}")
    raise FileError(f"{path}/{number}: is not done yet")


def best(path: Path, by: str) -> int:
    """Return the number of the finished run with the smallest cost, or the largest other figure."""
    read_facts(path)
    rows = [row for row in done(path).values() if row.status == "finished"]
    known = {figure for row in rows for figure in row.figures}
    if by not in known:
        raise FileError(f"{path}: no finished run has a figure {by!r}{did_you_mean(by, known)}")
    sign = 1 if by.endswith("cost") else -1
    return min(rows, key=lambda row: (sign * row.figures[by], row.number)).number


def _run_of(path: Path, trained: Trained, i: int) -> Run:
    try:
        encoding = msgspec.json.decode(str(trained.encodings[trained.encoding[i]]), type=Encoding)
        plain = msgspec.json.decode(str(trained.config), type=dict[str, Any])
        plain |= msgspec.json.decode(str(trained.changes[i]), type=dict[str, Any])
        text, where = msgspec.json.encode(plain).decode(), path / str(trained.numbers[i])
        source = str(paths.real(path) / where.name)
        config = configuration.parse(text, source, known=encoding.facts)
    except (msgspec.MsgspecError, ConfigError, RecursionError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from None
    count = configuration.n_params(config, encoding.facts)
    if trained.params.shape[1] != count or trained.params.dtype != config.dtype:
        raise FileError(f"{where}: has not the {count} parameters, {config.dtype}, of its network")
    row = next(row for row in rows_of(trained) if row.number == trained.numbers[i])
    return Run(
        where,
        config,
        encoding,
        {
            "status": row.status,
            "epochs": row.epochs,
            **row.figures,
            "data_digest": str(trained.digests[trained.encoding[i]]),
        },
        trained.params[i],
        {
            "epoch": trained.log["epoch"][: trained.entries[i]],
            **{
                key: values[i, : trained.entries[i]]
                for key, values in trained.log.items()
                if key != "epoch"
            },
        },
    )


# --- doing it --------------------------------------------------------------------------------


def run(
    plan: Plan,
    path: Path,
    workers: Workers,
    *,
    cache_dir: Path,
    shard: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    every: float = 10,
) -> Iterator[list[Row]]:
    """Do what is missing of a sweep, and yield what is done: first what was, then each stack.

    Of `shard` (i, n) only every n-th stack is done, from the i-th on. The state of each stack in
    training is saved `every` so many seconds, and when a signal asks for it.
    """
    behind = done(path)
    yield list(behind.values())
    if retry_failed:
        behind = {number: row for number, row in behind.items() if row.status == "finished"}
    index, shards = shard
    pieces = workers.width if shards == 1 else shards
    # Shards share the work alike whatever has been done, so each of them divides the whole.
    whole = range(len(plan.points))
    numbers = whole if shards > 1 else [number for number in whole if number not in behind]
    mine = list(partition(plan, numbers, pieces, cache_dir))[index - 1 :: shards]
    todo = [part for stack in mine if (part := stack.without(behind)) is not None]
    for trained in executors.results(workers, states.train, _pieces(plan, path, todo, every)):
        save(path, movable(trained, plan.relative_paths(path)))
        states.remove(path, min(numbers_of(trained)))
        yield list(rows_of(trained))


def _pieces(plan: Plan, path: Path, todo: Sequence[Stack], every: float) -> Iterator[states.Piece]:
    """Yield the stacks to do: first those that were stopped, as they were, and then the others."""
    left, taken = {number for stack in todo for number in stack.numbers}, set[int]()
    for numbers, state in states.saved(path):
        if (left - taken).issuperset(numbers):
            taken.update(numbers)
            configs = [plan.configs[number] for number in numbers]
            yield states.Piece(Stack(numbers, configs, todo[0].cache_dir), state, path, every)
    for stack in todo:
        if part := stack.without(taken):
            yield states.Piece(part, None, path, every)


def finish(plan: Plan, path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write results.csv and run.json from what is done, and return run.json."""
    with disk.locked(path / ".lock-results", wait=True):  # the last to write has seen everything
        rows = done(path)
        write_results(path, results(plan, rows))
        statuses = [row.status for row in rows.values()]
        counts = {status: statuses.count(status) for status in ("finished", "diverged", "failed")}
        if not (missing := len(plan.points) - len(rows)):
            states.remove(path)
        status = "finished" if not missing else "unfinished"
        before = runs.peek(path) or {}
        written = {**before, **_plain(plan), **facts, "status": status, **counts}
        write_facts(path, written)
    return written


@contextmanager
def lock(path: Path, shard: tuple[int, int]) -> Iterator[None]:
    """Hold a sweep, or a share of it, so that no other process does the same work."""
    shared = shard != (1, 1)
    with (
        disk.locked(path / ".lock", shared=shared) as free,
        disk.locked(path / ".lock-{}-{}".format(*shard)) as alone,
    ):
        if not (free and alone):
            raise NnfsError(f"{path}: another process is at work on it")
        if not shared:
            for left in disk.left_by_others(path, WRITTEN):
                left.unlink(missing_ok=True)
        yield


# --- results ---------------------------------------------------------------------------------


def results(plan: Plan, rows: Mapping[int, Row]) -> list[dict[str, Any]]:
    """Return one record for each run of the plan, in order: swept keys, status and figures."""
    names = [key for key in FIGURES if any(key in row.figures for row in rows.values())]
    records = []
    for number, point in enumerate(plan.points):
        row = rows.get(number, Row(number, "missing"))
        record: dict[str, Any] = {"index": number, **dict(point)}
        record |= {"status": row.status, "epochs": record.get("epochs", row.epochs)}
        records.append(record | {key: row.figures.get(key) for key in names})
    return records


def write_results(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write results.csv, whole."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0])
    for record in records:
        writer.writerow(["" if v is None else v for v in record.values()])
    disk.write(path / RESULTS, lambda file: file.write(text.getvalue().encode()))


def read_results(path: Path) -> list[dict[str, str]]:
    """Return the records of results.csv, as text."""
    keys = read_facts(path).keys
    try:
        text = io.StringIO(disk.read_text(path / RESULTS, MAX_RESULTS), newline="")
        reader = csv.DictReader(text, strict=True)
        found = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"{path / RESULTS}: cannot be read: {disk.reason(error)}") from None
    header = {"index", "status", "epochs", *keys}
    if not header <= set(reader.fieldnames or ()) <= header | set(FIGURES) or any(
        None in record or None in record.values() for record in found
    ):
        raise FileError(f"{path / RESULTS}: is not what this sweep wrote")
    return found


# --- stacks to train -------------------------------------------------------------------------


def partition(
    plan: Plan, numbers: Iterable[int], pieces: int, cache_dir: Path | None
) -> Iterator[Stack]:
    """Yield the runs in stacks, each shape's in order, in `pieces` or more if there are so many."""
    shapes: dict[str, list[int]] = {}
    for number in numbers:
        config = plan.configs[number]
        shapes.setdefault(stacks.shape_of(config, data.facts(config)), []).append(number)
    for members in shapes.values():
        first = plan.configs[members[0]]
        largest = stacks.largest(first, data.facts(first))
        count = -(-len(members) // largest)
        count = min(-(-count // pieces) * pieces, len(members))
        for i in range(count):
            part = members[i * len(members) // count : (i + 1) * len(members) // count]
            yield Stack(part, [plan.configs[number] for number in part], cache_dir)
