"""Sweeps: many runs in one directory.

A sweep's directory holds config.yaml (base and sweep block), run.json, results.csv, and the stacks
that are trained. What is in these is done and is not done again; results.csv and run.json are made
from them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from nnfs_cli import config as configuration
from nnfs_cli import disk, index, paths, plans, runs, states, trials
from nnfs_cli.encoding import Encoding
from nnfs_cli.errors import ConfigError, FileError, NnfsError, did_you_mean
from nnfs_cli.plans import Plan
from nnfs_cli.runs import Run
from nnfs_cli.stackfiles import FIGURES, Row, done, everything, rows_of
from nnfs_cli.stacks import Trained

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


# --- its end and its locks -------------------------------------------------------------------


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
