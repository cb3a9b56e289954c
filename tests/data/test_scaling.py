"""Scaling: columns and targets of any size that float64 holds train, or are refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from shell import call, trained

from nnfs_cli.data import encoding

RNG = np.random.RandomState(5)
POINTS = RNG.standard_normal((40, 2))
SIZES = [1e-320, 1e-300, 1e-170, 1e-155, 1e-30, 1.0, 1e30, 1e155, 1e200, 1e300]
KINDS = ["standard", "minmax"]


pytestmark = pytest.mark.usefixtures("elsewhere")


def write(dataset="", classes=True, **keys):
    """Write a configuration of data.csv, and return its path."""
    end = "{units: 1, activation: sigmoid}], loss: binary_cross_entropy"
    end = end if classes else "{units: 1, activation: identity}], loss: squared_error"
    told = "".join(f", {key}: {value}" for key, value in keys.items())
    text = "{dataset: {path: data.csv, %s}, layers: [{units: 3, activation: tanh}, %s%s}"
    Path("data.yaml").write_text(text % (dataset, end, told))
    return "data.yaml"


def table(X, y, header="a,b,y", name="data.csv"):
    rows = (",".join(map(repr, [*x, t])) for x, t in zip(X.tolist(), y.tolist(), strict=True))
    Path(name).write_text("\n".join([header, *rows]))


def facts_of(run):
    """Return a run's run.json, in which every number of the scaling and every figure is finite."""
    facts = json.loads((run / "run.json").read_text())
    scalings = [part for part in map(facts["encoding"].get, ("inputs", "targets")) if part]
    numbers = [facts["cost"], *(v for part in scalings for values in part.values() for v in values)]
    assert scalings
    assert np.isfinite(np.array(numbers, float)).all()
    assert call("show", str(run)).code == 0
    return facts


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_a_column_of_any_size_is_scaled_as_one_of_size_1(size, kind, dtype):
    X = POINTS * [size, 1]
    y = (POINTS[:, 0] > 0).astype(int)
    table(X, y)
    keys = {"epochs": 100, "dtype": dtype, "features": "[a, b, a*b, a^3]"}
    run = trained(write(f"scale: {kind}, test_size: 0.25", **keys))
    assert facts_of(run)["status"] == "finished"
    found = call("predict", str(run), "--format", "jsonl")
    large = [json.loads(line)["y_hat"] for line in found.stdout.splitlines()]
    table(POINTS, y)
    run = trained(write(f"scale: {kind}, test_size: 0.25", **keys))
    found = call("predict", str(run), "--format", "jsonl")
    plain = [json.loads(line)["y_hat"] for line in found.stdout.splitlines()]
    loose = 0.05 if size < 1e-310 else 1e-3  # a number has few digits there
    np.testing.assert_allclose(
        large, plain, atol=loose if dtype == "float32" or loose > 1e-3 else 1e-9
    )
    assert np.std(plain) > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_a_target_of_any_size_is_answered_in_its_own_units(size, kind):
    y = (POINTS @ [2.0, -1] + 3) * size
    table(POINTS, y)
    run = trained(write(f"scale_target: {kind}", classes=False, epochs=3000, learning_rate=0.5))
    facts_of(run)
    found = call("predict", str(run), "data.csv", "--format", "jsonl")
    y_hat = np.array([json.loads(line)["y_hat"] for line in found.stdout.splitlines()])
    assert np.corrcoef(y_hat / size, y / size)[0, 1] > 0.97
    evaluated = call("evaluate", str(run), "data.csv")
    assert (evaluated.code, evaluated.stderr) == (0, "")
    figures = json.loads(evaluated.stdout)
    assert figures["mae"] == pytest.approx(np.abs(y_hat - y).mean(), rel=1e-6)
    if size > 1e-310:
        assert figures["r2"] > 0.95
        error = (y_hat - y) / size
        assert figures["rmse"] / size == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)


@pytest.mark.parametrize("values", [POINTS[:, 0], POINTS[:, 0] * 1e-140, POINTS[:, 0] * 1e130])
def test_ordinary_columns_are_scaled_by_the_mean_and_deviation_of_numpy(values):
    assert encoding._mean_and_deviation(values) == (values.mean(), values.std())


@pytest.mark.parametrize("exponent", range(-1000, 1000, 125))
def test_a_power_of_2_alters_nothing_but_the_exponent(exponent):
    mean, deviation = encoding._mean_and_deviation(POINTS[:, 0])
    found = encoding._mean_and_deviation(np.ldexp(POINTS[:, 0], exponent))
    np.testing.assert_allclose(np.ldexp(found, -exponent), [mean, deviation], rtol=1e-14)


