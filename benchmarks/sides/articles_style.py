"""The articles' own style of NumPy: Khan's for XOR, Skalski's for every other job."""

from typing import Any

import numpy as np

from benchmarks import articles, jobs
from benchmarks.jobs import Array, Job, Train


def load(
    job: Job, x: Array, y: Array, params: Array
) -> tuple[Array, Array, list[tuple[Array, Array]]]:
    layers = [(W.copy(), b[:, np.newaxis].copy()) for W, b in jobs.unpack(job, params)]
    return np.ascontiguousarray(x.T), np.ascontiguousarray(y.T), layers


def build(job: Job, data: Any) -> Train:
    X, Y, layers = data
    if job.loss == "squared_error":

        def trained() -> list[tuple[Array, Array]]:
            return articles.khan(X, Y, layers, job.learning_rate, job.epochs)[0]
    else:
        architecture = [
            {"input_dim": fan_in, "output_dim": units, "activation": activation}
            for fan_in, units, activation in jobs.layers(job)
        ]
        numbers = range(1, len(layers) + 1)
        values = {f"W{i}": W for i, (W, _) in enumerate(layers, 1)}
        values |= {f"b{i}": b for i, (_, b) in enumerate(layers, 1)}

        def trained() -> list[tuple[Array, Array]]:
            articles.skalski(X, Y, values, architecture, job.epochs, job.learning_rate)
            return [(values[f"W{i}"], values[f"b{i}"]) for i in numbers]

    return lambda: jobs.pack([(W, b[:, 0]) for W, b in trained()])
