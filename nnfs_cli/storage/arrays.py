"""Arrays in .npz and .npy files: nothing is unpickled, and every header is checked."""

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

STRAY = "allow_pickle"  # a stray array in files that nnfs 0.1 wrote with NumPy 2.1


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays to an .npz file, whole or not at all."""
    write(path, lambda file: save_arrays(file, arrays))


def save_arrays(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays to an open file as .npz; TypeError if one holds Python objects."""
    # np.savez(allow_pickle=False) would refuse them, but NumPy < 2.2 stores that flag as an array.
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"{objects[0]} holds objects")
    savez: Callable[..., None] = np.savez
    savez(file, **arrays)


def read_arrays(path: Path, most: int | None = None) -> dict[str, Array]:
    """Return the arrays of an .npz file.

    The sizes in all headers are checked against `most` bytes before memory is allocated. Without
    `most`, the file is ours and uncompressed, so its arrays cannot be larger than the file.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _arrays_in(file, most or size, compressed=most is not None)
    except BROKEN as error:
        raise FileError(f"{path}: cannot be read: {reason(error)}") from None


def unpack_arrays(content: bytes) -> dict[str, Array]:
    """Return the arrays in the bytes of an .npz file of ours; ValueError if they are not one."""
    try:
        return _arrays_in(io.BytesIO(content), len(content), compressed=False)
    except BROKEN as error:
        raise ValueError(reason(error)) from None


def _arrays_in(file: BinaryIO, most: int, *, compressed: bool) -> dict[str, Array]:
    """Return the arrays of an open .npz file; one of BROKEN if its headers exceed `most` bytes."""
    methods = {zipfile.ZIP_STORED} | ({zipfile.ZIP_DEFLATED} if compressed else set())
    with zipfile.ZipFile(file) as archive, warnings.catch_warnings(action="ignore"):
        for member in archive.infolist():
            if member.compress_type not in methods:
                raise ValueError("is compressed; nnfs stores arrays uncompressed")
            with archive.open(member) as inside:
                shape, _, dtype = _read_header(inside, most)
            most -= prod(shape) * dtype.itemsize
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        members.pop(STRAY, None)
        return {name: _read_array(archive, member) for name, member in members.items()}


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # reading to the end also verifies the checksum
            raise ValueError(f"{member.filename} holds more than its header says")
    return array


def parse_array(content: bytes) -> Array:
    """Return the array in the bytes of an .npy file; ValueError if they are not one."""
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
    """Return the array of an .npy file, memory-mapped read-only."""
    try:
        with open_file(path) as file, warnings.catch_warnings(action="ignore"):
            shape, fortran, dtype = _read_header(file, os.fstat(file.fileno()).st_size)
            order: Any = "F" if fortran else "C"
            return np.memmap(file, dtype, "r", file.tell(), shape, order)
    except BROKEN as error:
        raise FileError(f"{path}: cannot be read: {reason(error)}") from None


def _read_header(file: IO[bytes], limit: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of an array; ValueError if it exceeds `limit` bytes."""
    # Later versions serve structured types only; their headers can be up to 4 GiB.
    if (version := np.lib.format.read_magic(file)) != (1, 0):
        raise ValueError(f"an array has format version {version}, not (1, 0)")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects; save it as numbers or text: y.astype(str)")
    size = prod(shape) * max(dtype.itemsize, 1)
    if size > limit or not all(0 <= length <= limit for length in shape):
        claim = f"an array claims to hold {dtype} of shape {shape}"[:100]
        raise ValueError(f"{claim}; at most {limit:,} bytes are accepted")
    return shape, fortran, dtype
