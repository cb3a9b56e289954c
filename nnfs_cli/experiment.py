"""Where the parts meet: configuration -> data -> network -> descent -> what was logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from time import monotonic

import numpy as np
from msgspec import Struct

from nnfs_cli import data, encoding
from nnfs_cli.config import n_inputs
from nnfs_cli.core.activations import ACTIVATIONS, Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend
from nnfs_cli.core.initializers import INITIALIZERS, Initializer, zeros
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network, initialize
from nnfs_cli.datasets import Facts
from nnfs_cli.digest import digest
from nnfs_cli.encoding import Encoding, Samples
from nnfs_cli.errors import Diverged, FileError, listed
from nnfs_cli.schema import Config, LayerConfig, Part

BREATH = 0.05  # seconds of training after which whoever watches may look, at most about


class Training(Struct):
    """A network in training: what it was made from, how far it is, and what was logged so far.

    `log` has a list for each of epoch, cost, accuracy (of classes) and, with a test part, test_cost
    and test_accuracy; an entry is the state before the update of its epoch.
    """

    config: Config
    encoding: Encoding
    network: Network
    backprop: Backprop
    test: Backprop | None
    data_digest: str
    epoch: int = 0
    log: dict[str, list[float]] = {}

    @property
    def params(self) -> Array:
        return self.backprop.params

    @property
    def figures(self) -> dict[str, float]:
        """The last entry of the log: cost, accuracy, ..."""
        return {key: values[-1] for key, values in self.log.items() if key != "epoch"}


def network_of(config: Config, known: Facts) -> Network:
    """Return the network that a configuration describes."""
    layers, fan_in = [], n_inputs(config, known)
    for layer in config.layers:
        activation = ACTIVATIONS[layer.activation.name](**layer.activation.parameters)
        layers.append(Layer(fan_in, layer.units, activation))
        fan_in = layer.units
    return Network(tuple(layers))


def initial_params(config: Config, network: Network) -> Array:
    """Return the parameters before training, (n_params,), in the configuration's dtype."""
    params = initialize(network, [_initializers(layer) for layer in config.layers], config.seed)
    with np.errstate(over="ignore"):  # float32 may not hold them; the cost will tell
        return params.astype(config.dtype)


def _initializers(layer: LayerConfig) -> tuple[Initializer, Initializer]:
    """Return what draws W and b; explicit values draw nothing."""

    def initializer(values: object, part: Part | None) -> Initializer:
        if values is not None:
            return lambda rng, shape, fan_in, fan_out: np.array(values, dtype=float)
        return INITIALIZERS[part.name](**part.parameters) if part else zeros()

    return (
        initializer(layer.weights, layer.initializer),
        initializer(layer.biases, layer.bias_initializer),
    )


def prepare(config: Config, cache_dir: Path | None, threads: int = 1) -> Training:
    """Return the training that a configuration describes, before its first update."""
    encoding, train, test = encode(config, cache_dir)
    network = network_of(config, encoding.facts)
    params = initial_params(config, network)
    return Training(
        config,
        encoding,
        network,
        evaluator(config, encoding, network, params, train, threads),
        evaluator(config, encoding, network, params, test) if test else None,
        digest(arrays(train, test)),
    )


def encode(
    config: Config, cache_dir: Path | None, *, keep: bool = False
) -> tuple[Encoding, Samples, Samples | None]:
    """Return the configuration's data as its network reads them: training part and test part."""
    known = data.facts(config)
    parts = data.load(config, cache_dir, keep=keep)
    data.check_classes(config, known, parts)
    fitted = encoding.fit(config, known, parts.train)
    train = encoding.samples(config, fitted, parts.train)
    encoding.check_range(config, fitted, train)
    if parts.test is None:
        return fitted, train, None
    test = encoding.samples(config, fitted, parts.test)
    encoding.check_range(config, fitted, test, " in the test part")
    return fitted, train, test


