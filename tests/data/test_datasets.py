"""Data sets against their sources, their split against scikit-learn's, and their cache."""

import io
import os
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from msgspec.structs import replace
from sklearn.datasets import load_wine, make_blobs, make_circles, make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from nnfs_cli.config import loading
from nnfs_cli.config.request import request_of
from nnfs_cli.data import builtin, cache
from nnfs_cli.data.builtin import DATASETS
from nnfs_cli.data.source import Sources
from nnfs_cli.runs import directory as run_directory
from nnfs_cli.training import setup

GATES = {"or": np.logical_or, "and": np.logical_and, "xor": np.logical_xor}
GATES["nand"] = lambda a, b: ~np.logical_and(a, b)
MOONS = {"samples": 40, "noise": 0.1, "seed": 5, "shuffle": True}
BUNDLED = [name for name in DATASETS if hasattr(sklearn.datasets, f"load_{name}")]
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
each_dataset = pytest.mark.parametrize("name", DATASETS)


def assert_equal_tables(table, X, y):
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, y)


def parameters_of(name):
    """Return parameters for a small data set that is not the default one, if it has any."""
    known = signature(DATASETS[name].load).parameters
    return {key: value for key, value in {"samples": 30, "seed": 3}.items() if key in known}


@each_dataset
def test_a_data_set_is_what_its_facts_say(name):
    parameters = parameters_of(name)
    table, facts = DATASETS[name].load(**parameters), DATASETS[name].facts(**parameters)
    assert table.X.shape == (facts.samples, len(facts.columns))
    assert table.X.dtype == np.float64
    if facts.classes is None:
        assert table.y.shape == (facts.samples, len(facts.targets))
    else:
        assert table.y.shape == (facts.samples,)
        assert set(table.y.tolist()) == set(range(len(facts.classes)))


@each_dataset
def test_a_data_set_is_the_same_with_a_cache_and_without(name, tmp_path):
    parameters = parameters_of(name)
    expected = DATASETS[name].load(**parameters)
    for directory in (None, tmp_path, tmp_path):
        table = builtin.load(name, parameters, directory)
        assert_equal_tables(table, *expected)
        assert [part.dtype.kind for part in table] == [part.dtype.kind for part in expected]


@pytest.mark.parametrize("name", GATES)
def test_a_gate_has_its_truth_table_in_counting_order(name):
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert_equal_tables(DATASETS[name].load(), inputs, GATES[name](*inputs.T.astype(bool)))


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("moons", {}, make_moons(200, noise=0.2, random_state=0)),
        (
            "moons",
            {"samples": 41, "noise": 0.0, "seed": 7, "shuffle": False},
            make_moons(41, noise=0.0, random_state=7, shuffle=False),
        ),
        ("circles", {}, make_circles(200, noise=0.1, factor=0.5, random_state=0)),
        (
            "circles",
            {"samples": 41, "noise": 0.3, "factor": 0.2, "seed": 7},
            make_circles(41, noise=0.3, factor=0.2, random_state=7),
        ),
        ("blobs", {}, make_blobs(200, centers=2, cluster_std=1.0, random_state=0)),
        (
            "blobs",
            {"samples": 41, "centers": 5, "std": 0.3, "seed": 7},
            make_blobs(41, centers=5, cluster_std=0.3, random_state=7),
        ),
    ],
)
def test_a_data_set_is_scikit_learn_s_own(name, parameters, expected):
    known = signature(DATASETS[name].load).parameters
    defaults = {key: parameter.default for key, parameter in known.items()}
    assert_equal_tables(builtin.load(name, defaults | parameters, None), *expected)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_data_set_has_scikit_learn_s_samples_and_names(name):
    source, facts = getattr(sklearn.datasets, f"load_{name}")(), DATASETS[name].facts()
    target = source.target if facts.classes else source.target[:, np.newaxis]
    assert_equal_tables(builtin.load(name, {}, None), source.data, target)
    words = (column.removesuffix(" (cm)").replace(" ", "_") for column in source.feature_names)
    assert facts.columns == tuple(words)
    if facts.classes:
        assert facts.classes == tuple(map(str, source.target_names))


