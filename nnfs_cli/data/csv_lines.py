"""Lines of a CSV table, in blocks as they come, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from nnfs_cli.errors import FileError

CHUNK = 1 << 18  # bytes read at a time
MAX_LINE = 1 << 20  # bytes


class Block(NamedTuple):
    """Lines of a table, without line ends and blank lines, and their numbers in the file."""

    lines: list[str]
    numbers: Sequence[int]


def without_first_line(blocks: Iterator[Block]) -> Iterator[Block]:
    """Return the blocks without their first line, which is read immediately."""
    first = next(blocks)
    rest = Block(first.lines[1:], first.numbers[1:])
    return chain([rest], blocks) if rest.lines else blocks


def blocks_of(source: int | bytes, name: str) -> Iterator[Block]:
    """Yield lines as soon as they arrive."""
    rest, encoding, seen = b"", "utf-8-sig", 0
    for chunk in chain(_chunks(source, name), [b""]):
        head, newline, tail = (rest + chunk).rpartition(b"\n") if chunk else (rest, b"\n", b"")
        if newline and (head or chunk):
            wrong = None
            try:
                text = head.decode(encoding)
            except UnicodeDecodeError as error:
                content = error.object  # starts after the byte order mark
                before, *_ = content[: error.start].rpartition(b"\n")
                line = seen + content[: error.start].count(b"\n") + 1
                message = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
                text, wrong = before.decode(), error_at(name, message, line)
            lines = text.split("\n")
            if b"\r" in head:
                lines = [line.rstrip("\r") for line in lines]
            numbers: Sequence[int] = range(seen + 1, seen + len(lines) + 1)
            encoding, seen = "utf-8", seen + len(lines)
            if not all(lines) or any(map(str.isspace, lines)):
                numbers = [n for n, line in zip(numbers, lines, strict=True) if line.strip()]
                lines = [line for line in lines if line.strip()]
            yield Block(lines, numbers)
            if wrong:
                raise wrong
        rest = tail
        if len(rest) > MAX_LINE:
            raise error_at(name, "the line is longer than 1 MiB", seen + 1)


def _chunks(source: int | bytes, name: str) -> Iterator[bytes]:
    """Yield bytes as they arrive from a file descriptor, or those in memory."""
    if isinstance(source, bytes):
        yield source
        return
    try:
        while chunk := os.read(source, CHUNK):
            yield chunk
    except OSError as error:
        raise FileError(f"{name}: cannot be read: {error.strerror}") from None


def error_at(name: str, message: str, line: int = 0, column: int = 0) -> FileError:
    """Return an error at a line and column of a file, both counted from 1; 0 leaves one out."""
    where = ":".join(map(str, filter(None, (name, line, column))))
    return FileError(f"{where}: {message}")
