"""Own data: what a file may look like, what of it is refused and where, what becomes of it."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from shell import arrays, call, facts_of, matches, trained
from sklearn.model_selection import train_test_split

from nnfs_cli.core.activations import softmax, tanh
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend, full_batch
from nnfs_cli.core.initializers import xavier, zeros
from nnfs_cli.core.losses import LOSSES, objective
from nnfs_cli.core.network import Layer, Network, initialize, outputs
from nnfs_cli.core.optimizers import gradient_descent
from nnfs_cli.data import files

TABLES = Path(__file__).parent / "tables"
ENDS = {
    "classes": ("softmax", "cross_entropy"),
    "two classes": ("sigmoid", "binary_cross_entropy"),
    "numbers": ("identity", "squared_error"),
}


pytestmark = pytest.mark.usefixtures("elsewhere")


def plain(value):
    """Return a value as a person would write it in YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(plain, value))}]"
    word = str(value).lower() if isinstance(value, bool) else str(value)
    return word if re.fullmatch(r"[\w./*^-]+", word) else json.dumps(word)


def write(dataset, end="classes", units=2, name="data.yaml", **keys):
    """Write a configuration of a data set, a mapping or a path, and return its path."""
    dataset = dataset if isinstance(dataset, dict) else {"path": dataset}
    activation, loss = ENDS[end]
    lines = ["dataset:", *(f"  {key}: {plain(value)}" for key, value in dataset.items())]
    lines += ["layers:", "  - {units: 3, activation: tanh}"]
    lines += [f"  - {{units: {units}, activation: {activation}}}", f"loss: {loss}"]
    lines += [f"{key}: {plain(value)}" for key, value in ({"epochs": 20} | keys).items()]
    Path(name).write_text("\n".join(lines) + "\n")
    return name


def refused(*args):
    """Return what train says of data that it must refuse, leaving nothing behind."""
    done = call("train", *args)
    assert (done.code, done.stdout) == (6, "")
    assert not Path("runs").exists()
    return done.stderr.removesuffix("\n")


def weights(run):
    """Return the bits of a run's weights, and those of its costs."""
    found = (arrays(run / name) for name in ("weights.npz", "costs.npz"))
    return [{key: array.tobytes() for key, array in part.items()} for part in found]


