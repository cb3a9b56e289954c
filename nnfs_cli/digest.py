"""Digests: what tells one array, or one set of arrays, from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from nnfs_cli.core.activations import Array


def digest(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of arrays' names, shapes, types and values."""
    content = hashlib.sha256()
    for name, array in arrays.items():
        content.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()
