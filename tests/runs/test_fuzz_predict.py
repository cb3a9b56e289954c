"""Tables that something happened to: each row is answered as it stands, or told where it is wrong.

With --full they are the 20,000 of the issue, and what became of them is printed.
"""

import csv
import io
import json
import re
from math import isfinite
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from damage import BYTES, of_bytes, of_lines, of_whole, pick, pieces
from shell import CONFIGS, TESTS, XOR, call, trained

from nnfs_cli.data import csv_lines
from nnfs_cli.runs import model as runs_model
from nnfs_cli.runs import record

FILES = [path.read_bytes() for path in sorted(TESTS.glob("data/tables/*.csv"))]
FIELDS = [
    *("", " ", "nan", "inf", "-Infinity", "1e999", "1e-999", "1e308", "-1e308", "-0", "+1", ".5"),
    *("1_000", "0x1", "１", "½", "∞", "1j", "1e", ".", "e", "1d5", "1f", "--1", "1.5.2", "1 2"),
    *("\xa01", "1\x1c", "1\0", "\u202e1", "\ufeff1", "true", "word", "größe", "=1+1", "9" * 400),
    *('"1"', '"1', '1"', '"1"2', '"1" ', ' "1"', '""', '"a""b"', '"a,b"', '"a;b"', '"a\rb"', "'1'"),
    *("1,5", "1;5", "1|5", "1\t5", "a\rb", "\u2028", "x" * 3000, "x1", "x2", "y_hat", "class"),
]


class Reading(NamedTuple):
    """A table as the design says that it is read."""

    names: list[str]
    rows: list[tuple[int, list[str], list[float]]]  # number of the line, fields, inputs
    wrong: set[int]  # the lines that are in no row


def is_number(field):
    try:
        float(field.strip())
    except ValueError:
        return False
    return "_" not in field


def read(content, columns):
    """Return the reading of a table, slowly and line by line.

    No run here has a column whose name is a number, or is another's in another case.
    """
    lines, undecodable = [], set()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.rstrip(b"\r").decode()
        except UnicodeError:
            undecodable.add(number)
            text = line.decode(errors="replace")
        if text.strip():
            lines.append((number, text))
    first, text = lines[0] if lines else (0, "")
    delimiter = max(",;\t|", key=text.count)
    names = fields_of(text, delimiter)
    names = names and [name.strip() for name in names]
    folded = [name.casefold() for name in names or ()]
    header = names and (not any(map(is_number, names)) or {*folded} & {*columns})
    places = range(len(columns))
    if header:
        if len(names) != len({*names}) or not {*columns} <= {*folded}:
            return Reading([], [], {first, *undecodable})
        places = [(names if column in names else folded).index(column) for column in columns]
        if any(column not in names and folded.count(column) > 1 for column in columns):
            return Reading([], [], {first, *undecodable})
    elif not names or len(names) != len(columns):
        return Reading([], [], {first, *undecodable})
    rows, wrong = [], undecodable
    for number, text in lines[1 if header else 0 :]:
        fields = fields_of(text, delimiter)
        if fields is None or len(fields) != len(names) or number in undecodable:
            wrong.add(number)
        elif all(is_number(fields[i]) and isfinite(float(fields[i].strip())) for i in places):
            rows.append((number, fields, [float(fields[i].strip()) for i in places]))
        else:
            wrong.add(number)
    return Reading(names if header else [*columns], rows, wrong)


NOTICES = r"(.+: has a column .+\n|.+: .* is (read|taken) as .+\n)*"


def fields_of(text, delimiter):
    """Return the fields of a line, or None if there is no reading it."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return runs to ask: of columns by number, by name, and of a target that is scaled."""
    directory = str(tmp_path_factory.mktemp("fuzz"))
    paths = [
        trained(path, "epochs=20", "--runs-dir", directory)
        for path in (XOR, str(CONFIGS / "flowers.yaml"), str(CONFIGS / "diabetes.yaml"))
    ]
    return [runs_model.load(record.read(path)) for path in paths]


