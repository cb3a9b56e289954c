"""nnfs sweep"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.output import command_line, note, print_json, quoted
from nnfs_cli.cli.progress import reading, warn_of, warn_of_versions
from nnfs_cli.interrupts import noted, saves_noted

if TYPE_CHECKING:
    from nnfs_cli.sweeps.plan import Plan
    from nnfs_cli.sweeps.store import RunResult


@click.command()
@options.config
@click.argument("specs", nargs=-1, metavar="[KEY=SPEC]...")
@click.option("--zip", "zipped", multiple=True, metavar="KEY,KEY", help="Vary these keys together.")
@click.option("--random", type=click.IntRange(min=1), metavar="N", help="Draw N points at random.")
@click.option("--sweep-seed", type=click.IntRange(min=0), default=0, help="Seed of --random.")
@click.option("--from", "trials", metavar="CSV", help="Train one run per row of a file.")
@click.option(
    "--max-runs",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Refuse larger sweeps.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 4096), help="Number of processes. Default: all cores."
)
@click.option("--cluster", metavar="tcp://HOST:PORT", help="Train on a Dask cluster.")
@click.option("--shard", metavar="I/N", help="Run only part I of N.")
@click.option("--retry-failed", is_flag=True, help="Repeat diverged and failed runs.")
@click.option("--fresh", is_flag=True, help="Start a new sweep even if this one exists.")
@click.option("--dry-run", is_flag=True, help="Print the points as CSV without training.")
@click.option("--print-commands", is_flag=True, help="Print one train command per run.")
@options.checkpoint_every
@click.option("--name", help="Name the sweep NAME-sweep-1, ...; default: after the file.")
@options.runs_dir
@options.as_json
@options.quiet
def command(
    config: str,
    specs: tuple[str, ...],
    zipped: tuple[str, ...],
    random: int | None,
    sweep_seed: int,
    trials: str | None,
    max_runs: int,
    jobs: int | None,
    cluster: str | None,
    shard: str | None,
    retry_failed: bool,
    fresh: bool,
    dry_run: bool,
    print_commands: bool,
    checkpoint_every: float,
    name: str | None,
    runs_dir: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train CONFIG with many settings.

    KEY=SPEC gives a key several values; several keys make all combinations:

    \b
    seed=0..99                   integers, both ends included; 0..100..10 in steps of 10
    learning_rate=0.1,0.5,1      a list of values, or of names: layers.0.activation=tanh,relu
    learning_rate=log:1e-3..1:7  7 values on a logarithmic scale; lin: evenly spaced
    learning_rate=log:1e-3..1    any value in between, with --random N

    Repeating the command trains only the missing runs. Prints the sweep's directory; other
    commands take its runs as DIRECTORY/17 or DIRECTORY/best.
    """
    click.get_current_context().with_resource(saves_noted())  # before anything is read
    from nnfs_cli.config.writing import check_names
    from nnfs_cli.machine import cores
    from nnfs_cli.runs import directory, record
    from nnfs_cli.sweeps import directory as sweep_directory
    from nnfs_cli.sweeps import execution, points
    from nnfs_cli.sweeps import plan as sweeps_plan
    from nnfs_cli.sweeps import workers as sweep_workers

    share = parse_shard(shard)
    check_options(cluster, share, fresh)
    step = tuple(key for keys in zipped for key in keys.split(","))
    point_options = points.Options(step, random, sweep_seed, trials, max_runs)
    if name is not None:
        specs = (*specs, f"name={name}")
    with reading(quiet) as sources:
        plan = sweeps_plan.load(config, specs, point_options, sources)
    for point in plan.configs:
        check_names(point)
    if dry_run or print_commands:
        print_plan(plan, config, print_commands)
        return
    execution.check_logs(plan)
    warn_of(plan.distinct(), sources, quiet)
    started, clock = datetime.now(UTC), perf_counter()
    facts = {
        "started": started.isoformat(timespec="seconds"),
        "command": command_line(),
        "versions": record.versions(),
    }
    path = sweep_directory.open_directory(plan, runs_dir, facts, fresh)
    if (earlier := directory.peek(path) or {}).get("status") != "finished":
        warn_of_versions(path, earlier)
    width, saves = min(jobs or cores(), len(plan.points)), 0
    with sweep_directory.lock(path, share):  # also while results are written
        with (
            noted() as asked,
            sweep_workers.workers(width, cluster, sources) as workers,
            progress(path, len(plan.points), quiet) as report,
        ):
            for rows in execution.run(
                plan,
                path,
                workers,
                cache_dir=directory.cache_dir(runs_dir),
                shard=share,
                retry_failed=retry_failed,
                every=inf if cluster else checkpoint_every,  # a cluster's files are elsewhere
            ):
                report(rows)
                if asked.saves > saves:
                    saves = asked.saves
                    execution.finish(plan, path, {})
        facts_now = execution.finish(plan, path, {"seconds": round(perf_counter() - clock, 3)})
    if workers.shortage:
        started_only = f"only {workers.width} of {width} processes could be started"
        note(f"{started_only}: {workers.shortage}", unless=quiet)
    counts = {status: facts_now[status] for status in ("finished", "diverged", "failed")}
    result = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "none finished"
    if left := facts_now["runs"] - sum(counts.values()):
        result += f"; {left:,} left"
    note(f"{path}: {result}", unless=quiet)
    if as_json:
        print_json({"run": str(path), **facts_now})
    else:
        click.echo(str(path))
    if asked.stop:
        note("to continue, repeat the same command")
        sys.exit(128 + asked.stop)
    if facts_now["diverged"] == facts_now["runs"]:
        sys.exit(4)
    if facts_now["diverged"] or facts_now["failed"]:
        sys.exit(1)


