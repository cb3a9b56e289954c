"""predict and evaluate: what goes in, what comes out, and that it is the network's own."""

import csv
import errno
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from shell import CONFIGS, XOR, call, matches, nnfs, shell, start, trained
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from nnfs_cli.data import csv_lines, csv_table, headers
from nnfs_cli.errors import FileError
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record

BLOBS = """\
dataset: {name: blobs, samples: 60, centers: 3, seed: 3}
layers:
  - {units: 5, activation: tanh, bias_initializer: {name: normal, mean: 0, std: 1}}
  - {units: 3, activation: softmax}
loss: cross_entropy
"""
BROAD = (
    *("epochs=2", "features=[x1, x2, x1*x2, x1^3, x2^5]"),
    *("layers.0.units=50", "layers.1.units=33", "layers.1.activation=elu"),
)
GRID = [(x1, x2) for x1 in (-2.5, 0.0, 0.1, 1.0) for x2 in (1e-3, 1.0, -1e3)]


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """Return a directory of runs that this module's tests only read."""
    directory = tmp_path_factory.mktemp("predict")
    (directory / "blobs.yaml").write_text(BLOBS)
    moons = (str(CONFIGS / "moons.yaml"), "dataset.samples=40")
    for name, *args in [
        ("xor", XOR),
        ("cross", str(CONFIGS / "xor-cross.yaml"), "features=[x1, x2^2, x1*x2]"),
        ("moons", *moons, "epochs=100"),
        ("float32", *moons, "epochs=100", "dtype=float32"),
        ("blobs", str(directory / "blobs.yaml"), "epochs=100"),
        ("sine", XOR, "layers.0.activation=sin", "layers.1.activation=identity", "epochs=50"),
        ("broad", *moons, *BROAD),
        ("broad32", *moons, *BROAD, "dtype=float32"),
    ]:
        trained(*args, "--name", name, "--runs-dir", str(directory))
    return directory


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, runs_dir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNFS_RUNS_DIR", str(runs_dir))


def predict(run, *args):
    """Return what predict prints when all is well."""
    done = call("predict", f"{run}-1", *args)
    assert (done.code, done.stderr) == (0, "")
    return done.stdout


def of_text(content, *args, run="xor"):
    """Predict for a file's content."""
    Path("in.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return call("predict", f"{run}-1", "in.csv", *args)


def rows_of(text):
    """Return a CSV text's header and its rows."""
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def outputs_of(done):
    """Return the predictions in a command's CSV, a list for each row: outputs and class."""
    assert (done.code, done.stderr) == (0, "")
    header, rows = rows_of(done.stdout)
    start = next(i for i, name in enumerate(header) if name.startswith("y_hat"))
    return [[*map(float, row[start:-1]), row[-1]] for row in rows]


def arrays_of(file):
    """Return the arrays of an .npz file or of its bytes."""
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def as_csv(points):
    return "".join(f"{x1!r},{x2!r}\n" for x1, x2 in points)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0)


NETWORKS = {
    "xor": (sigmoid, sigmoid),
    "cross": (sigmoid,),
    "moons": (np.tanh, np.tanh, sigmoid),
    "float32": (np.tanh, np.tanh, sigmoid),
    "blobs": (np.tanh, softmax),
    "sine": (np.sin, lambda z: z),
}


def by_hand(runs_dir, run, points):
    """Return outputs (samples, units) and classes (samples,) as an article computes them."""
    x1, x2 = np.array(points, float).T
    a = np.array([x1, x2**2, x1 * x2] if run == "cross" else [x1, x2])
    weights = arrays_of(runs_dir / f"{run}-1" / "weights.npz")
    with np.errstate(over="ignore"):
        for number, activation in enumerate(NETWORKS[run], 1):
            a = activation(weights[f"W{number}"] @ a + weights[f"b{number}"][:, np.newaxis])
    return a.T, a.argmax(axis=0) if len(a) > 1 else (a[0] >= 0.5).astype(int)


# What comes out


@pytest.mark.parametrize("run", NETWORKS)
def test_predictions_are_those_computed_by_hand(run, runs_dir):
    y_hat, classes = by_hand(runs_dir, run, GRID)
    found = outputs_of(of_text(as_csv(GRID), run=run))
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if run == "float32" else {"rtol": 1e-9}
    np.testing.assert_allclose([row[:-1] for row in found], y_hat, **tolerance)
    assert [row[-1] for row in found] == [str(c) for c in classes]


@pytest.mark.parametrize("run", NETWORKS)
def test_all_formats_agree(run):
    Path("in.csv").write_text(as_csv(GRID))
    header, rows = rows_of(predict(run, "in.csv"))
    objects = [
        json.loads(line) for line in predict(run, "in.csv", "--format", "jsonl").splitlines()
    ]
    done = call("predict", f"{run}-1", "in.csv", "--format", "npz")
    arrays = arrays_of(done.raw)
    units = {"blobs": 3}.get(run, 1)
    outputs = [f"y_hat_{i}" for i in range(units)] if units > 1 else ["y_hat"]
    assert header == ["x1", "x2", *outputs, "class"]
    assert [list(item) for item in objects] == [header] * len(GRID)
    assert [list(item.values()) for item in objects] == [
        [*map(float, row[:-1]), row[-1]] for row in rows
    ]
    assert {key: array.shape for key, array in arrays.items()} == {
        "y_hat": (len(GRID), units),
        "class": (len(GRID),),
    }
    values = np.array([row[2:-1] for row in rows], float)
    np.testing.assert_array_equal(arrays["y_hat"], values.astype(arrays["y_hat"].dtype))
    assert arrays["class"].tolist() == [row[-1] for row in rows]


def test_points_on_the_command_line_are_predicted():
    header, rows = rows_of(predict("xor", "--x", "0,0", "--x", "0,1", "--x", "1,0", "--x=1,1"))
    assert header == ["x1", "x2", "y_hat", "class"]
    assert [(row[:2], row[-1]) for row in rows] == [
        (["0", "0"], "0"),
        (["0", "1"], "1"),
        (["1", "0"], "1"),
        (["1", "1"], "0"),
    ]
    assert rows_of(predict("xor", "--x", "-1e-3,-.5"))[1][0][:2] == ["-1e-3", "-.5"]


