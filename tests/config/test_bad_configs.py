"""Each tests/config/bad/*.yaml starts with the expected messages, one comment line per error.

`# 3:28: message` is an error at line 3, column 28 of the file, `# on the command line: message` is
one in an override, and any other text is one about the whole file; `...` matches anything. A last
line `# overrides: a=1 b=2` gives the overrides.
"""

import os
import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest
from shell import XOR, call, matches, nnfs

from nnfs_cli.config import loading
from nnfs_cli.errors import ConfigError

BAD = Path(__file__).parent / "bad"
MIB = 1 << 20
GOOD = Path(XOR).read_text()
# With its tag or anchor: a text in quotes, the start of a list or a mapping, or a plain word.
TOKEN = re.compile(r"""([&!]\S+ )?("[^"]*"|'[^']*'|[\[{]|.+?(?=\s*([,\]}]|:\s|:?$)))""")


pytestmark = pytest.mark.usefixtures("elsewhere")


class Report(NamedTuple):
    """An error as it was printed, its parts taken apart."""

    where: str
    line: int
    column: int
    message: str
    snippet: list[str]


def reports(text, source):
    """Return the errors of a text, and its last line."""
    *lines, last = text.rstrip("\n").split("\n")
    found = []
    for line in lines:
        if re.match(r" *[0-9]* \| ", line):
            found[-1].snippet.append(line)
        elif match := re.match(rf"({re.escape(source)})(?::(\d+))?(?::(\d+))?: (.*)", line):
            where, row, column, message = match.groups()
            found.append(Report(where, int(row or 0), int(column or 0), message, []))
        else:
            assert line.startswith("on the command line: "), f"{line!r} says not where"
            found.append(
                Report("on the command line", 0, 0, line.removeprefix("on the command line: "), [])
            )
    return found, last


def points_well(report, text):
    """Check that a report shows its line, and a caret under each character of what is wrong."""
    line = text.split("\n")[report.line - 1].replace("\t", " ")
    if not line.strip():
        assert not report.snippet
        return
    if not line.isprintable():  # and so must not be shown as it is
        return
    shown, arrow = (line.partition(" | ") for line in report.snippet)
    assert (int(shown[0]), arrow[0].strip()) == (report.line, "")
    assert len(shown[0]) == len(arrow[0])
    at, offset, width = report.column - 1, arrow[2].count(" "), arrow[2].count("^")
    assert arrow[2] == " " * offset + "^" * width
    assert line[at - offset :].startswith(shown[2])
    assert shown[2] == line or len(line) > 100
    if offset + width < len(shown[2]):  # else what is wrong ends behind the end of what is shown
        assert line[at : at + width] in (line[at], TOKEN.match(line, at)[0])
    if TOKEN.match(line, at) and repr(TOKEN.match(line, at)[0]) in report.message:
        assert width > 1 or repr(line[at]) in report.message


def expectations(text):
    """Return the expected messages that a file begins with, and its overrides."""
    heads = [line[2:] for line in takewhile(lambda line: line[:2] == "# ", text.split("\n"))]
    overrides = [head for head in heads if head.startswith("overrides: ")]
    return (
        [head for head in heads if head not in overrides],
        " ".join(overrides).removeprefix("overrides: ").split(),
    )


def refused(path, *overrides):
    """Return the errors of `nnfs train` on a file that it must refuse, leaving nothing behind."""
    before = sorted(Path().iterdir())
    done = call("train", path, *overrides)
    assert (done.code, done.stdout) == (3, "")
    assert sorted(Path().iterdir()) == before
    found, last = reports(done.stderr, path)
    count = "1 error" if len(found) == 1 else f"{len(found)} errors"
    assert last == f"{count}; nothing was trained"
    return found


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_configuration_is_told_what_is_wrong_and_where(path):
    text = path.read_text(encoding="utf-8")
    wanted, overrides = expectations(text)
    comments = sum(map(len, (wanted, overrides[:1])))
    assert comments < len(text.split("\n"))
    found = refused(str(path), *overrides)
    told = []
    for report in found:
        where = f"{report.line}:{report.column}: " if report.line else ""
        where = "on the command line: " if report.where == "on the command line" else where
        told.append(where + report.message)
        if report.line:
            points_well(report, text)
        else:
            assert not report.snippet
    assert len(told) == len(wanted), "\n".join(told)
    for line, want in zip(told, wanted, strict=True):
        assert matches(line, want), f"told {line!r}, wanted {want!r}"


