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
        array = np.atleast_1d(array)
        for start in range(0, array.shape[-1], STEP):  # a mapped file stays on its disk
            content.update(np.ascontiguousarray(array[..., start : start + STEP]).data)
    return content.hexdigest()


def sealed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays with their digest among them."""
    return {"digest": np.array(digest(arrays)), **arrays}


def unsealed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays without their digest; ValueError if it is not theirs."""
    found = {name: array for name, array in arrays.items() if name != "digest"}
    if str(arrays.get("digest")) != digest(found):
        raise ValueError("its digest is that of something else")
    return found