def test_more_points_than_a_pipe_holds_are_predicted():
    done = nnfs("predict", "xor-1", *["--x", "0,1"] * 20_000, timeout=10)
    assert (done.code, done.stdout.count("\n")) == (0, 20_001)


def test_no_header_leaves_out_the_names_alone():
    with_names = predict("xor", "--x", "0,1")
    assert predict("xor", "--x", "0,1", "--no-header") == with_names.partition("\n")[2]


@pytest.mark.parametrize("run", ["xor", "sine", "blobs"])
def test_a_run_predicts_its_own_data(run, runs_dir):
    header, rows = rows_of(predict(run))
    assert header[:3] == ["x1", "x2", "y"]
    y_hat, classes = by_hand(runs_dir, run, [row[:2] for row in rows])
    np.testing.assert_allclose(np.array([row[3:-1] for row in rows], float), y_hat, rtol=1e-9)
    correct = [row[2] == row[-1] for row in rows]
    facts = json.loads((runs_dir / f"{run}-1/run.json").read_text())
    assert sum(correct) / len(correct) == facts["accuracy"]
    assert [row[-1] for row in rows] == [str(c) for c in classes]
    if run == "xor":
        assert [row[:3] for row in rows] == [
            ["0.0", "0.0", "0"],
            ["0.0", "1.0", "1"],
            ["1.0", "0.0", "1"],
            ["1.0", "1.0", "0"],
        ]


def test_a_run_predicts_its_own_data_part_by_part(runs_dir):
    header, rows = rows_of(predict("moons"))
    assert header == ["x1", "x2", "y", "part", "y_hat", "class"]
    assert [row[3] for row in rows] == ["train"] * 32 + ["test"] * 8
    facts = json.loads((runs_dir / "moons-1/run.json").read_text())
    for part, figure in {"train": "accuracy", "test": "test_accuracy"}.items():
        correct = [row[2] == row[-1] for row in rows if row[3] == part]
        assert sum(correct) / len(correct) == facts[figure]
    first, *_ = predict("moons", "--format", "jsonl").splitlines()
    values = [float(rows[0][0]), float(rows[0][1]), rows[0][2], "train"]
    assert list(json.loads(first).values())[:4] == values


# What goes in

PLAIN = "0,1\n1,1\n"
SAME = {
    "header": "x1,x2\n0,1\n1,1\n",
    "other-order": "x2,x1\n1,0\n1,1\n",
    "more-columns": "id,x2,note,x1\n7,1,aha,0\n8,1,,1\n",
    "quoted-names": '"x1","x2"\n0,1\n1,1\n',
    "spaced-names": "x1 , x2\n0,1\n1,1\n",
    "no-last-newline": "0,1\n1,1",
    "header-no-last-newline": "x1,x2\n0,1\n1,1",
    "crlf": "0,1\r\n1,1\r\n",
    "header-crlf": "x1,x2\r\n0,1\r\n1,1\r\n",
    "crlf-no-last-newline": "0,1\r\n1,1",
    "bom": "\ufeff0,1\n1,1\n",
    "header-bom": "\ufeffx1,x2\n0,1\n1,1\n",
    "quotes": '"0","1"\n1,"1"\n',
    "spaces": " 0 , 1\n1 ,1 \n",
    "tabs": "0,\t1\n1,1\n",
    "strange-spaces": "0\x1c,1\n1,\xa01\n",
    "semicolons": "0;1\n1;1\n",
    "header-semicolons": "x1;x2\n0;1\n1;1\n",
    "tab-separated": "x2\tx1\n1\t0\n1\t1\n",
    "bars": "0|1\n1|1\n",
    "commas-in-semicolons": 'x1;note;x2\n0;a, "b";1\n1;"c; d";1\n',
    "mixed-line-ends": "x1,x2\n0,1\r\n1,1\n",
    "blank-lines": "0,1\n\n1,1\n",
    "blank-lines-at-the-end": "0,1\n1,1\n\n\n",
    "blank-lines-of-spaces": "0,1\n \t\n1,1\n  \n",
    "blank-line-at-the-start": "\n0,1\n1,1\n",
    "blank-line-before-the-header": "\nx1,x2\n0,1\n1,1\n",
    "blank-line-behind-the-header": "x1,x2\n\n0,1\n1,1\n",
    "blank-lines-crlf": "x1,x2\r\n\r\n0,1\r\n\r\n1,1\r\n\r\n",
    "numbers": "0e0,+1.0\n1.,01\n",
    "commas-in-quotes": 'x1,note,x2\n0,"a, b",1\n1,"""c"", d",1\n',
    "umlauts": "größe,x1,x2\nü,0,1\nß,1,1\n",
    "long-field": f"x1,note,x2\n0,{'n' * 200_000},1\n1,,1\n",
    "long-first-field": f"note,x1,x2\n{'n' * 200_000},0,1\n,1,1\n",
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME.keys())
def test_the_same_numbers_give_the_same_predictions(content):
    assert outputs_of(of_text(content)) == outputs_of(of_text(PLAIN))
    if "note" in content or "ö" in content:
        done = of_text(content, "--format", "jsonl")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [[row["y_hat"], row["class"]] for row in found] == outputs_of(of_text(PLAIN))


@pytest.mark.parametrize(
    ("content", "names", "first"),
    [
        ("0,1\n", ["x1", "x2"], ["0", "1"]),
        ("x2,x1\n1,0\n", ["x2", "x1"], ["1", "0"]),
        ("id,x2,x1\n7,1.50,0\n", ["id", "x2", "x1"], ["7", "1.50", "0"]),
        ('x1,"a, b",x2\n0,"c, d",1\n', ["x1", "a, b", "x2"], ["0", "c, d", "1"]),
        ("größe,x1,x2\nü,0,1\n", ["größe", "x1", "x2"], ["ü", "0", "1"]),
        ("x1,x2,\n0,1,z\n", ["x1", "x2", ""], ["0", "1", "z"]),
        ('x1;x2;"a, b"\r\n0;1;"c;""d"""\n', ["x1", "x2", "a, b"], ["0", "1", 'c;"d"']),
    ],
)
def test_the_input_s_columns_stand_before_the_predictions(content, names, first):
    header, (row,) = rows_of(of_text(content).stdout)
    assert (header, row[:-2]) == ([*names, "y_hat", "class"], first)


