"""Time commands as whole processes, relative to importing NumPy.

`python -m benchmarks.startup`

On import, NumPy's BLAS starts a thread per core. This can double the import time and varies from
run to run. nnfs starts only one thread. So there are two units: the plain import, and the import
with one BLAS thread, which is faster and varies less.
"""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.measure import ROOT, Spread, nnfs, process, ratios, spread, turns

UNIT = 'python -c "import numpy"'
ONE_THREAD = f"{UNIT}, one BLAS thread"
RUNS = 10


class Start(NamedTuple):
    """A command's seconds, and its time in both units."""

    seconds: Spread
    units: Spread
    one_thread_units: Spread


def measure(runs: int = RUNS) -> dict[str, Start]:
    """Return the times of each command."""
    xor = str(ROOT / "configs" / "xor.yaml")
    with TemporaryDirectory() as directory:
        train = nnfs("train", "--quiet", "--runs-dir", directory, xor)
        commands = {
            UNIT: [sys.executable, "-c", "import numpy"],
            ONE_THREAD: [sys.executable, "-c", "import numpy"],
            "nnfs --help": nnfs("--help"),
            "nnfs train configs/xor.yaml": train,
            "nnfs train configs/xor.yaml epochs=0": [*train, "epochs=0"],
        }
        sides = {
            name: lambda name=name: process(commands[name], 1 if name == ONE_THREAD else None)[0]
            for name in commands
        }
        turns(sides, 1)  # compiles the modules and fills the file cache
        seconds = turns(sides, runs)
    return {
        name: Start(spread(s), ratios(s, seconds[UNIT]), ratios(s, seconds[ONE_THREAD]))
        for name, s in seconds.items()
    }


def main() -> None:
    """Print medians and ratios."""
    print(f"{'':40} {'median':>9}   relative to the first and to the second (lowest to highest)")
    for name, start in measure().items():
        relative = (f"{r.median:6.2f} ({r.low:.2f} to {r.high:.2f})" for r in start[1:])
        print(f"{name:40} {start.seconds.median * 1e3:6.0f} ms  ", *relative)


if __name__ == "__main__":
    main()