def table(rng, columns):
    """Return a table's text that has nothing wrong, in one of the many ways to write it."""
    forms = ["{!r}", "{:.3g}", "{:.0f}", "{:+e}", " {!r} ", '"{!r}"']
    form, delimiter = pick(rng, forms), pick(rng, ",,,;\t|")
    names = [*columns]
    if rng.randint(2):
        names += pick(rng, [[], ["id"], ["id", "note"], ["y_hat"]])
        rng.shuffle(names)
    rows = [
        [form.format(x) for x in rng.normal(0, 10.0 ** rng.randint(-3, 4), len(names)).tolist()]
        for _ in range(rng.randint(6))
    ]
    if len(names) > len(columns) or not rows or rng.randint(2):
        rows.insert(0, names)
    end = pick(rng, ["\n", "\n", "\r\n", "\n\n"])
    return end.join([*map(delimiter.join, rows), *([""] if rng.randint(4) else [])])


def of_fields(rng, text):
    lines = re.split(r"(\r?\n)", text)
    i = rng.randint(len(lines))
    delimiter = max(",;\t|", key=lines[i].count)
    strange = pick(rng, FIELDS)
    lines[i] = delimiter.join(pieces(rng, lines[i].split(delimiter), 3, strange))
    return "".join(lines)


def spoilt(rng, columns):
    """Return a table's bytes, to which something may have happened."""
    content = table(rng, columns).encode() if rng.randint(5) else pick(rng, FILES)
    for _ in range(pick(rng, [0, 1, 1, 1, 2, 3])):
        way = pick(rng, [of_fields, of_fields, of_fields, of_lines, of_whole, of_bytes])
        if way is of_bytes:
            content = of_bytes(rng, content)
        else:
            text = content.decode(errors="surrogateescape")
            content = way(rng, text).encode(errors="surrogateescape")
    if not rng.randint(50):
        content = pick(rng, [b"", *BYTES, content.decode(errors="replace").encode("utf-16")])
    return content


def answers(done, form, model, names):
    """Return the fields and the answers of each row that was printed, as text."""
    wanted = [f"predicted_{name}" if name in names else name for name in model.output_names]
    count = len(wanted)
    if form == "jsonl":
        found = map(json.loads, done.stdout.split("\n")[:-1])
        return [([], [str(row[name]) for name in wanted]) for row in found]
    printed = [*csv.reader(io.StringIO(done.stdout, newline=""), strict=True)]
    if printed:
        assert printed[0] == [*names, *wanted]
    return [(row[:-count], row[-count:]) for row in printed[1:]]


def test_a_spoilt_table_is_answered_row_by_row_or_told_where_it_is_wrong(
    cases, tally, models, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for rng in cases(1000, 20_000):
        model = pick(rng, models)
        columns = model.known.columns
        content = spoilt(rng, columns)
        Path("in.csv").write_bytes(content)
        source, form = pick(rng, ["in.csv", "-"]), pick(rng, ["csv", "csv", "csv", "jsonl"])
        size = pick(rng, [csv_lines.CHUNK, 1, 7, 64])
        with (
            Path("in.csv").open() as stdin,
            patch("sys.stdin", stdin),
            patch.object(csv_lines, "CHUNK", size),
        ):
            done = call("predict", str(model.run.path), source, "--format", form)
        name = "<stdin>" if source == "-" else "in.csv"
        tally[done.code] += 1
        wanted = read(content, columns)
        found = answers(done, form, model, wanted.names)
        if wanted.wrong:
            told = re.fullmatch(rf"{NOTICES}{name}:(?:(?P<line>\d+):(?:\d+:)?)? .+\n", done.stderr)
            assert (done.code, bool(told)) == (6, True), (done, content)
            assert len(done.stderr) < 900
            line = int(told["line"] or 0)
            assert line in wanted.wrong, (done.stderr, content)
            rows = [row for row in wanted.rows if row[0] < line]
        else:
            assert (done.code, bool(re.fullmatch(NOTICES, done.stderr))) == (0, True), (
                done,
                content,
            )
            rows = wanted.rows
        assert len(found) == len(rows), (done, content)
        if not rows:
            continue
        y_hat, classes = runs_model.predict(model, np.array([x for _, _, x in rows]))
        if form == "csv":
            assert [fields for fields, _ in found] == [fields for _, fields, _ in rows], content
        if classes is not None:
            named = runs_model.class_names(model, classes)
            assert [answer.pop() for _, answer in found] == named
        given = [[float(word.replace("None", "nan")) for word in answer] for _, answer in found]
        np.testing.assert_allclose(given, y_hat, rtol=1e-12)