@pytest.mark.parametrize(("arms", "turns"), [(2, 1.0), (3, 0.5), (5, 2.5)])
def test_an_arm_of_a_spiral_turns_with_the_radius(arms, turns):
    X, y = DATASETS["spirals"].load(samples=101, arms=arms, turns=turns, noise=0, seed=1)
    radius = np.hypot(*X.T)
    assert radius.max() <= 1
    angle = np.arctan2(X[:, 1], X[:, 0]) - 2 * np.pi * (turns * radius + y / arms)
    np.testing.assert_allclose(np.cos(angle), 1, rtol=1e-12)
    assert np.ptp(np.bincount(y)) <= 1
    noisy = DATASETS["spirals"].load(samples=101, arms=arms, turns=turns, noise=0.1, seed=1)
    assert (noisy.X - X).std() == pytest.approx(0.1, rel=0.3)


def configured(dataset, units=1, dtype="float64", features="~"):
    """Return a configuration of a data set, for as many outputs."""
    output = "softmax" if units > 1 else "sigmoid"
    loss = "cross_entropy" if units > 1 else "binary_cross_entropy"
    text = f"{{dataset: {dataset}, layers: [{{units: {units}, activation: {output}}}], "
    return loading.parse(f"{text}loss: {loss}, dtype: {dtype}, features: {features}}}", "test")


@pytest.mark.parametrize("samples", [3, 4, 57, 200, 1000])
@pytest.mark.parametrize("test_size", [0.01, 0.1, 0.25, 1 / 3, 0.49])
@pytest.mark.parametrize("seed", [0, 42])
def test_a_split_has_the_rows_of_scikit_learn_s(samples, test_size, seed):
    whole = make_moons(samples, noise=0.2, random_state=0)
    X, X_test, y, y_test = train_test_split(*whole, test_size=test_size, random_state=seed)
    given = f"{{name: moons, samples: {samples}, test_size: {test_size}, split_seed: {seed}}}"
    train, test = Sources().open(request_of(configured(given))).parts(None)
    assert_equal_tables(train, X, y)
    assert_equal_tables(test, X_test, y_test)


def test_no_test_size_is_no_test_part_and_no_shuffle():
    train, test = Sources().open(request_of(configured("{name: xor, split_seed: 1}"))).parts(None)
    assert_equal_tables(train, *DATASETS["xor"].load())
    assert test is None


@each_dtype
@pytest.mark.parametrize(("features", "order"), [("~", [0, 1]), ("[x2, x1*x2, x1]", [1, 2, 0])])
def test_a_network_reads_samples_as_columns_with_ones_last(dtype, features, order):
    given = configured("moons", dtype=dtype, features=features)
    _, samples, _ = setup.encode(given, None)
    X = make_moons(200, noise=0.2, random_state=0)[0]
    rows = np.vstack([X.T, X[:, 0] * X[:, 1]])[order]
    assert samples.x.dtype == samples.y.dtype == dtype
    np.testing.assert_array_equal(samples.x, np.vstack([rows, np.ones(200)]).astype(dtype))


@each_dtype
@pytest.mark.parametrize(
    ("dataset", "units", "expected"),
    [
        ("and", 1, [[0, 0, 0, 1]]),
        ("and", 2, [[1, 1, 1, 0], [0, 0, 0, 1]]),
        ("{name: spirals, samples: 4, arms: 3}", 3, [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]]),
    ],
)
def test_targets_are_0_and_1_for_one_unit_and_one_hot_for_several(dataset, units, expected, dtype):
    _, samples, _ = setup.encode(configured(dataset, units, dtype), None)
    assert samples.y.dtype == dtype
    np.testing.assert_array_equal(samples.y, expected)


