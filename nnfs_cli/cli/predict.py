"""nnfs predict"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import by_position, check_reading, first_line, has_header, open_run, opened
from nnfs_cli.cli.output import note, quoted, write
from nnfs_cli.cli.prediction_formats import FORMATS, Columns, Rows
from nnfs_cli.cli.progress import noting
from nnfs_cli.errors import harmless

if TYPE_CHECKING:
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs.model import Model


@click.command()
@options.run
@click.argument("source", metavar="[INPUT]", required=False)
@click.option("--x", "points", multiple=True, metavar="X1,X2,...", help="One sample; repeatable.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="csv",
    show_default=True,
    help="Output format.",
)
@click.option("--no-header", is_flag=True, help="Leave out the line of column names.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE, replaced only when complete.",
)
@first_line
@by_position
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
    """Print a run's predictions.

    INPUT is a CSV file of raw columns, with or without a header, or - for standard input, which
    is processed as it arrives. Without INPUT and --x, the run's own data is used.

    Columns are matched by the header's names; other columns are passed through. Without a header,
    columns must be in the run's order. The network's outputs, y_hat, and the predicted class are
    appended.

    Rows are printed as they arrive, up to the first that cannot be read. A file (-o or npz) is
    written only if all rows can be read.
    """
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs import directory
    from nnfs_cli.runs import model as models

    if source is not None and points:
        raise click.UsageError("give INPUT or --x, not both")
    check_reading(source, first_line, by_position)
    if form == "npz" and output is None and sys.stdout.isatty():
        raise click.UsageError("npz is binary; write it to a file with -o, or to a pipe")
    model = models.load(open_run(run, runs_dir, by))
    header = False if points else has_header(first_line)
    sources = Sources()
    with opened(source, points) as (table, name):
        with noting(sources.notices):
            if table is None:
                columns, rows = own_data(model, directory.cache_dir(runs_dir), sources)
            else:
                columns, rows = read_table(model, table, name, header, by_position, sources.notices)
        answers = free_names(model.output_names, columns.names)
        named = form == "jsonl" or (form == "csv" and not no_header)
        for output_name, answer in zip(model.output_names, answers, strict=True):
            change = f"has a column {output_name!r}; the network's is called {answer!r}"
            note(f"{name or model.run.path}: {change}", unless=answer == output_name or not named)
        written = FORMATS[form]
        if form == "csv":
            written = partial(written, header=not no_header)
        chunks = written(model, columns, answers, rows)
        if output is None:
            terminal = sys.stdout.isatty() and form != "npz"
            for chunk in chunks:
                sys.stdout.buffer.write(harmless(chunk.decode()).encode() if terminal else chunk)
                sys.stdout.buffer.flush()
        else:
            write(output, whole(output, chunks))


def whole(output: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a file; a FileError adds that the file was not written."""
    from nnfs_cli.errors import FileError

    try:
        yield from chunks
    except FileError as error:
        if output.exists() and not output.is_file():
            raise
        raise FileError(f"{error}\n{output}: was not written") from None


def read_table(
    model: Model,
    source: int | bytes,
    name: str,
    header: bool | None,
    by_position: bool,
    notices: list[str],
) -> tuple[Columns, Iterator[Rows]]:
    """Return a CSV table's columns, and its rows as they arrive; remarks go to `notices`."""
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
    """Return the run's own samples as if read from a table, with their targets and part (train or
    test)."""
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
    """Return column names, changed where `taken`: class, predicted_class, predicted_class_2, ..."""
    used, free = set(taken), []
    for name in names:
        numbered = (f"predicted_{name}_{number}" for number in count(2))
        others = chain([name, f"predicted_{name}"], numbered)
        free.append(next(other for other in others if other not in used))
        used.add(free[-1])
    return free
