"""A small cache of generated data sets: `KEY-CONTENT.npy`, named by the digests of both.

KEY identifies the data. If a file does not match the digest of its content, it is ignored and the
data are generated again. A digest detects damage but not forgery, so the directory is read only if
no other user can write to it. Nothing depends on the cache: a failed write is not an error.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import NnfsError
from nnfs_cli.storage import files as storage
from nnfs_cli.storage.arrays import parse_array

MAX_BYTES = 64 << 20  # of all files together
VERSION = 1  # part of every key; a new one invalidates the cache


def directory(fallback: Path) -> Path:
    """Return the directory of the cache: the user's own, or `fallback` if there is no home."""
    if chosen := os.environ.get("NNFS_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        own = (Path(base) if base.startswith("/") else Path.home() / ".cache") / "nnfs"
    except RuntimeError:  # a user without a home
        return fallback
    if os.path.lexists(own):
        return own if is_private(own) else fallback
    existing = next((path for path in own.parents if os.path.lexists(path)), own)
    return own if existing.is_dir() and os.access(existing, os.W_OK) else fallback


def is_private(directory: Path) -> bool:
    """Return whether this user owns a directory, and no other user can write to it."""
    try:
        found = directory.lstat()
    except (OSError, ValueError):
        return False
    own = found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and own


def key(name: str, parameters: dict[str, Any]) -> str:
    """Return the digest of a data set's name and parameters."""
    identity = msgspec.json.encode([VERSION, name, sorted(parameters.items())])
    return hashlib.sha256(identity).hexdigest()[:24]


def read(directory: Path, key: str) -> Array | None:
    """Return the array kept under `key`, or None."""
    if not is_private(directory):
        return None
    for path in directory.glob(f"{key}-*.npy"):
        with suppress(OSError, ValueError):
            content = storage.read(path, MAX_BYTES + 1)
            if path.name == file_name(key, content):
                return parse_array(content)
    return None


def write(directory: Path, key: str, rows: Array) -> None:
    """Keep rows under `key`, and remove the oldest files above MAX_BYTES."""
    if rows.nbytes > MAX_BYTES // 4:
        return
    buffer = io.BytesIO()
    np.save(buffer, rows)
    content = buffer.getvalue()
    with suppress(OSError, NnfsError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_private(directory):
            return
        storage.write(directory / file_name(key, content), lambda file: file.write(content))
        files = sorted(directory.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > MAX_BYTES:
                path.unlink()


def file_name(key: str, content: bytes) -> str:
    """Return the file name of some content under `key`."""
    return f"{key}-{hashlib.sha256(content).hexdigest()[:24]}.npy"
