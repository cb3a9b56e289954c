"""The grammar of sweeps: specifications -> values, and values -> points."""

import re
from collections import Counter
from itertools import islice, pairwise, product
from math import log10
from pathlib import Path

import pytest

from nnfs_cli.config.nodes import Place
from nnfs_cli.errors import ConfigError
from nnfs_cli.sweeps import axes as sweeps_axes
from nnfs_cli.sweeps import trials

HERE = Place("here")


def axis(key, spec):
    return sweeps_axes.axis(key, spec, HERE)


def axes(**specs):
    return [axis(key, spec) for key, spec in specs.items()]


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("0..3", ["0", "1", "2", "3"]),
        ("5..5", ["5"]),
        ("-2..1", ["-2", "-1", "0", "1"]),
        ("-3..-1", ["-3", "-2", "-1"]),
        ("8..64..8", ["8", "16", "24", "32", "40", "48", "56", "64"]),
        ("0..10..4", ["0", "4", "8"]),
        ("0..3..9", ["0"]),
        ("1", ["1"]),
        ("0.1,0.5,1", ["0.1", "0.5", "1"]),
        (" 0.1 , 0.5 ", ["0.1", "0.5"]),
        ("1,1", ["1", "1"]),
        ("1e-3,null", ["1e-3", "null"]),
        ("tanh,relu", ["tanh", "relu"]),
        ("[x1],[x1,x2]", ["[x1]", "[x1,x2]"]),
        ("xor,{name: moons, noise: 0.1}", ["xor", "{name: moons, noise: 0.1}"]),
        ("[[1,2],[3,4]],[[5,6],[7,8]]", ["[[1,2],[3,4]]", "[[5,6],[7,8]]"]),
        ("../a.csv,../b.csv", ["../a.csv", "../b.csv"]),
        ("a..b", ["a..b"]),
        ("lin:0..1:5", ["0", "0.25", "0.5", "0.75", "1"]),
        ("lin:0..1:2", ["0", "1"]),
        ("lin:0..0.3:4", ["0", "0.1", "0.2", "0.3"]),
        ("lin:-1..1:3", ["-1", "0", "1"]),
        ("lin:1e-3..+.5e1:2", ["0.001", "5"]),
        ("log:1e-3..1:4", ["0.001", "0.01", "0.1", "1"]),
        ("log:1..4:3", ["1", "2", "4"]),
    ],
)
def test_a_specification_stands_for_its_values(spec, values):
    found = axis("key", spec)
    assert (list(found.values), found.scale) == (values, "")


