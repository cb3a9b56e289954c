"""nnfs predict"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.progress import noting
from nnfs_cli.errors import harmless

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs.model import Model


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
@click.option("--no-header", is_flag=True, help="Leave out the names in the output's first line.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file, whole.")
@options.first_line
@options.by_position
@options.by
@options.runs_dir
def command(
    run: str,
    source: str | None,
    points: tuple[str, ...],
    form: str,
    no_header: bool,
    output: Path | None,
    first_line: str | None,
    by_position: bool,
    by: str,
    runs_dir: Path,
) -> None:
    """Print a run's predictions for some inputs.

    INPUT is a CSV file of raw columns, with or without a header, or - for standard input, which
    is read as it comes. Without INPUT and --x, it is the run's own data.

    Columns are found by the header's names, further columns are passed through. Without a header,
    they are in the run's order. After them come the network's outputs, y_hat, and the class that
    they say.

    Rows are printed as they come, up to the first that cannot be read; a file (-o, or npz) is
    written whole or not at all.
    """
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs import directory
    from nnfs_cli.runs import model as models

    if source is not None and points:
        raise click.UsageError("give INPUT or --x, not both")
    options.check_reading(source, first_line, by_position)
    if form == "npz" and output is None and sys.stdout.isatty():
        raise click.UsageError("npz is binary: give it a file with -o, or a pipe")
    model = models.load(options.open_run(run, runs_dir, by))
    header = False if points else options.has_header(first_line)
    sources = Sources()
    with opened(source, points) as (table, name):
        with noting(sources.notices):
            if table is None:
                columns, rows = own_data(model, directory.cache_dir(runs_dir), sources)
            else:
                columns, rows = read_table(model, table, name, header, by_position, sources.notices)
        answers = free_names(model.output_names, columns.names)
        named = form == "jsonl" or (form == "csv" and not no_header)
        for wanted, answer in zip(model.output_names, answers, strict=True):
            told = f"has a column {wanted!r}; the network's is called {answer!r}"
            options.note(f"{name or model.run.path}: {told}", unless=answer == wanted or not named)
        formats: dict[str, Callable[..., Iterator[bytes]]] = {
            "csv": partial(as_csv, header=not no_header),
            "jsonl": as_jsonl,
            "npz": as_npz,
        }
        chunks = formats[form](model, columns, answers, rows)
        if output is None:
            terminal = sys.stdout.isatty() and form != "npz"
            for chunk in chunks:
                sys.stdout.buffer.write(harmless(chunk.decode()).encode() if terminal else chunk)
                sys.stdout.buffer.flush()
        else:
            write(output, whole(output, chunks))


def whole(output: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a file; an error in them adds that it is not written."""
    from nnfs_cli.errors import FileError

    try:
        yield from chunks
    except FileError as error:
        if output.exists() and not output.is_file():
            raise
        raise FileError(f"{error}\n{output}: is not written, since it would not be whole") from None


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
            if output.is_symlink():  # a link stays one
                with suppress(FileNotFoundError):
                    output.stat()  # an error if links lead in a circle
                output = output.resolve()
            files.write(output, lambda file: file.writelines(chunks))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NnfsError(f"{output}: cannot be written: {reason}") from None


@contextmanager
def opened(
    source: str | None, points: tuple[str, ...] = ()
) -> Iterator[tuple[int | bytes | None, str]]:
    """Yield what to read CSV from, a descriptor or bytes, and its name; own data has none."""
    from nnfs_cli.errors import FileError

    if points:
        yield "\n".join(points).encode(errors="surrogateescape"), "--x"
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


class Columns(NamedTuple):
    """The names of a table's columns, and the places of those that the network reads."""

    names: list[str]
    inputs: frozenset[int]


class Rows(NamedTuple):
    """Some samples: their fields as CSV, and the columns that the network reads."""

    lines: list[str]
    X: Array


def read_table(
    model: Model,
    source: int | bytes,
    name: str,
    header: bool | None,
    by_position: bool,
    notices: list[str],
) -> tuple[Columns, Iterator[Rows]]:
    """Return a CSV table's columns, and its rows as they come; remarks are added to `notices`."""
    from nnfs_cli.data import headers
    from nnfs_cli.data.csv_table import Dialect

    columns, dialect = model.known.columns, Dialect(header=header)
    reader = headers.read(
        source, name, dialect, known=columns, cures=headers.TABLE, notices=notices
    )
    chosen = headers.choose(reader, columns, by_position=by_position)

    def as_csv(lines: list[str]) -> list[str]:
        return [",".join(quoted(reader.fields(line))) for line in lines]

    def rows() -> Iterator[Rows]:
        for block, X in reader.samples(chosen):
            yield Rows(block.lines if reader.delimiter == "," else as_csv(block.lines), X)

    return Columns(reader.header or list(columns), frozenset(chosen)), rows()


