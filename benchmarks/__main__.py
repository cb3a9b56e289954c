"""Run every job by every side and write docs/performance.md: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

from benchmarks import contest, jobs, report, startup
from benchmarks.measure import ROOT, Failed, confine
from benchmarks.sides import SIDES

SIZES = (10_000, 100_000, 1_000_000)  # samples of the job `long`


def main() -> None:
    """Run the selected jobs and print the report."""
    arguments = parse()
    missing = [name for name, side in SIDES.items() if not all(map(report.known, side.packages))]
    for name in missing:
        tell(f"{name}: not installed, left out")
    sides = {name: side for name, side in SIDES.items() if name not in missing}
    if arguments.side:
        sides = {n: s for n, s in sides.items() if n in (contest.US, *arguments.side)}
    start = None
    if not arguments.job or "start" in arguments.job:
        tell("start")
        start = startup.measure(2 if arguments.quick else startup.RUNS)
    rounds = 1 if arguments.quick else arguments.rounds
    results, sizes = [], []
    for threads, job in product(arguments.threads, jobs.JOBS.values()):
        if arguments.job and job.name not in arguments.job:
            continue
        confine(threads)
        job = (jobs.quick(job) if arguments.quick else job)._replace(threads=threads)
        tell(f"{job.title}: {job.describe()}")
        able = {n: s for n, s in sides.items() if threads == 1 or n != report.PRODUCTS}
        results.append(contest.hold(job, able, rounds))
        if job.name == "long" and threads == arguments.threads[0]:
            us = {contest.US: sides[contest.US]}
            sizes = [
                contest.hold(jobs.of_size(job, size), us, rounds)
                for size in ([job.samples] if arguments.quick else SIZES)
            ]
    text = report.render(start, results, sizes, rounds, missing)
    print(text)
    if arguments.output:
        report.write(arguments.output, text, results)


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ["start", *jobs.JOBS]
    parser.add_argument(
        "--job", action="append", choices=names, help="run only this job; repeatable"
    )
    parser.add_argument(
        "--side",
        action="append",
        choices=list(SIDES),
        help="run only nnfs and this side; repeatable",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[1],
        help="numbers of threads to run with (default 1)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="run one round of small jobs as a test"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="directory for performance.md and .svg (default: docs, if every job and side is run)",
    )
    arguments = parser.parse_args()
    if not (arguments.output or arguments.job or arguments.side or arguments.quick):
        arguments.output = ROOT / "docs"
    return arguments


def tell(text: str) -> None:
    """Print progress to stderr."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"nnfs failed: {error}")
