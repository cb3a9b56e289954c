"""What commands print and write: notes on stderr; tables, CSV and JSON on stdout; files."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from nnfs_cli.errors import UNSAFE, one_line, printed


def note(message: str, *, unless: bool = False) -> None:
    """Print a message on stderr, `unless` it is not wanted; if nobody reads it, go on."""
    if not unless:
        with suppress(OSError):
            click.echo(printed(message, names_typed()), err=True)


def names_typed() -> list[str]:
    """Return the names of files that the user gave, as they may stand in a message."""
    words = [part for word in sys.argv[1:] for part in (word, word.partition("=")[2])]
    words.append(os.environ.get("NNFS_RUNS_DIR", ""))
    with suppress(OSError):  # the working directory may be gone
        words.append(str(Path.cwd()))
    return [name for word in words for name in (word, str(Path(word)))]


def command_line() -> str:
    """Return the command line as it could be typed again."""
    words = shlex.join(["nnfs", *sys.argv[1:]])
    return words.encode(errors="backslashreplace").decode()


def count(number: int, what: str) -> str:
    """Return "1 epoch", "2 epochs", ..."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def cell(value: Any) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))


def aligned(row: list[str], rows: list[list[str]]) -> str:
    """Return a row of a table in columns wide enough for all its rows."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "  ".join(map(str.ljust, row, widths)).rstrip()


def quoted(fields: Iterable[str]) -> Iterator[str]:
    """Yield fields as they stand in CSV."""
    for field in fields:
        special = any(letter in field for letter in ',"\n\r')
        yield '"' + field.replace('"', '""') + '"' if special else field


def print_json(value: object) -> None:
    """Print a value as one JSON text on stdout; what is not finite becomes null."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(printable(value)), indent=2).decode()
    text = UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
    click.echo(text.encode())  # JSON is UTF-8, whatever the terminal is


def printable(value: Any) -> Any:
    """Return a value with what is not Unicode in its texts, such as bytes of a path, escaped."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def check_target(target: Path) -> None:
    """Raise NnfsError if there is no place for a file, before what takes long is done for it."""
    from nnfs_cli.errors import NnfsError

    if not target.parent.is_dir():
        raise NnfsError(f"{target}: cannot be written: there is no directory {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise NnfsError(f"{target}: cannot be written: Permission denied")


def write(output: Path, chunks: Iterator[bytes], *, typed: bool = True) -> None:
    """Write a file, whole or not at all.

    A path that the user typed may be a link, which is followed, or a device or a pipe, which is
    written as it is. At a path that nnfs chose, which may be planted, these are replaced.
    """
    from nnfs_cli.errors import NnfsError
    from nnfs_cli.storage import files

    try:
        if not typed:
            files.write(output, lambda file: file.writelines(chunks))
        elif output.exists() and not output.is_file():  # a pipe may have no path but this
            with output.open("wb") as file:
                file.writelines(chunks)
        else:
            target = output.resolve() if output.is_symlink() else output  # a link stays one
            files.write(target, lambda file: file.writelines(chunks))
    except (OSError, ValueError, RuntimeError) as error:  # of a link to itself
        reason = getattr(error, "strerror", None) or error
        raise NnfsError(f"{output}: cannot be written: {reason}") from None
