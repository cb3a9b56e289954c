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
    from nnfs_cli.sweeps.store import Row


@click.command()
@options.config
@click.argument("specs", nargs=-1, metavar="[KEY=SPEC]...")
@click.option("--zip", "zipped", multiple=True, metavar="KEY,KEY", help="Keys that go in step.")
@click.option("--random", type=click.IntRange(min=1), metavar="N", help="Draw N points instead.")
@click.option("--sweep-seed", type=click.IntRange(min=0), default=0, help="What --random draws by.")
@click.option("--from", "trials", metavar="CSV", help="Take one run from each row of a file.")
@click.option(
    "--max-runs",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Refuse to do more.",
)
@click.option("-j", "--jobs", type=click.IntRange(1, 4096), help="Processes; default: all cores.")
@click.option("--cluster", metavar="tcp://HOST:PORT", help="Use a Dask cluster instead.")
@click.option("--shard", metavar="I/N", help="Do the I-th of N shares alone.")
@click.option("--retry-failed", is_flag=True, help="Do diverged and failed runs again.")
@click.option("--fresh", is_flag=True, help="Start another sweep, whatever there is.")
@click.option("--dry-run", is_flag=True, help="Print the points as CSV and do nothing.")
@click.option("--print-commands", is_flag=True, help="Print a train command for each run.")
@options.checkpoint_every
@click.option("--name", help="Call the sweep NAME-sweep-1, ... instead of after the file.")
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
    """Train CONFIG at many points.

    Each KEY=SPEC gives a key several values; several keys make all combinations:

    \b
    seed=0..99                   integers, both ends included; 0..100..10 has a step
    learning_rate=0.1,0.5,1      a list; of names, too: layers.0.activation=tanh,relu
    learning_rate=log:1e-3..1:7  7 values on a logarithmic scale; lin: evenly spaced
    learning_rate=log:1e-3..1    any value between, with --random N

    The same command typed again does what is missing. Prints the sweep's directory; a run of it is
    RUN for other commands: DIRECTORY/17, or DIRECTORY/best.
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
    given = points.Options(step, random, sweep_seed, trials, max_runs)
    if name is not None:
        specs = (*specs, f"name={name}")
    with reading(quiet) as watch:
        plan = sweeps_plan.load(config, specs, given, watch)
    for point in plan.configs:
        check_names(point)
    if dry_run or print_commands:
        print_plan(plan, config, print_commands)
        return
    execution.check_logs(plan)
    warn_of(plan.configs, quiet)
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
    with (
        sweep_directory.lock(path, share),
        noted() as asked,
        sweep_workers.workers(width, cluster) as workers,
        progress(path, len(plan.points), quiet) as report,
    ):
        for rows in execution.run(
            plan,
            path,
            workers,
            cache_dir=directory.cache_dir(runs_dir),
            shard=share,
            retry_failed=retry_failed,
            every=inf if cluster else checkpoint_every,  # of which the files are elsewhere
        ):
            report(rows)
            if asked.saves > saves:
                saves = asked.saves
                execution.finish(plan, path, {})
    if workers.shortage:
        told = f"only {workers.width} of {width} processes could be started"
        note(f"{told}: {workers.shortage}", unless=quiet)
    found = execution.finish(plan, path, {"seconds": round(perf_counter() - clock, 3)})
    counts = {status: found[status] for status in ("finished", "diverged", "failed")}
    told = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "none finished"
    if to_go := found["runs"] - sum(counts.values()):
        told += f"; {to_go:,} to go"
    note(f"{path}: {told}", unless=quiet)
    if as_json:
        print_json({"run": str(path), **found})
    else:
        click.echo(str(path))
    if asked.stop:
        note("type the same command again to go on")
        sys.exit(128 + asked.stop)
    if found["diverged"] == found["runs"]:
        sys.exit(4)
    if found["diverged"] or found["failed"]:
        sys.exit(1)


def check_options(cluster: str | None, share: tuple[int, int], fresh: bool) -> None:
    """Raise UsageError for options that make no sense, alone or together."""
    if cluster is not None:
        from nnfs_cli.sweeps.cluster import ADDRESS

        if not ADDRESS.fullmatch(cluster):
            raise click.BadParameter(
                f"{cluster!r} is not written tcp://HOST:8786 or tls://HOST:8786",
                param_hint="'--cluster'",
            )
    if fresh and share != (1, 1):
        raise click.UsageError(
            "--fresh would start a sweep of its own for each --shard; "
            "to do all shares again, give them another --runs-dir"
        )


def parse_shard(text: str | None) -> tuple[int, int]:
    """Return I and N of I/N."""
    if text is None:
        return 1, 1
    found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return int(found[1]), int(found[2])
    raise click.BadParameter(
        f"{text!r} is not written I/N with I from 1 to N, as in 2/8", param_hint="'--shard'"
    )


def print_plan(plan: Plan, config: str, commands: bool) -> None:
    """Print the points as CSV, or as commands, and their number."""
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
def progress(path: Path, count: int, quiet: bool) -> Iterator[Callable[[list[Row]], None]]:
    """Yield what is told of each stack: what failed, always; and on a terminal how far it is."""
    statuses: Counter[str] = Counter()
    best = float("inf")
    clock, before = perf_counter(), -1
    terminal = sys.stderr.isatty() and not quiet

    def report(rows: list[Row]) -> None:
        nonlocal best, before
        statuses.update(row.status for row in rows)
        best = min([best, *(r.figures["cost"] for r in rows if r.status == "finished")])
        done = statuses.total()
        if before < 0:
            before = done
            rest = f", {done:,} done already" if done else ""
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
