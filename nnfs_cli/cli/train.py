"""nnfs train"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options

if TYPE_CHECKING:
    from nnfs_cli.experiment import Training
    from nnfs_cli.files import Watcher


@click.command()
@options.config
@options.overrides
@click.option("--name", help="Call the run NAME-1, NAME-2, ... instead of after the file.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads for many samples; the bits are the same. Default: all cores.",
)
@options.runs_dir
@options.as_json
@options.quiet
@options.verbose
def command(
    config: str,
    overrides: tuple[str, ...],
    name: str | None,
    threads: int | None,
    runs_dir: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train the network that CONFIG describes.

    CONFIG is a YAML file, or - for standard input. Each KEY=VALUE sets a key of it, dotted where
    it is nested: layers.0.units=8 dataset.noise=0.3. Prints the run's directory.
    """
    from nnfs_cli import config as configuration
    from nnfs_cli import experiment, runs
    from nnfs_cli.errors import Diverged

    if name is not None:
        overrides = (*overrides, f"name={name}")
    with reading(quiet) as watch:
        settings = configuration.load(config, overrides, watch=watch)
    started, clock = datetime.now(UTC), perf_counter()
    threads = threads or os.cpu_count() or 1
    training = experiment.prepare(settings, runs.cache_dir(runs_dir), threads)
    with runs.claimed(runs_dir, settings.name) as path:
        options.note(f"{path}: {describe(training)}", unless=quiet)
        status, diverged = "finished", None
        with stop_signals() as stopped, progress(training, quiet, verbose) as report:
            try:
                for _ in experiment.train(training):
                    report()
                    if stopped:
                        experiment.log(training)
                        status = "interrupted"
                        break
            except Diverged as error:
                status, diverged = "diverged", error
        facts = {
            "status": status,
            "epochs": training.epoch,
            **training.figures,
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(perf_counter() - clock, 3),
            "command": options.typed(),
            "data_digest": training.data_digest,
            "versions": runs.versions(),
        }
        weights = runs.weights_of(training.network, training.params)
        run = runs.save(path, settings, training.encoding, training.log, weights, facts)
    if diverged:
        options.note(f"{path}: {diverged}")
    else:
        options.note(f"{path}: {status} at {outcome(training)}", unless=quiet)
    if as_json:
        options.print_json({"run": str(path), **run.facts})
    else:
        click.echo(str(path))
    if diverged:
        sys.exit(diverged.exit_code)
    if stopped:
        sys.exit(128 + stopped[0])


def describe(training: Training) -> str:
    """Return the network, the data and the work ahead in a line."""
    layers = training.network.layers
    shape = "-".join(str(n) for n in (layers[0].fan_in, *(layer.units for layer in layers)))
    samples = options.count(training.backprop.samples, "sample")
    if training.test:
        samples += f" ({training.test.samples} more to test)"
    return (
        f"{shape}, {options.count(training.network.n_params, 'parameter')}, {samples}, "
        f"{options.count(training.config.epochs, 'epoch')}"
    )


def outcome(training: Training) -> str:
    """Return the last logged figures in a line."""
    told = ", ".join(f"{k.replace('_', ' ')} {v:.6g}" for k, v in training.figures.items())
    return f"epoch {training.epoch}: {told}"


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Yield a list that SIGINT and SIGTERM append to; the second one of them stops at once."""
    received: list[int] = []

    def receive(number: int, frame: Any) -> None:
        if received:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        received.append(number)

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reading(quiet: bool) -> Iterator[Watcher | None]:
    """Yield what shows, on a terminal, how much of a large file has been read."""
    clock, shown = perf_counter(), False

    def watch(path: str, share: float) -> None:
        nonlocal clock, shown
        if perf_counter() - clock > 0.2:
            clock, shown = perf_counter(), True
            click.echo(f"\r{path}: {share:4.0%} read", err=True, nl=False)

    yield watch if sys.stderr.isatty() and not quiet else None
    if shown:
        click.echo("\r\033[K", err=True, nl=False)


@contextmanager
def progress(training: Training, quiet: bool, verbose: bool) -> Iterator[Any]:
    """Yield a function that shows how far the training is: a line that moves, on a terminal."""
    if verbose and not quiet:
        told: list[int] = []

        def tell() -> None:
            if training.log["epoch"][len(told) :]:
                told.append(training.epoch)
                options.note(outcome(training))

        yield tell
    elif quiet or not sys.stderr.isatty() or not training.config.epochs:
        yield lambda: None
    else:
        clock = perf_counter()

        def figures(_: object) -> str:
            speed = training.epoch / max(perf_counter() - clock, 1e-9)
            if not training.log:
                return ""
            return f"cost {training.figures['cost']:.6g}  {speed:,.0f} epochs/s"

        with click.progressbar(
            length=training.config.epochs,
            file=sys.stderr,
            item_show_func=figures,
            show_pos=True,
            show_percent=False,
            width=24,
            bar_template="epoch %(info)s  [%(bar)s]",
        ) as bar:
            yield lambda: bar.update(training.epoch - bar.pos, 1)