def big(text):
    return text + "# " + "x" * MIB


FILES = {
    "empty": (b"", "1:1: the file is empty; a configuration is needed"),
    "blank": (b"\n  \n\n", "4:1: the file is empty; a configuration is needed"),
    "bom-alone": (b"\xef\xbb\xbf", "1:1: the file is empty; a configuration is needed"),
    "large": (big(GOOD).encode(), "11:...: the file is larger than 1 MiB..."),
    "large-and-binary": (b"\0" * (2 * MIB), "1:...: the file is larger than 1 MiB..."),
    "nul": (GOOD.encode() + b"\0", "11:1: a NUL: this is a binary file..."),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "3:1: a NUL: this is a binary file..."),
    "utf-16": (GOOD.encode("utf-16"), "1:4: a NUL: this is a binary file..."),
    "latin-1": (GOOD.encode() + "# für\n".encode("latin-1"), "11:4: byte 0xfc is not UTF-8 text"),
    "latin-1-crlf": ("a: 1\r\n# für\r\n".encode("latin-1"), "2:4: byte 0xfc is not UTF-8 text"),
    "deep-flow": (b"a: " + b"[" * 100_000, "1:27: nested more than 24 levels deep"),
    "deep-flow-mapping": (b"{a: " * 100_000, "1:97: nested more than 24 levels deep"),
    "deep-block": (b"- " * 100_000, "1:49: nested more than 24 levels deep"),
    "deep-keys": (b"? " * 100_000, "1:49: nested more than 24 levels deep"),
    "long-key": (b"k" * 100_000 + b": 1\n", "..."),
    "long-word": (b"w" * 1_000_000, "..."),
    "long-explicit-key": (b"? " + b"k" * 100_000 + b"\n: 1\n", "..."),
    "long-path": (
        GOOD.replace("dataset: xor", f"dataset: {{path: {'p' * 5000}}}").encode(),
        "3:17: path: is too long; a path has at most 4095 bytes",
    ),
    "long-tag": (b"a: !" + b"t" * 100_000 + b" 1\n", "..."),
    "long-alias": (b"a: *" + b"a" * 100_000 + b"\n", "..."),
    "long-feature": (GOOD.encode() + b"features: [x1*" + b"f" * 100_000 + b"]\n", "..."),
    "latin-1-bom": (b"\xef\xbb\xbfa: 1\nb: \xfc\n", "2:4: byte 0xfc is not UTF-8 text"),
}


@pytest.mark.parametrize(("content", "wanted"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_configuration_gets_a_plain_error(content, wanted):
    Path("bad.yaml").write_bytes(content)
    told = [
        ":".join(str(n) for n in (r.line, r.column) if n) + ": " * bool(r.line) + r.message
        for r in refused("bad.yaml")
    ]
    assert matches(told[0], wanted), told
    assert all(len(line) < 300 for line in told)


def test_a_mistake_made_many_times_over_is_counted_not_repeated():
    values = ",".join(["x"] * 50_000)
    text = GOOD.replace("initializer: xavier", f"weights: [[{values}]]", 1)
    with pytest.raises(ConfigError) as raised:
        loading.parse(text, "many.yaml")
    *told, more, last = str(raised.value).split("\n")
    assert len(told) == 3 * 100
    assert (more, last) == ("... and 49900 more", "50000 errors; nothing was trained")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("none.yaml", "cannot be read: No such file or directory"),
        ("directory", "is not a file|cannot be read: Is a directory"),
        ("directory/none.yaml", "cannot be read: No such file or directory"),
        ("file.txt/x.yaml", "cannot be read: Not a directory"),
        ("loop.yaml", "cannot be read: Too many levels of symbolic links"),
        ("x" * 300, "cannot be read: File name too long"),
        ("/dev/null", "is not a file|is empty; a configuration is needed"),
    ],
)
def test_a_path_that_cannot_be_read_gets_a_plain_error(path, wanted):
    Path("directory").mkdir()
    Path("file.txt").write_text("")
    Path("loop.yaml").symlink_to("loop.yaml")
    (report,) = refused(path)
    assert report.message in wanted.split("|")