def check_options(cluster: str | None, share: tuple[int, int], fresh: bool) -> None:
    """Raise UsageError for options that are invalid or contradict each other."""
    if cluster is not None:
        from nnfs_cli.sweeps.cluster import ADDRESS

        if not ADDRESS.fullmatch(cluster):
            raise click.BadParameter(
                f"{cluster!r} should be of the form tcp://HOST:8786 or tls://HOST:8786",
                param_hint="'--cluster'",
            )
    if fresh and share != (1, 1):
        raise click.UsageError(
            "--fresh would start a separate sweep for each --shard; "
            "to repeat all parts, choose another --runs-dir"
        )


def parse_shard(text: str | None) -> tuple[int, int]:
    """Return I and N of the text I/N."""
    if text is None:
        return 1, 1
    match = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
    if match and 1 <= int(match[1]) <= int(match[2]):
        return int(match[1]), int(match[2])
    raise click.BadParameter(
        f"{text!r} should be I/N with I from 1 to N, such as 2/8", param_hint="'--shard'"
    )


def print_plan(plan: Plan, config: str, commands: bool) -> None:
    """Print the points as CSV and their number, or as commands."""
    from nnfs_cli.sweeps.plan import typed

    if commands:
        for number in range(len(plan.points)):
            arguments = [f"{key}={value}" for key, value in typed(plan, number).items()]
            click.echo(shlex.join(["nnfs", "train", "-q", config, *arguments]))
        return
    click.echo(",".join(["index", *plan.keys]))
    for number, point in enumerate(plan.points):
        click.echo(",".join([str(number), *quoted(value for _, value in point)]))
    note(f"{len(plan.points):,} runs")


@contextmanager
def progress(path: Path, count: int, quiet: bool) -> Iterator[Callable[[list[RunResult]], None]]:
    """Yield a function that reports the rows of a stack: runs that failed, and on a terminal the
    progress."""
    statuses: Counter[str] = Counter()
    best = float("inf")
    clock, before = perf_counter(), -1
    terminal = sys.stderr.isatty() and not quiet

    def report(rows: list[RunResult]) -> None:
        nonlocal best, before
        statuses.update(row.status for row in rows)
        best = min([best, *(r.figures["cost"] for r in rows if r.status == "finished")])
        done = statuses.total()
        if before < 0:
            before = done
            rest = f", {done:,} already done" if done else ""
            note(f"{path}: {count:,} runs{rest}", unless=quiet)
            return
        for row in rows:
            if row.status != "finished":
                message = row.message or f"diverged by epoch {row.epochs}"
                note(f"{path}/{row.number}: {message}", unless=quiet)
        if terminal:
            pace = (perf_counter() - clock) / max(done - before, 1)
            left = f"{(count - done) * pace:,.0f} s left"
            click.echo(
                f"\r\033[K{done:,}/{count:,}  best cost {best:.6g}  {left}", err=True, nl=False
            )

    yield report
    if terminal:
        click.echo("\r\033[K", err=True, nl=False)
