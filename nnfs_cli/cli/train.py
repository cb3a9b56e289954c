"""nnfs train"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.progress import (
    describe,
    outcome,
    progress,
    reading,
    warn,
    warn_of,
    warn_of_versions,
)
from nnfs_cli.errors import Diverged
from nnfs_cli.interrupts import Asked, noted, saves_noted

if TYPE_CHECKING:
    from nnfs_cli.config.schema import Config
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs.record import Run
    from nnfs_cli.training.setup import Training


@click.command()
@click.argument("config", required=False)
@options.overrides
@click.option("--name", help="Call the run NAME-1, NAME-2, ... instead of after the file.")
@click.option("--resume", metavar="RUN", help="Go on with a run where it was stopped.")
@click.option("--resume-if-exists", is_flag=True, help="Go on with the newest such run, if any.")
@click.option("--init-from", metavar="RUN", help="Begin with the weights of a run.")
@options.checkpoint_every
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads for many samples; the result is the same. Default: all cores this may use.",
)
@click.option("--plot", "picture", flag_value="plot", help="At the end, draw the cost here.")
@click.option(
    "--live", "picture", flag_value="live", help="Draw cost and boundary here, in motion."
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
    picture: str | None,
    runs_dir: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train the network that CONFIG describes.

    CONFIG is a YAML file, or - for standard input. Each KEY=VALUE sets a key of it, dotted where
    it is nested: layers.0.units=8 dataset.noise=0.3. Prints the run's directory.

    A training that was stopped or killed continues with --resume RUN, with exactly the result that
    it would have had on the same machine; CONFIG may be left out then, and epochs=N may be more.
    """
    click.get_current_context().with_resource(saves_noted())  # before anything is read
    from nnfs_cli import machine
    from nnfs_cli.runs import checkpoint, directory, record
    from nnfs_cli.runs import resume as runs_resume
    from nnfs_cli.training import setup

    if resume and config and "=" in config:
        overrides = (config, *overrides)
        config = None
    if config is None and not resume:
        raise click.UsageError("Missing argument 'CONFIG'.")
    if resume and (init_from or name or resume_if_exists):
        raise click.UsageError("--resume goes on with a run as it is; leave out the other options")
    if name is not None:
        overrides = (*overrides, f"name={name}")
    if picture:
        from nnfs_cli.plots import live

        picture = live.possible(picture, quiet)
    shown = Shown(as_json, quiet, verbose, picture)
    threads = threads or machine.cores()
    cache_dir = directory.cache_dir(runs_dir)
    with reading(quiet) as sources:
        settings = load(config, overrides, resume, init_from, runs_dir, sources, quiet)
    if config is not None:
        warn_of([settings], sources, quiet)
    path = directory.find(resume, runs_dir) if resume else None
    if resume_if_exists:
        path = runs_resume.find(settings, runs_dir)
    if path:
        record.read(path)
        with checkpoint.held(path):
            run = record.read(path)
            training = runs_resume.resume(run, settings, cache_dir, threads, sources)
            facts = {key: run.facts[key] for key in KEPT if key in run.facts}
            done = run.facts.get("status") == "finished" and run.facts["epochs"] == settings.epochs
            if done and training.epoch == settings.epochs:
                checkpoint.remove(path)  # if that was all that was left to do
                options.note(f"{path}: finished already, at {outcome(training)}", unless=quiet)
                tell(path, run.facts, as_json)
                return
            if warn_of_versions(path, run.facts):
                facts[BEFORE] = [*facts.get(BEFORE, []), run.facts["versions"]]
            keep = run.facts.get("status") in ("finished", "interrupted")
            with noted() as asked:
                follow(training, path, facts, asked, checkpoint_every, shown, keep)
    else:
        training = setup.prepare(settings, cache_dir, threads, sources)
        record.check_readable(runs_dir / settings.name, training.config, training.encoding)
        facts = {"started": datetime.now(UTC).isoformat(timespec="seconds")}
        with (
            noted() as asked,
            directory.claimed(runs_dir, settings.name) as path,
            checkpoint.held(path),
        ):
            follow(training, path, facts, asked, checkpoint_every, shown)


BEFORE = "versions_before"  # of a run that was trained with several
KEPT = ("started", "seconds", "command", BEFORE)  # of run.json, when a run is resumed


