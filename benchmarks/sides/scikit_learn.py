"""scikit-learn's MLPClassifier with full-batch gradient descent."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks import jobs
from benchmarks.jobs import Array, Job, Train

warnings.simplefilter("ignore", ConvergenceWarning)  # training ends at max_iter on purpose


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
        warm_start=True,  # fit starts from the current parameters
    )
    model.fit(x, y)  # allocates the parameters that are set below
    layers = jobs.unpack(job, params)
    model.coefs_ = [W.T.copy() for W, _ in layers]
    model.intercepts_ = [b.copy() for _, b in layers]
    model.set_params(max_iter=job.epochs)

    def train() -> Array:
        model.fit(x, y)
        weights = zip(model.coefs_, model.intercepts_, strict=True)
        return jobs.pack([(np.asarray(W).T, b) for W, b in weights])

    return train