def own_data(model: Model, cache_dir: Path, sources: Sources) -> tuple[Columns, Iterator[Rows]]:
    """Return the run's own samples as if read from a table, with their targets and part."""
    from nnfs_cli.runs import model as models

    parts = models.own_tables(model, cache_dir, sources)
    known, several = model.known, len(parts) > 1
    names = [*known.columns, *known.targets]
    names += free_names(["part"], names) if several else []

    def rows() -> Iterator[Rows]:
        for part, table in parts.items():
            if known.classes is None:
                targets = [[*map(repr, y)] for y in table.y.tolist()]
            else:
                targets = [[name] for name in models.class_names(model, table.y)]
            lines = [
                ",".join(quoted([*map(repr, x), *y, *([part] if several else [])]))
                for x, y in zip(table.X.tolist(), targets, strict=True)
            ]
            yield Rows(lines, table.X)

    return Columns(names, frozenset(range(len(known.columns)))), rows()


def free_names(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """Return names of columns, each changed if it is `taken`: class, predicted_class, ..._2, ..."""
    used, free = set(taken), []
    for name in names:
        numbered = (f"predicted_{name}_{number}" for number in count(2))
        others = chain([name, f"predicted_{name}"], numbered)
        free.append(next(other for other in others if other not in used))
        used.add(free[-1])
    return free


def quoted(fields: Iterable[str]) -> Iterator[str]:
    """Yield fields as they stand in CSV."""
    for field in fields:
        special = any(letter in field for letter in ',"\n\r')
        yield '"' + field.replace('"', '""') + '"' if special else field


def as_csv(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows], *, header: bool
) -> Iterator[bytes]:
    """Yield each block's lines with its predictions behind them."""
    from nnfs_cli.runs.model import predict

    names = [*quoted(model.known.classes or ()), ""]  # the last of a sample that has no class, -1
    if header:
        yield (",".join(quoted([*columns.names, *answers])) + "\n").encode()
    for block in blocks:
        found = predict(model, block.X)
        values: list[Iterable[str]] = [map(repr, unit) for unit in found.y_hat.T.tolist()]
        if found.classes is not None:
            values.append([names[number] for number in found.classes.tolist()])
        rows = zip(block.lines, *values, strict=True)
        yield ("\n".join(map(",".join, rows)) + "\n").encode()


def as_jsonl(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield each block's rows as JSON objects, one a line."""
    import msgspec

    from nnfs_cli.data.csv_table import number_of
    from nnfs_cli.runs.model import answered_names, predict

    def values(fields: list[str]) -> list[Any]:
        return [number_of(f) if i in columns.inputs else f for i, f in enumerate(fields)]

    encoder = msgspec.json.Encoder()
    keys = [*columns.names, *answers]
    for block in blocks:
        found = predict(model, block.X)
        outputs = found.y_hat.tolist()
        if found.classes is not None:
            for output, name in zip(outputs, answered_names(model, found), strict=True):
                output.append(name or None)
        rows = zip(csv.reader(block.lines), outputs, strict=True)
        yield encoder.encode_lines(
            dict(zip(keys, [*values(fields), *output], strict=True)) for fields, output in rows
        )


def as_npz(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield all predictions as one file: y_hat (samples, outputs) and, of classes, class
    (samples,), their names."""
    import numpy as np

    from nnfs_cli.runs.model import answered_names, predict
    from nnfs_cli.storage.arrays import save_arrays

    parts = [predict(model, block.X) for block in blocks]
    none = np.empty((0, model.network.layers[-1].units))
    arrays = {"y_hat": np.concatenate([none, *(part.y_hat for part in parts)])}
    if model.known.classes is not None:
        found = [answered_names(model, part) for part in parts]
        arrays["class"] = np.array([name for names in found for name in names], str)
    file = io.BytesIO()
    save_arrays(file, arrays)
    yield file.getvalue()
