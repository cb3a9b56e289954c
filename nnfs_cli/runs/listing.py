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
    """Return the directories in runs_dir, in the order in which their runs were started, each with
    what `peek` returns."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    except FileNotFoundError:
        directory.check_link(runs_dir)
        return {}
    except OSError as error:
        raise FileError(f"{runs_dir}: cannot be read: {error.strerror}") from None
    found = {runs_dir / name: directory.peek(runs_dir / name) for name in names}
    return {path: found[path] for path in _in_order(found)}


def _in_order(found: Mapping[Path, Mapping[str, Any] | None]) -> list[Path]:
    """Return directories by the start of their runs.

    run.json has whole seconds. Within one, the runs of a name are in the order of their numbers,
    and runs of several names in that of the times of their files.
    """
    names: dict[tuple[float, str], list[tuple[int, Path]]] = {}
    for path, facts in found.items():
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
    found = re.fullmatch("(.*)-([0-9]{1,18})", name, re.DOTALL)
    return (found[1], int(found[2])) if found else (name, 0)


def _second(path: Path, facts: Mapping[str, Any] | None) -> float:
    """Return when a run was started, in seconds since 1970."""
    try:
        given = datetime.fromisoformat(str((facts or {}).get("started")))
        return given.replace(tzinfo=given.tzinfo or UTC).timestamp() // 1
    except (ValueError, OverflowError):  # nothing is saved yet, or it is not a run
        return _written(path) // 10**9


def _written(path: Path) -> int:
    """Return when a run's config.yaml was written, or its directory, in nanoseconds since 1970."""
    for each in (path / directory.CONFIG, path):  # a picture changes the time of the directory
        with suppress(OSError):
            return each.stat().st_mtime_ns
    return 0
