"""Whether every job comes to the same bits with 1 and 2 threads, alone and in a stack.

`python -m benchmarks.bits [--quick]`; a few epochs of each job. Exits 1 if a bit is another.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks import jobs
from benchmarks.sides import nnfs

EPOCHS = {"wide": 2, "long": 2, "digits": 20, "skalski": 20}  # of the small ones, 500


def main() -> None:
    """Train every job in four ways and compare."""
    differ = False
    for job in jobs.JOBS.values():
        if "--quick" in sys.argv:
            job = jobs.quick(job)
        job = job._replace(epochs=min(job.epochs, EPOCHS.get(job.name, 500)))
        x, y, params = jobs.problem(job)
        alone = params if params.ndim == 1 else params[0]
        stack = np.stack([alone, alone * 0.5, alone * 1.5])
        found = {}
        for threads in (1, 2):
            found[f"{threads} alone"] = trained(job, x, y, alone, threads)
            found[f"{threads} stacked"] = trained(job, x, y, stack, threads)[0]
        if params.ndim > 1:
            found["all together"] = trained(job, x, y, params, 1)[0]
        bits = {result.tobytes() for result in found.values()}
        differ |= len(bits) > 1
        told = "the same bits" if len(bits) == 1 else f"{len(bits)} DIFFERENT RESULTS"
        print(f"{job.name:8} {', '.join(found)}: {told} after {job.epochs} epochs", flush=True)
    sys.exit(differ)


def trained(
    job: jobs.Job, x: jobs.Array, y: jobs.Array, params: jobs.Array, threads: int
) -> jobs.Array:
    """Return what becomes of parameters, or of a stack of them."""
    data = nnfs.load(job, x, y, params.copy())
    return nnfs.by_core(job._replace(threads=threads), *data)()


if __name__ == "__main__":
    main()
