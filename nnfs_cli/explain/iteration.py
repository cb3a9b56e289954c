"""An iteration as records. Every number comes from the core's own passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array, derivative
from nnfs_cli.core.backprop import Backprop, Trace
from nnfs_cli.core.network import Network
from nnfs_cli.data import features
from nnfs_cli.data.encoding import Encoding, Samples, inputs, output_names
from nnfs_cli.data.features import Term
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import Diverged
from nnfs_cli.storage.digest import digest
from nnfs_cli.training import loop, setup
from nnfs_cli.training.setup import Training


@dataclass(frozen=True)
class Subject:
    """A configuration's network and its training samples; `params` change in place.

    `columns` are the samples before features are computed, (columns, samples).
    """

    config: Config
    encoding: Encoding
    network: Network
    params: Array
    samples: Samples
    columns: Array
    data_digest: str

    def training(self, epoch: int = 0) -> Training:
        """Return a new training of `params`, at an epoch, without a test part."""
        config, encoding, network = self.config, self.encoding, self.network
        backprop = setup.evaluator(config, encoding, network, self.params, self.samples)
        digested = self.data_digest
        return Training(config, encoding, network, backprop, None, digested, epoch)


@dataclass(frozen=True)
class LayerPass:
    """One layer in one iteration; gradients are those of the cost, the mean over samples.

    `upstream` (dC/da) and `local` (da/dz) are None where the output's short form skips them.
    Softmax's local is da_i/dz_j at [i, j, sample]. `step_W` and `step_b` are the gradient, clipped
    if there is a clip.
    """

    W: Array  # (units, fan_in)
    b: Array  # (units, 1)
    z: Array  # (units, samples)
    a: Array  # (units, samples)
    upstream: Array | None  # (units, samples)
    local: Array | None  # (units, samples)
    delta: Array  # dC/dz, (units, samples)
    dW: Array  # (units, fan_in)
    db: Array  # (units, 1)
    step_W: Array
    step_b: Array
    new_W: Array
    new_b: Array


@dataclass(frozen=True)
class Iteration:
    """One update: forward pass, gradients, new parameters, and the outputs and cost they give."""

    epoch: int
    layers: tuple[LayerPass, ...]
    losses: Array  # (1, samples)
    cost: float
    new_y_hat: Array  # (outputs, samples)
    new_cost: float


@dataclass(frozen=True)
class Report:
    """Consecutive iterations, and the samples they use.

    `sample` is the number of the only sample, or None if all samples are used; `terms` are the
    features as factors of columns, None where the inputs are the columns.
    """

    config: Config
    sample: int | None
    columns: tuple[str, ...]
    column_values: Array  # (columns, samples)
    inputs: tuple[str, ...]
    terms: tuple[Term, ...] | None
    x: Array  # (inputs, samples)
    outputs: tuple[str, ...]
    y: Array  # (outputs, samples)
    iterations: tuple[Iteration, ...]


def prepare(config: Config, cache_dir: Path | None, sources: Sources | None = None) -> Subject:
    """Return a configuration's subject before the first update."""
    sources = sources or Sources()
    encoding, train, test = setup.encode(config, cache_dir, sources, keep=True)
    plain = request_of(msgspec.structs.replace(config, features=None))
    columns = inputs(plain, encoding, sources.open(plain).parts(cache_dir).train.X)
    network = setup.network_of(config, encoding.facts)
    params = setup.initial_params(config, network)
    digested = digest(setup.arrays(train, test))
    width = len(encoding.facts.columns)
    return Subject(config, encoding, network, params, train, columns[:width], digested)


def advance(subject: Subject, epoch: int) -> None:
    """Train in place up to an epoch, as `nnfs train` does. Raises Diverged."""
    training = subject.training()
    try:
        for _ in loop.train(training, until=epoch):
            pass
    except Diverged:
        if training.epoch == epoch and np.isfinite(subject.params).all():
            return  # only the cost overflows: there is an iteration to explain
        text = f"diverged by epoch {training.epoch}: there is no epoch {epoch} to explain"
        raise Diverged(text) from None


def single(subject: Subject, sample: int) -> Subject:
    """Return the same network with one sample only; its parameters are a copy."""
    x, y = (np.ascontiguousarray(part[:, [sample]]) for part in subject.samples)
    return Subject(
        subject.config,
        subject.encoding,
        subject.network,
        subject.params.copy(),
        Samples(x, y),
        subject.columns[:, [sample]],
        subject.data_digest,
    )


def explain(
    subject: Subject, *, epoch: int = 0, count: int = 1, sample: int | None = None
) -> Report:
    """Return the report of `count` iterations, from the epoch reached; `params` change in place."""
    if sample is not None:
        subject = single(subject, sample)
    config, columns = subject.config, subject.encoding.facts.columns
    width = subject.network.layers[0].fan_in
    terms = None
    if config.features:
        terms = tuple(features.terms(tuple(config.features), columns))
    return Report(
        config,
        sample,
        columns,
        subject.columns,
        tuple(config.features or columns),
        terms,
        subject.samples.x[:width],
        tuple(output_names(subject.encoding, config.layers[-1].units)),
        subject.samples.y,
        tuple(_iterate(subject, epoch, count)),
    )


def _iterate(subject: Subject, epoch: int, count: int) -> Iterator[Iteration]:
    """Yield iterations; the subject's parameters change in place."""
    training = subject.training(epoch)
    moments = (
        (reached, subject.params.copy(), training.backprop.trace(), training.figures["cost"])
        for reached in loop.train(training, at=range(epoch, epoch + count + 1), endings=())
    )
    for (before, old, traces, cost), (_, _, new_traces, new_cost) in pairwise(moments):
        yield Iteration(
            before,
            tuple(_layers(subject, traces, old)),
            _losses(training.backprop, traces[-1], subject.samples.y),
            cost,
            new_traces[-1].a,
            new_cost,
        )


def _losses(backprop: Backprop, output: Trace, y: Array) -> Array:
    """Return the loss of each sample, (1, samples)."""
    with np.errstate(all="ignore"):
        loss: Array = backprop.objective.loss(output.z, output.a, y).sum(axis=0, keepdims=True)
    return loss


def _layers(subject: Subject, traces: list[Trace], old: Array) -> Iterator[LayerPass]:
    """Yield each layer's arrays, with the core's sums over samples as means."""
    network, m = subject.network, subject.samples.y.shape[-1]
    clip = subject.config.gradient_clip
    for layer, trace, Wb, new in zip(
        network.layers, traces, network.views(old), network.views(subject.params), strict=True
    ):
        shown = trace.upstream is not None
        with np.errstate(all="ignore"):
            local = derivative(layer.activation, trace.z, trace.a) if shown else None
            grad = trace.dWb / m
            step = grad if clip is None else np.clip(grad, -clip, clip)
            yield LayerPass(
                *_parted(Wb.copy()),
                trace.z,
                trace.a,
                None if trace.upstream is None else trace.upstream / m,
                local,
                trace.delta / m,
                *_parted(grad),
                *_parted(step),
                *_parted(new.copy()),
            )


def _parted(Wb: Array) -> tuple[Array, Array]:
    """Return W (units, fan_in) and b (units, 1)."""
    return Wb[:, :-1], Wb[:, -1:]