def test_the_input_s_columns_are_in_jsonl_too():
    content = "id,x1,x2,note\n007,0,1,nan\n"
    (line,) = of_text(content, "--format", "jsonl").stdout.splitlines()
    found = json.loads(line)
    assert list(found) == ["id", "x1", "x2", "note", "y_hat", "class"]
    assert (found["x1"], found["x2"]) == (0.0, 1.0)
    assert found["note"] == "nan", "what is no column of the run is no number"


def test_stdin_is_read_like_a_file():
    for content in PLAIN, SAME["header-bom"], SAME["no-last-newline"]:
        done = nnfs("predict", "xor-1", "-", stdin=content)
        assert (done.code, done.stderr, done.stdout) == (0, "", of_text(content).stdout)


def test_a_pipe_with_a_name_is_read_like_a_file():
    done = shell("nnfs predict xor-1 <(printf '0,1\\n1,1\\n')")
    assert (done.code, done.stderr, done.stdout) == (0, "", of_text(PLAIN).stdout)


def test_a_line_may_come_in_pieces():
    process = start("predict", "xor-1", "-", stdin=-1, bufsize=0, text=False)
    with process:
        for piece in (b"\xef", b"\xbb\xbfx1,", b"x2\r", b"\n0,", b"1\n"):
            process.stdin.write(piece)
        found = process.stdout.readline(), process.stdout.readline()
        process.stdin.write(b"1,\xef\xbc")
        process.stdin.write(b"\x91")
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, b"")
    assert (b"".join(found) + stdout).decode().replace("１", "1") == of_text(PLAIN).stdout


def test_a_long_input_is_predicted_like_a_short_one(runs_dir):
    points = np.random.RandomState(0).standard_normal((50_000, 2)).tolist()
    done = of_text(as_csv(points), "--format", "npz", run="moons")
    found = arrays_of(done.raw)
    y_hat, classes = by_hand(runs_dir, "moons", points)
    np.testing.assert_allclose(found["y_hat"], y_hat, rtol=1e-9)
    np.testing.assert_array_equal(found["class"].astype(int), classes)


@pytest.mark.parametrize("run", ["xor", "moons", "float32", "blobs", "cross", "broad", "broad32"])
def test_a_row_has_the_same_bits_whatever_rows_come_with_it(run, monkeypatch):
    rng = np.random.RandomState(0)
    points = rng.standard_normal((1500, 2)) * 10.0 ** rng.randint(-2, 3, (1500, 1))
    lines = as_csv(points.tolist()).splitlines(keepends=True)
    together = of_text("".join(lines), "--no-header", run=run).stdout.splitlines()
    for count in (1, 3, 16, 17, 100, 513):
        some = rng.choice(len(lines), count, replace=False)
        found = of_text("".join(lines[i] for i in some), "--no-header", run=run).stdout
        assert found.splitlines() == [together[i] for i in some], count
    for size in (100, 1000, 30_000):  # bytes that arrive together
        monkeypatch.setattr(csv_lines, "CHUNK", size)
        found = of_text("".join(lines), "--no-header", run=run).stdout
        assert found.splitlines() == together, size


@pytest.mark.parametrize("run", ["xor", "moons", "broad", "broad32"])
def test_own_data_have_the_bits_that_they_have_from_a_file(run):
    header, *own = predict(run).splitlines(keepends=True)
    for i in (0, len(own) - 1):
        (found,) = predict_rows(run, header + own[i])
        assert found.split(",")[-2:] == own[i].rstrip("\n").split(",")[-2:]


def predict_rows(run, text):
    """Return the lines that predict prints for a text, without the header."""
    done = of_text(text, run=run)
    assert done.code == 0
    return done.stdout.splitlines()[1:]


# Which column is which

FOUND = {
    "X2,X1\n1,0\n1,1\n": "in.csv:1: 'X1' is read as 'x1', 'X2' is read as 'x2'\n",
    "note, X2 ,x1\na,1,0\nb,1,1\n": "in.csv:1: 'X2' is read as 'x2'\n",
    "X1,x1,x2\n5,0,1\n5,1,1\n": "",
    "X1,x2,x1,X2\n5,1,0,6\n5,1,1,6\n": "",
}


@pytest.mark.parametrize(("content", "notice"), FOUND.items(), ids=map(repr, FOUND))
def test_a_name_of_another_case_is_found_and_that_is_said(content, notice):
    done = of_text(content, "--no-header")
    assert (done.code, done.stderr) == (0, notice)
    wanted = [row[-2:] for row in rows_of(of_text(PLAIN).stdout)[1]]
    assert [line.split(",")[-2:] for line in done.stdout.splitlines()] == wanted


