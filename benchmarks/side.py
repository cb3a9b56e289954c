"""Run one side of one job: `python -m benchmarks.side SIDE JOB [--whole]
[EPOCHS THREADS DIRECTORY]`.

Prints one JSON object: the seconds of compiling and of the training loop, and the bytes that
training needed beyond its data. With --whole it does nothing else, so that the whole process can be
timed; without, it trains for one epoch first, so that the loop starts warm.

DIRECTORY holds the job's files and receives the trained parameters. Without it, the files are
generated in a temporary directory first.

The module of a side has two functions. `load(job, x, y, params)` returns the problem in the form
that the side needs; `build(job, data)` returns a function that trains and returns the parameters.
Any compiling is done in `build`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import jobs


def main(name: str, job_name: str, *rest: str) -> None:
    """Run the side and print its figures."""
    job = jobs.JOBS[job_name]
    if arguments := [argument for argument in rest if argument != "--whole"]:
        epochs, threads, directory = arguments
        job = job._replace(epochs=int(epochs), threads=int(threads))
        run(name, job, Path(directory), "--whole" in rest)
        return
    from tempfile import TemporaryDirectory  # slow to import, and unused in timed processes

    with TemporaryDirectory() as directory:
        jobs.write(job, Path(directory))
        run(name, job, Path(directory), "--whole" in rest)


def run(name: str, job: jobs.Job, directory: Path, whole: bool) -> None:
    """Train, save the parameters, and print the figures."""
    side = import_module(f"benchmarks.sides.{name}")
    if not whole:
        once = job._replace(epochs=1)
        side.build(once, side.load(once, *jobs.read(directory)))()
    data = side.load(job, *jobs.read(directory))
    before = forget_peak()
    started = perf_counter()
    train = side.build(job, data)
    built = perf_counter()
    params = train()
    trained = perf_counter()
    peak = status("VmHWM")
    np.save(directory / f"{name}.npy", params)
    memory = peak - before if peak and before else "null"
    print(f'{{"compile": {built - started}, "loop": {trained - built}, "memory": {memory}}}')


def forget_peak() -> int | None:
    """Reset the peak of memory use; return the bytes in use now, or None if unavailable."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return status("VmRSS")


def status(key: str) -> int | None:
    """Return a figure of /proc/self/status in bytes, or None if unavailable."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


if __name__ == "__main__":
    main(*sys.argv[1:])