@pytest.mark.parametrize(
    ("scale", "scaler"), [("standard", StandardScaler), ("minmax", MinMaxScaler)]
)
def test_columns_are_scaled_as_scikit_learn_does_by_the_training_part_alone(scale, scaler):
    given = f"{{name: wine, test_size: 0.3, split_seed: 5, scale: {scale}}}"
    _, train, test = setup.encode(configured(given, units=3), None)
    X, X_test = train_test_split(load_wine().data, test_size=0.3, random_state=5)
    fitted = scaler().fit(X)
    np.testing.assert_allclose(train.x[:-1].T, fitted.transform(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(test.x[:-1].T, fitted.transform(X_test), rtol=1e-12, atol=1e-12)


@pytest.fixture
def calls(monkeypatch):
    """Return a list that grows whenever moons are made, not read."""
    made, moons = [], DATASETS["moons"]

    def load(**parameters):
        made.append(parameters)
        return moons.load(**parameters)

    monkeypatch.setitem(DATASETS, "moons", replace(moons, load=load))
    return made


def test_the_second_load_reads_the_cache(calls, tmp_path):
    directory = tmp_path / "not" / "yet"
    first, second = (builtin.load("moons", MOONS, directory) for _ in range(2))
    assert len(calls) == 1
    assert_equal_tables(second, *first)
    reordered = dict(reversed(MOONS.items()))
    builtin.load("moons", reordered, directory)
    assert len(calls) == 1


@pytest.mark.parametrize(("key", "value"), [("samples", 41), ("noise", 0.2), ("seed", 6)])
def test_other_parameters_are_another_entry(calls, tmp_path, key, value):
    for parameters in (MOONS, MOONS | {key: value}):
        table = builtin.load("moons", parameters, tmp_path)
        assert_equal_tables(table, *builtin.moons(**parameters))
    assert len(calls) == 2


def flipped(content, i):
    return content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[:60],
        lambda content: content[:-1],
        lambda content: flipped(content, 0),
        lambda content: flipped(content, 6),
        lambda content: flipped(content, 8),
        lambda content: flipped(content, 10),
        lambda content: flipped(content, content.index(b"'shape'")),
        lambda content: flipped(content, content.index(b"(40")),
        lambda content: flipped(content, len(content) - 1),
        lambda content: content.replace(b"(40, 3)", b"(99999999999999, 3)"),
        lambda content: b"PK\x03\x04" + content[4:],
        lambda content: b"PK\x05\x06" + bytes(18),
    ],
    ids=[
        *("empty", "cut in the header", "cut at the end", "magic", "version", "header length"),
        *("header brace", "header key", "shape", "number", "huge", "bad zip", "empty zip"),
    ],
)
def test_a_spoilt_cache_file_is_made_anew(calls, tmp_path, spoil):
    builtin.load("moons", MOONS, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    path.write_bytes(spoil(path.read_bytes()))
    for _ in range(2):
        assert_equal_tables(builtin.load("moons", MOONS, tmp_path), *builtin.moons(**MOONS))
    assert len(calls) == 2


def test_cache_files_that_are_swapped_are_made_anew(calls, tmp_path):
    questions = [MOONS | {"seed": seed} for seed in (1, 2)]
    for parameters in questions:
        builtin.load("moons", parameters, tmp_path)
    a, b = tmp_path.glob("*.npy")
    ours, its = a.read_bytes(), b.read_bytes()
    a.write_bytes(its)
    b.write_bytes(ours)
    for parameters in questions:
        table = builtin.load("moons", parameters, tmp_path)
        assert_equal_tables(table, *builtin.moons(**parameters))
    assert len(calls) == 4


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_directory_that_cannot_be_made_is_no_error(calls, tmp_path, place):
    (tmp_path / "file").write_text("not a directory")
    for _ in range(2):
        table = builtin.load("moons", MOONS, tmp_path / place)
        assert_equal_tables(table, *builtin.moons(**MOONS))
    assert len(calls) == 2
    assert (tmp_path / "file").read_text() == "not a directory"


def test_a_cache_file_that_cannot_be_written_is_no_error_and_leaves_nothing(calls, tmp_path):
    builtin.load("moons", MOONS, tmp_path)
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    for _ in range(2):
        table = builtin.load("moons", MOONS, tmp_path)
        assert_equal_tables(table, *builtin.moons(**MOONS))
    assert len(calls) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_the_oldest_cache_files_make_room(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MAX_BYTES", 10_000)  # a file has about 1,100
    for seed in range(12):
        before = set(tmp_path.iterdir())
        builtin.load("moons", MOONS | {"seed": seed}, tmp_path)
        (path,) = set(tmp_path.iterdir()) - before
        os.utime(path, (seed, seed))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    builtin.load("moons", MOONS | {"seed": 11}, tmp_path)
    assert len(calls) == 12
    builtin.load("moons", MOONS | {"seed": 0}, tmp_path)
    assert len(calls) == 13


def test_a_table_that_would_fill_the_cache_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MAX_BYTES", 3_000)
    builtin.load("moons", MOONS, tmp_path)
    assert not list(tmp_path.iterdir())


FORGED = {
    "too few": lambda rows: rows[:4],
    "too many": lambda rows: np.concatenate([rows, rows]),
    "a column less": lambda rows: rows[:, 1:],
    "a column more": lambda rows: rows[:, [0, 0, 1, 2]],
    "one dimension": lambda rows: rows[:, 0],
    "no dimension": lambda rows: rows[0, 0],
    "three dimensions": lambda rows: rows[np.newaxis],
    "nothing": lambda rows: rows[:0],
    "float32": lambda rows: rows.astype("f4"),
    "other bytes": lambda rows: rows.astype(">f8"),
    "integers": lambda rows: rows.astype(int),
    "complex": lambda rows: rows.astype(complex),
    "text": lambda rows: rows.astype("U9"),
    "records": lambda rows: np.zeros(40, [("x", "f8", 3)]),
    "objects": lambda rows: rows.astype(object),
    "an infinity": lambda rows: np.where(rows == rows[3, 1], np.inf, rows),
    "no number": lambda rows: np.where(rows == rows[3, 1], np.nan, rows),
    "a class above": lambda rows: rows + np.eye(3)[2],
    "a class below": lambda rows: rows - np.eye(3)[2],
    "half a class": lambda rows: rows / 2,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_cache_file_with_the_right_name_is_made_anew(calls, tmp_path, forge):
    builtin.load("moons", MOONS, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    file = io.BytesIO()
    np.save(file, forge(np.load(path)))
    forged = path.with_name(cache.file_name(path.name.partition("-")[0], file.getvalue()))
    path.unlink()
    forged.write_bytes(file.getvalue())
    assert_equal_tables(builtin.load("moons", MOONS, tmp_path), *builtin.moons(**MOONS))
    assert len(calls) == 2


def test_forged_numbers_of_a_regression_are_made_anew(tmp_path):
    table = builtin.load("diabetes", {}, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    key = path.name.partition("-")[0]
    path.unlink()
    rows = np.column_stack(table)
    rows[5, -1] = np.nan
    cache.write(tmp_path, key, rows)
    assert_equal_tables(builtin.load("diabetes", {}, tmp_path), *table)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777, 0o722])
def test_a_cache_that_others_can_write_to_is_neither_read_nor_written(calls, tmp_path, mode):
    directory = tmp_path / "cache"
    builtin.load("moons", MOONS, directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    directory.chmod(mode)
    before = list(directory.iterdir())
    for seed in (5, 6):
        builtin.load("moons", MOONS | {"seed": seed}, directory)
    assert len(calls) == 3
    assert list(directory.iterdir()) == before


def test_a_cache_that_is_a_link_is_neither_read_nor_written(calls, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "cache").symlink_to("elsewhere")
    for _ in range(2):
        builtin.load("moons", MOONS, tmp_path / "cache")
    assert len(calls) == 2
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"NNFS_CACHE_DIR": "here"}, "here"),
        ({"NNFS_CACHE_DIR": "here", "XDG_CACHE_HOME": "{tmp}/xdg"}, "here"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg"}, "{tmp}/xdg/nnfs"),
        ({"XDG_CACHE_HOME": "not/absolute"}, "{tmp}/home/.cache/nnfs"),
        ({}, "{tmp}/home/.cache/nnfs"),
        ({"HOME": "{tmp}/open"}, "runs/.cache"),
        ({"HOME": "{tmp}/file"}, "runs/.cache"),
        ({"HOME": "{tmp}/missing"}, "{tmp}/missing/.cache/nnfs"),
    ],
)
def test_the_cache_is_the_user_s_own(env, expected, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "open/.cache/nnfs").mkdir(parents=True)
    (tmp_path / "open/.cache/nnfs").chmod(0o777)
    (tmp_path / "file").write_text("")
    for name in ("NNFS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in env.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    assert run_directory.cache_dir(Path("runs")) == Path(expected.format(tmp=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home", "open"]
