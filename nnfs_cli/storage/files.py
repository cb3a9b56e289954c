"""Files: written whole or not at all, read without trust."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL, ELOOP
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from nnfs_cli.errors import NnfsError

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
    """Make the file whole or not at all: `fill(file)` writes it under another name first.

    A link under either name is not followed; under the file's own, it is replaced.
    """
    temporary = None
    try:
        temporary, descriptor = _create_beside(path)
        with os.fdopen(descriptor, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        if temporary:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NnfsError(f"{path}: cannot be written: {error.strerror}") from None
        raise


def _create_beside(path: Path) -> tuple[Path, int]:
    """Return the name of a new file beside `path`, and its descriptor."""
    ending = str(os.getpid())
    while True:
        temporary = path.with_name(f".{path.name}.{ending}")
        try:
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:  # planted, or left by an earlier process of this number
            ending = f"{os.getpid()}-{os.urandom(4).hex()}"


def left_by_others(directory: Path, names: str) -> Iterator[Path]:
    """Yield what `write` left in a directory when it was killed, of files whose names match."""
    ours = re.compile(rf"\.({names})\.[0-9]+(-[0-9a-f]{{8}})?")
    yield from (path for path in directory.iterdir() if ours.fullmatch(path.name))


@contextmanager
def locked(path: Path, *, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold the lock that a file stands for, and yield whether no other process holds it.

    If it is `shared`, others may hold it that share it, too.
    """
    descriptor = _open_lock(path)
    try:
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass  # a file system without locks
        yield True
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    """Return the descriptor of a lock's file, which is made if there is none and never changed."""
    how = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            descriptor = os.open(path, os.O_RDWR | how)
        except FileNotFoundError:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | how, 0o666)
        except PermissionError:  # another user's can be locked all the same
            descriptor = os.open(path, os.O_RDONLY | how)
    except OSError as error:
        if error.errno != ELOOP:
            raise
        told = f"is a link, which nnfs does not follow; remove it: rm {shlex.quote(str(path))}"
        raise OSError(ELOOP, told, str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "is not a file", str(path))
    return descriptor


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