def predicted(run, text):
    """Return the predictions for a CSV text, as the rows that predict prints."""
    Path("in.csv").write_text(text)
    done = call("predict", str(run), "in.csv", "--format", "jsonl")
    assert (done.code, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


# What is refused

NEEDS_NUMBERS = "squared_error with identity requires numbers; for classes, use softmax and ..."
NO_CLASS = "is not a class label (an integer or text); for a regression, use identity and ..."
FILL_IN = "fill it in, or remove the row"
NO_ROWS = ": has a header and no rows; it needs a row for each sample"
EMPTY = ": is empty; it needs a row for each sample"
BAD = {
    "missing-field": ":3:3: 2 columns; 3 are needed",
    "missing-field-at-the-end": ":3:3: 2 columns; 3 are needed",
    "missing-last-line": ":4:2: 1 column; 3 are needed",
    "extra-field": ":4:4: 4 columns; 3 are needed",
    "extra-delimiter": ":2:4: 4 columns; 3 are needed",
    "text-in-a-number-column": ":3:2: 'wide' is not a number",
    "text-in-quotes": ":3:2: '4 cm' is not a number",
    "decimal-comma": ":3:1: '3,5' is not a number",
    "digits-with-underscores": ":3:1: '1_000' is not a number",
    "nul": ":3:2: '4\\x00' is not a number",
    "empty-field": ":3:1: an empty field is not a number",
    "blank-field": ":2:2: an empty field is not a number",
    "nan": ":3:2: 'NaN' is not a finite number",
    "infinity": ":3:1: '-inf' is not a finite number",
    "too-large": ":3:2: '1e999' is not a finite number",
    "empty-target": f":3:3: the target is an empty field; {FILL_IN}",
    "empty-target numbers": f":3:3: the target is an empty field; {FILL_IN}",
    "nan-target": f":3:3: 'nan' is not a finite number; {FILL_IN}",
    "nan-target numbers": f":3:3: 'nan' is not a finite number; {FILL_IN}",
    "infinite-target target=price": f":3:1: 'inf' is not a finite number; {FILL_IN}",
    "text-target numbers": f":4:3: 'n/a' in 'price' is not a number; {NEEDS_NUMBERS}",
    "class-target numbers": f":2:3: 'x' in 'kind' is not a number; {NEEDS_NUMBERS}",
    "fractional-target": f":3:3: 2.5 in 'price' {NO_CLASS}",
    "empty": EMPTY,
    "blank": EMPTY,
    "bom-alone": EMPTY,
    "empty target=kind": ": is empty; it needs the columns kind",
    "header-only": NO_ROWS,
    "header-only-without-a-newline": NO_ROWS,
    "duplicate-names": ":1:3: there is another column 'a'",
    "duplicate-names-in-quotes": ":2:3: there is another column 'a'",
    "one-class": ": every target in 'kind' is 'x'; a classifier needs two classes or more",
    "one-number": ": every target in 'kind' is '7'; a classifier needs two classes or more",
    "one-column": ":1: the target is the only column; samples need inputs, too",
    "unclosed-quote": ":2: a quote is not closed",
    "unclosed-quote-in-a-name": ":1: a quote is not closed",
    "text-behind-a-quote": ":3: a quote is closed, and then the field goes on",
    "latin-1": ":3: byte 0xf6 is not UTF-8 text",
    "utf-16": ":1: byte 0xff is not UTF-8 text",
    "good target=kin": ":1: there is no column 'kin'; there are a, b, kind; did you mean 'kind'?",
    "good target=Kind": ":1: there is no column 'Kind'; there are a, b, kind; did you mean 'kind'?",
    "good target=3": ":1: there is no column '3'; there are a, b, kind",
    "good target=-4": ":1: there is no column '-4'; there are a, b, kind",
    "duplicate-names-in-quotes target=c": ":2:3: there is another column 'a'",
    "good inputs=a,c": ":1: there is no column 'c'; there are a, b, kind",
    "good inputs=a,kind": ":1:3: column 'kind' is target and input at once",
    "good target=b,kind numbers": ":2:3: 'x' is not a number",
    "good-numbers target=a,price": ": cross_entropy with softmax requires one target, of ...",
    "good delimiter=;": ":1: the target is the only column; samples need inputs, too",
    "good header=false": ":1:1: 'a' is not a number",
    "other-class": ":2:1: 'x' is not a number",
}


def test_every_table_is_a_case():
    cases = {case.split()[0] for case in [*BAD, *BAD_TEST_PARTS, *MISMATCHES]}
    assert {path.stem for path in TABLES.glob("*.csv")} - cases == set()


def config_of(case):
    """Write the configuration that a case names, and return the paths of its table and of it."""
    name, *settings = case.split()
    given = dict(setting.split("=") for setting in settings if "=" in setting)
    table = str(TABLES / f"{name}.csv")
    dataset, keys = {"path": table}, {"end": "numbers" if "numbers" in settings else "classes"}
    for key, value in given.items():
        part = keys if key in ("units", "features") else dataset
        value = str(TABLES / value) if key == "test_path" else value
        part[key] = value.split(",") if "," in value or key == "features" else value
    return table, write(dataset, **keys)


@pytest.mark.parametrize(("case", "message"), BAD.items(), ids=BAD.keys())
def test_a_bad_table_is_refused_with_its_line_and_column(case, message):
    table, config = config_of(case)
    told = refused(config)
    assert matches(told, table + message), told


BAD_TEST_PARTS = {
    "other-class": ":3:1: 'q' is not one of the classes of the network: x, y",
    "other-columns": ":1: there is no column 'b'; the run has 3: a, b, kind, the header a, c, kind",
    "good-numbers": ":1: there is no column 'kind'; the run has 3: a, b, kind, the header a, b, "
    "price",
    "text-in-a-number-column": ":3:2: 'wide' is not a number",
    "header-only": NO_ROWS,
    "empty": ": is empty; it needs the columns kind, a, b",
}


@pytest.mark.parametrize(("case", "message"), BAD_TEST_PARTS.items(), ids=BAD_TEST_PARTS.keys())
def test_a_bad_test_file_is_refused_like_the_other(case, message):
    path = TABLES / f"{case}.csv"
    told = refused(write({"path": str(TABLES / "good.csv"), "test_path": str(path)}))
    assert told == f"{path}{message}"


MISMATCHES = {  # of the network and the data: told of the configuration, at the very value
    "three-classes units=1": ":5:13: units: the target has 3 classes: the last layer needs "
    "3 softmax units, not 1",
    "three-classes units=2": ":5:13: units: the target has 3 classes: the last layer needs "
    "3 softmax units, not 2",
    "good units=3": ":5:13: units: the target has 2 classes: the last layer needs "
    "2 softmax units or 1 sigmoid unit, not 3",
    "good-numbers units=2 numbers": ":5:13: units: there is 1 target: the last layer needs "
    "1 unit, not 2",
    "good-numbers target=b,price units=1 numbers": ":6:13: units: there are 2 targets: the last "
    "layer needs 2 units, not 1",
    "good test_size=0.9": ":3:14: test_size: 0.9 of 3 samples leaves none to train on",
    "good test_path=good.csv test_size=0.5": ":4:14: test_size: cannot be combined with test_path; "
    "remove one of them",
    "good scale_target=minmax": ":3:17: scale_target: the target holds classes; only numbers can "
    "be scaled",
    "good features=a*c": ":8:12: features: 'a*c': 'c' is not a column; the columns are a, b",
}


@pytest.mark.parametrize(("case", "message"), MISMATCHES.items(), ids=MISMATCHES.keys())
def test_what_does_not_fit_is_told_where_the_configuration_says_it(case, message):
    _, config = config_of(case)
    done = call("train", config)
    first, *_, last = done.stderr.splitlines()
    assert (done.code, first) == (3, config + message)
    assert last == "1 error; nothing was trained"
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "cannot be read: No such file or directory"),
        ("none.npy", "cannot be read: No such file or directory"),
        ("directory", "is not a file"),
        ("directory.npz", "is not a file"),
        ("pipe", "is not a file"),
        ("/dev/zero", "is not a file"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_a_path_that_is_no_file_is_refused(path, message):
    Path("directory").mkdir()
    Path("directory.npz").mkdir()
    os.mkfifo("pipe")
    assert refused(write(path)) == f"{Path(path).absolute()}: {message}"


X = np.arange(12.0).reshape(6, 2)
y = np.arange(6) % 2
BAD_ARRAYS = {
    "text.npy": (b"1,2,3\n", "cannot be read: ..."),
    "empty.npy": (b"", "cannot be read: ..."),
    "zip.npz": (b"PK\x05\x06" + bytes(18), "needs arrays X and y; X is missing, there is nothing"),
    "text.npz": (b"1,2,3\n", "cannot be read: ..."),
    "flat.npy": (y, "must hold numbers, samples x columns, not int64 of shape (6,)"),
    "words.npy": (X.astype(str), "must hold numbers, samples x columns, not <U... of ..."),
    "objects.npy": (X.astype(object), "cannot be read: ..."),
    "complex.npy": (
        X.astype(complex),
        "must hold numbers, samples x columns, not comp...",
    ),
    "none.npy": (X[:0], "has no rows"),
    "one.npy": (X[:, :1], "the target is the only column; samples need inputs, too"),
    "nan.npy": (np.where(X == 6, np.nan, X), "row 3, column 0: nan is not finite"),
    "fraction.npy": (X / 4, "row 0: 0.25 in 'x2' is not a class label (an integer or text); ..."),
    "no-y.npz": ({"X": X}, "needs arrays X and y; y is missing, there is X"),
    "other.npz": ({"x": X, "Y": y}, "needs arrays X and y; X is missing, there is x, Y"),
    "short.npz": ({"X": X, "y": y[:5]}, "y must have a row for each of X's 6, not (5, 1)"),
    "cube.npz": (
        {"X": X, "y": X[:, :, None]},
        "y must have a row for each of X's 6, not (6, ...",
    ),
    "objects.npz": ({"X": X, "y": y.astype(object)}, "cannot be read: ..."),
    "infinite.npz": ({"X": np.where(X == 5, np.inf, X), "y": y}, "row 2, column 1: inf is not ..."),
    "one-class.npz": (
        {"X": X, "y": y * 0},
        "every target in 'y' is '0'; a classifier needs ...",
    ),
    "two-targets.npz": ({"X": X, "y": X}, "cross_entropy with softmax requires one target, of ..."),
}


@pytest.mark.parametrize(("name", "case"), BAD_ARRAYS.items(), ids=BAD_ARRAYS.keys())
def test_bad_arrays_are_refused(name, case):
    content, message = case
    if isinstance(content, bytes):
        Path(name).write_bytes(content)
    elif isinstance(content, dict):
        np.savez(name, **content)
    else:
        np.save(name, content)
    told = refused(write(name))
    assert matches(told, f"{Path(name).absolute()}: {message}"), told


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "x9"}, "there is no column 'x9'; there are x1, x2, x3..."),
        ({"target": "5"}, "there is no column '5'; there are x1, x2, x3"),
        ({"inputs": ["x1", "x3"]}, "column 'x3' is target and input at once"),
    ],
)
def test_columns_that_an_array_does_not_have_are_refused(given, message):
    np.save("a.npy", np.column_stack([X, y]))
    told = refused(write({"path": "a.npy", **given}))
    assert matches(told, f"{Path('a.npy').absolute()}: {message}"), told


