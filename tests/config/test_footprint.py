"""What needs more memory than the machine has is refused before training, at its place."""

from pathlib import Path

import numpy as np
import pytest
from shell import call, matches, trained

from nnfs_cli.config import footprint
from nnfs_cli.core.activations import tanh
from nnfs_cli.core.backprop import Backprop, work_numbers
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network

pytestmark = pytest.mark.usefixtures("elsewhere")


def write(path=""):
    """Write a configuration of a file of 1,000 samples, and return its path."""
    X = np.random.RandomState(0).standard_normal((1000, 2))
    rows = np.column_stack([X, X[:, 0] > 0])
    np.savetxt("data.csv", rows, "%.6g", ",", header="a,b,y", comments="")
    np.savez("data.npz", X=X, y=X[:, 0] > 0)
    np.save("data.npy", rows)
    text = "dataset:\n  %s\nlayers:\n  - {units: 3, activation: tanh}\n"
    text += "  - {units: 1, activation: sigmoid}\nloss: binary_cross_entropy\nepochs: 3\n"
    Path("data.yaml").write_text(text % (f"path: {path}" if path else "name: moons"))
    return "data.yaml"


TOO_LARGE = {
    "1e10": "40,000,000,001 parameters need 1,192.1 GiB to train",
    "1e29": "400,000,000,... parameters need 11,920,... GiB to train",
    "20000000": "the activations of 20,000,001 units on ... samples need ... GiB to train",
}


@pytest.mark.parametrize("path", ["data.csv", "data.npz", "data.npy", ""])
@pytest.mark.parametrize(("units", "message"), TOO_LARGE.items(), ids=TOO_LARGE.keys())
def test_layers_that_do_not_fit_are_refused_on_any_data(path, units, message, monkeypatch):
    monkeypatch.setattr(footprint, "memory", lambda: 8 << 30)
    config = write(path)
    for command in "check", "train", "sweep":
        done = call(command, config, f"layers.0.units={units}")
        first, *_, last = done.stderr.splitlines()
        wanted = f"data.yaml:4:3: layers: {message}; this machine has 8.0 GiB"
        assert (done.code, done.stdout) == (3, "")
        assert matches(first, wanted), first
        assert last.startswith("1 error; ")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("path", "settings", "numbers"),
    [
        ("data.csv", [], 2 + 3),
        ("data.csv", ["features=[a,b,a*b]"], 2 + 4),
        ("data.npz", ["dataset.scale=standard"], 2 + 3),
        ("data.npy", ["dataset.scale=standard"], 3),  # the columns stay on the disk
        ("data.npy", ["features=[x1,x2,x1^2,x2^2]"], 5),
    ],
)
def test_samples_that_do_not_fit_are_refused(path, settings, numbers, monkeypatch):
    config = write(path)
    settings = ["layers.0.units=1", *settings]  # which needs less than the samples do
    for size, dtype in ((8, "float64"), (4, "float32")):
        given = [config, *settings, f"dtype={dtype}", "dataset.test_size=0.5"]
        needed = 1000 * numbers * size
        monkeypatch.setattr(footprint, "work_numbers", lambda units, samples: 0)
        monkeypatch.setattr(footprint, "memory", lambda needed=needed: needed)
        assert call("check", *given).code == 0
        monkeypatch.setattr(footprint, "memory", lambda needed=needed: needed - 1)
        done = call("check", *given)
        assert done.code == 3
        assert done.stderr.startswith("data.yaml:2:3: dataset: 1,000 samples need 0.0 GiB to train")


def test_a_mapped_file_that_is_read_as_it_is_may_be_larger_than_memory(monkeypatch):
    monkeypatch.setattr(footprint, "memory", lambda: 1000)
    monkeypatch.setattr(footprint, "work_numbers", lambda units, samples: 0)
    assert call("check", write("data.npy"), "layers.0.units=1").code == 0


@pytest.mark.parametrize("path", ["data.csv", "data.npy"])
def test_a_run_is_used_where_it_could_not_be_trained(path, monkeypatch):
    run = str(trained(write(path)))
    monkeypatch.setattr(footprint, "memory", lambda: 13 * 8)  # its parameters
    Path("in.csv").write_text("1,2\n")
    assert call("predict", run, "in.csv").code == 0
    monkeypatch.setattr(footprint, "memory", lambda: 13 * 8 - 1)
    done = call("predict", run, "in.csv")
    assert done.code == 6
    assert "layers: 13 parameters need 0.0 GiB; this machine has 0.0 GiB" in done.stderr


@pytest.mark.parametrize("samples", [1, 700, 900, 5_000, 40_000])
@pytest.mark.parametrize("units", [[1], [3, 2], [200, 100, 1]])
def test_work_space_is_foretold(samples, units):
    fan_ins = [2, *units]
    layers = zip(fan_ins, units, strict=False)
    network = Network(tuple(Layer(fan_in, n, tanh()) for fan_in, n in layers))
    loss = objective(LOSSES["squared_error"], "tanh", tanh())
    params, x, y = np.zeros(network.n_params), np.ones((3, samples)), np.zeros((units[-1], samples))
    backprop = Backprop(network, loss, params, x, y)
    arrays = {
        id(array if array.base is None else array.base): array.size
        for lane in backprop._lanes
        for block in lane.blocks
        for stage in block.stages
        for array in (stage.z, stage.delta, stage.a)
    }
    assert sum(arrays.values()) / 3 <= work_numbers(units, samples) <= sum(arrays.values())
