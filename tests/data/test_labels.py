"""Labels: what the classes of a target are called, in which order, and that none merge."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from shell import call, trained

from nnfs_cli.config import loading
from nnfs_cli.config.request import request_of
from nnfs_cli.data import files, labels
from nnfs_cli.data.raw import Wanted
from nnfs_cli.data.table import DataInfo

BIG = 2**53  # float64 holds each integer up to it
ENDS = {
    "softmax": "{units: 2, activation: softmax}]\nloss: cross_entropy",
    "sigmoid": "{units: 1, activation: sigmoid}]\nloss: binary_cross_entropy",
    "logistic": "{units: 1, activation: sigmoid}]\nloss: squared_error",
    "numbers": "{units: 1, activation: identity}]\nloss: squared_error",
}


pytestmark = pytest.mark.usefixtures("elsewhere")


def write(path, end="softmax", units=None, name="data.yaml", **dataset):
    """Write a configuration of a file, and return its path."""
    told = "".join(f", {key}: {value}" for key, value in dataset.items())
    text = f"dataset: {{path: {path}{told}}}\nlayers: [{ENDS[end]}\nepochs: 3\n"
    Path(name).write_text(re.sub("units: .", f"units: {units}", text) if units else text)
    return name


def table(words, name="data.csv"):
    """Write a CSV table with these labels, and return its name."""
    rows = (f"{i}.{'5' * 40},{word}\n" for i, word in enumerate(words))
    Path(name).write_text("a,kind\n" + "".join(rows))
    return name


def array(values, name="data.npz"):
    """Write arrays with these labels, and return the name of their file."""
    np.savez(name, X=np.arange(len(values))[:, np.newaxis] + 0.5, y=values)
    return name


def classes_of(path, end="softmax"):
    """Return the names of the classes in a file, and the name that each row has."""
    text = f"dataset: {{name: blobs}}\nlayers: [{ENDS[end]}"
    asked = loading.parse(text.replace("units: 1, activation: id", "units: 2, activation: id"), "x")
    target = request_of(asked).target
    raw = files.read(path, Wanted(numbers=labels.only_numbers(target)))
    names = labels.classes(target, raw)
    known = DataInfo(raw.columns, raw.targets, names, len(raw.X))
    found = labels.class_numbers(raw, known)
    return names, [names[i] for i in found] if names else found[:, 0].tolist()


# Numbers have one name however they are written, text is taken as it is.

NUMBERS = {
    "as integers": (["2", "10", "1"], ["1", "2", "10"]),
    "with a fraction of zero": (["1.0", "1", "2.", "02.0"[1:]], ["1", "2"]),
    "with signs": (["+1", "1", "-0", "0", "-3"], ["-3", "0", "1"]),
    "as large as float64 holds": ([f"{BIG}", f"{BIG + 2}", "7"], ["7", f"{BIG}", f"{BIG + 2}"]),
    "beside text": (["1.0", "1", "x", "10", "9"], ["1", "10", "9", "x"]),
}
TEXT = {
    "leading zeros": ["01", "1", "1.0", "10", "2"],
    "leading zeros behind a sign": ["-01", "-1", "1"],
    "zeros before a fraction": ["00.0", "0.0", "0"],
    "an exponent": ["1e5", "100000", "20"],
    "a large exponent": ["1E400", "1e999", "3"],
    "an exponent beside text": ["1e5", "1a5", "100000"],
    "digits that float64 loses": ["12345678901234567", "12345678901234568", "9"],
    "an odd integer above 2^53": [f"{BIG + 1}", f"{BIG}", "9"],
    "more digits than any float has": ["9" * 400, "9" * 399 + "8", "3"],
    "more digits than an integer may have": ["9" * 5000, "9" * 4999 + "8", "3"],
    "digits of another script": ["\uff11", "1", "2"],
}


@pytest.mark.parametrize(("words", "names"), NUMBERS.values(), ids=NUMBERS.keys())
def test_labels_that_are_numbers_are_named_and_ordered_as_numbers(words, names):
    found, each = classes_of(table(words))
    assert found == tuple(names)
    assert each == [str(int(float(w))) if w != "x" else w for w in words]


@pytest.mark.parametrize("words", TEXT.values(), ids=TEXT.keys())
@pytest.mark.parametrize("place", [0, 1, 7_000])
def test_one_label_that_a_number_cannot_stand_for_makes_all_of_them_text(words, place):
    ordinary = [words[-1]] * 7_000  # more than is read at once
    words = [*ordinary[:place], *words, *ordinary[place:]]
    assert classes_of(table(words)) == (tuple(sorted(set(words))), words)


@pytest.mark.parametrize("form", ["{}.0", "+{}"])
@pytest.mark.parametrize("place", [1, 7_000])
def test_numbers_are_called_the_same_wherever_the_first_word_stands(place, form):
    words = [form.format(i % 3) for i in range(9_000)]
    words[place] = "other"
    assert classes_of(table(words))[0] == ("0", "1", "2", "other")


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "logistic"])
@pytest.mark.parametrize(
    "words", [["01", "1"], ["1e5", "100000"], [f"{BIG}", f"{BIG + 1}"], ["1", "2"], ["b", "a"]]
)
def test_two_labels_are_two_classes_whatever_the_output(words, end):
    assert classes_of(table(words * 2), end) == (tuple(sorted(words)), words * 2)


def test_labels_of_quoted_fields_are_those_of_plain_ones():
    words = ["01", "1", " 1", "2 "]
    plain = classes_of(table(words))
    assert classes_of(table([f'"{word}"' for word in words])) == plain
    assert plain[0] == ("01", "1", "2")


def test_numbers_of_a_regression_may_be_written_in_any_way():
    words = ["01", "1e1", "-0.5e-3", "12345678901234567"]
    expected = [float(word) for word in words]
    for end in ("numbers", "logistic"):
        assert classes_of(table(words), end) == (None, expected)


@pytest.mark.parametrize("word", ["1.5", "1.5e0", "25e-1"])
def test_a_fraction_is_no_class(word):
    done = call("train", write(table(["1", "1e5", word])))
    path = Path("data.csv").absolute()
    assert done.code == 6
    assert done.stderr.startswith(f"{path}:4:2: {float(word)!r} in 'kind' is not a class label ")


# Arrays say themselves whether they hold text.

INTEGERS = np.array([BIG, BIG + 1, 5, BIG + 1])
ARRAYS = {
    "int64": (INTEGERS, ["5", f"{BIG}", f"{BIG + 1}"], True),
    "uint64": (INTEGERS.astype("u8") + 2**63, None, True),
    "extremes": (np.array([2**64 - 1, 2**64 - 2, 0], "u8"), None, True),
    "even int64": (INTEGERS // 2 * 2, ["4", f"{BIG}"], False),
    "int8": (np.array([10, -2, 9], "i1"), ["-2", "9", "10"], False),
    "bool": (np.array([True, False]), ["0", "1"], False),
    "float64": (np.array([1e22, 3.0, -0.0, 0.0]), ["0", "3", "10000000000000000000000"], False),
    "text": (np.array(["10", "9", "1", "1.0", "01"]), ["01", "1", "1.0", "10", "9"], False),
    "bytes": (np.array([b"10", b"9", b"\xc3\xa4"]), ["10", "9", "ä"], False),
}


@pytest.mark.parametrize(("values", "names", "as_text"), ARRAYS.values(), ids=ARRAYS.keys())
@pytest.mark.parametrize("save", [array, "npy"])
def test_no_labels_of_an_array_merge(values, names, as_text, save):
    if save == "npy":
        if values.dtype.kind in "US":
            save = array  # an .npy file holds numbers
        else:
            np.save("data.npy", np.column_stack([values, values]))
    path = save(values) if callable(save) else "data.npy"
    written = [str(v) for v in np.unique(values).tolist()]
    names = sorted(names or written) if as_text else names
    found, each = classes_of(path)
    assert found == tuple(names)
    assert len(set(each)) == len(np.unique(values))


@pytest.mark.parametrize("kind", ["int64", "uint64", "int8", "even int64"])
def test_integers_of_an_array_are_the_classes_that_their_text_is(kind):
    values = ARRAYS[kind][0]
    assert classes_of(array(values)) == classes_of(table(map(str, values.tolist())))


def test_two_values_of_a_float_are_named_as_python_writes_them():
    values = np.array([1e-05, 0.5])
    names = ("1e-05", "0.5")
    assert classes_of(array(values), "logistic")[0] == names
    assert classes_of(table(["0.00001", ".5"]), "logistic")[0] == names


BAD_TARGETS = {
    "objects": (
        np.array([1, "x"], object),
        "an array holds Python objects; save it as numbers or text",
    ),
    "dates": (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "not datetime64[D]"),
    "durations": (np.array([1, 2], "m8[s]"), "not timedelta64[s]"),
    "complex": (np.array([1j, 2]), "not complex128"),
    "records": (np.array([(1, 2.0), (3, 4.0)], [("p", "i4"), ("q", "f8")]), "not [('p', '<i4')"),
    "bytes that are no text": (np.array([b"\xff", b"a"]), "bytes that are not UTF-8 text"),
    "nothing": (np.zeros((2, 0)), "y must have a row for each of X's 2, not (2, 0)"),
    "one number": (np.array(3), "y must have a row for each of X's 2, not ()"),
    "a number that float64 has not": (np.array([np.longdouble("1e400"), 1]), "is not finite"),
}


@pytest.mark.parametrize("end", ["softmax", "numbers"])
@pytest.mark.parametrize(("y", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS.keys())
def test_targets_that_are_neither_numbers_nor_text_are_refused(y, message, end):
    np.savez("data.npz", X=np.ones((2, 1)), y=y)
    done = call("train", write("data.npz", end))
    assert (done.code, done.stdout) == (6, "")
    assert message in done.stderr
    assert done.stderr.startswith(f"{Path('data.npz').absolute()}: ")


@pytest.mark.parametrize("y", [["1", "2"], [b"1", b"2"]])
def test_text_is_no_number_for_a_regression(y):
    done = call("train", write(array(y), "numbers"))
    assert done.code == 6
    assert "row 0: '1' in 'y' is text, not a number; squared_error with identity" in done.stderr


def test_samples_without_columns_are_refused():
    np.savez("data.npz", X=np.ones((2, 0)), y=[0, 1])
    assert call("train", write("data.npz")).stderr.endswith("data.npz: has no columns\n")


# One set of names holds for a run: its test part, and what it is evaluated on.


@pytest.mark.parametrize(
    ("train", "test", "strange"),
    [
        (["01", "1", "2"], ["2", "1"], None),
        (["01", "1", "2"], ["1.0"], "1.0"),
        (["01", "02"], ["1"], "1"),
        (["1", "2"], ["2.0", "+1", "1e0"], None),
        (["1", "2"], ["01"], "01"),
        (["1", "100000"], ["1e5"], None),
        (["12345678901234567", "12345678901234568"], ["12345678901234567"], None),
        (["12345678901234567", "12345678901234568"], ["12345678901234569"], "12345678901234569"),
        ([f"{BIG}", "1"], [f"{BIG + 1}"], f"{BIG + 1}"),
        (["0", "1"], ["1e-999"], "1e-999"),
        (["0", "1"], ["0e99999999999999999999"], "0e99999999999999999999"),
        (["x", "1"], ["1.0", "x"], None),
    ],
)
def test_other_data_have_the_classes_of_the_training_part(train, test, strange):
    table(train * 2)
    table(test, "test.csv")
    units = len(set(train))
    done = call("train", "-q", write("data.csv", units=units, test_path="test.csv"))
    alone = trained(write("data.csv", units=units))
    evaluated = call("evaluate", str(alone), "test.csv", "--json")
    if strange is None:
        assert (done.code, evaluated.code) == (0, 0)
        own = json.loads(call("evaluate", done.stdout.strip(), "--json").stdout)
        assert own["test_confusion"] == json.loads(evaluated.stdout)["confusion"]
    else:
        assert (done.code, evaluated.code) == (6, 6)
        for told in done.stderr, evaluated.stderr:
            row = 2 + test.index(strange)
            message = f"test.csv:{row}:2: {strange!r} is not one of the classes of the network: "
            assert message in told


def test_a_run_whose_classes_were_01_and_are_named_1_still_knows_its_data():
    run = trained(write(table(["01", "02", "10"] * 3), units=3))
    facts = json.loads((run / "run.json").read_bytes())
    assert facts["encoding"]["facts"]["classes"] == ["01", "02", "10"]
    facts["encoding"]["facts"]["classes"] = ["1", "2", "10"]  # as nnfs 0.1 wrote
    del facts["identity"]
    (run / "run.json").write_text(json.dumps(facts))
    done = call("evaluate", str(run), "--json")
    assert (done.code, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["classes"]) == ["1", "2", "10"]


@pytest.mark.parametrize("classes", [["0", "2", "10"], ["10", "1", "2"], ["1", "2"]])
def test_a_run_whose_classes_have_changed_does_not(classes):
    run = trained(write(table(["1", "2", "10"] * 3), units=3))
    facts = json.loads((run / "run.json").read_bytes())
    assert labels.same(facts["encoding"]["facts"]["classes"], ["1", "2", "10"])
    assert not labels.same(classes, ["1", "2", "10"])


# What trains, and should be looked at first, is said on stderr where the training begins.

MISSING = ["NA", "N/A", "n/a", "null", "?", "#N/A", "<NA>"]


def said(command, *args):
    """Return the lines that a command has on stderr about its data."""
    done = call(command, *args)
    assert done.code == 0, done.stderr
    assert "warning" not in done.stdout
    lines = [line for line in done.stderr.splitlines() if "warning: " in line]
    return [line for line in lines if not line.startswith("runs/")]  # of the training's end


@pytest.mark.parametrize("word", MISSING)
def test_a_class_that_is_named_as_if_it_were_missing_is_counted_and_placed(word):
    given = write(table(["x", "y", word, "x", word]), units=3)
    line = f"{Path('data.csv').absolute()}:4:2: warning: {word!r} in 'kind' is a class like any "
    line += "other, of 2 samples; if it means missing, remove those rows"
    assert said("train", given) == [line]
    assert said("check", given) == [line]
    assert said("check", given, "--gradients") == [line]
    assert said("sweep", given, "seed=0..2", "learning_rate=0.1,1", "-j", "1") == [line]
    assert said("train", "-q", given) == []
    for command in "evaluate", "predict", "show", "diagnose":
        assert said(command, "runs/data-1") == []
    assert said("train", "--resume", "runs/data-1", "epochs=4") == []


@pytest.mark.parametrize("words", [["", "x"], ["nan", "x"], ["NaN", "x", "y"]])
def test_a_class_of_an_array_that_is_named_as_if_it_were_missing_is_placed_by_its_row(words):
    given = write(array(["x", *words]), units=len(words))
    line = f"{Path('data.npz').absolute()}: row 1: warning: {words[0]!r} in 'y' is a class like "
    line += "any other, of 1 sample; if it means missing, remove those rows"
    assert said("train", given) == [line]


def test_ordinary_names_are_not_warned_of():
    assert said("train", write(table(["nab", "none", "-1", "+2.5", "1"]), units=5)) == []
    assert said("train", write(table(["-1", "1"]), "numbers")) == []
    assert said("train", write(table(["+", "-"], "signs.csv"))) == []


@pytest.mark.parametrize("first", "=+-@")
def test_a_name_that_a_spreadsheet_would_run_is_warned_of(first):
    name = first + "cmd|' /C calc'!A0"
    Path("data.csv").write_text(f'"{name}",b,kind\n1,2,{name}\n3,4,x\n5,6,x\n')
    path = Path("data.csv").absolute()
    told = said("train", write("data.csv"))
    assert [line[: line.index(" a spreadsheet")] for line in told] == [
        f"{path}: warning: column {name!r}:",
        f"{path}: warning: class {name!r}:",
    ]
    assert call("predict", "runs/data-1").stdout.startswith(f"{name},b,")  # as it is, always


def test_a_column_that_is_not_used_is_not_warned_of():
    Path("data.csv").write_text("=a,b,kind\n1,2,y\n3,4,x\n5,6,x\n")
    assert said("train", write("data.csv", inputs="[b]")) == []
