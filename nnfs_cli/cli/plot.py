"""nnfs plot"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import check_target, note, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnfs_cli.plots.style import Look

# The kinds of plots.KINDS, and animate: repeated here so that --help does not import plots.
KINDS = {
    "runs": ("cost",),
    "run": ("boundary", "network", "weights", "confusion", "fit", "animate"),
    "sweep": ("sweep", "curves"),
}
IN_TERMINAL = ("cost", "boundary", "sweep")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--kind",
    type=click.Choice([kind for kinds in KINDS.values() for kind in kinds]),
    help="What to draw. Default: cost for runs, sweep for a sweep.",
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE."
)
@click.option("--terminal", is_flag=True, help="Draw in the terminal: cost, boundary or sweep.")
@options.picture_style
@click.option(
    "--scale",
    type=click.Choice(["auto", "log", "linear"]),
    default="auto",
    show_default=True,
    help="Scale of the cost axis.",
)
@options.columns
@options.against
@click.option(
    "--frames",
    type=click.IntRange(2, 1000),
    default=60,
    show_default=True,
    help="Number of frames of an animation.",
)
@options.by
@options.runs_dir
def command(
    runs: tuple[str, ...],
    kind: str | None,
    output: Path | None,
    terminal: bool,
    style: str,
    scale: str,
    columns: str | None,
    against: str | None,
    frames: int,
    by: str,
    runs_dir: Path,
) -> None:
    """Draw a run, several runs or a sweep.

    \b
    cost       learning curves; several runs share one picture
    boundary   predicted classes over two columns, with the samples
    network    diagram of units, weights and biases
    weights    histograms of weights and activations, dead and saturated units
    confusion  confusion matrix: true against predicted classes
    fit        predicted against true numbers
    animate    boundary or fit, and cost, epoch by epoch, as GIF or MP4
    sweep      cost against one or two swept keys
    curves     all cost curves of a sweep, the median and the best

    The suffix of -o chooses PNG, SVG or PDF. By default the picture is written into the run's
    directory. Prints its path.
    """
    from nnfs_cli.plots.style import Look
    from nnfs_cli.runs import directory
    from nnfs_cli.sweeps import directory as sweep_directory

    first = directory.find(runs[0], runs_dir)
    kind = kind or ("sweep" if sweep_directory.is_sweep(first) else "cost")
    if output is not None and terminal:
        raise click.UsageError("give --terminal or -o, not both")
    if terminal and kind not in IN_TERMINAL:
        raise click.UsageError(f"--terminal draws {', '.join(IN_TERMINAL)}, not {kind}")
    if output is not None and len(runs) > 1 and kind not in KINDS["runs"]:
        raise click.UsageError(
            f"-o names one file, but {kind} makes one picture per run; leave it out"
        )
    look = Look(
        style,
        scale,
        options.names_in(columns, "--columns", 2, 2),
        options.names_in(against, "--against", 1, 2),
        by,
        directory.cache_dir(runs_dir),
        note,
    )
    suffix = suffix_of(output, kind)
    for subject, path in subjects(kind, runs, runs_dir, by, suffix):
        if terminal:
            print_in_terminal(kind, subject, look)
            continue
        target = output or path
        check_target(target)
        drawn = picture(kind, subject, look, suffix, frames)
        write(target, iter([drawn]), typed=output is not None)
        click.echo(str(target))


def suffix_of(output: Path | None, kind: str) -> str:
    """Return the suffix of the file to make, without its dot."""
    from nnfs_cli.plots import animation, style

    suffixes = animation.SUFFIXES if kind == "animate" else style.SUFFIXES
    if output is None:
        return suffixes[0]
    suffix = output.suffix.removeprefix(".").lower()
    if suffix not in suffixes:
        expected = ", ".join(f".{name}" for name in suffixes)
        raise click.BadParameter(
            f"{str(output)!r} should end in one of {expected}", param_hint="'-o'"
        )
    return suffix


def subjects(
    kind: str, names: tuple[str, ...], runs_dir: Path, by: str, suffix: str
) -> list[tuple[Any, Path]]:
    """Return the runs or sweeps to draw, each with the default path of its picture."""
    from nnfs_cli import plots
    from nnfs_cli.errors import FileError
    from nnfs_cli.runs import directory
    from nnfs_cli.sweeps import directory as sweep_directory

    paths = [directory.find(name, runs_dir) for name in names]
    if kind in KINDS["sweep"]:
        for path in paths:
            if not sweep_directory.is_sweep(path):
                raise FileError(f"{path}: is not a sweep; --kind {kind} is for sweeps")
        return [(path, plots.default_path(path, kind, suffix)) for path in paths]
    for path in paths:
        if sweep_directory.is_sweep(path):
            raise FileError(f"{path}: is a sweep; --kind {kind} is for a run, such as {path}/best")
    opened = [open_run(name, runs_dir, by) for name in names]
    if kind in KINDS["runs"]:
        name = kind if len(opened) == 1 else f"{kind}-of-{len(opened)}-runs"
        return [(opened, plots.default_path(opened[0].path, name, suffix))]
    return [(run, plots.default_path(run.path, kind, suffix)) for run in opened]


def picture(kind: str, subject: Any, look: Look, suffix: str, frames: int) -> bytes:
    """Return the content of a picture's file."""
    from nnfs_cli import plots
    from nnfs_cli.plots import animation

    if kind != "animate":
        return plots.file_of(kind, subject, look, suffix)
    terminal = sys.stderr.isatty()

    def tell(number: int) -> None:
        if terminal:
            click.echo(f"\rframe {number} of {frames}", err=True, nl=False)

    try:
        return animation.animate(subject, look, suffix, frames, tell)
    finally:
        if terminal:
            click.echo("\r\033[K", err=True, nl=False)


def print_in_terminal(kind: str, subject: Any, look: Look) -> None:
    """Draw on stdout, as large as the terminal, in colour if it supports that."""
    from nnfs_cli.plots import letters, sweep_letters, terminal

    draw: dict[str, Callable[..., str]] = {
        "cost": terminal.cost,
        "boundary": terminal.boundary,
        "sweep": sweep_letters.sweep,
    }
    drawn = draw[kind](subject, look, terminal.screen(sys.stdout))
    click.echo(letters.written(drawn, sys.stdout.encoding), color=True)
