"""nnfs predict"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nnfs_cli.cli import options
from nnfs_cli.errors import harmless

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array
    from nnfs_cli.prediction import Model


@click.command()
@options.run
@click.argument("source", metavar="[INPUT]", required=False)
@click.option("--x", "points", multiple=True, metavar="X1,X2,...", help="An input; repeatable.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "npz"]),
    default="csv",
    show_default=True,
    help="What to write.",
)
@click.option("--no-header", is_flag=True, help="Leave out CSV's first line, the names.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file, whole.")
@options.by
@options.runs_dir
def command(
    run: str,
    source: str | None,
    points: tuple[str, ...],
    form: str,
    no_header: bool,
    output: Path | None,
    by: str,
    runs_dir: Path,
) -> None:
    """Print a run's predictions for some inputs.

    INPUT is a CSV file of raw columns, with or without a header, or - for standard input, which
    is read as it comes. Without INPUT and --x, it is the run's own data.

    Columns that a header names are found by name, and further columns are passed through. After
    them come the network's outputs, y_hat, and the class that they say.
    """
    from nnfs_cli import prediction, runs

    if source is not None and points:
        raise click.UsageError("give INPUT or --x, not both")
    if form == "npz" and output is None and sys.stdout.isatty():
        raise click.UsageError("npz is binary: give it a file with -o, or a pipe")
    model = prediction.load(options.open_run(run, runs_dir, by))
    with opened(source, points) as (descriptor, name):
        if descriptor is None:
            names, rows = own_data(model, runs.cache_dir(runs_dir))
        else:
            names, rows = read_table(model, descriptor, name, header=False if points else None)
        writer = {"csv": as_csv, "jsonl": as_jsonl, "npz": as_npz}[form]
        chunks = writer(model, [] if no_header else names, names, rows)
        if output is None:
            terminal = sys.stdout.isatty() and form != "npz"
            for chunk in chunks:
                sys.stdout.buffer.write(harmless(chunk.decode()).encode() if terminal else chunk)
                sys.stdout.buffer.flush()
        else:
            write(output, chunks)


def write(output: Path, chunks: Iterator[bytes], *, typed: bool = True) -> None:
    """Write a file, whole or not at all.

    A path that the user typed may be a link, which is followed, or a device or a pipe, which is
    written as it is. At a path that nnfs chose, which may be planted, these are replaced.
    """
    from nnfs_cli import disk
    from nnfs_cli.errors import NnfsError

    try:
        if not typed:
            disk.write(output, lambda file: file.writelines(chunks))
        elif output.exists() and not output.is_file():  # a pipe may have no path but this
            with output.open("wb") as file:
                file.writelines(chunks)
        else:
            target = output.resolve() if output.is_symlink() else output  # a link stays one
            disk.write(target, lambda file: file.writelines(chunks))
    except (OSError, ValueError, RuntimeError) as error:  # of a link to itself
        reason = getattr(error, "strerror", None) or error
        raise NnfsError(f"{output}: cannot be written: {reason}") from None


@contextmanager
def opened(source: str | None, points: tuple[str, ...]) -> Iterator[tuple[int | None, str]]:
    """Yield a descriptor to read CSV from, and its name; the run's own data has none."""
    from nnfs_cli.errors import FileError

    if points:
        with tempfile.TemporaryFile() as file:
            file.write("\n".join(points).encode(errors="surrogateescape"))
            file.seek(0)
            yield file.fileno(), "--x"
    elif source is None:
        yield None, ""
    elif source == "-":
        yield sys.stdin.fileno(), "<stdin>"
    else:
        try:
            descriptor = os.open(source, os.O_RDONLY)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            raise FileError(f"{source}: cannot be read: {reason}") from None
        try:
            yield descriptor, source
        finally:
            os.close(descriptor)


class Rows(NamedTuple):
    """Some samples: their fields as CSV, and the columns that the network reads."""

    lines: list[str]
    X: Array


