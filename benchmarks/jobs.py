"""The jobs: network, data, initial parameters and number of epochs.

Every side of a job reads the same three files: x.npy (samples, features), y.npy (samples,
outputs), and params.npy (..., n_params), layer by layer [W b], W being (units, fan_in).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.config.schema import Config

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Train: TypeAlias = Callable[[], Array]  # returns the parameters after training

HERE = Path(__file__).parent
CONFIGS = HERE.parent / "configs"
FILES = ("x.npy", "y.npy", "params.npy")


class Job(NamedTuple):
    """A training. Its data come from `config` if it has one, else they are generated here.

    With `config`, nnfs takes part through its command line, else through its core.
    """

    name: str
    widths: tuple[int, ...]
    hidden: str
    output: str
    loss: str
    samples: int
    epochs: int
    learning_rate: float
    dtype: str = "float64"
    config: Path | None = None
    networks: int = 1
    threads: int = 1

    @property
    def command(self) -> tuple[str, ...] | None:
        """The arguments of the nnfs command for this job, if it has a configuration."""
        if self.networks > 1:
            seeds = f"seed=0..{self.networks - 1}"
            return ("sweep", str(self.config), seeds, "--fresh", "--jobs", str(self.threads))
        return ("train", str(self.config)) if self.config else None

    @property
    def title(self) -> str:
        """The job's name, with the number of threads if above 1."""
        return self.name if self.threads == 1 else f"{self.name}, {self.threads} threads"

    @property
    def tolerance(self) -> float:
        """Largest relative difference allowed between the sides' costs."""
        return 1e-6 if self.dtype == "float64" else 1e-3

    def describe(self) -> str:
        """Return a one-line description."""
        shape = "-".join(map(str, self.widths))
        text = f"{shape} {self.hidden} + {self.output}, {self.loss.replace('_', ' ')}"
        if self.networks > 1:
            text = f"{self.networks:,} networks {text}"
        return f"{text}; {self.samples:,} samples, {self.epochs:,} epochs, {self.dtype}"


XOR, SKALSKI = CONFIGS / "xor.yaml", CONFIGS / "moons-skalski.yaml"
MOONS = HERE / "moons.yaml"
SQUARED, BINARY, CROSS = "squared_error", "binary_cross_entropy", "cross_entropy"

# Powers of 2 are exact even for a side that keeps its learning rate in single precision.
_JOBS = [
    Job("xor", (2, 3, 1), "sigmoid", "sigmoid", SQUARED, 4, 5000, 1.0, config=XOR),
    Job(
        *("moons", (2, 16, 16, 1), "leaky_relu", "sigmoid", BINARY, 150, 20_000, 2**-6),
        config=MOONS,
    ),
    Job(
        *("skalski", (2, 25, 50, 50, 25, 1), "relu", "sigmoid", BINARY, 900, 2000, 0.01),
        config=SKALSKI,
    ),
    Job("digits", (64, 64, 10), "relu", "softmax", CROSS, 1437, 500, 2**-3),
    Job("wide", (784, 256, 256, 1), "relu", "sigmoid", BINARY, 20_000, 20, 2**-3, "float32"),
    Job("long", (20, 32, 1), "relu", "sigmoid", BINARY, 1_000_000, 20, 2**-3, "float32"),
    Job("sweep", (2, 3, 1), "sigmoid", "sigmoid", SQUARED, 4, 5000, 1.0, "float64", XOR, 1000),
]
JOBS = {job.name: job for job in _JOBS}


def quick(job: Job) -> Job:
    """Return a small version of the job, for a quick test."""
    return job._replace(
        samples=job.samples if job.config or job.name == "digits" else job.samples // 50,
        epochs=min(job.epochs, 20),
        networks=min(job.networks, 10),
    )


