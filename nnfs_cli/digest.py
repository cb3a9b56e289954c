"""Digests: what tells one array, or one set of arrays, from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from nnfs_cli.core.activations import Array

STEP = 1 << 18


def digest(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of arrays' names, shapes, types and values."""
    content = hashlib.sha256()
    for name, array in arrays.items():
        content.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
        for start in range(0, array.shape[-1], STEP):  # a mapped file stays on its disk
            content.update(np.ascontiguousarray(array[..., start : start + STEP]).data)
    return content.hexdigest()