@pytest.mark.parametrize("kind", ["f4", "i8", "u8"])
def test_the_largest_numbers_of_a_type_are_scaled(kind):
    most = np.finfo(kind).max if kind == "f4" else np.iinfo(kind).max
    X = np.array([[0, 1], [most, 2], [most // 2, 3]], kind)
    np.savez("data.npz", X=X, y=[0, 1, 0])
    for scale in KINDS:
        kept = facts_of(trained(write(f"scale: {scale}"), "dataset.path=data.npz"))["encoding"]
        own = X[:, 0].astype(float)
        shift, factor = (own.mean(), own.std()) if scale == "standard" else (0, float(most))
        assert kept["inputs"]["shift"][0] == pytest.approx(shift)
        assert kept["inputs"]["factor"][0] == pytest.approx(factor)


UNFIT = {
    "wider than float64": ([-1.7e308, 1.7e308, 0.0], "is wider", KINDS),
    "narrower than float64": ([0.0, 5e-324, 0.0], "varies less", ["standard"]),
}


@pytest.mark.parametrize(
    ("values", "problem", "kind"),
    [(v, p, kind) for v, p, kinds in UNFIT.values() for kind in kinds],
)
def test_a_column_that_cannot_be_scaled_is_refused_by_name(values, problem, kind):
    path, low, high = Path("data.csv").absolute(), min(values), max(values)
    for key, X, y in (
        ("scale", np.column_stack([[1, 2, 3], values]), np.array([1.0, 2, 3])),
        ("scale_target", np.array([[1, 2], [2, 4], [3, 5]]), np.array(values)),
    ):
        table(X, y)
        done = call("train", write(f"{key}: {kind}", classes=False))
        name = "b" if key == "scale" else "y"
        assert (done.code, done.stdout) == (6, "")
        assert done.stderr == (
            f"{path}: {key}: {kind}: column '{name}' runs from {low!r} to {high!r}, which "
            f"{problem} than float64 can scale; give it in another unit, or leave it out\n"
        )
        assert not Path("runs").exists()


SCALE, SCALE_TARGET = "try dataset.scale=standard", "try dataset.scale_target=standard"
LARGE = {
    "a feature": (1e200, 1, "", {"features": "[a, a*b, a^2]"}, f"feature 'a^2' {{}}; {SCALE}"),
    "a column in float32": (
        1e39,
        1,
        "",
        {"dtype": "float32"},
        f"column 'a' {{}}; {SCALE} or dtype=float64",
    ),
    "a target in float32": (
        1,
        1e39,
        "",
        {"dtype": "float32"},
        f"column 'y' {{}}; {SCALE_TARGET} or dtype=float64",
    ),
    "a scaled feature": (
        1,
        1,
        "scale: minmax, test_path: test.csv",
        {"features": "[a^20]"},
        "feature 'a^20' {} in the test part; give it in another unit, or leave it out",
    ),
}


@pytest.mark.parametrize(
    ("size", "target", "dataset", "keys", "message"), LARGE.values(), ids=LARGE.keys()
)
def test_what_the_network_cannot_read_is_refused_by_name(size, target, dataset, keys, message):
    table(POINTS * [size, 1], POINTS[:, 0] * target)
    table(POINTS[:3] * [1e20, 1], POINTS[:3, 0], name="test.csv")
    done = call("train", write(dataset, classes=False, **keys))
    dtype = keys.get("dtype", "float64")
    told = message.format(f"is too large for {dtype}")
    assert (done.code, done.stderr) == (6, f"{Path('data.csv').absolute()}: {told}\n")
    assert not Path("runs").exists()
    done = call("sweep", "data.yaml", "seed=0,1", "-j", "1")
    assert done.code == 1
    assert told in done.stderr


def test_a_mapped_file_is_refused_like_any_other():
    np.save("data.npy", np.column_stack([POINTS * [1e39, 1], POINTS[:, 0] > 0]))
    done = call("train", write(dtype="float32"), "dataset.path=data.npy")
    assert done.code == 6
    assert "data.npy: column 'x1' is too large for float32; " in done.stderr


def test_data_made_by_name_are_refused_like_a_file():
    Path("blobs.yaml").write_text(
        "{dataset: {name: blobs, std: 1e39}, layers: [{units: 1, activation: sigmoid}], "
        "loss: binary_cross_entropy, dtype: float32}"
    )
    done = call("train", "blobs.yaml")
    assert done.code == 6
    assert done.stderr == f"blobs: column 'x1' is too large for float32; {SCALE} or dtype=float64\n"
