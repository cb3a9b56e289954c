"""The runs in a runs directory, in the order in which they were started."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnfs_cli import runs
from nnfs_cli.errors import FileError


def directories(runs_dir: Path) -> dict[Path, dict[str, Any] | None]:
    """Return the directories in runs_dir, in the order in which their runs were started, each with
    what `peek` returns."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    except FileNotFoundError:
        runs.check_link(runs_dir)
        return {}
    except OSError as error:
        raise FileError(f"{runs_dir}: cannot be read: {error.strerror}") from None
    found = {runs_dir / name: runs.peek(runs_dir / name) for name in names}
    return dict(sorted(found.items(), key=lambda item: started(*item)))


def started(path: Path, facts: Mapping[str, Any] | None) -> tuple[float, int, str]:
    """Return what orders runs by their start: the moment, which is whole seconds, then the number
    that `claim` gave.

    File times would not do: a picture changes the directory's, and a copy has new ones.
    """
    moment = 0.0
    try:
        given = datetime.fromisoformat(str((facts or {}).get("started")))
        moment = given.replace(tzinfo=given.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):  # not saved yet, or by something else
        with suppress(OSError):
            moment = path.stat().st_mtime // 1
    number = re.search(r"-([0-9]{1,18})\Z", path.name)
    return moment, int(number[1]) if number else 0, path.name
