"""nnfs: the shell's training where a configuration exists, else the core only."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import jobs
from benchmarks.jobs import Array, Job, Train
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend, full_batch
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network
from nnfs_cli.core.optimizers import gradient_descent
from nnfs_cli.training import loop, setup

STACK = 1000  # networks in a stack, as in a sweep


def load(job: Job, x: Array, y: Array, params: Array) -> tuple[Array, Array, Array]:
    ones = np.ones((1, len(x)), x.dtype)
    return np.concatenate([x.T, ones]), np.ascontiguousarray(y.T), params


def build(job: Job, data: Any) -> Train:
    if job.config and job.networks == 1:
        return by_configuration(job)
    return by_core(job, *data)


def by_configuration(job: Job) -> Train:
    training = setup.prepare(jobs.settings(job), None, job.threads)

    def train() -> Array:
        for _ in loop.train(training):
            pass
        return training.params

    return train


def by_core(job: Job, x: Array, y: Array, params: Array) -> Train:
    layers = [Layer(fan_in, units, ACTIVATIONS[name]()) for fan_in, units, name in jobs.layers(job)]
    chosen = objective(LOSSES[job.loss], job.output, layers[-1].activation)
    network = Network(tuple(layers))
    stacks = [params]
    if params.ndim > 1:
        stacks = [params[i : i + STACK] for i in range(0, len(params), STACK)]
    trainings = [Backprop(network, chosen, p, x, y, threads=job.threads) for p in stacks]

    def train() -> Array:
        for training in trainings:
            method = full_batch(training, gradient_descent(), job.learning_rate)
            for _ in descend(method, [job.epochs]):
                pass
        return params

    return train