@pytest.mark.parametrize(
    ("names", "columns", "places"),
    [
        (["Straße", "b"], ["STRASSE"], [0]),
        (["GRÖSSE", "b"], ["gro\u0308sse"], [0]),
        (["ss", "SS"], ["SS", "ss"], [1, 0]),
        (["SS", "Ss"], ["ss"], None),
        (["SS", "b"], ["ss", "Ss"], None),
        (["1e5", "b"], ["100000"], [0]),
        (["2019.0", "2019.00"], ["2019"], None),
        (["nan", "NaN "], ["Nan"], None),
    ],
)
def test_a_name_is_found_where_only_one_is_alike(names, columns, places):
    reader = csv_table.read((",".join(names) + "\n").encode(), "in.csv").headed()
    if places is None:
        with pytest.raises(FileError, match="there is no column"):
            headers.find(reader, reader.header, columns, headers.TABLE)
    else:
        assert headers.find(reader, reader.header, columns, headers.TABLE) == places


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("a,b,c\n0,1,1\n", "'x1'"),
        ("x1,b,y\n0,1,1\n", "'x2'"),
        ("Age,Rooms,Price\n0,1,1\n", "'x1'"),
        ("x2,x,y\n0,1,1\n", "'x1'"),
    ],
)
def test_a_header_without_the_run_s_names_is_refused_with_the_next_step(command, content, missing):
    if command == "predict":
        content = "".join(line.rpartition(",")[0] + "\n" for line in content.splitlines())
    Path("in.csv").write_text(content)
    done = call(command, "xor-1", "in.csv")
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith(f"in.csv:1: there is no column {missing}")
    step = done.stderr.rstrip("\n").rpartition(", add ")[2].split()
    done = call(command, "xor-1", "in.csv", *step)
    assert done.code == 0, done.stderr


def test_by_position_reads_columns_in_the_run_s_order():
    for content in ("a,b\n0,1\n1,1\n", "x1,other\n0,1\n1,1\n", PLAIN):
        assert outputs_of(of_text(content, "--by-position")) == outputs_of(of_text(PLAIN))
    done = of_text("x2,x1\n0,1\n1,1\n", "--by-position", "--format", "jsonl")
    told = "in.csv:1: 'x2' is read as 'x1', 'x1' is read as 'x2' by position\n"
    assert (done.code, done.stderr) == (0, told)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[row["y_hat"], row["class"]] for row in found] == outputs_of(of_text(PLAIN))
    assert [row["x2"] for row in found] == [0.0, 1.0]
    assert of_text("a,b,c\n0,1,2\n", "--by-position").code == 6
    labelled = {"a,b,c\n": 0, "x2,x1,y\n": 0, "y,x2,x1\n": 0, "": 0}
    for header in labelled:
        Path("in.csv").write_text(header + "0,1,1\n0,0,0\n")
        done = call("evaluate", "xor-1", "in.csv", "--by-position", "--require", "accuracy>=1")
        assert done.code == 0, done.stderr


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("option", [["--by-position"], ["--first-line", "header"]])
def test_how_to_read_a_file_needs_a_file(command, option):
    done = call(command, "xor-1", *option)
    assert (done.code, done.stdout) == (2, "")
    assert f"{option[0]} requires a file" in done.stderr


