"""nnfs predict"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from nnfs_cli.cli import options

if TYPE_CHECKING:
    from nnfs_cli.prediction import Model
    from nnfs_cli.tables import Block


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
@options.runs_dir
def command(
    run: str,
    source: str | None,
    points: tuple[str, ...],
    form: str,
    no_header: bool,
    output: Path | None,
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
    model = prediction.load(runs.read(runs.find(run, runs_dir)))
    with opened(source, points) as (descriptor, name):
        if descriptor is None:
            names, blocks = own_data(model, runs.cache_dir(runs_dir))
        else:
            from nnfs_cli import tables

            names, blocks = tables.read(descriptor, name, model.columns, header=not points)
        writer = {"csv": as_csv, "jsonl": as_jsonl, "npz": as_npz}[form]
        chunks = writer(model, [] if no_header else names, names, blocks)
        if output is None:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
        else:
            runs.write(output, lambda file: file.writelines(chunks))


@contextmanager
def opened(source: str | None, points: tuple[str, ...]) -> Iterator[tuple[int | None, str]]:
    """Yield a descriptor to read CSV from, and its name; the run's own data has none."""
    from nnfs_cli.errors import FileError

    if points:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb"), os.fdopen(writer, "wb") as file:
            file.write("\n".join(points).encode())
            file.close()
            yield reader, "--x"
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


def own_data(model: Model, cache_dir: Path) -> tuple[list[str], Iterator[Block]]:
    """Return the run's own samples as a CSV table would be read, with target and part."""
    from nnfs_cli import prediction
    from nnfs_cli.tables import Block

    parts = prediction.own_tables(model, cache_dir)
    names = [*model.columns, prediction.TARGET, *(["part"] if len(parts) > 1 else [])]

    def blocks() -> Iterator[Block]:
        for part, table in parts.items():
            suffix = f",{part}" if len(parts) > 1 else ""
            lines = [
                ",".join(map(repr, x)) + f",{y}{suffix}"
                for x, y in zip(table.X.tolist(), table.y.tolist(), strict=True)
            ]
            yield Block(lines, table.X)

    return names, blocks()


def as_csv(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Block]
) -> Iterator[bytes]:
    """Yield each block's lines with its predictions behind them."""
    from nnfs_cli.prediction import predict

    if header:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([*header, *model.output_names])
        yield line.getvalue().encode()
    for block in blocks:
        y_hat, classes = predict(model, block.values)
        outputs = [map(repr, unit) for unit in y_hat.T.tolist()]
        rows = zip(block.lines, *outputs, map(str, classes.tolist()), strict=True)
        yield ("\n".join(map(",".join, rows)) + "\n").encode()


def as_jsonl(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Block]
) -> Iterator[bytes]:
    """Yield each block's rows as JSON objects, one a line."""
    import msgspec

    from nnfs_cli.prediction import predict

    def value(field: str) -> Any:
        try:
            return float(field)
        except ValueError:
            return field

    encoder = msgspec.json.Encoder()
    for block in blocks:
        y_hat, classes = predict(model, block.values)
        rows = zip(csv.reader(block.lines), y_hat.tolist(), classes.tolist(), strict=True)
        yield encoder.encode_lines(
            dict(zip([*names, *model.output_names], [*map(value, fields), *y, c], strict=True))
            for fields, y, c in rows
        )


def as_npz(
    model: Model, header: list[str], names: list[str], blocks: Iterable[Block]
) -> Iterator[bytes]:
    """Yield all predictions as one file: y_hat (samples, outputs) and class (samples,)."""
    import numpy as np

    from nnfs_cli.prediction import predict

    parts = [predict(model, block.values) for block in blocks]
    file: BinaryIO = io.BytesIO()
    np.savez(
        file,
        allow_pickle=False,
        **{
            "y_hat": np.concatenate([y_hat for y_hat, _ in parts]),
            "class": np.concatenate([classes for _, classes in parts]),
        },
    )
    file.seek(0)
    yield file.read()
