"""scikit-learn's MLPClassifier: the whole batch, plain gradient descent."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks import jobs
from benchmarks.jobs import Array, Job, Train

warnings.simplefilter("ignore", ConvergenceWarning)  # it ends at max_iter, as it should


def load(job: Job, x: Array, y: Array, params: Array) -> tuple[Array, Array, Array]:
    return x, y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0].astype(int), params


def build(job: Job, data: Any) -> Train:
    x, y, params = data
    model = MLPClassifier(
        hidden_layer_sizes=job.widths[1:-1],
        activation={"sigmoid": "logistic"}.get(job.hidden, "relu"),
        solver="sgd",
        alpha=0,
        batch_size=len(x),
        learning_rate="constant",
        learning_rate_init=job.learning_rate,
        momentum=0,
        max_iter=1,
        shuffle=False,
        tol=0,
        n_iter_no_change=job.epochs + 1,
        warm_start=True,  # fit begins at the parameters that are there
    )
    model.fit(x, y)  # makes the parameters that are to be set
    layers = jobs.unpack(job, params)
    model.coefs_ = [W.T.copy() for W, _ in layers]
    model.intercepts_ = [b.copy() for _, b in layers]
    model.set_params(max_iter=job.epochs)

    def train() -> Array:
        model.fit(x, y)
        weights = zip(model.coefs_, model.intercepts_, strict=True)
        return jobs.pack([(np.asarray(W).T, b) for W, b in weights])

    return train
