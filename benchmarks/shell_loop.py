"""Compare a sweep with the shell loop that it replaces: 1,000 XOR networks with different seeds.

`python -m benchmarks.shell_loop`

The loop is timed on 20 trainings and scaled to 1,000: one at a time, and with `xargs -P`, one per
core.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from functools import partial
from tempfile import TemporaryDirectory

from benchmarks.measure import ROOT, nnfs, process, ratios, spread, turns

NETWORKS, TIMED, ROUNDS = 1000, 20, 3


def seconds_of(command: Sequence[str]) -> float:
    """Run a command and return its seconds."""
    return process(command)[0]


def main() -> None:
    """Print medians and ratios."""
    xor, cores = str(ROOT / "configs" / "xor.yaml"), os.cpu_count() or 1
    with TemporaryDirectory() as directory:
        train = shlex.join(nnfs("train", "-q", "--runs-dir", directory, xor))
        seeds = f"seq 0 {TIMED - 1} | xargs -I SEED"
        commands = {
            "shell loop": ["sh", "-c", f"{seeds} {train} seed=SEED"],
            f"xargs -P {cores}": ["sh", "-c", f"{seeds} -P {cores} {train} seed=SEED"],
            "nnfs sweep": nnfs(
                "sweep", "-q", "--fresh", "--runs-dir", directory, xor, f"seed=0..{NETWORKS - 1}"
            ),
        }
        seconds = turns(
            {name: partial(seconds_of, command) for name, command in commands.items()}, ROUNDS
        )
    scaled = {
        name: [s * (1 if name == "nnfs sweep" else NETWORKS / TIMED) for s in values]
        for name, values in seconds.items()
    }
    for name, values in scaled.items():
        times = ratios(values, scaled["nnfs sweep"])
        print(
            f"{name:12} {spread(values).median:8.2f} s for {NETWORKS:,} networks"
            f"   {times.median:6.1f} times the sweep's ({times.low:.1f} to {times.high:.1f})"
        )


if __name__ == "__main__":
    main()