def test_a_path_with_a_nul_gets_a_plain_error():
    with pytest.raises(ConfigError, match="is not a valid path"):
        loading.load("a\0b.yaml")


def test_a_fifo_that_nobody_writes_to_does_not_hang():
    os.mkfifo("fifo.yaml")
    done = nnfs("check", "fifo.yaml", timeout=5)
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("fifo.yaml: ")


def test_many_values_without_aliases_are_not_blamed_on_aliases():
    row = "[" + "1," * 300_000 + "]"
    with pytest.raises(ConfigError) as raised:
        loading.parse(f"dataset: xor\nfeatures: {row}\n", "many.yaml")
    assert "alias" not in str(raised.value)


@pytest.mark.parametrize("command", ["train", "check"])
def test_every_error_says_what_follows_from_it(command):
    consequence = {"train": "nothing was trained", "check": "the configuration cannot be used"}
    for path in "none.yaml", str(BAD / "key-unknown.yaml"):
        assert call(command, path).stderr.endswith(f"1 error; {consequence[command]}\n"), path


# Other characters end a line in YAML 1.1, but not in an editor, nor in `text.split("\n")`.
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_line_ends_do_not_move_the_caret(end):
    text = end.join(["# Übung", *GOOD.split("\n"), "learnin_rate: 1", ""])
    with pytest.raises(ConfigError) as raised:
        loading.parse(text, "ends.yaml")
    line = GOOD.count("\n") + 3
    assert str(raised.value).split("\n")[:3] == [
        f"ends.yaml:{line}:1: unknown key 'learnin_rate'; did you mean 'learning_rate'?",
        f"{line:>5} | learnin_rate: 1",
        "      | ^^^^^^^^^^^^",
    ]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_a_character_that_only_yaml_takes_for_a_line_end_does_not_move_the_caret(character):
    text = f"# a{character}# b\n{GOOD}learnin_rate: 1\n"
    with pytest.raises(ConfigError) as raised:
        loading.parse(text, "ends.yaml")
    assert "| learnin_rate: 1\n      | ^^^^^^^^^^^^\n" in str(raised.value)


def test_errors_come_in_the_order_of_the_file_then_of_the_command_line():
    text = "seed: -1\nlayers: 3\nepochs: -1\nloss: squared_error\n"
    with pytest.raises(ConfigError) as raised:
        loading.parse(text, "f", ["log_every=0", "dtype=int", "sed=1"])
    found, last = reports(str(raised.value), "f")
    assert [report.line for report in found] == [1, 1, 2, 3, 0, 0, 0]
    assert [r.message.partition(":")[0] for r in found[-3:]] == [
        "log_every=0",
        "dtype=int",
        "sed=1",
    ]
    assert last == "7 errors; nothing was trained"


def test_nothing_in_a_configuration_reaches_the_terminal_as_a_command():
    escape = "\x1b]0;owned\x07"
    for text in f"{escape}: 1\n", "name: '\\e[2J'\n", 'name: "\\e[2J"\n', 'dataset: "\\e[2J"\n':
        with pytest.raises(ConfigError) as raised:
            loading.parse(text, "f")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", str(raised.value))


def test_a_tag_runs_nothing():
    Path("evil.yaml").write_text("dataset: !!python/object/apply:os.system [touch owned]\n")
    refused("evil.yaml")
    assert not Path("owned").exists()