def load(
    config: str | None,
    overrides: tuple[str, ...],
    resume: str | None,
    init_from: str | None,
    runs_dir: Path,
    sources: Sources,
    quiet: bool,
) -> Config:
    """Return the configuration to train."""
    from nnfs_cli.config import loading
    from nnfs_cli.config.request import request_of
    from nnfs_cli.runs import directory, record
    from nnfs_cli.runs import resume as runs_resume

    if config is None:
        assert resume is not None
        run = record.read(directory.find(resume, runs_dir))
        return loading.load(
            str(run.path / directory.CONFIG),
            overrides,
            known=run.encoding.facts,
            limit=directory.MAX_CONFIG,
        )
    settings = loading.load(config, overrides, sources=sources)
    if init_from:
        run = options.open_run(init_from, runs_dir, quiet=quiet)
        return runs_resume.begin_from(settings, sources.open(request_of(settings)).info, run)
    return settings


class Shown(NamedTuple):
    """What a training prints."""

    as_json: bool
    quiet: bool
    verbose: bool
    picture: str | None


def follow(
    training: Training,
    path: Path,
    facts: dict[str, Any],
    asked: Asked,
    checkpoint_every: float,
    shown: Shown,
    keep: bool = False,
) -> None:
    """Train to the end, or until it is stopped; save, tell and exit accordingly.

    `keep` says that the run has weights: until there are better ones, run.json stays theirs.
    """
    from nnfs_cli.analysis import concerns
    from nnfs_cli.runs import checkpoint, record

    clock, before = perf_counter(), float(facts.get("seconds", 0))

    def facts_now() -> dict[str, Any]:
        return {
            "command": options.typed(),
            **facts,
            "seconds": round(before + perf_counter() - clock, 3),
            "data_digest": training.data_digest,
            "versions": record.versions(),
        }

    def save() -> None:
        checkpoint.write(path, training, None if keep else facts_now())

    watched: AbstractContextManager[Callable[[], None]]
    watched = progress(training, shown.quiet, shown.verbose)
    if shown.picture:
        from nnfs_cli.plots import live

        watched = live.pictured(watched, shown.picture, training, path)
    begin = f"from epoch {training.epoch}, " if training.epoch else ""
    options.note(f"{path}: {begin}{describe(training)}", unless=shown.quiet)
    warn(path, concerns.before(training))
    with watched as report:
        status, diverged = run_to_end(training, report, asked, checkpoint_every, save)
        run = save_end(training, path, status, facts_now)
    if diverged:
        options.note(f"{path}: {diverged}")
    else:
        options.note(f"{path}: {status} at {outcome(training)}", unless=shown.quiet)
        if status == "finished":
            warn(path, concerns.after(training, path, quiet=shown.quiet))
    # A terminal that hung up takes no more words, and the exit code is to say what happened.
    with suppress(OSError) if asked.stop == signal.SIGHUP else nullcontext():
        tell(path, run.facts, shown.as_json)
    if diverged:
        sys.exit(diverged.exit_code)
    if status == "interrupted":
        options.note(f"to go on: nnfs train --resume {shlex.quote(str(path))}")
        sys.exit(128 + asked.stop)


def run_to_end(
    training: Training,
    report: Callable[[], None],
    asked: Asked,
    checkpoint_every: float,
    save: Callable[[], None],
) -> tuple[str, Diverged | None]:
    """Train until the last epoch, a signal or divergence, saving as often as is asked; return the
    run's status and, if it diverged, how."""
    from nnfs_cli.training import loop

    saved, saves = monotonic(), 0
    try:
        for _ in loop.train(training):
            report()
            if monotonic() - saved >= checkpoint_every or asked.stop or asked.saves > saves:
                save()
                saves, saved = asked.saves, monotonic()
            if asked.stop and training.epoch < training.config.epochs:
                return "interrupted", None
    except Diverged as error:
        return "diverged", error
    return "finished", None


def save_end(
    training: Training, path: Path, status: str, facts_now: Callable[[], dict[str, Any]]
) -> Run:
    """Save a training that has ended, or was interrupted, as a run, and return that."""
    from nnfs_cli.runs import checkpoint, directory, record
    from nnfs_cli.training import loop

    if directory.is_there(path / directory.FACTS):
        # Killed while it writes what follows, the run can still be resumed to its end.
        checkpoint.write(path, training, facts_now())
    loop.log(training)  # where it was interrupted, if it was
    figures = {"status": status, "epochs": training.epoch, **training.figures}
    weights = record.weights_of(training.network, training.params)
    facts = {**figures, **facts_now()}
    run = record.save(path, training.config, training.encoding, training.log, weights, facts)
    if status != "interrupted":
        checkpoint.remove(path)
    return run


def tell(path: Path, facts: dict[str, Any], as_json: bool) -> None:
    """Print a run's directory, or its facts as JSON."""
    if as_json:
        options.print_json({"run": str(path), **facts})
    else:
        click.echo(str(path))
