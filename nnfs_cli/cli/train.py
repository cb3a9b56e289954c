"""nnfs train"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options
from nnfs_cli.errors import Diverged

if TYPE_CHECKING:
    from nnfs_cli.experiment import Training
    from nnfs_cli.files import Watcher
    from nnfs_cli.schema import Config


@click.command()
@click.argument("config", required=False)
@options.overrides
@click.option("--name", help="Call the run NAME-1, NAME-2, ... instead of after the file.")
@click.option("--resume", metavar="RUN", help="Go on with a run where it was stopped.")
@click.option("--resume-if-exists", is_flag=True, help="Go on with the newest such run, if any.")
@click.option("--init-from", metavar="RUN", help="Begin with the weights of a run.")
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to save the state of a training.",
)
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
    config: str | None,
    overrides: tuple[str, ...],
    name: str | None,
    resume: str | None,
    resume_if_exists: bool,
    init_from: str | None,
    checkpoint_every: float,
    threads: int | None,
    runs_dir: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train the network that CONFIG describes.

    CONFIG is a YAML file, or - for standard input. Each KEY=VALUE sets a key of it, dotted where
    it is nested: layers.0.units=8 dataset.noise=0.3. Prints the run's directory.

    A training that is stopped, or killed, goes on with --resume RUN to the very bits that it would
    have come to; CONFIG may be left out then, and epochs=N may be more.
    """
    from nnfs_cli import checkpoints, experiment, runs

    if resume and config and "=" in config:
        overrides = (config, *overrides)
        config = None
    if config is None and not resume:
        raise click.UsageError("Missing argument 'CONFIG'.")
    if resume and (init_from or name or resume_if_exists):
        raise click.UsageError("--resume goes on with a run as it is; leave out the other options")
    if name is not None:
        overrides = (*overrides, f"name={name}")
    threads = threads or os.cpu_count() or 1
    cache_dir = runs.cache_dir(runs_dir)
    with reading(quiet) as watch:
        settings = load(config, overrides, resume, init_from, runs_dir, watch)
    path = runs.find(resume, runs_dir) if resume else None
    if resume_if_exists:
        path = checkpoints.find(settings, runs_dir)
    if path:
        with checkpoints.held(path):
            run = runs.read(path)
            training = checkpoints.resume(run, settings, cache_dir, threads)
            facts = {key: run.facts[key] for key in KEPT if key in run.facts}
            if training.epoch >= settings.epochs and run.facts.get("status") == "finished":
                options.note(f"{path}: finished already, at {outcome(training)}", unless=quiet)
                tell(path, run.facts, as_json)
                return
            options.note(f"{path}: from epoch {training.epoch}, {describe(training)}", unless=quiet)
            follow(training, path, facts, checkpoint_every, as_json, quiet, verbose)
    else:
        training = experiment.prepare(settings, cache_dir, threads)
        facts = {"started": datetime.now(UTC).isoformat(timespec="seconds")}
        with runs.claimed(runs_dir, settings.name) as path, checkpoints.held(path):
            options.note(f"{path}: {describe(training)}", unless=quiet)
            follow(training, path, facts, checkpoint_every, as_json, quiet, verbose)


KEPT = ("started", "seconds", "command")  # of run.json, when a run is resumed


def load(
    config: str | None,
    overrides: tuple[str, ...],
    resume: str | None,
    init_from: str | None,
    runs_dir: Path,
    watch: Watcher | None,
) -> Config:
    """Return the configuration to train."""
    from nnfs_cli import checkpoints, data, runs
    from nnfs_cli import config as configuration

    if config is None:
        assert resume is not None
        path = runs.read(runs.find(resume, runs_dir)).path
        return configuration.load(str(path / runs.CONFIG), overrides, watch=watch, limit=1 << 24)
    settings = configuration.load(config, overrides, watch=watch)
    if init_from:
        run = options.open_run(init_from, runs_dir)
        return checkpoints.begin_from(settings, data.facts(settings), run)
    return settings


def follow(
    training: Training,
    path: Path,
    facts: dict[str, Any],
    checkpoint_every: float,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train to the end, or until it is stopped; save, tell and exit accordingly."""
    from nnfs_cli import checkpoints, experiment, runs

    clock, before = perf_counter(), float(facts.get("seconds", 0))

    def facts_now() -> dict[str, Any]:
        return {
            "command": options.typed(),
            **facts,
            "seconds": round(before + perf_counter() - clock, 3),
            "data_digest": training.data_digest,
            "versions": runs.versions(),
        }

    status, diverged, saved = "finished", None, monotonic()
    with signals() as received, progress(training, quiet, verbose) as report:
        try:
            for _ in experiment.train(training):
                report()
                if received.save or received.stop or monotonic() - saved >= checkpoint_every:
                    checkpoints.write(path, training, facts_now())
                    received.save, saved = False, monotonic()
                if received.stop:
                    status = "interrupted"
                    break
        except Diverged as error:
            status, diverged = "diverged", error
        if runs.is_there(path / checkpoints.CHECKPOINT):
            # Killed while it writes what follows, the run can still be resumed to its end.
            checkpoints.write(path, training, facts_now())
        experiment.log(training)  # where it was interrupted, if it was
        figures = {"status": status, "epochs": training.epoch, **training.figures}
        weights = runs.weights_of(training.network, training.params)
        run = runs.save(
            path,
            training.config,
            training.encoding,
            training.log,
            weights,
            {**figures, **facts_now()},
        )
        if status != "interrupted":
            checkpoints.remove(path)
    if diverged:
        options.note(f"{path}: {diverged}")
    else:
        options.note(f"{path}: {status} at {outcome(training)}", unless=quiet)
    tell(path, run.facts, as_json)
    if diverged:
        sys.exit(diverged.exit_code)
    if received.stop:
        options.note(f"to go on: nnfs train --resume {path}")
        sys.exit(128 + received.stop)


def tell(path: Path, facts: dict[str, Any], as_json: bool) -> None:
    """Print a run's directory, or its facts as JSON."""
    if as_json:
        options.print_json({"run": str(path), **facts})
    else:
        click.echo(str(path))


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


@dataclass
class Received:
    """The signals that have come: which one stops, and whether one asks for the state's saving."""

    stop: int = 0
    save: bool = False
    handlers: dict[int, Any] = field(default_factory=dict)


@contextmanager
def signals() -> Iterator[Received]:
    """Yield what is received: SIGINT and SIGTERM stop, the second one at once; SIGUSR1 saves."""
    received = Received()

    def stop(number: int, frame: Any) -> None:
        if received.stop:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        received.stop = number

    def save(number: int, frame: Any) -> None:
        received.save = True

    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, stop),
            (signal.SIGTERM, stop),
            (signal.SIGUSR1, save),
        )
    }
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
def progress(training: Training, quiet: bool, verbose: bool) -> Iterator[Callable[[], None]]:
    """Yield a function that shows how far the training is: a line that moves, on a terminal."""
    if verbose and not quiet:
        told: list[int] = []

        def tell_entry() -> None:
            if training.log["epoch"][len(told) :]:
                told.append(training.epoch)
                options.note(outcome(training))

        yield tell_entry
    elif quiet or not sys.stderr.isatty() or not training.config.epochs:
        yield lambda: None
    else:
        clock, first = perf_counter(), training.epoch

        def figures(_: object) -> str:
            if not training.log:
                return ""
            speed = (training.epoch - first) / max(perf_counter() - clock, 1e-9)
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
