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
    """Print a message on stderr, except with `unless`; a closed stderr is not an error."""
    if not unless:
        with suppress(OSError):
            click.echo(printed(message, names_typed()), err=True)


def names_typed() -> list[str]:
    """Return the file names typed by the user, in the forms in which messages may quote them."""
    words = [part for word in sys.argv[1:] for part in (word, word.partition("=")[2])]
    words.append(os.environ.get("NNFS_RUNS_DIR", ""))
    with suppress(OSError):  # the working directory may be gone
        words.append(str(Path.cwd()))
    return [name for word in words for name in (word, str(Path(word)))]


def command_line() -> str:
    """Return the command line, quoted so that it can be pasted into a shell."""
    words = shlex.join(["nnfs", *sys.argv[1:]])
    return words.encode(errors="backslashreplace").decode()


def count(number: int, what: str) -> str:
    """Return "1 epoch", "2 epochs", ..."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def cell(value: Any) -> str:
    """Return a value formatted for a table."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))


def aligned(row: list[str], rows: list[list[str]]) -> str:
    """Return one of a table's rows, padded to the widths of its columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "  ".join(map(str.ljust, row, widths)).rstrip()


def quoted(fields: Iterable[str]) -> Iterator[str]:
    """Yield fields quoted for CSV where necessary."""
    for field in fields:
        special = any(letter in field for letter in ',"\n\r')
        yield '"' + field.replace('"', '""') + '"' if special else field


def print_json(value: object) -> None:
    """Print a value as JSON on stdout; nan and infinities become null."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(printable(value)), indent=2).decode()
    text = UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
    click.echo(text.encode())  # JSON is UTF-8 in any locale


def printable(value: Any) -> Any:
    """Return a value with undecodable bytes in its texts, for example in paths, escaped."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def check_target(target: Path) -> None:
    """Raise NnfsError if a file cannot be created at `target`; called before the long work."""
    from nnfs_cli.errors import NnfsError

    if not target.parent.is_dir():
        raise NnfsError(f"{target}: cannot be written: there is no directory {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise NnfsError(f"{target}: cannot be written: Permission denied")


def write(output: Path, chunks: Iterator[bytes], *, typed: bool = True) -> None:
    """Write a file; it is replaced only when complete.

    At a path `typed` by the user, a link is followed and a device or a pipe is written to. At a
    path chosen by nnfs, someone else may have planted these, so they are replaced.
    """
    from nnfs_cli.errors import NnfsError
    from nnfs_cli.storage import files

    try:
        if not typed:
            files.write(output, lambda file: file.writelines(chunks))
        elif output.exists() and not output.is_file():  # a pipe must be opened by this path
            with output.open("wb") as file:
                file.writelines(chunks)
        else:
            if output.is_symlink():  # keeps the link
                with suppress(FileNotFoundError):
                    output.stat()  # OSError if links lead in a circle
                output = output.resolve()
            files.write(output, lambda file: file.writelines(chunks))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NnfsError(f"{output}: cannot be written: {reason}") from None
