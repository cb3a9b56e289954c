"""The articles' own style of NumPy: Khan's for XOR, Skalski's for every other job."""

import numpy as np

from benchmarks import articles, jobs


def load(job, x, y, params):
    layers = [(W.copy(), b[:, np.newaxis].copy()) for W, b in jobs.unpack(job, params)]
    return np.ascontiguousarray(x.T), np.ascontiguousarray(y.T), layers


def build(job, data):
    X, Y, layers = data
    if job.loss == "squared_error":

        def trained():
            return articles.khan(X, Y, layers, job.learning_rate, job.epochs)[0]
    else:
        architecture = [
            {"input_dim": fan_in, "output_dim": units, "activation": activation}
            for fan_in, units, activation in jobs.layers(job)
        ]
        numbers = range(1, len(layers) + 1)
        values = {f"W{i}": W for i, (W, _) in enumerate(layers, 1)}
        values |= {f"b{i}": b for i, (_, b) in enumerate(layers, 1)}

        def trained():
            articles.skalski(X, Y, values, architecture, job.epochs, job.learning_rate)
            return [(values[f"W{i}"], values[f"b{i}"]) for i in numbers]

    return lambda: jobs.pack([(W, b[:, 0]) for W, b in trained()])
