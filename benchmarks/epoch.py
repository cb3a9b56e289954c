"""One XOR epoch in the training loop: nnfs and the articles' style, in one process.

`python -m benchmarks.epoch`
"""

from __future__ import annotations

import os
from time import perf_counter

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as nnfs does, before NumPy is loaded

from benchmarks import articles, jobs
from benchmarks.measure import ratios, spread, turns
from nnfs_cli.training import loop, setup

JOB = jobs.JOBS["xor"]
ROUNDS = 21


def nnfs() -> tuple[float, float]:
    """Return the seconds per epoch, and the last cost."""
    training = setup.prepare(jobs.settings(JOB), None)
    started = perf_counter()
    for _ in loop.train(training):
        pass
    return (perf_counter() - started) / JOB.epochs, training.figures["cost"]


def khan() -> tuple[float, float]:
    """Return the same for the article's code."""
    x, y, params = jobs.problem(JOB)
    layers = [(W.copy(), b[:, None].copy()) for W, b in jobs.unpack(JOB, params)]
    X, Y = x.T.copy(), y.T.copy()
    started = perf_counter()
    trained, _ = articles.khan(X, Y, layers, JOB.learning_rate, JOB.epochs)
    seconds = (perf_counter() - started) / JOB.epochs
    params = jobs.pack([(W, b[:, 0]) for W, b in trained])
    return seconds, float(jobs.cost(JOB, x, y, params))


def main() -> None:
    """Print medians, the ratio, and the costs reached."""
    returned = turns({"nnfs": nnfs, "articles' style": khan}, ROUNDS)
    seconds = {name: [s for s, _ in pairs] for name, pairs in returned.items()}
    for name, pairs in returned.items():
        print(f"{name:16} {spread(seconds[name]).median * 1e6:6.2f} us   cost {pairs[-1][1]:.9g}")
    ratio = ratios(seconds["nnfs"], seconds["articles' style"])
    print(f"{'ratio':16} {ratio.median:6.2f}      ({ratio.low:.2f} to {ratio.high:.2f})")


if __name__ == "__main__":
    main()
