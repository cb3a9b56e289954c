"""nnfs train"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import command_line, note, print_json
from nnfs_cli.cli.progress import (
    describe,
    outcome,
    progress,
    reading,
    warn,
    warn_of,
    warn_of_versions,
)
from nnfs_cli.interrupts import Asked, noted, saves_noted

if TYPE_CHECKING:
    from nnfs_cli.config.schema import Config
    from nnfs_cli.data.source import Sources
    from nnfs_cli.training.setup import Training


@click.command()
@click.argument("config", required=False)
@options.overrides
@click.option("--name", help="Name the run NAME-1, NAME-2, ...; default: after the file.")
@click.option("--resume", metavar="RUN", help="Continue a run where it stopped.")
@click.option(
    "--resume-if-exists",
    is_flag=True,
    help="Continue the newest run of this configuration, if there is one.",
)
@click.option("--init-from", metavar="RUN", help="Start with the weights of a run.")
@options.checkpoint_every
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Number of threads; does not change the result. Default: all available cores.",
)
@click.option(
    "--plot", "picture", flag_value="plot", help="Show the cost in the terminal after training."
)
@click.option(
    "--live",
    "picture",
    flag_value="live",
    help="Show cost and boundary in the terminal during training.",
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

    CONFIG is a YAML file, or - for standard input. KEY=VALUE overrides one of its keys; nested keys
    are dotted: layers.0.units=8 dataset.noise=0.3. Progress goes to stderr; only the run's path is
    printed to stdout.

    --resume RUN continues a training that was stopped or killed, with exactly the result an
    uninterrupted run gives on the same machine. CONFIG can then be left out; epochs=N trains
    longer.
    """
    click.get_current_context().with_resource(saves_noted())  # before anything is read
    from nnfs_cli import machine
    from nnfs_cli.runs import checkpoint, directory, record, session
    from nnfs_cli.training import setup

    if resume and config and "=" in config:
        overrides = (config, *overrides)
        config = None
    if config is None and not resume:
        raise click.UsageError("Missing argument 'CONFIG'.")
    if resume and (init_from or name or resume_if_exists):
        raise click.UsageError(
            "--resume cannot be combined with --init-from, --name or --resume-if-exists"
        )
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
        from nnfs_cli.runs import resume as runs_resume

        path = runs_resume.find(settings, runs_dir)
    if path:
        from nnfs_cli.runs import resume as runs_resume

        record.read(path)
        with checkpoint.held(path):
            run = record.read(path)
            training = runs_resume.resume(run, settings, cache_dir, threads, sources)
            if session.is_complete(run, training):
                checkpoint.remove(path)  # left by a command killed after writing the last file
                note(f"{path}: finished already, at {outcome(training)}", unless=quiet)
                print_run(path, run.facts, as_json)
                return
            warn_of_versions(path, run.facts)
            facts = session.next_facts(run, command_line())
            keep = run.facts.get("status") in ("finished", "interrupted")
            with noted() as asked:
                follow(training, path, facts, asked, checkpoint_every, shown, keep)
    else:
        training = setup.prepare(settings, cache_dir, threads, sources)
        record.check_readable(runs_dir / settings.name, training.config, training.encoding)
        facts = session.first_facts(command_line())
        with (
            noted() as asked,
            directory.claimed(runs_dir, settings.name) as path,
            checkpoint.held(path),
        ):
            follow(training, path, facts, asked, checkpoint_every, shown)


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
        from nnfs_cli.runs import resume as runs_resume

        run = open_run(init_from, runs_dir, quiet=quiet)
        return runs_resume.begin_from(settings, sources.open(request_of(settings)).info, run)
    return settings


class Shown(NamedTuple):
    """Options that decide what a training prints."""

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
    """Train to the end or until interrupted, show the progress, and exit accordingly.

    With `keep`, the run already has weights: until the end, run.json describes those.
    """
    from nnfs_cli.analysis import concerns
    from nnfs_cli.runs import session

    watched: AbstractContextManager[Callable[[], None]]
    watched = progress(training, shown.quiet, shown.verbose)
    if shown.picture:
        from nnfs_cli.plots import live

        watched = live.pictured(watched, shown.picture, training, path)
    begin = f"from epoch {training.epoch}, " if training.epoch else ""
    note(f"{path}: {begin}{describe(training)}", unless=shown.quiet)
    warn(path, concerns.before(training))
    with watched as report:
        run, status, divergence = session.carry_on(
            training, path, facts, asked, checkpoint_every, report, keep
        )
    if divergence:
        note(f"{path}: {divergence}")
    else:
        note(f"{path}: {status} at {outcome(training)}", unless=shown.quiet)
        if status == "finished":
            warn(path, concerns.after(training, path, quiet=shown.quiet))
    # After SIGHUP the terminal may be gone; the exit code must still be that of the signal.
    with suppress(OSError) if asked.stop == signal.SIGHUP else nullcontext():
        print_run(path, run.facts, shown.as_json)
    if divergence:
        sys.exit(divergence.exit_code)
    if status == "interrupted":
        note(f"to continue: nnfs train --resume {shlex.quote(str(path))}")
        sys.exit(128 + asked.stop)


def print_run(path: Path, facts: dict[str, Any], as_json: bool) -> None:
    """Print the run's path, or its facts as JSON."""
    if as_json:
        print_json({"run": str(path), **facts})
    else:
        click.echo(str(path))