def read_table(
    model: Model, descriptor: int, name: str, header: bool | None
) -> tuple[list[str], Iterator[Rows]]:
    """Return the names of a CSV table's columns, and its rows as they come."""
    from nnfs_cli import tables

    columns = model.known.columns
    reader = tables.read(descriptor, name, header=header, known=columns)
    chosen = tables.choose(reader, columns)

    def as_csv(lines: list[str]) -> list[str]:
        return [",".join(quoted(reader.fields(line))) for line in lines]

    def rows() -> Iterator[Rows]:
        for block in reader.blocks:
            X = reader.floats(block, chosen)  # first, for it tells what is wrong, and where
            yield Rows(block.lines if reader.delimiter == "," else as_csv(block.lines), X)

    return reader.header or list(columns), rows()


def own_data(model: Model, cache_dir: Path) -> tuple[list[str], Iterator[Rows]]:
    """Return the run's own samples as if read from a table, with their targets and part."""
    from nnfs_cli import prediction

    parts = prediction.own_tables(model, cache_dir)
    known, several = model.known, len(parts) > 1
    names = [*known.columns, *known.targets, *(["part"] if several else [])]

    def rows() -> Iterator[Rows]:
        for part, table in parts.items():
            if known.classes is None:
                targets = [[*map(repr, y)] for y in table.y.tolist()]
            else:
                targets = [[name] for name in prediction.class_names(model, table.y)]
            lines = [
                ",".join(quoted([*map(repr, x), *y, *([part] if several else [])]))
                for x, y in zip(table.X.tolist(), targets, strict=True)
            ]
            yield Rows(lines, table.X)

    return names, rows()


def quoted(fields: Iterable[str]) -> Iterator[str]:
    """Yield fields as they stand in CSV."""
    for field in fields:
        special = any(letter in field for letter in ',"\n\r')
        yield '"' + field.replace('"', '""') + '"' if special else field


def as_csv(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield each block's lines with its predictions behind them."""
    from nnfs_cli.prediction import answered_names, predict

    if header:
        yield (",".join(quoted([*header, *model.output_names])) + "\n").encode()
    for block in blocks:
        found = predict(model, block.X)
        columns: list[Iterable[str]] = [map(repr, unit) for unit in found.y_hat.T.tolist()]
        if found.classes is not None:
            columns.append(quoted(answered_names(model, found)))
        rows = zip(block.lines, *columns, strict=True)
        yield ("\n".join(map(",".join, rows)) + "\n").encode()


def as_jsonl(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield each block's rows as JSON objects, one a line."""
    import msgspec

    from nnfs_cli.prediction import answered_names, predict
    from nnfs_cli.tables import number_of

    columns = set(model.known.columns)

    def values(fields: list[str]) -> list[Any]:
        pairs = zip(names, fields, strict=True)
        return [number_of(field) if name in columns else field for name, field in pairs]

    encoder = msgspec.json.Encoder()
    keys = [*names, *model.output_names]
    for block in blocks:
        found = predict(model, block.X)
        answers = found.y_hat.tolist()
        if found.classes is not None:
            for answer, name in zip(answers, answered_names(model, found), strict=True):
                answer.append(name or None)
        rows = zip(csv.reader(block.lines), answers, strict=True)
        yield encoder.encode_lines(
            dict(zip(keys, [*values(fields), *answer], strict=True)) for fields, answer in rows
        )


def as_npz(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield all predictions as one file: y_hat (samples, outputs) and, of classes, class
    (samples,), their names."""
    import numpy as np

    from nnfs_cli import disk
    from nnfs_cli.prediction import answered_names, predict

    parts = [predict(model, block.X) for block in blocks]
    none = np.empty((0, model.network.layers[-1].units))
    arrays = {"y_hat": np.concatenate([none, *(part.y_hat for part in parts)])}
    if model.known.classes is not None:
        found = [answered_names(model, part) for part in parts]
        arrays["class"] = np.array([name for names in found for name in names], str)
    file = io.BytesIO()
    disk.save_arrays(file, arrays)
    yield file.getvalue()
