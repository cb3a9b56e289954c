"""Files: written whole or not at all, read without trust."""

from __future__ import annotations

import fcntl
import io
import os
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec
import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, NnfsError

MAX_DEPTH = 20  # of a JSON file of ours, which has six levels

# What NumPy, zipfile and zlib raise for a file that is not what its name says.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    MemoryError,
    RuntimeError,
    zlib.error,
    struct.error,
)


def reason(error: Exception) -> str:
    """Return what went wrong, without the number and the path that OSError adds."""
    return getattr(error, "strerror", None) or str(error)[:200]


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
    write(path, lambda file: save_arrays(file, arrays))


def save_arrays(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays to an open file as .npz; TypeError if one holds objects."""
    # `allow_pickle=False` would refuse them, but before NumPy 2.2 it is one more array.
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"{objects[0]} holds objects")
    np.savez(file, **arrays)  # type: ignore[arg-type]


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
        return {
            member.filename.removesuffix(".npy"): _read_array(archive, member)
            for member in archive.infolist()
        }


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # at whose end, too, the checksum is looked at
            raise ValueError(f"{member.filename} holds more than its header says")
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
    size = prod(shape) * max(dtype.itemsize, 1)
    if dtype.hasobject or size > limit or not all(0 <= length <= limit for length in shape):
        told = f"an array claims to hold {dtype} of shape {shape}"[:100]
        raise ValueError(f"{told}; {limit:,} bytes are the most that is believed")
    return shape, fortran, dtype


@contextmanager
def locked(path: Path, *, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold the lock that a file stands for, and yield whether no other process holds it.

    If it is `shared`, others may hold it that share it, too.
    """
    with path.open("w") as file:
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass  # a file system without locks
        yield True


def read(path: Path, most: int) -> bytes:
    """Return a file's first bytes, `most` of them at most; OSError as from open_file."""
    with open_file(path) as file:
        return file.read(most)


def read_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """Return a file's text; OSError as from open_file, or if it has more than `most` bytes."""
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(EFBIG, f"is larger than {most >> 20} MiB", str(path))
        return file.read(most).decode(encoding)


def read_json(path: Path, most: int) -> dict[str, Any]:
    """Return the object in a JSON file; OSError as from open_file, or ValueError."""
    try:
        found = msgspec.json.decode(read(path, most), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        nested = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for values in nested for v in values if isinstance(v, dict | list)]
    if level:
        raise ValueError("is nested too deeply")
    return found


def open_file(path: Path) -> BinaryIO:
    """Return a file, open to be read; OSError if it is a directory, a pipe or a device."""
    # Not to wait for a pipe's writer, it is opened without blocking.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "is not a file", str(path))
    return os.fdopen(descriptor, "rb")