def of_size(job: Job, samples: int) -> Job:
    """Return the job with another number of samples and the same total work."""
    return job._replace(samples=samples, epochs=job.epochs * job.samples // samples)


def write(job: Job, directory: Path) -> None:
    """Write the job's files."""
    for file, array in zip(FILES, problem(job), strict=True):
        np.save(directory / file, array)


def read(directory: Path) -> tuple[Array, Array, Array]:
    """Return x, y and params."""
    x, y, params = (np.load(directory / file) for file in FILES)
    return x, y, params


def settings(job: Job) -> Config:
    """Return the configuration of a job that has one."""
    from nnfs_cli.config import loading

    assert job.config
    return loading.parse(job.config.read_text(), str(job.config), [f"epochs={job.epochs}"])


def problem(job: Job) -> tuple[Array, Array, Array]:
    """Return x, y and params, the content of the files."""
    if job.config:
        return _configured(job)
    x, y = _digits() if job.name == "digits" else _generated(job)
    rng = np.random.RandomState(0)
    params = [
        np.column_stack([rng.standard_normal((units, fan_in)) * (2 / fan_in) ** 0.5, [0] * units])
        for fan_in, units in pairwise(job.widths)
    ]
    return (
        x.astype(job.dtype),
        y.astype(job.dtype),
        np.concatenate([Wb.ravel() for Wb in params]).astype(job.dtype),
    )


def _configured(job: Job) -> tuple[Array, Array, Array]:
    import msgspec

    from nnfs_cli.training import setup

    config = settings(job)
    encoding, train, _ = setup.encode(config, None)
    network = setup.network_of(config, encoding.facts)
    x, y = train.x[:-1].T.copy(), train.y.T.copy()
    if job.networks == 1:
        return x, y, setup.initial_params(config, network)
    seeded = (msgspec.structs.replace(config, seed=seed) for seed in range(job.networks))
    return x, y, np.array([setup.initial_params(each, network) for each in seeded])


def _digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    train = np.random.RandomState(0).permutation(len(y))[360:]
    return x[train] / 16, np.eye(10)[y[train]]


def _generated(job: Job) -> tuple[Array, Array]:
    """Return normally distributed points, divided into two classes by a bent surface."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((job.samples, job.widths[0]), dtype=np.float32)
    plane, bend = rng.standard_normal((2, job.widths[0]), dtype=np.float32)
    return x, (x @ plane + np.abs(x @ bend) > 0.5)[:, np.newaxis]


def layers(job: Job) -> list[tuple[int, int, str]]:
    """Return each layer's inputs, units and activation."""
    names = [job.hidden] * (len(job.widths) - 2) + [job.output]
    return [(*pair, name) for pair, name in zip(pairwise(job.widths), names, strict=True)]


def unpack(job: Job, params: Array) -> list[tuple[Array, Array]]:
    """Return each layer's W (..., units, fan_in) and b (..., units), as views."""
    parts, start = [], 0
    for fan_in, units, _ in layers(job):
        end = start + units * (fan_in + 1)
        Wb = params[..., start:end].reshape(*params.shape[:-1], units, fan_in + 1)
        parts.append((Wb[..., :-1], Wb[..., -1]))
        start = end
    return parts


def pack(parts: list[tuple[Array, Array]]) -> Array:
    """Return the flat parameters of layers [(W, b), ...]: the inverse of unpack."""
    joined = [np.concatenate([W, b[..., np.newaxis]], axis=-1) for W, b in parts]
    return np.concatenate([Wb.reshape(*Wb.shape[:-2], -1) for Wb in joined], axis=-1)


def cost(job: Job, x: Array, y: Array, params: Array) -> Array:
    """Return the cost (...) at params in float64, by which all sides are compared."""
    a, y = x.T.astype(np.float64), y.T.astype(np.float64)
    parts = unpack(job, params.astype(np.float64))
    for (W, b), (_, _, activation) in zip(parts, layers(job), strict=True):
        z = W @ a + b[..., np.newaxis]
        a = _VALUE[activation](z)
    if job.loss == SQUARED:
        loss = (a - y) ** 2 / 2
    elif job.loss == BINARY:
        loss = np.logaddexp(0, z) - y * z
    else:
        loss = -y * np.log(a)
    total: Array = loss.sum(axis=(-2, -1)) / len(x)
    return total


_VALUE = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.05 * z),
    "softmax": lambda z: (
        (e := np.exp(z - z.max(axis=-2, keepdims=True))) / e.sum(-2, keepdims=True)
    ),
}
