"""Time whole processes in turns, so that a disturbance of the machine affects every side."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).parent.parent
PATIENCE = 1800  # time limit of one process, in seconds
# Prefixes of environment variables that could slow down a library; not passed on.
SETTINGS = ("OPENBLAS_", "OMP_", "MKL_", "XLA_", "JAX_", "KERAS_", "TORCH_", "NNFS_", "PYTHON")
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

T = TypeVar("T")


class Spread(NamedTuple):
    """Median, lowest and highest of some figures."""

    median: float
    low: float
    high: float


class Failed(Exception):
    """A process failed or took too long."""


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def ratios(values: Sequence[float], units: Sequence[float]) -> Spread:
    """Return the spread of `values` / `units`, divided round by round."""
    return spread([value / unit for value, unit in zip(values, units, strict=True)])


def turns(sides: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Return each side's results from `rounds` rounds in which all sides are called in turn."""
    returned: dict[str, list[T]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            returned[name].append(side())
    return returned


def process(command: Sequence[str], threads: int | None = None) -> tuple[float, str]:
    """Run a command in the repository's root; return its seconds and stdout."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key == "PYTHONPYCACHEPREFIX" or not key.startswith(SETTINGS)
    }
    environment["PYTHONPATH"] = str(ROOT)
    if threads:
        environment |= dict.fromkeys(THREADS, str(threads))
    started = perf_counter()
    try:
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"took more than {PATIENCE} s") from error
    seconds = perf_counter() - started
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise Failed(last[0])
    return seconds, done.stdout


def nnfs(*arguments: str) -> list[str]:
    """Return the command line of nnfs: the installed script, or the package of this repository."""
    script = shutil.which("nnfs", path=str(Path(sys.executable).parent))
    return [script, *arguments] if script else [sys.executable, "-m", "nnfs_cli", *arguments]


def confine(threads: int) -> None:
    """Restrict this process and its children to as many cores as `threads`.

    Some libraries have no setting for their threads, but none uses more threads than cores.
    """
    if CORES:
        os.sched_setaffinity(0, CORES[-threads:])
