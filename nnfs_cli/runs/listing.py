"""The runs in a runs directory, in the order in which they were started."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnfs_cli.errors import FileError
from nnfs_cli.runs import directory


def directories(runs_dir: Path) -> dict[Path, dict[str, Any] | None]:
    """Return the directories in runs_dir, each with its run.json or None, in the order in which
    their runs were started."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    except FileNotFoundError:
        directory.check_link(runs_dir)
        return {}
    except OSError as error:
        raise FileError(f"{runs_dir}: cannot be read: {error.strerror}") from None
    facts = {runs_dir / name: directory.peek(runs_dir / name) for name in names}
    return {path: facts[path] for path in _in_order(facts)}


def _in_order(facts_of: Mapping[Path, Mapping[str, Any] | None]) -> list[Path]:
    """Return directories sorted by the start of their runs.

    Start times in run.json are whole seconds. Within a second, runs of one name are sorted by
    number, and runs of several names by the times of their files.
    """
    names: dict[tuple[float, str], list[tuple[int, Path]]] = {}
    for path, facts in facts_of.items():
        name, number = _parts(path.name)
        names.setdefault((_second(path, facts), name), []).append((number, path))
    moments: dict[Path, tuple[float, int, str]] = {}
    for (second, _), numbered in names.items():
        times = sorted(_written(path) for _, path in numbered)
        for (_, path), time in zip(sorted(numbered), times, strict=True):
            moments[path] = second, time, path.name
    return sorted(moments, key=moments.__getitem__)


def _parts(name: str) -> tuple[str, int]:
    """Return the name of a run without its number, and the number."""
    match = re.fullmatch("(.*)-([0-9]{1,18})", name, re.DOTALL)
    return (match[1], int(match[2])) if match else (name, 0)


def _second(path: Path, facts: Mapping[str, Any] | None) -> float:
    """Return the time at which a run was started, in whole seconds since 1970."""
    try:
        started = datetime.fromisoformat(str((facts or {}).get("started")))
        return started.replace(tzinfo=started.tzinfo or UTC).timestamp() // 1
    except (ValueError, OverflowError):  # no run.json yet, or not a run
        return _written(path) // 10**9


def _written(path: Path) -> int:
    """Return the time at which a run's config.yaml, or otherwise its directory, was written, in
    nanoseconds since 1970."""
    for each in (path / directory.CONFIG, path):  # adding a picture changes the directory's time
        with suppress(OSError):
            return each.stat().st_mtime_ns
    return 0
