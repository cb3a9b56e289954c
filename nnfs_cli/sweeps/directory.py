"""Sweep directories: create, lock and read them.

A sweep's directory holds config.yaml (base and sweep block), run.json, results.csv, and files of
trained stacks. Runs in these files are not trained again; results.csv and run.json are derived from
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from nnfs_cli.errors import FileError, NnfsError
from nnfs_cli.runs import directory
from nnfs_cli.storage import files
from nnfs_cli.sweeps import index, trials
from nnfs_cli.sweeps import plan as sweeps_plan
from nnfs_cli.sweeps.plan import Plan

RESULTS, TRIALS = "results.csv", "trials.csv"
WRITTEN = r"(stacks-\d+|\.state)-\d+\.npz|(results|trials)\.csv|run\.json|config\.yaml"


class SweepInfo(msgspec.Struct):
    """Validated fields of a sweep's run.json."""

    identity: str
    runs: int
    keys: list[str]


def open_directory(plan: Plan, runs_dir: Path, facts: Mapping[str, Any], fresh: bool) -> Path:
    """Return the directory of the sweep with the plan's identity; create it if necessary.

    Commands started together find the same one.
    """

    def make(identity: str) -> Path:
        named = {"kind": "sweep", "identity": identity, **plan_facts(plan)}
        return _make_directory(plan, runs_dir, {**named, "status": "unfinished", **facts})

    identities = plan.identities(runs_dir / "sweep")  # any name: relative paths are the same
    return index.find_or_make(identities, runs_dir, make, fresh)


def _make_directory(plan: Plan, runs_dir: Path, facts: Mapping[str, Any]) -> Path:
    path = directory.claim(runs_dir, f"{plan.name}-sweep")
    if plan.options.trials:
        rows = (sweeps_plan.typed(plan, number, path) for number in range(len(plan.points)))
        copy = trials.text(plan.keys, rows).encode()
        files.write(path / TRIALS, lambda file: file.write(copy))
    text = plan.text(TRIALS if plan.options.trials else None, path)
    files.write(path / directory.CONFIG, lambda file: file.write(text.encode()))
    write_facts(path, facts)
    return path


def plan_facts(plan: Plan) -> dict[str, Any]:
    """Return a plan's entries of run.json."""
    return {"runs": len(plan.points), "keys": plan.keys}


def is_sweep(path: Path) -> bool:
    """Return whether a directory is that of a sweep."""
    return (directory.peek(path) or {}).get("kind") == "sweep"


def read_facts(path: Path) -> SweepInfo:
    """Return the validated fields of a sweep's run.json."""
    where = path / directory.FACTS
    try:
        facts = files.read_json(where, directory.MAX_FACTS) if directory.is_there(where) else {}
        if facts.get("kind") == "sweep":
            return msgspec.convert(facts, SweepInfo)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise FileError(f"{where}: cannot be read: {files.reason(error)}") from None
    raise FileError(f"{path}: is not a sweep")


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a sweep's run.json."""
    text = msgspec.json.format(msgspec.json.encode(facts), indent=2)
    files.write(path / directory.FACTS, lambda file: file.write(text + b"\n"))


@contextmanager
def lock(path: Path, shard: tuple[int, int]) -> Iterator[None]:
    """Lock a sweep, or a shard of it, so that only one process trains it."""
    shared = shard != (1, 1)
    with (
        files.locked(path / ".lock", shared=shared) as free,
        files.locked(path / ".lock-{}-{}".format(*shard)) as alone,
    ):
        if not (free and alone):
            raise NnfsError(f"{path}: another process is training this sweep")
        if not shared:
            for left in files.left_by_others(path, WRITTEN):
                left.unlink(missing_ok=True)
        yield
