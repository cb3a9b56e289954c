"""Find a sweep by its identity: `.sweeps/IDENTITY` in the runs directory names its directory.

Several users may share a runs directory; each continues only sweeps they can write to.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nnfs_cli.errors import NnfsError
from nnfs_cli.runs import directory as run_directory
from nnfs_cli.runs import listing
from nnfs_cli.storage import files

INDEX = ".sweeps"


def find_or_make(
    identities: Sequence[str], runs_dir: Path, make: Callable[[str], Path], fresh: bool
) -> Path:
    """Return the directory of the sweep with one of some identities; if there is none, or with
    `fresh`, create it under the first.

    Commands started together find the same one.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        with _held(runs_dir) as writable:
            path = None if fresh else _find(identities, runs_dir, writable)
            if path is None:
                path = make(identities[0])
                _note(identities[0], path, required=writable)
    except OSError as error:
        run_directory.check_link(runs_dir)
        raise NnfsError(f"{error.filename}: cannot be written: {error.strerror}") from None
    return path


@contextmanager
def _held(runs_dir: Path) -> Iterator[bool]:
    """Lock the index, and yield whether it can be written: another user's may be read-only."""
    index = runs_dir / INDEX
    with suppress(FileExistsError):
        index.mkdir()
        _share(index, runs_dir)
    if not stat.S_ISDIR(index.lstat().st_mode):
        raise NnfsError(f"{index}: is not a directory; remove it: rm {shlex.quote(str(index))}")
    writable = os.access(index, os.W_OK | os.X_OK)
    try:
        with files.locked(index / ".lock", wait=True):
            yield writable
    except PermissionError as error:
        if writable or error.filename != str(index / ".lock"):
            raise
        yield False


def _share(directory: Path, parent: Path) -> None:
    """Give a new directory the group and write permissions of its parent."""
    wanted = parent.stat()
    with suppress(OSError):  # the user is not a member of that group
        os.chown(directory, -1, wanted.st_gid)
    with suppress(OSError):
        found = directory.stat()
        bits = 0o1022 if found.st_gid == wanted.st_gid else 0o1002
        directory.chmod(stat.S_IMODE(found.st_mode) | wanted.st_mode & bits)


def _find(identities: Sequence[str], runs_dir: Path, writable: bool) -> Path | None:
    """Return the sweep with one of the identities that exists and can be written, or None."""
    for identity in identities:
        try:
            name = files.read_text(runs_dir / INDEX / identity, 1 << 10)
        except (OSError, ValueError):
            continue
        if Path(name).name != name or not name.isprintable():
            continue  # not the name of a directory created by nnfs
        path = runs_dir / name
        if (run_directory.peek(path) or {}).get("identity") == identity:
            if os.access(path, os.W_OK):
                return path
            writable = False  # this user may have another sweep, not in the index
    if writable:
        return None
    for path, facts in reversed(listing.directories(runs_dir).items()):
        ours = path.name.isprintable() and os.access(path, os.W_OK)
        if ours and (facts or {}).get("identity") in identities:
            return path
    return None


def _note(identity: str, path: Path, required: bool) -> None:
    """Write a sweep into the index; if that is not `required`, a failure only makes it slower to
    find."""
    try:
        files.write(path.parent / INDEX / identity, lambda file: file.write(path.name.encode()))
    except NnfsError:
        # An existing entry that cannot be replaced belongs to another user.
        if required and not (path.parent / INDEX / identity).is_file():
            raise