def check_facts(config: Config, was: Facts, path: Path) -> None:
    """Raise FileError, about the run at a path, unless the facts of its data are what they were."""
    from nnfs_cli import labels  # late: only where a run is read

    now = data.facts(config)
    for key in ("columns", "targets", "classes", "samples"):
        old, new = getattr(was, key), getattr(now, key)
        if old != new and not (key == "classes" and labels.same(old, new)):
            told = (listed(v) if isinstance(v, tuple) else v for v in (old, new))
            change = "{} were {} and are {}".format(key, *told)
            raise FileError(f"{path}: its data set has changed: {change}")


def arrays(train: Samples, test: Samples | None) -> dict[str, Array]:
    """Return all the arrays of a run's data, by name."""
    found = {"x": train.x, "y": train.y}
    return found if test is None else {**found, "x_test": test.x, "y_test": test.y}


def evaluator(
    config: Config,
    encoding: Encoding,
    network: Network,
    params: Array,
    samples: Samples,
    threads: int = 1,
) -> Backprop:
    """Return the cost of a configuration's network on some samples."""
    output = config.layers[-1].activation.name
    chosen = objective(LOSSES[config.loss], output, network.layers[-1].activation)
    classes = encoding.facts.classes is not None
    return Backprop(network, chosen, params, *samples, classes=classes, threads=threads)


def measure(train: Backprop, test: Backprop | None) -> dict[str, Array]:
    """Return cost and, for classes, accuracy at the present parameters; those of the test part.

    Each is (networks...).
    """
    measured = {}
    for prefix, backprop in (("", train), ("test_", test)):
        if backprop:
            cost, accuracy = backprop.evaluate()
            measured[f"{prefix}cost"] = cost
            if accuracy is not None:
                measured[f"{prefix}accuracy"] = accuracy
    return measured


def train(training: Training, until: int | None = None) -> Iterator[int]:
    """Train to the last epoch, or one before it, yielding the epoch reached every now and then.

    At the logged epochs, and whenever the caller might want to look or to stop; each yield leaves
    `training` whole. Raises Diverged as soon as a logged cost, or a parameter, is not finite.
    """
    config = training.config
    stops = pauses(training.epoch, config.epochs if until is None else until, config.log_every)
    for epoch in descend(
        training.backprop,
        config.learning_rate,
        stops,
        gradient_clip=config.gradient_clip,
        start=training.epoch,
    ):
        training.epoch = epoch
        if epoch % config.log_every == 0 or epoch == config.epochs:
            log(training)
            if not (isfinite(training.figures["cost"]) and np.isfinite(training.params).all()):
                raise Diverged(advice(training.log, config))
        yield epoch


def log(training: Training) -> None:
    """Add the present state to the training's log, unless it is there."""
    if training.log and training.log["epoch"][-1] == training.epoch:
        return
    training.log.setdefault("epoch", []).append(training.epoch)
    for key, value in measure(training.backprop, training.test).items():
        training.log.setdefault(key, []).append(float(value))


def logged_epochs(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs that are logged, from `start` on: every log_every, and the last."""
    yield from range(-(-start // log_every) * log_every, epochs, log_every)
    yield epochs


def pauses(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs to pause at: all that are logged, and so many between that a pause is
    never much further away than BREATH."""
    epoch, stride, then = start, 1, monotonic()
    yield epoch
    while epoch < epochs:
        before = epoch
        epoch = min(epoch + stride, epoch - epoch % log_every + log_every, epochs)
        yield epoch
        now = monotonic()
        if now - then > BREATH:
            stride = max(1, stride // 2)
        elif epoch - before == stride:
            stride *= 2
        then = now


def advice(log: Mapping[str, list[float]], config: Config) -> str:
    """Return what a user should know of a training that diverged."""
    if len(log["cost"]) == 1:
        return "the cost is not finite before the first update: look at the data and at W"
    text = f"diverged by epoch {log['epoch'][-1]}: cost {log['cost'][-1]:.6g}"
    text += f"; the last finite cost was {log['cost'][-2]:.6g} at epoch {log['epoch'][-2]}"
    text += f". Try learning_rate={config.learning_rate / 10:g}"
    return text + ("" if config.gradient_clip else ", or gradient_clip=1")
