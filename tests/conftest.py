"""What several test files need. NumPy reads the threads' number when it is loaded."""

import os
import shutil
import signal
from collections import Counter
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["NNFS_CACHE_DIR"] = "runs/.cache"  # in each test's own directory, not the user's
os.environ.pop("NNFS_RUNS_DIR", None)

import numpy as np
import pytest
import specimens

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.initializers import normal
from nnfs_cli.core.losses import LOSSES, Objective, objective
from nnfs_cli.core.network import Layer, Network, initialize
from nnfs_cli.data import source

TIMEOUT = 120  # seconds, after which a test is considered to hang


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="try many more random cases")


def pytest_configure(config):
    """Register the marker of pytest-timeout, which may not be installed."""
    config.addinivalue_line("markers", "timeout(seconds): end a test that takes longer")


@pytest.fixture
def full(request):
    """Return whether --full asks for many more cases."""
    return request.config.getoption("--full")


@pytest.fixture
def cases(full):
    """Return a function: the random generators of `few` cases, or of `many` with --full."""
    return lambda few, many: map(np.random.RandomState, range(many if full else few))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty directory, with no data files remembered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source, "_files_read", {}, raising=False)


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """Return a directory of two that have the same files with other content: here and other."""
    base = tmp_path_factory.mktemp("originals")
    specimens.make(base / "here")
    specimens.make(base / "other", rate=0.5, noise=0.3)
    return base


@pytest.fixture
def here(originals, tmp_path, monkeypatch):
    """Go to a fresh directory with one of each file, and return it."""
    shutil.copytree(originals / "here", tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def tally(record_property):
    """Return a Counter of how cases ended, which --full prints."""
    ends = Counter()
    yield ends
    counts = [f"{end}: {number:,}" for end, number in sorted(ends.items(), key=str)]
    record_property("ends", ", ".join(counts))


def pytest_collection_modifyitems(config, items):
    """Limit the time of every test, except with --full or another --timeout."""
    if config.getoption("timeout", None) is None:
        for item in items:
            item.add_marker(pytest.mark.timeout(0 if config.getoption("--full") else TIMEOUT))


def pytest_terminal_summary(terminalreporter, config):
    """With --full, print what became of the cases."""
    for report in terminalreporter.getreports("") if config.getoption("--full") else ():
        for _, told in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {told}")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so does a shell for what it starts with &
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Setup(NamedTuple):
    """What a Backprop is made of: `Backprop(*setup)`."""

    network: Network
    objective: Objective
    params: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def alone(self, i):
        """Return network i of a stack as a single one, with parameters of its own."""
        x, y = (v[i] if v.ndim > 2 else v for v in (self.x, self.y))
        return self._replace(params=self.params[i].copy(), x=x, y=y)


@pytest.fixture
def make():
    """Return a function that makes a Setup of random parameters and data.

    `stack` is () for one network or (networks,) for as many; with `own_x`, each has its own data.
    Softmax gets two units at least.
    """

    def make(
        loss, output, hidden, shape, samples, *, stack=(), dtype="float64", own_x=False, seed=0
    ):
        inputs, *widths = shape
        if output == "softmax":
            widths[-1] = max(2, widths[-1])
        names = [hidden] * (len(widths) - 1) + [output]
        network = Network(
            tuple(
                Layer(fan_in, units, ACTIVATIONS[name]())
                for fan_in, units, name in zip([inputs, *widths], widths, names, strict=False)
            )
        )
        draws = [(normal(0, 0.8), normal(0, 0.8))] * len(widths)
        params = [initialize(network, draws, seed + i) for i in range(*(stack or (1,)))]
        rng = np.random.RandomState(seed)
        own = stack if own_x else ()
        x = np.ones((*own, inputs + 1, samples), dtype)
        x[..., :-1, :] = rng.standard_normal((*own, inputs, samples))
        classes = rng.randint(max(2, widths[-1]), size=(*own, 1, samples))
        y = classes if widths[-1] == 1 else classes == np.arange(widths[-1])[:, np.newaxis]
        return Setup(
            network,
            objective(LOSSES[loss], output, network.layers[-1].activation),
            np.reshape(params, (*stack, -1)).astype(dtype),
            x,
            y.astype(dtype),
        )

    return make