@pytest.fixture(scope="module")
def numbered(runs_dir):
    """Return a function that trains on a table with a header, and returns the run."""

    def train(*names):
        path = runs_dir / "numbered.csv"
        path.write_text(",".join(names) + "\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
        args = ("dataset={path: " + str(path) + ", header: true}", "epochs=5", "-q")
        done = call("train", XOR, *args, "--name", "numbered", "--runs-dir", str(runs_dir))
        assert done.code == 0, done.stderr
        return done.stdout.strip()

    return train


NUMBERS = [("0", "1", "2"), ("2019", "2020", "2021"), ("1e5", "2e5", "kind"), ("0.5", "-1", "y")]


@pytest.mark.parametrize("names", NUMBERS, ids=map(",".join, NUMBERS))
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_of_numbers_is_known_by_the_run_s_names(names, quote, numbered):
    run, (a, b, _) = numbered(*names), [f"{quote}{name}{quote}" for name in names]
    plain = call("predict", run, "--x", "0.5,0.25", "--no-header").stdout.split(",")[2:]
    for content, said in {
        f"{a},{b}\n0.5,0.25\n": True,
        f"{b},{a}\n0.25,0.5\n": True,
        f"{b},note,{a}\n0.25,x,0.5\n": False,
    }.items():
        Path("in.csv").write_text(content)
        done = call("predict", run, "in.csv")
        assert done.code == 0, done.stderr
        assert done.stdout.splitlines()[1].split(",")[-2:] == [part.strip() for part in plain]
        assert done.stderr.count("is taken as the header") == said
        assert ("if it is a sample, add --first-line sample" in done.stderr) == said
        if said:
            done = call("predict", run, "in.csv", "--first-line", "sample")
            assert (done.code, done.stdout.count("\n"), done.stderr) == (0, 3, "")


def test_a_first_line_of_numbers_that_may_be_a_header_is_a_sample_and_that_is_said(numbered):
    run = numbered("2019", "2020", "2021")
    Path("in.csv").write_text("2019,2022\n0,1\n")
    done = call("predict", run, "in.csv", "--no-header")
    told = "in.csv:1: the first line, 2019, 2022, is taken as a sample, as it has no 2020; "
    told += "if it is the header, add --first-line header\n"
    assert (done.code, done.stdout.count("\n"), done.stderr) == (0, 2, told)
    done = call("predict", run, "in.csv", "--first-line", "header")
    assert (done.code, done.stdout) == (6, "")
    assert "there is no column '2020'" in done.stderr
    Path("in.csv").write_text("2020.0,2019.0\n0,1\n")
    done = call("predict", run, "in.csv", "--first-line", "header", "--no-header")
    assert (done.code, done.stdout.count("\n")) == (0, 1)
    told = "in.csv:1: '2019.0' is read as '2019', '2020.0' is read as '2020'\n"
    assert done.stderr == told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("2019,2020\n0,1\n", True),
        ("0,1\n1,1\n", False),
        ("1,2\n1,1\n", False),
        ("2019.5,2020.5\n0,1\n", False),
        ("2020,2019\n0,1\n", False),
    ],
)
def test_numbers_that_count_up_are_said_to_be_taken_as_a_sample(content, said):
    done = of_text(content, "--no-header")
    assert (done.code, done.stdout.count("\n")) == (0, 2)
    assert bool(done.stderr) == said
    if said:
        *_, step = done.stderr.rstrip("\n").partition("if it is the header, add ")
        done = of_text(content, "--no-header", *step.split())
        assert (done.code, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def test_what_the_first_line_is_may_be_said():
    assert of_text("0,1\n1,1\n", "--first-line", "sample") == of_text("0,1\n1,1\n")
    done = of_text("0,1\n1,1\n", "--first-line", "header", "--by-position", "--no-header")
    assert (done.code, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    done = of_text("x1,x2\n1,1\n", "--first-line", "sample")
    assert (done.code, done.stderr) == (6, "in.csv:1:1: 'x1' is not a number\n")


class Unsearched(tuple):
    """Names that are looked up, not searched for one by one."""

    __slots__ = ()

    def index(self, *_):
        raise AssertionError("searched from the beginning")

    __contains__ = index


@pytest.mark.parametrize("keys", [(), ("features=[x2, x1*x2]",)])
def test_columns_are_not_searched_one_by_one(keys, runs_dir):
    """Of n columns that would take n^2 steps: 26 seconds for 40,000."""
    run = record.read(trained(XOR, "epochs=1", *keys))
    known = replace(run.encoding.facts, columns=Unsearched(run.encoding.facts.columns))
    model = models.load(run)
    model = model._replace(run=replace(run, encoding=replace(run.encoding, facts=known)))
    X = np.array([[0.0, 1], [1, 1]])
    wanted = models.predict(models.load(run), X)
    np.testing.assert_array_equal(models.predict(model, X).y_hat, wanted.y_hat)
    reader = csv_table.read(b"a,X2,x1\n", "in.csv").headed()
    names = Unsearched(reader.header)
    assert headers.find(reader, names, Unsearched(("x1", "x2")), headers.TABLE) == [2, 1]


# What the answers are called

TAKEN = {
    "class,x1,x2": ["y_hat", "predicted_class"],
    "y_hat,x1,x2": ["predicted_y_hat", "class"],
    "class,x1,predicted_class,x2,y_hat": ["predicted_y_hat", "predicted_class_2"],
    "Class,x1,x2": ["y_hat", "class"],
}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("header", TAKEN)
def test_an_answer_does_not_take_the_name_of_a_column(header, form):
    names = header.split(",")
    row = {name: {"x1": "0", "x2": "1"}.get(name, f"own {name}") for name in names}
    done = of_text(f"{header}\n{','.join(row.values())}\n", "--format", form)
    renamed = [name for name in TAKEN[header] if name.startswith("predicted")]
    assert done.code == 0
    told = done.stderr.splitlines()
    assert [line.rpartition(" ")[2] for line in told] == [repr(name) for name in renamed]
    if form == "csv":
        (found,) = csv.DictReader(io.StringIO(done.stdout))
    else:
        found = json.loads(done.stdout)
    assert list(found) == [*names, *TAKEN[header]]
    own = {name: value for name, value in row.items() if name not in ("x1", "x2")}
    assert own.items() <= found.items()
    assert found[TAKEN[header][1]] == "1"


def test_names_that_are_not_printed_are_not_said():
    for args in (["--no-header"], ["--format", "npz"]):
        assert of_text("class,x1,x2\na,0,1\n", *args).stderr == ""


def test_own_data_with_a_column_called_class_or_part_keep_them(tmp_path):
    rows = "".join(f"{i},{i % 3},{'ab'[i % 2]}\n" for i in range(10))
    Path("table.csv").write_text("part,y_hat,class\n" + rows)
    data = "dataset={path: table.csv, test_size: 0.3}"
    run = trained(XOR, data, "loss=binary_cross_entropy", "epochs=1", "--runs-dir", str(tmp_path))
    done = call("predict", str(run), "--format", "jsonl")
    assert done.code == 0
    names = ["part", "y_hat", "class", "predicted_part", "predicted_y_hat", "predicted_class"]
    for line in done.stdout.splitlines():
        found = json.loads(line)
        assert list(found) == names
        assert (found["y_hat"], found["class"]) == (found["part"] % 3, "ab"[int(found["part"]) % 2])


def test_points_need_no_file(monkeypatch):
    opened = os.open

    def read_only(path, flags, *args, **options):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *args, **options)

    wanted = predict("xor", "--x", "0,1")
    monkeypatch.setattr(os, "open", read_only)
    assert predict("xor", "--x", "0,1") == wanted


# What is wrong

WRONG = [
    ("", "in.csv: is empty; it needs the columns x1, x2"),
    ("\ufeff", "in.csv: is empty; it needs the columns x1, x2"),
    ("\n", "in.csv: is empty; it needs the columns x1, x2"),
    ("\r\n\r\n", "in.csv: is empty; it needs the columns x1, x2"),
    ("0\n", "in.csv:1: 1 column; the run has 2: x1, x2"),
    ("0,1,2\n", "in.csv:1: 3 columns; the run has 2: x1, x2"),
    ("\n\n0,1,2\n", "in.csv:3: 3 columns; the run has 2: x1, x2"),
    ("0,1\n0,1,2\n", "in.csv:2:3: 3 columns; 2 are needed"),
    ("0,1\n1\n", "in.csv:2:2: 1 column; 2 are needed"),
    ("0,1\n1,\n", "in.csv:2:2: an empty field is not a number"),
    ("x1\n0\n", "in.csv:1: there is no column 'x2'; the run has 2: x1, x2, the header x1"),
    (
        "x1,y,z\n0,1,2\n",
        "...:1: there is no column 'x2'; the run has 2: ..., the header x1, y, z...",
    ),
    (
        "\nxx1,x2,x4\n0,1,2\n",
        "in.csv:2: there is no column 'x1'; the run has 2: x1, x2, the header xx1, x2, x4; "
        "did you mean 'xx1'?",
    ),
    ("x1,x2,x1\n0,1,2\n", "in.csv:1:3: there is another column 'x1'"),
    ("x1,x1\n0,1\n", "in.csv:1:2: there is another column 'x1'"),
    ("\nx1,x2,x2\n0,1\n", "in.csv:2:3: there is another column 'x2'"),
    ("id,x1,x2\n0,1\n", "in.csv:2:3: 2 columns; 3 are needed"),
    ("id,x1,x2\na,0,1\n\nb,0,1,2\n", "in.csv:4:4: 4 columns; 3 are needed"),
    ("0,1\n0,one\n", "in.csv:2:2: 'one' is not a number"),
    ("x1,x2\n0,1\n\n\n0,one\n", "in.csv:5:2: 'one' is not a number"),
    ("\n\nx1,x2\n0,one\n", "in.csv:4:2: 'one' is not a number"),
    ("id,x2,x1\na,1,zero\n", "in.csv:2:3: 'zero' is not a number"),
    ("0,1\r\n0,one\r\n", "in.csv:2:2: 'one' is not a number"),
    ("0,1\n0,nan\n", "in.csv:2:2: 'nan' is not a finite number"),
    ("0,1\ninf,0\n", "in.csv:2:1: 'inf' is not a finite number"),
    ("0,1\n0,-Infinity\n", "in.csv:2:2: '-Infinity' is not a finite number"),
    ("0,1\n0,1e999\n", "in.csv:2:2: '1e999' is not a finite number"),
    ("nan,1\n", "in.csv:1:1: 'nan' is not a finite number"),
    ("0,1\n0,0x1\n", "in.csv:2:2: '0x1' is not a number"),
    ("0,1\n0,1_000\n", "in.csv:2:2: '1_000' is not a number"),
    ("0,1\n0,true\n", "in.csv:2:2: 'true' is not a number"),
    ("0,1\n0,1j\n", "in.csv:2:2: '1j' is not a number"),
    ("0:1\n", "in.csv:1: there is no column 'x1' or 'x2'; the run has 2: x1, x2, the header 0:1"),
    (
        "a,b\n0,1\n",
        "in.csv:1: there is no column 'x1' or 'x2'; the run has 2: x1, x2, the header a, b; "
        "if they are in the run's order, add --by-position",
    ),
    (
        "x2,other\n1,0\n",
        "in.csv:1: there is no column 'x1'; the run has 2: x1, x2, the header x2, other; "
        "if they are in the run's order, add --by-position",
    ),
    ("X1,x1 ,X2,X2 \n0,1,2,3\n", "in.csv:1:4: there is another column 'X2'"),
    ("ann,1\n0,1\n", "in.csv:1:1: 'ann' is not a number; if this line is the header, add ..."),
    ("0;1\n0,1\n", "in.csv:2:2: 1 column; 2 are needed"),
    ("0,1\n0,1\0\n", "in.csv:2:2: ... is not a number"),
    ('0,1\n0,"1\n1,1\n', "in.csv:2: a quote is not closed"),
    ('0,1\n0,"1"2\n', "in.csv:2: a quote is closed, and then the field goes on"),
    ("0,1\r1,1\r", "in.csv:1: a carriage return inside the line; a line ends with a newline"),
    ('x1,x2,a,b\n0,1,"2,3"\n', "in.csv:2:4: 3 columns; 4 are needed"),
    ("# comment\n0,1\n", "in.csv:1: ..."),
    ("0,1\n# comment\n", "in.csv:2:2: 1 column; 2 are needed"),
    (b"0,1\n0,\xe9\n", "in.csv:2: byte 0xe9 is not UTF-8 text"),
    (b"\xef\xbb\xbf0,1\n0,\xe9\n", "in.csv:2: byte 0xe9 is not UTF-8 text"),
    (b"\xe9,x2\n0,1\n", "in.csv:1: byte 0xe9 is not UTF-8 text"),
    (b"0,1\n" * 70_000 + b"0,\xe9", "in.csv:70001: byte 0xe9 is not UTF-8 text"),
    (b"0,1\n" * 70_000 + b"0,x\n", "in.csv:70001:2: 'x' is not a number"),
    ("0,1\n".encode("utf-16"), "in.csv:1: byte 0xff is not UTF-8 text"),
    (b"0,1\n0," + b"1" * (2 << 20), "in.csv:2: the line is longer than 1 MiB"),
    (b"0,1\n0," + b"x" * 200_000, "in.csv:2:2: 'xxx...' is not a number"),
    (b"x1,x2," + b"y" * 200_000 + b"\n0,1,2\n0,1\n", "in.csv:3:3: 2 columns; 3 are needed"),
    (b"x" * 200_000 + b",x2\n0,1\n", "in.csv:1: there is no column 'x1'; the run has 2: x1, x2..."),
    (b",".join([b"x" * 200_000] * 2) + b"\n", "in.csv:1:2: there is another column 'xxx...'"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=[repr(w[0][:20]) for w in WRONG])
def test_what_is_wrong_with_an_input_is_told_with_its_line_and_column(content, message):
    done = of_text(content)
    assert done.code == 6
    assert matches(done.stderr, f"{message}\n"), done.stderr
    assert len(done.stderr) < 300


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_every_format_tells_the_same_of_a_wrong_input(form):
    done = of_text("id,x1,x2\na,0,1\nb,0,one\n", "--format", form)
    assert (done.code, done.stderr) == (6, "in.csv:3:3: 'one' is not a number\n")


BAD_LINES = {
    "0,one": "in.csv:4:2: 'one' is not a number",
    "0": "in.csv:4:2: 1 column; 2 are needed",
    '0,"1': "in.csv:4: a quote is not closed",
    "0,nan": "in.csv:4:2: 'nan' is not a finite number",
    "0,\udce9": "in.csv:4: byte 0xe9 is not UTF-8 text",
    "0," + "1" * (2 << 20): "in.csv:4: the line is longer than 1 MiB",
}


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
@pytest.mark.parametrize("delimiter", ",;")
@pytest.mark.parametrize("bad", BAD_LINES, ids=[line[:8] for line in BAD_LINES])
def test_rows_before_a_bad_one_are_predicted_though_they_are_read_together(bad, delimiter, form):
    good = "x1,x2\n0,1\n1,1\n"
    text = (good + bad + "\n0,0\n").replace(",", delimiter).encode(errors="surrogateescape")
    done = of_text(text, "--format", form)
    assert (done.code, done.stderr) == (6, BAD_LINES[bad] + "\n")
    wanted = "" if form == "npz" else of_text(good, "--format", form).stdout
    assert done.stdout == wanted


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_a_file_that_would_not_be_whole_is_not_written_and_that_is_said(form):
    done = of_text("0,1\n0,one\n", "--format", form, "-o", "out")
    assert (done.code, done.stdout) == (6, "")
    told = "in.csv:2:2: 'one' is not a number\nout: was not written\n"
    assert done.stderr == told
    assert not Path("out").exists()


def test_lines_before_a_wrong_one_are_predicted_as_they_come():
    with start("predict", "xor-1", "-", stdin=-1, bufsize=1) as process:
        process.stdin.write("0,1\n")
        assert process.stdout.readline() + process.stdout.readline() == predict("xor", "--x", "0,1")
        stdout, stderr = process.communicate("0,one\n", timeout=60)
    assert (process.returncode, stdout) == (6, "")
    assert stderr == "<stdin>:2:2: 'one' is not a number\n"


def test_a_header_alone_gives_a_header_alone():
    assert of_text("x1,x2\n")[:3] == (0, "x1,x2,y_hat,class\n", "")
    assert of_text("x1,x2", "--format", "jsonl")[:3] == (0, "", "")
    done = of_text("x1,x2\n", "--format", "npz", run="blobs")
    assert (done.code, done.stderr) == (0, "")
    arrays = arrays_of(done.raw)
    assert (arrays["y_hat"].shape, arrays["class"].shape) == ((0, 3), (0,))


# Into a file


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_a_file_gets_what_stdout_would(form):
    args = ("--x", "0,1", "--x", "1,1", "--format", form)
    assert predict("xor", *args, "-o", "out") == ""
    if form == "npz":  # which holds the time it was written
        arrays = arrays_of("out")
        assert {key: array.shape for key, array in arrays.items()} == {
            "y_hat": (2, 1),
            "class": (2,),
        }
    else:
        assert Path("out").read_text() == predict("xor", *args)
    assert [path.name for path in Path().iterdir()] == ["out"]


def test_a_file_is_written_whole_or_not_at_all():
    Path("out").write_text("before")
    content = PLAIN * 100_000 + "0,one\n"
    assert of_text(content, "-o", "out").code == 6
    assert Path("out").read_text() == "before"
    assert of_text(content, "-o", "other").code == 6
    assert sorted(path.name for path in Path().iterdir()) == ["in.csv", "out"]
    assert of_text(PLAIN, "-o", "out").code == 0
    assert Path("out").read_text() == of_text(PLAIN).stdout


def test_a_file_may_be_the_input():
    wanted = of_text(PLAIN).stdout
    assert of_text(PLAIN, "-o", "in.csv").code == 0
    assert Path("in.csv").read_text() == wanted


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none/out", "none/out: ...No such file or directory"),
        ("in.csv/out", "in.csv/out: ...Not a directory"),
        ("directory", "directory: ...Is a directory"),
        (".", ".: ..."),
        ("", "..."),
        ("/", "/: ..."),
        ("x" * 300, "xxx...: ...File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_a_line_that_names_it(path, message):
    Path("directory").mkdir()
    done = of_text(PLAIN, "-o", path)
    assert done.code in (1, 2)
    assert matches(done.stderr.splitlines()[-1].removeprefix("Error: "), message), done.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["directory", "in.csv"]


def test_a_device_is_written_to_and_stays_one():
    os.mkfifo("pipe")
    process = start("predict", "xor-1", "--x", "0,1", "-o", "pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)  # so that a writer need not wait
    with process:
        process.communicate(timeout=60)
    written = os.read(reader, 1000)
    os.close(reader)
    assert Path("pipe").is_fifo()
    assert (process.returncode, written.decode()) == (0, predict("xor", "--x", "0,1"))


def test_a_link_stays_one_and_its_file_is_written():
    Path("real").write_text("before")
    Path("link").symlink_to("real")
    assert predict("xor", "--x", "0,1", "-o", "link") == ""
    assert Path("link").is_symlink()
    assert Path("real").read_text() == predict("xor", "--x", "0,1")


# evaluate


def evaluate(run, content=None):
    """Return what evaluate says of a run on its own data, or on a file's content."""
    if content is not None:
        Path("in.csv").write_text(content)
    done = call("evaluate", f"{run}-1", *(["in.csv"] if content is not None else []))
    assert (done.code, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("run", NETWORKS)
def test_a_run_is_worth_on_its_own_data_exactly_what_it_was(run, runs_dir):
    facts = json.loads((runs_dir / f"{run}-1/run.json").read_text())
    figures = ("cost", "accuracy", "test_cost", "test_accuracy")
    wanted = {key: facts[key] for key in figures if key in facts}
    found = evaluate(run)
    assert {"run": str(runs_dir / f"{run}-1"), **wanted}.items() <= found.items()
    prefixes = ("", "test_") if run in ("moons", "float32") else ("",)
    scores = ("cost", "accuracy", "precision", "recall", "f1")
    assert list(found) == ["run", *(prefix + key for prefix in prefixes for key in scores)]


@pytest.mark.parametrize("run", ["xor", "cross", "blobs", "sine"])
def test_a_run_is_worth_the_same_on_its_data_from_a_file(run):
    assert evaluate(run, predict(run)) == evaluate(run)


def test_a_run_is_worth_the_same_on_each_part_from_a_file():
    header, *rows = predict("moons").splitlines(keepends=True)
    own = evaluate("moons")
    for part, prefix in {"train": "", "test": "test_"}.items():
        found = evaluate("moons", header + "".join(row for row in rows if f",{part}," in row))
        assert found == {"run": own["run"], **{k: own[prefix + k] for k in found if k != "run"}}


def test_cost_and_accuracy_are_those_computed_by_hand(runs_dir):
    points, y = GRID[:6], [0, 1, 1, 0, 1, 1]
    y_hat, classes = by_hand(runs_dir, "xor", points)
    rows = [f"{x1!r},{x2!r},{c}\n" for (x1, x2), c in zip(points, y, strict=True)]
    found = evaluate("xor", "".join(rows))
    np.testing.assert_allclose(found["cost"], np.mean((y_hat[:, 0] - y) ** 2) / 2, rtol=1e-12)
    assert found["accuracy"] == np.mean(classes == y)
    y_hat, classes = by_hand(runs_dir, "blobs", points)
    found = evaluate("blobs", "".join(rows))
    np.testing.assert_allclose(found["cost"], -np.log(y_hat[range(6), y]).mean(), rtol=1e-9)
    assert found["accuracy"] == np.mean(classes == y)


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2), (1,)])
def test_scores_are_scikit_learn_s_averages_over_the_classes_that_are_met(classes):
    header, *rows = predict("blobs").splitlines()
    kept = [row for row in rows if int(row.split(",")[2]) in classes]
    kept += [re.sub(r",(\d),", lambda m: f",{classes[0]},", row, count=1) for row in kept[::4]]
    Path("in.csv").write_text("\n".join([header, *kept]))
    found = json.loads(call("evaluate", "blobs-1", "in.csv", "--json").stdout)
    true, said = ([int(row.split(",")[i]) for row in kept] for i in (2, -1))
    scores = precision_recall_fscore_support(true, said, average="macro", zero_division=0)
    assert [found[key] for key in ("precision", "recall", "f1")] == pytest.approx(scores[:3])
    assert found["confusion"] == confusion_matrix(true, said, labels=[0, 1, 2]).tolist()
    each = precision_recall_fscore_support(true, said, labels=[0, 1, 2], zero_division=0)
    for i, name in enumerate("012"):
        assert list(found["classes"][name].values()) == pytest.approx([s[i] for s in each[:3]])


@pytest.mark.parametrize(
    "content",
    [
        "0,0,0\n0,1,1\n1,0,1\n1,1,0\n",
        "0,0,0.0\n0,1,1e0\n1,0,1.\n1,1,-0\n",
        "x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n",
        "y,x2,x1\n0,0,0\n1,1,0\n1,0,1\n0,1,1\n",
        "y,id,x2,x1\r\n0,a,0,0\r\n1,b,1,0\r\n\r\n1,c,0,1\r\n0,d,1,1",
    ],
)
def test_classes_come_in_the_column_y_or_the_last(content):
    found, own = evaluate("xor", content), evaluate("xor")
    assert found["accuracy"] == own["accuracy"]
    np.testing.assert_allclose(found["cost"], own["cost"], rtol=1e-12)


@pytest.mark.parametrize(
    ("run", "content", "message"),
    [
        ("xor", "", "in.csv: is empty; it needs the columns x1, x2, y"),
        ("xor", "x1,x2,y\n", "in.csv: has no rows"),
        ("xor", "0,1\n", "in.csv:1: 2 columns; ...x1, x2, y"),
        ("xor", "x1,x2\n0,1\n", "in.csv:1: there is no column 'y'; ..."),
        ("xor", "x1,x2,label\n0,1,1\n", "in.csv:1: there is no column 'y'; ...x1, x2, label..."),
        ("xor", "0,1,3\n", "in.csv:1:3: '3' is not one of the classes of the network: 0, 1"),
        ("xor", "0,1,-1\n", "in.csv:1:3: '-1' is not one of the classes of the network: 0, 1"),
        ("xor", "0,1,0.5\n", "in.csv:1:3: '0.5' is not one of the classes of the network: 0, 1"),
        ("xor", "0,1,1\n0,1,nan\n", "in.csv:2:3: 'nan' is not a finite number; ..."),
        ("xor", "0,1,1\n0,1,\n", "in.csv:2:3: the target is an empty field; ..."),
        ("xor", "0,1,1\n\n0,1,yes\n", "in.csv:3:3: 'yes' is not one of the classes ...: 0, 1"),
        ("xor", "y,x1,x2\n1,0,0\nno,0,0\n", "in.csv:3:1: 'no' is not one of the classes ..."),
        ("xor", "y,x1,x2\n1,0,one\n", "in.csv:2:3: 'one' is not a number"),
        ("blobs", "0,1,3\n", "in.csv:1:3: '3' is not one of the classes ...: 0, 1, 2"),
    ],
)
def test_what_is_wrong_with_labelled_data_is_told(run, content, message):
    Path("in.csv").write_text(content)
    done = call("evaluate", f"{run}-1", "in.csv")
    assert (done.code, done.stdout) == (6, "")
    assert matches(done.stderr, f"{message}\n"), done.stderr


def test_evaluate_reads_stdin():
    done = nnfs("evaluate", "xor-1", "-", "--require", "accuracy>=1", stdin="0,1,1\n1,1,0\n")
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["accuracy"] == 1.0


def test_looking_at_a_run_leaves_it_as_it_was(runs_dir):
    def state():
        files = sorted(path for path in runs_dir.rglob("*") if path.is_file())
        return [(path, path.stat().st_mtime_ns, path.read_bytes()) for path in files]

    before = state()
    for args in (["evaluate"], ["predict"], ["show"]):
        assert call(*args, "moons-1").code == 0
    assert call("runs").code == 0
    assert state() == before


def test_help_names_every_format():
    assert re.search(r"\[csv\|jsonl\|npz\]", call("predict", "--help").stdout)


def test_what_is_not_a_number_has_no_class():
    x = "1e308,-1e308"
    run = trained(str(CONFIGS / "moons-mongaras.yaml"), "epochs=1", "--runs-dir", ".", "-q")
    call("predict", str(run), "--x", x, "--x", "1,2", "-o", "out.npz", "--format", "npz")
    with np.load("out.npz") as out:
        assert np.isnan(out["y_hat"][0]).all()
        assert out["class"][0] == "" != out["class"][1]
    lines = call("predict", str(run), "--x", x).stdout.splitlines()
    assert lines[1].endswith(",nan,")
    answer = json.loads(call("predict", str(run), "--x", x, "--format", "jsonl").stdout)
    assert (answer["y_hat"], answer["class"]) == (None, None)
