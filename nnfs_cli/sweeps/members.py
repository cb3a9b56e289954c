"""Read a run of a sweep as if it had its own directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from nnfs_cli.config import consistency, loading
from nnfs_cli.data.encoding import Encoding
from nnfs_cli.errors import ConfigError, FileError, did_you_mean
from nnfs_cli.runs import paths
from nnfs_cli.runs.record import Run
from nnfs_cli.sweeps.directory import read_facts
from nnfs_cli.sweeps.store import done, everything, results_of
from nnfs_cli.training.stack import Trained


def read_run(path: Path, number: int) -> Run:
    """Return one run of a sweep."""
    count = read_facts(path).runs
    member, message = None, ""
    for trained in everything(path):
        if number in trained.numbers:
            i = trained.numbers.tolist().index(number)
            member = trained, i
            if not trained.diverged[i]:
                break
        elif number in trained.failed:
            message = str(trained.messages[trained.failed.tolist().index(number)])
    if member:
        return _run_of(path, *member)
    if message:
        raise FileError(f"{path}/{number}: failed: {message}")
    if number >= count:
        raise FileError(f"{path}/{number}: the sweep has runs 0 to {count - 1}")
    raise FileError(f"{path}/{number}: is not trained yet")


def best(path: Path, by: str) -> int:
    """Return the number of the finished run with the smallest cost, or the largest other figure."""
    read_facts(path)
    rows = [row for row in done(path).values() if row.status == "finished"]
    figures = {figure for row in rows for figure in row.figures}
    if by not in figures:
        raise FileError(f"{path}: no finished run has a figure {by!r}{did_you_mean(by, figures)}")
    sign = 1 if by.endswith("cost") else -1
    return min(rows, key=lambda row: (sign * row.figures[by], row.number)).number


def _run_of(path: Path, trained: Trained, i: int) -> Run:
    try:
        encoding = msgspec.json.decode(str(trained.encodings[trained.encoding[i]]), type=Encoding)
        plain = msgspec.json.decode(str(trained.config), type=dict[str, Any])
        plain |= msgspec.json.decode(str(trained.changes[i]), type=dict[str, Any])
        text, where = msgspec.json.encode(plain).decode(), path / str(trained.numbers[i])
        source = str(paths.real(path) / where.name)
        config = loading.parse(text, source, known=encoding.facts)
    except (msgspec.MsgspecError, ConfigError, RecursionError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from None
    count = consistency.n_params(config, encoding.facts)
    if trained.params.shape[1] != count or trained.params.dtype != config.dtype:
        raise FileError(f"{where}: its network requires {count} parameters, {config.dtype}")
    row = next(row for row in results_of(trained) if row.number == trained.numbers[i])
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
