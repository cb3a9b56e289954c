"""Arrays in .npz and .npy files: nothing is unpickled, and no header is believed unchecked."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError
from nnfs_cli.storage.files import BROKEN, open_file, reason, write

STRAY = "allow_pickle"  # an array in files that nnfs 0.1 wrote with NumPy 2.1


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file."""
    write(path, lambda file: save_arrays(file, arrays))


def save_arrays(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays to an open file as .npz; TypeError if one holds objects."""
    # `allow_pickle=False` would refuse them, but before NumPy 2.2 it is one more array.
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"{objects[0]} holds objects")
    savez: Callable[..., None] = np.savez
    savez(file, **arrays)


def read_arrays(path: Path, most: int | None = None) -> dict[str, Array]:
    """Return the arrays of an .npz file.

    What all headers claim is held against `most` bytes before any memory is taken for it. Without
    `most` the file is one of ours, uncompressed, and its arrays cannot be larger than it is.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _arrays_in(file, most or size, compressed=most is not None)
    except BROKEN as error:
        raise FileError(f"{path}: cannot be read: {reason(error)}") from None


def unpack_arrays(content: bytes) -> dict[str, Array]:
    """Return the arrays of an .npz file of ours, given its bytes; ValueError if it is not one."""
    try:
        return _arrays_in(io.BytesIO(content), len(content), compressed=False)
    except BROKEN as error:
        raise ValueError(reason(error)) from None


def _arrays_in(file: BinaryIO, most: int, *, compressed: bool) -> dict[str, Array]:
    """Return the arrays of an open .npz file; one of BROKEN if their headers claim too much."""
    known = {zipfile.ZIP_STORED} | ({zipfile.ZIP_DEFLATED} if compressed else set())
    with zipfile.ZipFile(file) as archive, warnings.catch_warnings(action="ignore"):
        for member in archive.infolist():
            if member.compress_type not in known:
                raise ValueError("is compressed, which nnfs never does")
            with archive.open(member) as inside:
                shape, _, dtype = _read_header(inside, most)
            most -= prod(shape) * dtype.itemsize
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        members.pop(STRAY, None)
        return {name: _read_array(archive, member) for name, member in members.items()}


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # at whose end, too, the checksum is looked at
            raise ValueError(f"{member.filename} holds more than its header says")
    return array


def parse_array(content: bytes) -> Array:
    """Return the array of an .npy file's content; ValueError if it is anything else."""
    file = io.BytesIO(content)
    try:
        with warnings.catch_warnings(action="ignore"):
            shape, fortran, dtype = _read_header(file, len(content))
        values = np.frombuffer(content, dtype, prod(shape), file.tell())
    except BROKEN as error:
        raise ValueError(reason(error)) from None
    array: Array = values.reshape(shape, order="F" if fortran else "C").copy()
    return array


def map_array(path: Path) -> Array:
    """Return the array of an .npy file; it stays on its disk."""
    try:
        with open_file(path) as file, warnings.catch_warnings(action="ignore"):
            shape, fortran, dtype = _read_header(file, os.fstat(file.fileno()).st_size)
            order: Any = "F" if fortran else "C"
            return np.memmap(file, dtype, "r", file.tell(), shape, order)
    except BROKEN as error:
        raise FileError(f"{path}: cannot be read: {reason(error)}") from None


def _read_header(file: IO[bytes], limit: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of an array of `limit` bytes at most."""
    # Only structured types need another version, whose headers can have 4 GiB.
    if (version := np.lib.format.read_magic(file)) != (1, 0):
        raise ValueError(f"an array is of version {version}, not (1, 0)")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects; save it as numbers or text: y.astype(str)")
    size = prod(shape) * max(dtype.itemsize, 1)
    if size > limit or not all(0 <= length <= limit for length in shape):
        told = f"an array claims to hold {dtype} of shape {shape}"[:100]
        raise ValueError(f"{told}; {limit:,} bytes are the most that is believed")
    return shape, fortran, dtype
