"""Run directories: create them, find them by name, and read run.json leniently."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nnfs_cli.data import cache
from nnfs_cli.errors import NnfsError, one_line
from nnfs_cli.storage.files import read_json

CONFIG, COSTS, WEIGHTS, FACTS = "config.yaml", "costs.npz", "weights.npz", "run.json"


MAX_CONFIG = MAX_FACTS = 1 << 24  # bytes


def cache_dir(runs_dir: Path) -> Path:
    """Return the directory in which generated data sets are cached."""
    return cache.directory(runs_dir / ".cache")


def claim(runs_dir: Path, name: str) -> Path:
    """Create and return the next free directory `name-N`."""
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        taken = re.compile(re.escape(name) + r"-([0-9]{1,18})")
        matches = (taken.fullmatch(entry.name) for entry in os.scandir(runs_dir))
        number = max((int(match[1]) for match in matches if match), default=0)
        while True:
            number += 1
            path = runs_dir / f"{name}-{number}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    except OSError as error:
        check_link(runs_dir)
        raise NnfsError(f"{error.filename}: cannot create a run: {error.strerror}") from None


def check_link(runs_dir: Path) -> None:
    """Raise NnfsError if the runs directory is a broken link."""
    if runs_dir.is_symlink() and not is_there(runs_dir):
        target = runs_dir.parent / runs_dir.readlink()
        problem = f"is a link to {target}, which does not exist; create it (mkdir -p "
        problem += f"{shlex.quote(str(target))}), or choose another directory with --runs-dir"
        raise NnfsError(f"{runs_dir}: {problem}")


@contextmanager
def claimed(runs_dir: Path, name: str) -> Iterator[Path]:
    """Yield a newly created directory, and remove it afterwards if it is still empty."""
    path = claim(runs_dir, name)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.rmdir()  # succeeds only if empty: after an error or a second Ctrl-C


def find(name: str, runs_dir: Path) -> Path:
    """Return the directory of a run given as a path or by its name in runs_dir."""
    path = Path(name)
    if len(path.parts) == 1 and not is_there(path) and is_there(runs_dir / name):
        return runs_dir / name
    return path


def is_there(path: Path) -> bool:
    """Return whether a path exists and can be accessed."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def peek(path: Path) -> dict[str, Any] | None:
    """Return the content of run.json, or None if it cannot be read."""
    try:
        return read_json(path / FACTS, MAX_FACTS)
    except (OSError, ValueError):
        return None


def known_runs(path: Path) -> str:
    """Return a hint with the names of some runs beside `path`, or ""."""
    try:
        runs = sorted(entry for entry in path.parent.iterdir() if (entry / FACTS).exists())
    except OSError:
        return ""
    if not runs:
        return ""
    some = ", ".join(one_line(str(run)) for run in runs[:5])
    return f"; existing runs: {some}{', ...' * (len(runs) > 5)}"
