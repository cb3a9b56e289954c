"""SHA-256 digests of named arrays, and arrays stored with their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from nnfs_cli.core.activations import Array

STEP = 1 << 18  # columns hashed at a time


def digest(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of arrays' names, shapes, types and values."""
    content = hashlib.sha256()
    for name, array in arrays.items():
        content.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
        array = np.atleast_1d(array)
        # In parts, so that a memory-mapped file is never loaded whole.
        for start in range(0, array.shape[-1], STEP):
            content.update(np.ascontiguousarray(array[..., start : start + STEP]).data)
    return content.hexdigest()


def sealed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays with their digest added."""
    return {"digest": np.array(digest(arrays)), **arrays}


def unsealed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays without their digest; ValueError if it does not match."""
    content = {name: array for name, array in arrays.items() if name != "digest"}
    if str(arrays.get("digest")) != digest(content):
        raise ValueError("its digest does not match its content")
    return content
