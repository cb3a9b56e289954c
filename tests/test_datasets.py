"""Data sets against their sources, their split against scikit-learn's, and their cache."""

import os
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.model_selection import train_test_split

from nnfs_cli import cache, datasets
from nnfs_cli.datasets import DATASETS, Table

GATES = {"or": np.logical_or, "and": np.logical_and, "xor": np.logical_xor}
GATES["nand"] = lambda a, b: ~np.logical_and(a, b)
MOONS = {"samples": 40, "noise": 0.1, "seed": 5, "shuffle": True}
each_dataset = pytest.mark.parametrize("name", DATASETS)


def assert_equal_tables(table, X, y):
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, y)


@each_dataset
def test_a_data_set_is_what_its_facts_say(name):
    parameters = {"samples": 30} if DATASETS[name].slow else {}
    table, facts = DATASETS[name].load(**parameters), DATASETS[name].facts(**parameters)
    assert table.X.shape == (facts.samples, len(facts.columns))
    assert table.X.dtype == np.float64
    assert set(table.y.tolist()) == set(range(facts.classes))


@each_dataset
def test_a_data_set_is_the_same_with_a_cache_and_without(name, tmp_path):
    parameters = {"samples": 30, "seed": 3} if DATASETS[name].slow else {}
    expected = DATASETS[name].load(**parameters)
    for directory in (None, tmp_path, tmp_path):
        table = datasets.load(name, parameters, directory)
        assert_equal_tables(table, *expected)
        assert (table.X.dtype, table.y.dtype.kind) == (np.float64, "i")


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
    assert_equal_tables(datasets.load(name, parameters, None), *expected)


@pytest.mark.parametrize("samples", [2, 4, 57, 200, 1000])
@pytest.mark.parametrize("test_size", [0.01, 0.1, 0.25, 1 / 3, 0.49])
@pytest.mark.parametrize("seed", [0, 42])
def test_a_split_has_the_rows_of_scikit_learn_s(samples, test_size, seed):
    table = Table(np.random.RandomState(1).uniform(size=(samples, 2)), np.arange(samples))
    X, X_test, y, y_test = train_test_split(*table, test_size=test_size, random_state=seed)
    train, test = datasets.split(table, test_size, seed)
    assert_equal_tables(train, X, y)
    assert_equal_tables(test, X_test, y_test)
    assert len(test.y) == datasets.n_test(samples, test_size)


def test_no_test_size_is_no_test_part_and_no_shuffle():
    table = DATASETS["xor"].load()
    train, test = datasets.split(table, 0.0, 1)
    assert_equal_tables(train, *table)
    assert test is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_reads_samples_as_columns_with_ones_last(dtype):
    X = np.arange(6).reshape(3, 2) / 10
    x = datasets.network_inputs(X, dtype)
    assert x.dtype == dtype
    np.testing.assert_array_equal(x, np.array([[0, 0.2, 0.4], [0.1, 0.3, 0.5], [1, 1, 1]], dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("y", "classes", "units", "expected"),
    [
        ([0, 1, 1], 2, 1, [[0, 1, 1]]),
        ([0, 1, 1], 2, 2, [[1, 0, 0], [0, 1, 1]]),
        ([2, 0, 1], 3, 3, [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    ],
)
def test_targets_are_0_and_1_for_one_unit_and_one_hot_for_several(
    y, classes, units, expected, dtype
):
    targets = datasets.network_targets(np.array(y), classes, units, dtype)
    assert targets.dtype == dtype
    np.testing.assert_array_equal(targets, expected)


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
    first, second = (datasets.load("moons", MOONS, directory) for _ in range(2))
    assert len(calls) == 1
    assert_equal_tables(second, *first)
    reordered = dict(reversed(MOONS.items()))
    datasets.load("moons", reordered, directory)
    assert len(calls) == 1


@pytest.mark.parametrize(("key", "value"), [("samples", 41), ("noise", 0.2), ("seed", 6)])
def test_other_parameters_are_another_entry(calls, tmp_path, key, value):
    for parameters in (MOONS, MOONS | {key: value}):
        table = datasets.load("moons", parameters, tmp_path)
        assert_equal_tables(table, *datasets.moons(**parameters))
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
    datasets.load("moons", MOONS, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    path.write_bytes(spoil(path.read_bytes()))
    for _ in range(2):
        assert_equal_tables(datasets.load("moons", MOONS, tmp_path), *datasets.moons(**MOONS))
    assert len(calls) == 2


def test_cache_files_that_are_swapped_are_made_anew(calls, tmp_path):
    questions = [MOONS | {"seed": seed} for seed in (1, 2)]
    for parameters in questions:
        datasets.load("moons", parameters, tmp_path)
    a, b = tmp_path.glob("*.npy")
    ours, its = a.read_bytes(), b.read_bytes()
    a.write_bytes(its)
    b.write_bytes(ours)
    for parameters in questions:
        table = datasets.load("moons", parameters, tmp_path)
        assert_equal_tables(table, *datasets.moons(**parameters))
    assert len(calls) == 4


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_directory_that_cannot_be_made_is_no_error(calls, tmp_path, place):
    (tmp_path / "file").write_text("not a directory")
    for _ in range(2):
        table = datasets.load("moons", MOONS, tmp_path / place)
        assert_equal_tables(table, *datasets.moons(**MOONS))
    assert len(calls) == 2
    assert (tmp_path / "file").read_text() == "not a directory"


def test_a_cache_file_that_cannot_be_written_is_no_error_and_leaves_nothing(calls, tmp_path):
    datasets.load("moons", MOONS, tmp_path)
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    for _ in range(2):
        table = datasets.load("moons", MOONS, tmp_path)
        assert_equal_tables(table, *datasets.moons(**MOONS))
    assert len(calls) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_the_oldest_cache_files_make_room(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MAX_BYTES", 10_000)  # a file has about 1,100
    for seed in range(12):
        before = set(tmp_path.iterdir())
        datasets.load("moons", MOONS | {"seed": seed}, tmp_path)
        (path,) = set(tmp_path.iterdir()) - before
        os.utime(path, (seed, seed))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    datasets.load("moons", MOONS | {"seed": 11}, tmp_path)
    assert len(calls) == 12
    datasets.load("moons", MOONS | {"seed": 0}, tmp_path)
    assert len(calls) == 13


def test_a_table_that_would_fill_the_cache_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MAX_BYTES", 3_000)
    datasets.load("moons", MOONS, tmp_path)
    assert not list(tmp_path.iterdir())
