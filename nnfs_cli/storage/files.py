"""Files: written whole or not at all, and checked when read."""

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

MAX_DEPTH = 20  # levels of nesting in a JSON file; ours have six

# Exceptions that NumPy, zipfile and zlib raise for damaged or foreign files.
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
    """Return an error's message, without the number and path that OSError adds."""
    return getattr(error, "strerror", None) or str(error)[:200]


def write(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Write a file whole or not at all: `fill(file)` writes a temporary file, which is renamed.

    Links are not followed; a link at `path` is replaced.
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
    """Create a temporary file beside `path`; return its path and descriptor."""
    ending = str(os.getpid())
    while True:
        temporary = path.with_name(f".{path.name}.{ending}")
        try:
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:  # planted, or left by an earlier process with this PID
            ending = f"{os.getpid()}-{os.urandom(4).hex()}"


def left_by_others(directory: Path, names: str) -> Iterator[Path]:
    """Yield temporary files that a killed `write` left for files whose names match `names`."""
    ours = re.compile(rf"\.({names})\.[0-9]+(-[0-9a-f]{{8}})?")
    yield from (path for path in directory.iterdir() if ours.fullmatch(path.name))


@contextmanager
def locked(path: Path, *, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold a lock on a file inside the block; yield False if another process holds it.

    Several processes may hold a `shared` lock together.
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
            pass  # the file system has no locks
        yield True
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    """Return the descriptor of a lock file, created if missing and never written to."""
    how = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            descriptor = os.open(path, os.O_RDWR | how)
        except FileNotFoundError:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | how, 0o666)
        except PermissionError:  # another user's file can still be locked
            descriptor = os.open(path, os.O_RDONLY | how)
    except OSError as error:
        if error.errno != ELOOP:
            raise
        message = f"is a link, which nnfs does not follow; remove it: rm {shlex.quote(str(path))}"
        raise OSError(ELOOP, message, str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "is not a file", str(path))
    return descriptor


def read(path: Path, most: int) -> bytes:
    """Return at most `most` bytes of a file; OSError as from open_file."""
    with open_file(path) as file:
        return file.read(most)


def read_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """Return a file's text; OSError as from open_file, or if the file exceeds `most` bytes."""
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(EFBIG, f"is larger than {most >> 20} MiB", str(path))
        return file.read(most).decode(encoding)


def read_json(path: Path, most: int) -> dict[str, Any]:
    """Return the object in a JSON file; OSError as from open_file, or ValueError."""
    try:
        content = msgspec.json.decode(read(path, most), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    level: list[Any] = [content]
    for _ in range(MAX_DEPTH):
        nested = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for values in nested for v in values if isinstance(v, dict | list)]
    if level:
        raise ValueError("is nested too deeply")
    return content


def open_file(path: Path) -> BinaryIO:
    """Return a file opened for reading; OSError if it is a directory, a pipe or a device."""
    # Without O_NONBLOCK, opening a pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "is not a file", str(path))
    return os.fdopen(descriptor, "rb")
