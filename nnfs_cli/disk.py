"""Files: written whole or not at all, read without trust."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from errno import EINVAL
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, NnfsError

# What NumPy, zipfile and zlib raise for a file that is not what its name says.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    zipfile.BadZipFile,
    MemoryError,
    RuntimeError,
    zlib.error,
    struct.error,
)


HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Make the file whole or not at all: `fill(file)` writes it under another name first."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file: BinaryIO
        with temporary.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NnfsError(f"{path}: cannot be written: {error.strerror}") from None
        raise


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file."""
    write(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read_arrays(path: Path, most: int | None = None) -> dict[str, Array]:
    """Return the arrays of an .npz file.

    What a header claims is held against `most` bytes before any memory is taken for it. Without
    `most` the file is one of ours, uncompressed, and no array can be larger than it is.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if most is None and any(m.compress_type != zipfile.ZIP_STORED for m in members):
                raise ValueError("is compressed, which nnfs never does")
            limit = most or os.fstat(file.fileno()).st_size
            return {
                m.filename.removesuffix(".npy"): _read_array(archive, m, limit) for m in members
            }
    except BROKEN as error:
        raise FileError(f"{path}: cannot be read: {error}") from None


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> Array:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"{member.filename} is of an unknown version")
        shape, _, dtype = HEADERS[version](file)
        if dtype.hasobject or prod(shape) * dtype.itemsize > limit:
            raise ValueError(f"{member.filename} claims to hold {dtype} of shape {shape}")
    with archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def open_file(path: Path) -> BinaryIO:
    """Return a file, open to be read; OSError if it is a directory, a pipe or a device."""
    # Not to wait for a pipe's writer, it is opened without blocking.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "is not a file", str(path))
    return os.fdopen(descriptor, "rb")