# What a table may look like

RNG = np.random.RandomState(2)
POINTS = RNG.standard_normal((90, 2)).round(3)
LABELS = (POINTS[:, 0] > 0) + (POINTS[:, 1] > 0).astype(int)
NAMES = np.array(["low", "mid", "top"])


def csv_of(X=POINTS, y=LABELS, header="a,b,kind", delimiter=",", end="\n"):
    rows = [header.split(",")] if header else []
    rows += [[*map(repr, x), str(label)] for x, label in zip(X.tolist(), y.tolist(), strict=True)]
    return end.join(delimiter.join(row) for row in rows) + end


def as_npy(path, dtype=np.float64):
    np.save(path, np.column_stack([POINTS, LABELS]).astype(dtype))


FORMS = {
    "csv": csv_of(),
    "semicolons": csv_of(delimiter=";"),
    "tabs": csv_of(delimiter="\t"),
    "bars": csv_of(delimiter="|"),
    "given delimiter=:": csv_of(delimiter=":"),
    "bom": "\ufeff" + csv_of(),
    "crlf": csv_of(end="\r\n"),
    "bom-and-crlf": "\ufeff" + csv_of(end="\r\n"),
    "no-last-newline": csv_of()[:-1],
    "blank-lines": "\n" + csv_of().replace("\n", "\n\n", 5),
    "spaces": csv_of().replace(",", " , "),
    "quotes": re.sub(r"[^,\n]+", r'"\g<0>"', csv_of()),
    "floats": re.sub(r"([012])\n", r"\1.0\n", csv_of()),
    "headerless": csv_of(header=""),
    "headerless-said header=false": csv_of(header=""),
    "header-said header=true": csv_of(header="1,2,3"),
    "numbers-for-names target=2019 header=true": csv_of(header="2017,2018,2019"),
    "target-by-name target=kind": csv_of(),
    "target-by-place target=2": csv_of(),
    "target-from-the-end target=-1": csv_of(),
    "headerless-target-by-place target=0": "".join(
        f"{label},{x1!r},{x2!r}\n" for (x1, x2), label in zip(POINTS.tolist(), LABELS, strict=True)
    ),
    "inputs inputs=a,b": csv_of(),
    "columns-to-leave-out inputs=a,b target=kind": "".join(
        f"{kind},{i},{row}\n"
        for i, (kind, row) in enumerate(
            (line.rpartition(",")[2], line.rpartition(",")[0]) for line in csv_of().splitlines()
        )
    ).replace("kind,0,", "kind,id,"),
}


