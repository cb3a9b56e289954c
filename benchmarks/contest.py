"""Run a job by all its sides in turns and compare their costs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks import jobs
from benchmarks.measure import Failed, nnfs, process, turns
from benchmarks.sides import Side

US, COMMAND = "nnfs", "the nnfs command"


class Run(NamedTuple):
    """Seconds of the whole process, of compiling in it, and of the loop in a process of its own;
    memory beyond the data in bytes; the costs that the `nnfs` command reported."""

    whole: float
    compile: float
    loop: float
    memory: int | None
    costs: Sequence[float] = ()


class Result(NamedTuple):
    """A job's result: each side's runs and final cost; the reason for each missing side; relative
    errors of costs outside the tolerance, and the largest error within it."""

    job: jobs.Job
    runs: dict[str, list[Run]]
    costs: dict[str, float]
    missing: dict[str, str]
    astray: dict[str, float]
    error: float


def hold(job: jobs.Job, sides: dict[str, Side], rounds: int) -> Result:
    """Return the result of running the job by all its sides."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        jobs.write(job, directory)
        missing = {
            name: side.skips[job.name] for name, side in sides.items() if job.name in side.skips
        }

        def attempt(job: jobs.Job, name: str) -> Run | None:
            if name in missing:
                return None
            try:
                return _run(job, name, sides[name], directory)
            except Failed as error:
                if name == US:
                    raise
                missing[name] = f"failed: {error}"
                return None

        for name in sides:
            attempt(job._replace(epochs=1), name)  # fills the caches of data and of files
        tried = turns({name: partial(attempt, job, name) for name in sides}, rounds)
        runs = {name: [run for run in tried[name] if run] for name in sides if name not in missing}
        costs = {
            name: _cost(job, side, directory)
            for name, side in sides.items()
            if name in runs and side.module != "products"
        }
        if printed := runs[US][-1].costs:
            costs[COMMAND] = np.array(printed)
    errors = {
        name: float(np.max(np.abs(cost / costs[US] - 1)))
        for name, cost in costs.items()
        if name == COMMAND or job.name not in sides[name].differs
    }
    astray = {name: error for name, error in errors.items() if not error <= job.tolerance}
    within = [error for name, error in errors.items() if name not in astray]
    means = {name: float(np.mean(cost)) for name, cost in costs.items()}
    return Result(job, runs, means, missing, astray, max(within, default=0.0))


def _run(job: jobs.Job, name: str, side: Side, directory: Path) -> Run:
    threads = (
        1 if name == US else job.threads
    )  # BLAS threads: nnfs has its own and uses one of BLAS
    command = [sys.executable, "-m", "benchmarks.side", side.module, job.name]
    problem = [str(job.epochs), str(job.threads), str(directory)]
    loop = json.loads(process([*command, *problem], threads)[1])["loop"]
    if side.module == "products":
        return Run(loop, 0, loop, None)
    if name == US and job.command:
        verb, *rest = job.command
        options = ["--quiet", "--json", "--runs-dir", str(directory / "runs")]
        overrides = [f"epochs={job.epochs}"]
        seconds, printed = process(nnfs(verb, *options, *rest, *overrides), threads)
        return Run(seconds, 0, loop, None, _printed_costs(json.loads(printed)))
    seconds, printed = process([*command, "--whole", *problem], threads)
    figures = json.loads(printed)
    return Run(seconds, figures["compile"], loop, figures["memory"])


def _printed_costs(facts: dict[str, Any]) -> list[float]:
    """Return the cost of the run, or of each run of the sweep, that the command reported."""
    if "cost" in facts:
        return [facts["cost"]]
    with Path(facts["run"], "results.csv").open() as file:
        return [float(row["cost"]) for row in csv.DictReader(file)]


def _cost(job: jobs.Job, side: Side, directory: Path) -> jobs.Array:
    x, y, _ = jobs.read(directory)
    return jobs.cost(job, x, y, np.load(directory / f"{side.module}.npy"))
