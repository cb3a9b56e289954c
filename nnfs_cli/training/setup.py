"""Build a training: configuration -> data -> network -> costs and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct

from nnfs_cli.config.consistency import n_inputs
from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import Config, LayerConfig, Part
from nnfs_cli.core.activations import ACTIVATIONS, Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.initializers import INITIALIZERS, Initializer, zeros
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network, initialize
from nnfs_cli.data import encoding as data_encoding
from nnfs_cli.data.encoding import Encoding, Samples
from nnfs_cli.data.source import Sources, check_classes
from nnfs_cli.data.table import DataInfo
from nnfs_cli.errors import FileError, listed
from nnfs_cli.storage.digest import digest


class Training(Struct):
    """A network in training: its configuration and data, its current epoch, and its log so far.

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


def network_of(config: Config, known: DataInfo) -> Network:
    """Return a configuration's network."""
    layers, fan_in = [], n_inputs(config, known)
    for layer in config.layers:
        activation = ACTIVATIONS[layer.activation.name](**layer.activation.parameters)
        layers.append(Layer(fan_in, layer.units, activation))
        fan_in = layer.units
    return Network(tuple(layers))


def initial_params(config: Config, network: Network) -> Array:
    """Return the parameters before training, (n_params,), in the configuration's dtype."""
    params = initialize(network, [_initializers(layer) for layer in config.layers], config.seed)
    with np.errstate(over="ignore"):  # float32 may overflow; the cost shows it
        return params.astype(config.dtype)


def _initializers(layer: LayerConfig) -> tuple[Initializer, Initializer]:
    """Return the initializers of W and b; explicit values ignore the random numbers."""

    def initializer(values: object, part: Part | None) -> Initializer:
        if values is not None:
            return lambda rng, shape, fan_in, fan_out: np.array(values, dtype=float)
        return INITIALIZERS[part.name](**part.parameters) if part else zeros()

    return (
        initializer(layer.weights, layer.initializer),
        initializer(layer.biases, layer.bias_initializer),
    )


def prepare(
    config: Config, cache_dir: Path | None, threads: int = 1, sources: Sources | None = None
) -> Training:
    """Return a configuration's training, before its first update."""
    encoding, train, test = encode(config, cache_dir, sources)
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
    config: Config, cache_dir: Path | None, sources: Sources | None = None, *, keep: bool = False
) -> tuple[Encoding, Samples, Samples | None]:
    """Return the configuration's data as its network reads them: training part and test part.

    A file that `sources` has read is not read again; unless `keep`, it is closed.
    """
    request, sources = request_of(config), sources or Sources()
    source = sources.open(request)
    info, parts = source.info, source.parts(cache_dir)
    check_classes(source, parts)
    if not keep:
        sources.close(request)
    del source  # the whole table is not needed beside its parts
    fitted = data_encoding.fit(request, info, parts.train)
    train = data_encoding.samples(request, fitted, parts.train)
    data_encoding.check_range(request, fitted, train)
    if parts.test is None:
        return fitted, train, None
    test = data_encoding.samples(request, fitted, parts.test)
    data_encoding.check_range(request, fitted, test, " in the test part")
    return fitted, train, test


def check_facts(config: Config, was: DataInfo, path: Path, sources: Sources) -> None:
    """Raise FileError, about the run at a path, if names or length of its data have changed."""
    from nnfs_cli.data import labels  # late: only where a run is read

    now = sources.open(request_of(config)).info
    for key in ("columns", "targets", "classes", "samples"):
        old, new = getattr(was, key), getattr(now, key)
        if old != new and not (key == "classes" and labels.same(old, new)):
            shown = (listed(v) if isinstance(v, tuple) else v for v in (old, new))
            change = "{} were {} and are {}".format(key, *shown)
            raise FileError(f"{path}: its data set has changed: {change}")


def arrays(train: Samples, test: Samples | None) -> dict[str, Array]:
    """Return all the arrays of a run's data, by name."""
    arrays = {"x": train.x, "y": train.y}
    return arrays if test is None else {**arrays, "x_test": test.x, "y_test": test.y}


def evaluator(
    config: Config,
    encoding: Encoding,
    network: Network,
    params: Array,
    samples: Samples,
    threads: int = 1,
) -> Backprop:
    """Return the cost and gradient of a configuration's network on some samples."""
    output = config.layers[-1].activation.name
    chosen = objective(LOSSES[config.loss], output, network.layers[-1].activation)
    classes = encoding.facts.classes is not None
    return Backprop(network, chosen, params, *samples, classes=classes, threads=threads)
