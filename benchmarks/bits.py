"""Check that every job gives the same bits with 1 and 2 threads, as one network and in a stack.

`python -m benchmarks.bits [--quick]` trains a few epochs of each job; exits 1 if any bit differs.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks import jobs
from benchmarks.sides import nnfs

EPOCHS = {"wide": 2, "long": 2, "digits": 20, "skalski": 20}  # epochs; 500 for all other jobs


def main() -> None:
    """Train every job in several ways and compare the parameters bit by bit."""
    differ = False
    for job in jobs.JOBS.values():
        if "--quick" in sys.argv:
            job = jobs.quick(job)
        job = job._replace(epochs=min(job.epochs, EPOCHS.get(job.name, 500)))
        x, y, params = jobs.problem(job)
        single = params if params.ndim == 1 else params[0]
        stack = np.stack([single, single * 0.5, single * 1.5])
        results = {}
        for threads in (1, 2):
            results[f"{threads} single"] = trained(job, x, y, single, threads)
            results[f"{threads} stacked"] = trained(job, x, y, stack, threads)[0]
        if params.ndim > 1:
            results["whole stack"] = trained(job, x, y, params, 1)[0]
        bits = {result.tobytes() for result in results.values()}
        differ |= len(bits) > 1
        verdict = "the same bits" if len(bits) == 1 else f"{len(bits)} DIFFERENT RESULTS"
        print(f"{job.name:8} {', '.join(results)}: {verdict} after {job.epochs} epochs", flush=True)
    sys.exit(differ)


def trained(
    job: jobs.Job, x: jobs.Array, y: jobs.Array, params: jobs.Array, threads: int
) -> jobs.Array:
    """Return the trained parameters of a network or a stack."""
    data = nnfs.load(job, x, y, params.copy())
    return nnfs.by_core(job._replace(threads=threads), *data)()


if __name__ == "__main__":
    main()