def trained_on(content, case="x", suffix=".csv", **keys):
    """Train on a file's content, with the settings that a case names, and return the run."""
    _, *settings = case.split()
    dataset = dict(setting.split("=") for setting in settings)
    dataset = {key: v.split(",") if "," in v else v for key, v in dataset.items()}
    path = Path(f"table{suffix}")
    path.write_text(content) if isinstance(content, str) else content(path)
    return trained(write({"path": str(path), **dataset}, units=3, **keys))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the bits of what the plain CSV file gives."""
    directory = tmp_path_factory.mktemp("reference")
    before = Path.cwd()
    os.chdir(directory)
    try:
        return weights(trained_on(FORMS["csv"]))
    finally:
        os.chdir(before)


@pytest.mark.parametrize(("case", "content"), FORMS.items(), ids=FORMS.keys())
def test_the_form_of_a_table_does_not_matter(case, content, reference):
    assert weights(trained_on(content, case)) == reference


@pytest.mark.parametrize(
    ("suffix", "save"),
    [
        (".npy", as_npy),
        (".NPY", lambda path: (as_npy("x.npy"), Path("x.npy").rename(path))),
        (".npy", lambda path: np.save(path, np.asfortranarray(np.column_stack([POINTS, LABELS])))),
        (".npy", lambda path: as_npy(path, ">f8")),
        (".npz", lambda path: np.savez(path, X=POINTS, y=LABELS)),
        (".npz", lambda path: np.savez_compressed(path, X=POINTS, y=LABELS[:, np.newaxis])),
        (".npz", lambda path: np.savez(path, X=POINTS, y=NAMES[LABELS])),
        (".tsv", lambda path: path.write_text(csv_of(delimiter="\t"))),
    ],
)
def test_arrays_give_the_bits_that_text_does(suffix, save, reference):
    assert weights(trained_on(save, suffix=suffix)) == reference


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["f8", "f4", "i2", "u1", "?"])
def test_a_mapped_file_gives_the_bits_that_its_arrays_do(kind, dtype, monkeypatch):
    X = np.random.RandomState(0).uniform(0, 4, (3000, 3)).astype("u1" if kind == "?" else kind)
    X = (X % 2 if kind == "?" else X).astype(kind)
    y = (X[:, 0] > X[:, 1]).astype(kind)
    np.save("mapped.npy", np.column_stack([X, y]))
    np.savez("loaded.npz", X=X, y=y)
    mapped = []
    monkeypatch.setattr(
        Backprop,
        "__init__",
        lambda self, *args, __init__=Backprop.__init__, **keys: (
            mapped.append(isinstance(args[3], np.memmap)),
            __init__(self, *args, **keys),
        )[1],
    )
    runs = [trained(write(path, dtype=dtype, epochs=5)) for path in ("mapped.npy", "loaded.npz")]
    assert mapped == [True, False]
    assert weights(runs[0]) == weights(runs[1])


def test_a_large_file_tells_how_much_of_it_is_read():
    rows = csv_of().partition("\n")[2] * 600
    Path("large.csv").write_text("a,b,kind\n" + rows)
    told = []
    table = files.read("large.csv", on_progress=lambda path, share: told.append((path, share)))
    assert {path for path, _ in told} == {"large.csv"}
    shares = [share for _, share in told]
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert shares[-1] == 1
    np.testing.assert_array_equal(table.X, np.tile(POINTS, (600, 1)))


# Which line is the header

ROWS = csv_of(header="")
FIRST_LINES = {
    "0,1,2\n": "is taken as a sample; if it is the header, add dataset.header=true",
    "2019,2020,2021\n": "is taken as a sample; if it is the header, add dataset.header=true",
    '"7","9","1"\n': "is taken as a sample; if it is the header, add dataset.header=true",
    "2019,2020,kind\n": "is taken as a sample; if it is the header, add dataset.header=true",
    "1e5,2e5,3e5\n": "is taken as a sample; if it is the header, add dataset.header=true",
    "-10,-5,0\n": "is taken as a sample; if it is the header, add dataset.header=true",
    "1e308,-1e308,0\n": "",
    "0.5,1.5,2\n": "",
    "2,1,0\n": "",
    "a,b,2021\n": "'a' is not a number; if this line is the header, add dataset.header=true",
    "7,b,2021\n": "'b' is not a number; if this line is the header, add dataset.header=true",
}


@pytest.mark.parametrize(("line", "said"), FIRST_LINES.items(), ids=map(repr, FIRST_LINES))
def test_a_first_line_with_numbers_is_a_sample_and_that_is_said_where_it_may_be_wrong(line, said):
    Path("table.csv").write_text(line + ROWS)
    classes = {*map(str, LABELS), line.rpartition(",")[2].strip('\n"')}
    config = write("table.csv", units=3)
    done = call("check", config, f"layers.1.units={len(classes)}")
    told = done.stderr.splitlines()
    assert [line.endswith(said) for line in told] == [True] * bool(said), done.stderr
    assert all(line.startswith(f"{Path('table.csv').absolute()}:1:") for line in told)
    assert done.code == (6 if "not a number" in said else 0), done.stderr
    if said:
        step = said.rpartition("add ")[2]
        run = trained(config, step)
        first = line.strip().replace('"', "").split(",")
        assert facts_of(run)["encoding"]["facts"]["columns"] == first[:2]
        assert facts_of(run)["encoding"]["facts"]["samples"] == len(LABELS)


@pytest.mark.parametrize("quiet", [(), ("-q",)])
@pytest.mark.parametrize(
    "args", [("train",), ("sweep", "layers.0.activation=tanh,relu", "seed=0..2")]
)
def test_a_notice_of_a_file_is_given_once(args, quiet):
    Path("table.csv").write_text("0,1,2\n" + ROWS)
    command, *rest = args
    done = call(command, write("table.csv", units=3, epochs=1), *rest, *quiet)
    assert (done.code, done.stderr.count("is taken as a sample")) == (0, not quiet)


def test_numbers_that_a_configuration_names_are_a_header():
    Path("table.csv").write_text("2019,2020,2021\n" + ROWS)
    config = write({"path": "table.csv", "target": "2021", "inputs": ["2020", "2019"]}, units=3)
    done = call("check", config)
    told = "the first line, 2019, 2020, 2021, is taken as the header, as it has 2021, 2020, 2019; "
    told += "if it is a sample, add dataset.header=false"
    assert (done.code, done.stderr) == (0, f"{Path('table.csv').absolute()}:1: {told}\n")
    facts = facts_of(trained(config))["encoding"]["facts"]
    assert (facts["columns"], facts["targets"]) == (["2020", "2019"], ["2021"])


@pytest.mark.parametrize(
    ("header", "notice"),
    [
        ("a,b,kind", ""),
        ("A,b,Kind", "'A' is read as 'a', 'Kind' is read as 'kind'"),
        ("kind,b,a", ""),
        ("KIND,extra,a,b", "'KIND' is read as 'kind'"),
    ],
)
def test_a_test_table_s_columns_are_found_by_the_training_table_s_names(header, notice):
    names = header.split(",")
    values = {"a": POINTS[:, 0], "b": POINTS[:, 1], "kind": NAMES[LABELS], "extra": LABELS}
    columns = [values[name.lower()].tolist() for name in names]
    rows = "\n".join(",".join(map(str, row)) for row in zip(*columns, strict=True))
    Path("table.csv").write_text(csv_of(y=NAMES[LABELS]))
    Path("test.csv").write_text(f"{header}\n{rows}\n")
    config = write({"path": "table.csv", "test_path": "test.csv"}, units=3)
    done = call("check", config)
    wanted = f"{Path('test.csv').absolute()}:1: {notice}\n" if notice else ""
    assert (done.code, done.stderr) == (0, wanted)
    facts = facts_of(trained(config))
    assert facts["test_cost"] == facts["cost"]


@pytest.mark.parametrize(
    ("header", "there"),
    [
        ("", "the table, without a header, x1, x2, x3"),
        ("x,y,z\n", "the header x, y, z"),
        ("a,kind,y\n", "the header a, kind, y"),
    ],
)
def test_a_test_table_is_not_read_by_position(header, there):
    Path("table.csv").write_text(csv_of())
    Path("test.csv").write_text(header + ROWS.lstrip())
    told = refused(write({"path": "table.csv", "test_path": "test.csv"}, units=3))
    wanted = f"{Path('test.csv').absolute()}:1: there is no column ...: a, b, kind, {there}"
    assert matches(told, wanted), told


# What becomes of it


def test_relative_paths_are_relative_to_the_configuration(monkeypatch):
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/table.csv").write_text(csv_of())
    write("er/table.csv", units=3, name="deep/data.yaml")
    run = trained("deep/data.yaml")
    Path("typed.csv").write_text(csv_of())
    other = trained("deep/data.yaml", "dataset.path=typed.csv")
    assert weights(run) == weights(other)
    monkeypatch.chdir("deep")
    assert weights(trained(str(Path("..") / run / "config.yaml"))) == weights(Path("..") / run)
    assert call("evaluate", str(Path("..") / run)).code == 0


@pytest.mark.parametrize(
    ("kinds", "end", "units", "classes"),
    [
        (NAMES[LABELS], "classes", 3, ["low", "mid", "top"]),
        (LABELS, "classes", 3, ["0", "1", "2"]),
        (10 * LABELS - 5, "classes", 3, ["-5", "5", "15"]),
        (LABELS > 0, "two classes", 1, ["False", "True"]),
        (np.where(LABELS > 0, 'yes, "so"', "no"), "two classes", 1, ["no", 'yes, "so"']),
        (np.where(LABELS > 0, 7, 3), "two classes", 1, ["3", "7"]),
        (np.where(LABELS > 0, 7, 3), "classes", 2, ["3", "7"]),
        (np.where(LABELS > 0, 0.5, 0.25), "numbers", 1, None),
        (LABELS / 2, "numbers", 1, None),
    ],
)
def test_classes_keep_their_names(kinds, end, units, classes):
    rows = [
        f'{a!r},{b!r},"{str(k).replace(chr(34), chr(34) * 2)}"'
        for (a, b), k in zip(POINTS.tolist(), kinds.tolist(), strict=True)
    ]
    Path("table.csv").write_text("\n".join(["a,b,kind", *rows]))
    run = trained(write("table.csv", end, units, epochs=400, learning_rate=0.5))
    known = facts_of(run)["encoding"]["facts"]
    assert (known["columns"], known["targets"], known["classes"]) == (["a", "b"], ["kind"], classes)
    own = call("predict", str(run)).stdout.splitlines()
    outputs = [f"y_hat_{name}" for name in classes or ()] if units > 1 else ["y_hat"]
    assert own[0] == ",".join(["a,b,kind", *outputs, *(["class"] if classes else [])])
    found = predicted(run, "b,a\n1,-2\n-1,2\n")
    if classes:
        assert [row["class"] for row in found] == [
            str(k)
            for k in (
                kinds[np.argmin(np.hypot(*(POINTS - point).T))] for point in ([-2, 1], [2, -1])
            )
        ]
    else:
        assert [list(row) for row in found] == [["b", "a", "y_hat"]] * 2


def test_a_second_table_with_other_columns_in_another_order_is_answered_by_name():
    Path("table.csv").write_text(csv_of(y=NAMES[LABELS]))
    keys = {"units": 3, "epochs": 2000, "learning_rate": 1.0, "features": ["a", "b", "a*b", "a^2"]}
    run = trained(write({"path": "table.csv", "scale": "standard"}, **keys))
    plainly = predicted(run, csv_of(y=NAMES[LABELS]))
    rows = "".join(f"{b!r};note {i};{a!r}\n" for i, (a, b) in enumerate(POINTS.tolist()))
    found = predicted(run, "b;note;a\n" + rows)
    assert [row["note"] for row in found] == [f"note {i}" for i in range(90)]
    for before, now in zip(plainly, found, strict=True):
        assert {k: v for k, v in before.items() if k != "kind"} == {
            k: v for k, v in now.items() if k != "note"
        }
    assert np.mean([row["class"] for row in found] == NAMES[LABELS]) > 0.95


@pytest.mark.parametrize("given", [{"test_size": 0.3}, {"test_path": "test.csv"}])
def test_a_test_part_is_apart(given):
    half = slice(None, 60), slice(60, None)
    train, test = ((POINTS[rows], NAMES[LABELS[rows]]) for rows in half)
    Path("table.csv").write_text(csv_of(*train))
    Path("test.csv").write_text(csv_of(*test))
    run = trained(write({"path": "table.csv", **given}, units=3))
    alone = call("evaluate", str(run), "test.csv", "--json")
    own = json.loads(call("evaluate", str(run), "--json").stdout)
    if "test_path" in given:
        for key, value in json.loads(alone.stdout).items():
            assert key == "run" or own[f"test_{key}"] == value
        assert np.sum(own["test_confusion"]) == 30
        assert weights(run)[0] == weights(trained(write("table.csv", units=3)))[0]
    else:
        assert np.sum(own["test_confusion"]) == 18
        assert np.sum(own["confusion"]) == 42


def test_a_class_of_the_test_part_alone_is_refused():
    labels = np.where(np.arange(90) == 40, "rare", NAMES[LABELS])
    Path("table.csv").write_text(csv_of(y=labels))
    rows = np.arange(90)
    seeds = {False: None, True: None}
    for seed in range(50):
        seeds[40 in train_test_split(rows, test_size=0.2, random_state=seed)[1]] = seed
    dataset = {"path": "table.csv", "test_size": 0.2}
    assert trained(write({**dataset, "split_seed": seeds[False]}, units=4))
    done = call("train", write({**dataset, "split_seed": seeds[True]}, units=4))
    path = Path("table.csv").absolute()
    assert (done.code, done.stderr) == (
        6,
        f"{path}: the test part has samples of class 'rare', and the training part none; "
        "take another split_seed, a smaller test_size or more data\n",
    )


def test_a_later_class_that_the_network_does_not_know_is_refused():
    Path("table.csv").write_text(csv_of(y=NAMES[LABELS]))
    run = trained(write("table.csv", units=3))
    Path("more.csv").write_text("kind,a,b\nlow,0,0\n\nhigh,1,1\n")
    done = call("evaluate", str(run), "more.csv")
    assert (done.code, done.stdout) == (6, "")
    wanted = "more.csv:4:1: 'high' is not one of the classes of the network: low, mid, top\n"
    assert done.stderr == wanted


# Scaling


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_scale_is_that_of_the_training_part_and_is_kept(scale):
    far = POINTS * [100, 0.01] + [1000, 5]
    Path("table.csv").write_text(csv_of(far))
    dataset = {"path": "table.csv", "test_size": 0.3, "split_seed": 3, "scale": scale}
    run = trained(write(dataset, units=3, epochs=300, learning_rate=0.5))
    train, _ = train_test_split(far, test_size=0.3, random_state=3)
    kept = facts_of(run)["encoding"]["inputs"]
    shift, factor = (train.mean(0), train.std(0))
    if scale == "minmax":
        shift, factor = train.min(0), np.ptp(train, axis=0)
    np.testing.assert_allclose(kept["shift"], shift, rtol=1e-12)
    np.testing.assert_allclose(kept["factor"], factor, rtol=1e-12)
    found = predicted(run, "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in far[:20].tolist()))
    W = arrays(run / "weights.npz")
    a = np.tanh(W["W1"] @ ((far[:20] - shift) / factor).T + W["b1"][:, np.newaxis])
    z = W["W2"] @ a + W["b2"][:, np.newaxis]
    y_hat = np.exp(z) / np.exp(z).sum(axis=0)
    outputs = [[row[f"y_hat_{i}"] for i in range(3)] for row in found]
    np.testing.assert_allclose(outputs, y_hat.T, rtol=1e-9)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_constant_column_does_not_divide_by_zero(scale):
    flat = np.column_stack([POINTS[:, 0], np.full(90, 0.1)])
    Path("table.csv").write_text(csv_of(flat))
    run = trained(write({"path": "table.csv", "scale": scale}, units=3))
    kept = facts_of(run)["encoding"]["inputs"]
    assert (kept["shift"][1], kept["factor"][1]) == (0.1, 1.0)
    assert facts_of(run)["status"] == "finished"
    first, second = predicted(run, "a,b\n1,0.1\n1,0.2\n")
    assert first["y_hat_0"] != second["y_hat_0"]


@pytest.mark.parametrize("scale", ["none", "standard", "minmax"])
@pytest.mark.parametrize("targets", [1, 2])
def test_a_regression_answers_in_the_target_s_own_units(scale, targets):
    own = POINTS @ [[30.0, -2], [10, 5]] + [1e4, 1e-3]
    y = own[:, :targets] if scale != "none" else own[:, :targets] / 100
    names = ["price", "rent"][:targets]
    rows = np.column_stack([POINTS, y]).tolist()
    Path("table.csv").write_text(
        "\n".join([",".join(["a", "b", *names]), *(",".join(map(repr, row)) for row in rows)])
    )
    dataset = {"path": "table.csv", "target": names, "scale_target": scale, "test_size": 0.2}
    if scale == "none":
        dataset |= {"scale": "standard"}
    keys = {"epochs": 3000, "learning_rate": 0.02 if scale == "none" else 0.3}
    run = trained(write(dataset, "numbers", targets, **keys))
    outputs = ["y_hat"] if targets == 1 else ["y_hat_price", "y_hat_rent"]
    found = predicted(run, Path("table.csv").read_text())
    y_hat = np.array([[row[name] for name in outputs] for row in found])
    evaluated = json.loads(call("evaluate", str(run), "table.csv").stdout)
    error = y_hat - y
    r2 = 1 - (error**2).mean(0) / y.var(0)
    figures = {
        "r2": r2.mean(),
        "rmse": np.sqrt((error**2).mean(0)).mean(),
        "mae": abs(error).mean(),
    }
    assert list(evaluated) == ["run", "cost", *figures]
    assert {key: evaluated[key] for key in figures} == pytest.approx(figures, rel=1e-9)
    if scale != "none":
        assert evaluated["r2"] > 0.98
    assert list(json.loads(call("evaluate", str(run)).stdout)) == [
        *("run", "cost", "r2", "rmse", "mae"),
        *("test_cost", "test_r2", "test_rmse", "test_mae"),
    ]


# Against a script


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_ten_lines_of_numpy_give_the_same_bits(suffix):
    Path("table.csv").write_text(csv_of(y=NAMES[LABELS]))
    np.savez("table.npz", X=POINTS, y=NAMES[LABELS])
    dataset = {"path": f"table{suffix}", "test_size": 0.25, "split_seed": 7, "scale": "standard"}
    run = trained(write(dataset, units=3, epochs=250, seed=5, learning_rate=0.3))

    X, _, kind, _ = train_test_split(POINTS, NAMES[LABELS], test_size=0.25, random_state=7)
    x = np.ones((3, len(X)))
    x[:2] = [(column - column.mean()) / column.std() for column in np.ascontiguousarray(X.T)]
    y = np.equal(NAMES[:, np.newaxis], kind).astype(float)
    network = Network((Layer(2, 3, tanh()), Layer(3, 3, softmax())))
    params = initialize(network, [(xavier(), zeros())] * 2, seed=5)
    loss = objective(LOSSES["cross_entropy"], "softmax", softmax())
    updates = full_batch(Backprop(network, loss, params, x, y), gradient_descent(), 0.3)
    for _ in descend(updates, [250]):
        pass

    for number, Wb in enumerate(network.views(params), 1):
        found = arrays(run / "weights.npz")
        assert found[f"W{number}"].tobytes() == np.ascontiguousarray(Wb[:, :-1]).tobytes()
        assert found[f"b{number}"].tobytes() == np.ascontiguousarray(Wb[:, -1]).tobytes()
    y_hat = outputs(network, params, x)
    assert facts_of(run)["accuracy"] == np.mean(NAMES[y_hat.argmax(axis=0)] == kind)
