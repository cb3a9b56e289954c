"""A small cache of generated data sets: `KEY-CONTENT.npy`, named by the digests of both.

The key is the question, the content's digest tells whether the answer is whole: whatever does not
match its name is made anew. Failing to write is no error, for nothing depends on the cache.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nnfs_cli import disk
from nnfs_cli.core.activations import Array

MAX_BYTES = 64 << 20
VERSION = 1  # of what the keys mean


def key(name: str, parameters: dict[str, Any]) -> str:
    """Return the digest of a data set's name and parameters."""
    question = msgspec.json.encode([VERSION, name, sorted(parameters.items())])
    return hashlib.sha256(question).hexdigest()[:24]


def read(directory: Path, key: str) -> Array | None:
    """Return the rows kept under `key`, float64 (samples, columns), or None."""
    for path in directory.glob(f"{key}-*.npy"):
        try:
            with disk.open_file(path) as file:
                content = file.read(MAX_BYTES + 1)
        except OSError:
            continue
        if path.name == file_name(key, content):
            rows: Array = np.load(io.BytesIO(content), allow_pickle=False)
            return rows
    return None


def write(directory: Path, key: str, rows: Array) -> None:
    """Keep rows under `key`, and drop the oldest files if there is too much."""
    if rows.nbytes > MAX_BYTES // 4:
        return
    buffer = io.BytesIO()
    np.save(buffer, rows)
    content = buffer.getvalue()
    temporary = directory / f".{key}.{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(directory / file_name(key, content))
        files = sorted(directory.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > MAX_BYTES:
                path.unlink()
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def file_name(key: str, content: bytes) -> str:
    """Return the name of the file that keeps some content under `key`."""
    return f"{key}-{hashlib.sha256(content).hexdigest()[:24]}.npy"