@pytest.mark.parametrize(
    ("spec", "low", "high", "scale"),
    [("lin:0..1", 0, 1, "lin"), ("lin:-5..5e3", -5, 5000, "lin"), ("log:1e-4..1", 1e-4, 1, "log")],
)
def test_a_range_without_a_number_of_values_is_to_draw_from(spec, low, high, scale):
    found = axis("key", spec)
    assert (found.low, found.high, found.scale, list(found.values)) == (low, high, scale, [])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("3..1", "a range goes up: lo..hi or lo..hi..step"),
        ("0..9..0", "a range goes up: lo..hi or lo..hi..step"),
        ("0..9..-1", "a range goes up: lo..hi or lo..hi..step"),
        ("0..99999999999999999999", "a range has fewer than 10^12 values"),
        ("lin:1..0:5", "a range goes up"),
        ("lin:1..1:5", "a range goes up"),
        ("log:0..1:5", "a range goes up, and starts above 0 on a log scale"),
        ("log:-1..1", "a range goes up, and starts above 0 on a log scale"),
        ("lin:0..1e999:3", "a range is of finite numbers, and not too far apart"),
        ("lin:-1e308..1e308:3", "a range is of finite numbers, and not too far apart"),
        ("0.." + "9" * 5000, "must have fewer digits"),
        ("lin:0..1:" + "9" * 5000, "the number of values must be 2 or more, and at most 1,000,000"),
        ("lin:0..1:1", "the number of values must be 2 or more"),
        ("lin:0..1:0", "the number of values must be 2 or more"),
        ("0..", "a range is written 2..8, 0..100..10, lin:0..1:5 or log:1e-3..1:7"),
        ("..3", "a range is written"),
        ("0...3", "a range is written"),
        ("0.5..1", "a range is written"),
        ("1e1..1e2", "a range is written"),
        ("0..9..2..1", "a range is written"),
        ("lin:0..1:x", "a range is written"),
        ("lin:0..1:-5", "a range is written"),
        ("lin:5", "a range is written"),
        ("log:", "a range is written"),
        ("", "a value is missing between commas"),
        ("1,", "a value is missing between commas"),
        (",1", "a value is missing between commas"),
        ("1,,2", "a value is missing between commas"),
        (" , ", "a value is missing between commas"),
    ],
)
def test_a_wrong_specification_is_told_what_is_wrong(spec, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        axis("key", spec)


@pytest.mark.parametrize("scale", ["lin", "log"])
@pytest.mark.parametrize("count", [2, 3, 7, 100])
def test_spaced_values_are_even_and_end_at_the_ends(scale, count):
    values = [float(value) for value in axis("key", f"{scale}:0.02..3:{count}").values]
    assert (len(values), values[0], values[-1]) == (count, 0.02, 3)
    places = [log10(value) for value in values] if scale == "log" else values
    steps = [b - a for a, b in pairwise(places)]
    assert max(steps) - min(steps) < 1e-10


def test_a_grid_is_the_product_with_the_last_key_fastest():
    found = axes(a="2,0,1", b="y,x", c="7,9,8")
    points = list(sweeps_axes.grid(found))
    expected = product(*([(a.key, value) for value in a.values] for a in found))
    assert points == list(expected)
    assert sweeps_axes.count(found, ()) == len(points) == 18
    assert list(sweeps_axes.grid([])) == [()]


@pytest.mark.parametrize(
    ("zipped", "points"),
    [
        (("a", "c"), ["a0 c7 bx", "a0 c7 by", "a1 c8 bx", "a1 c8 by"]),
        (("c", "a"), ["a0 c7 bx", "a0 c7 by", "a1 c8 bx", "a1 c8 by"]),
        (("b", "c"), ["a0 bx c7", "a0 by c8", "a1 bx c7", "a1 by c8"]),
        (("a", "b", "c"), ["a0 bx c7", "a1 by c8"]),
        (("b",), ["a0 bx c7", "a0 bx c8", "a0 by c7", "a0 by c8"] * 2),
    ],
)
def test_zipped_keys_go_in_step_where_the_first_of_them_stands(zipped, points):
    found = axes(a="0..1", b="x,y", c="7..8")
    told = [" ".join(map("".join, point)) for point in sweeps_axes.grid(found, zipped)]
    if len(zipped) == 1:
        points = [p.replace("a0", f"a{i // 4}") for i, p in enumerate(points)]
    assert told == points
    assert sweeps_axes.count(found, zipped) == len(points)


def test_a_large_grid_is_made_as_far_as_it_is_asked_for():
    found = axes(a="0..999999999999", b="0..9")
    assert sweeps_axes.count(found, ()) == 10**13
    assert found[0].values[-1] == "999999999999"


RANDOM = {"a": "0..5", "b": "x,y,z", "c": "lin:-1..1", "d": "log:1e-4..1"}


def test_points_drawn_at_random_are_the_same_again_and_begin_alike():
    found = axes(**RANDOM)
    points = list(sweeps_axes.sample(found, 50, seed=7))
    assert points == list(sweeps_axes.sample(found, 50, seed=7))
    assert points[:20] == list(sweeps_axes.sample(found, 20, seed=7))
    assert points == list(islice(sweeps_axes.sample(found, 10**12, seed=7), 50))
    assert points != list(sweeps_axes.sample(found, 50, seed=8))
    assert all([key for key, _ in point] == list(RANDOM) for point in points)


def test_points_drawn_at_random_are_spread_as_they_are_said_to_be():
    points = [dict(point) for point in sweeps_axes.sample(axes(**RANDOM), 2000, seed=0)]
    for key, values in {"a": 6, "b": 3}.items():
        counts = Counter(point[key] for point in points)
        assert len(counts) == values
        assert min(counts.values()) > 0.8 * 2000 / values
    for key, low, high, scale in (("c", -1, 1, float), ("d", -4, 0, lambda v: log10(float(v)))):
        numbers = [scale(point[key]) for point in points]
        assert low <= min(numbers) < max(numbers) <= high
        assert sum(numbers) / 2000 == pytest.approx((low + high) / 2, abs=0.1 * (high - low))
    assert float(points[0]["c"]).hex() == float(repr(float(points[0]["c"]))).hex()


def read(tmp_path, text):
    path = tmp_path / "trials.csv"
    path.write_bytes(text.encode())
    return trials.read(str(path), "nothing was swept"), path


@pytest.mark.parametrize(
    "text",
    [
        "seed,dtype\n1,float32\n2,float64\n",
        "seed,dtype\r\n1,float32\r\n2,float64\r\n",
        "\ufeffseed,dtype\n1,float32\n\n2,float64",
        '"seed","dtype"\n"1","float32"\n"2",float64\n',
    ],
)
def test_a_row_of_a_file_of_trials_is_a_point(tmp_path, text):
    found, _ = read(tmp_path, text)
    assert [trial.point for trial in found] == [
        (("seed", "1"), ("dtype", "float32")),
        (("seed", "2"), ("dtype", "float64")),
    ]


def test_a_field_of_a_file_of_trials_knows_its_place(tmp_path):
    found, path = read(tmp_path, 'seed,features\n10,x1\n\n20,"[x1,x2]"\n')
    assert [
        str(trial.places[key].problem("wrong")).replace(f"{path}:", "")
        for trial in found
        for key in ("seed", "features")
    ] == [
        "2:1: wrong\n    2 | 10,x1\n      | ^^",
        "2:4: wrong\n    2 | 10,x1\n      |    ^^",
        '4:1: wrong\n    4 | 20,"[x1,x2]"\n      | ^^^^^^^^^^^^',
        '4:1: wrong\n    4 | 20,"[x1,x2]"\n      | ^^^^^^^^^^^^',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": has no rows under its header"),
        ("\n\n", ": has no rows under its header"),
        ("seed\n", ": has no rows under its header"),
        ("seed,dtype\n1\n", ":2:2: 1 column; the header has 2"),
        ("seed\n1\n\n1,2\n", ":4:3: 2 columns; the header has 1"),
        ("seed,dtype,seed\n1,float32,2\n", ":1:12: there is another column 'seed'"),
        ('seed\n"1\n', ":2: a quote is not closed"),
        ("seed\n\x00\n1", None),
    ],
)
def test_a_bad_file_of_trials_is_told_what_is_wrong(tmp_path, text, message):
    if message is None:
        read(tmp_path, text)
        return
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    path = tmp_path / "trials.csv"
    first, *_, last = str(raised.value).split("\n")
    assert first == f"{path}{message}"
    assert last == "1 error; nothing was swept"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.csv", "No such file or directory"), (".", "is not a file")],
)
def test_a_file_of_trials_that_cannot_be_read_is_told(tmp_path, name, reason):
    path = Path(tmp_path, name)
    with pytest.raises(ConfigError, match=f"{path}: cannot be read: {reason}"):
        trials.read(str(path), "nothing was swept")
