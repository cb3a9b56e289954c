"""What a file or a user calls things: names that are no names, and texts that move a cursor."""

import json
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from shell import NNFS, XOR, call, environment, trained
from specimens import CONTROLS, OWN, ROWS, refused

from nnfs_cli.errors import harmless, one_line

pytestmark = pytest.mark.usefixtures("elsewhere")


# --- names -----------------------------------------------------------------------------------

NAMES = ["/", "..", ".", "a/b", "../a", "/etc/x", "", " ", "-x", "a b", "a\n", "a\tb", "a\x1b[2J"]
NAMES += ["a\x7f", "a\x9b", "x" * 61, "x" * 300, "a\\b", "a\u2028", "a\u202e", ".hidden", "~"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_no_name_is_refused(name):
    Path("named.yaml").write_text(f"{Path(XOR).read_text()}name: {json.dumps(name)}\n")
    given = [(XOR, f"name={json.dumps(name)}"), ("named.yaml",)]
    if name not in ("a\n", "a\u2028"):  # which YAML takes for line ends
        given.append((XOR, "--name", name))
    for args in given:
        refused(call("train", *args), 3)
        refused(call("sweep", *args, "seed=0..1"), 3)
    refused(call("check", "named.yaml"), 3, "named.yaml:11:7: name: ")
    assert not Path("runs").exists()


# --- what is printed -------------------------------------------------------------------------

EVIL = "\x1b]2owned\x07\x1b[31m\x9b2J\x08\x7f\u202e\u2066\u200f\u2028"


def on_terminal(*args):
    """Run a command with stdout as a terminal; return its code, and what came on both streams."""
    leader, follower = os.openpty()
    shown = b""
    with subprocess.Popen(
        [*NNFS, *args], stdout=follower, stderr=subprocess.PIPE, env=environment({"TERM": "xterm"})
    ) as process:
        os.close(follower)
        with os.fdopen(leader, "rb", buffering=0) as terminal, suppress(OSError):
            while piece := terminal.read(1000):  # Linux says EIO at the end
                shown += piece
        told = process.stderr.read()
    return process.returncode, shown.decode().replace("\r\n", "\n"), told.decode()


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """Make runs whose columns, classes and facts would move a cursor; return their directory."""
    here = tmp_path_factory.mktemp("poisoned")
    before = Path.cwd()
    os.chdir(here)
    header, quoted = f"a{EVIL},b{EVIL},kind{EVIL}\n", json.dumps(EVIL)
    rows = "".join(f"{a},{b},{kind}{EVIL}\n" for a, b, kind in ROWS)
    texts = {
        "data.csv": header + rows,
        "bad.csv": header + f"1,{EVIL},x\n",
        "own.yaml": OWN.replace(", target: kind", ""),
        "bad.yaml": OWN.replace("data.csv, target: kind", "bad.csv"),
        "text.yaml": f"dataset: xor\n{quoted}: {EVIL[5:8]}\n",
        "name.yaml": f"dataset: {quoted}\n",
        "trials.csv": f"seed,name\n1,{EVIL}\n",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    assert call("train", "own.yaml", "-q").code == 0
    assert call("sweep", "own.yaml", "seed=0..1", "-q", "-j1").code == 0
    shutil.copytree("runs/own-1", "runs/evil-1")
    path = Path("runs/evil-1/run.json")
    evil = dict.fromkeys(("command", "started", "status", EVIL), EVIL) | {"versions": {EVIL: EVIL}}
    path.write_text(json.dumps(json.loads(path.read_bytes()) | evil))
    shutil.copytree("runs/own-sweep-1", "runs/evil-sweep-1")
    path = Path("runs/evil-sweep-1/results.csv")
    path.write_text(path.read_text().replace("finished", EVIL))
    os.chdir(before)
    return here


@pytest.mark.parametrize(
    "line",
    [
        "train own.yaml",
        "train bad.yaml",
        "train text.yaml",
        "train name.yaml",
        "train own.yaml --resume evil-1",
        "check text.yaml",
        "check own.yaml",
        "predict own-1",
        "predict own-1 --format jsonl",
        "predict own-1 bad.csv",
        "evaluate own-1",
        "evaluate own-1 bad.csv",
        "show evil-1",
        "show evil-1 --json",
        "show own-sweep-1/1",
        "show evil-sweep-1",
        "show evil-sweep-1 --format csv",
        "show evil-sweep-1 --format md",
        "show evil-sweep-1 --format json",
        "runs",
        "runs --json",
        "reproduce evil-1",
        "diagnose own-1",
        "diagnose evil-1 --json",
        "explain own.yaml",
        "plot own-1",
        f"sweep {XOR} --from trials.csv --dry-run",
        f"sweep {XOR} --from trials.csv --print-commands",
        "sweep own.yaml seed=0..1",
    ],
)
def test_what_is_printed_of_a_file_moves_no_cursor(line, poisoned):
    shutil.copytree(poisoned, ".", dirs_exist_ok=True)
    code, shown, told = on_terminal(*line.split())
    assert code in (0, 1, 3, 6)
    assert "Traceback" not in told
    assert shown or told
    for text in shown, told:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours are right
        assert not CONTROLS.search(text), ascii(text)


# --- names of directories --------------------------------------------------------------------

FORGED = "all is well"
EVIL_NAMES = {
    "line feed": f"evil\n{FORGED}\n",
    "return": f"evil\r{FORGED}",
    "separator": f"evil\u2028{FORGED}",
    "paragraph": f"evil\u2029{FORGED}",
    "tab": f"evil\t{FORGED}",
    "override": f"evil\u202e{FORGED[::-1]}\u202c",
    "isolate": f"evil\u2067{FORGED[::-1]}\u2069",
    "mark": f"evil\u200f{FORGED}\u061c",
    "byte": f"evil\udc9b2J{FORGED}",
}
each_name = pytest.mark.parametrize("name", EVIL_NAMES.values(), ids=EVIL_NAMES.keys())


def check_lines(done, count=None):
    """Check that names take no line and no column of their own in what was printed."""
    for text in done.stdout, done.stderr:
        assert not CONTROLS.search(text), ascii(text)
        assert not re.search(f"^{FORGED}|\t", text, re.MULTILINE), text
        assert FORGED[::-1] not in text or "\\u20" in text
    assert count is None or len(done.stdout.splitlines()) == count


@each_name
def test_a_directory_s_name_takes_one_line(name):
    run = trained(XOR, "epochs=5")
    shutil.copytree(run, f"runs/{name}")
    Path(f"runs/{name}empty").mkdir()
    done = call("runs")
    assert done.code == 0
    check_lines(done, count=4)
    listed = json.loads(call("runs", "--json").stdout)
    if "\udc9b" not in name:
        assert {row["run"] for row in listed} >= {f"runs/{name}", f"runs/{name}empty"}
    check_lines(call("runs", "--json"))
    check_lines(call("predict", "missing"))
    for args in ("reproduce",), ("diagnose",), ("evaluate",), ("show",), ("show", "--json"):
        done = call(*args, f"runs/{name}")
        assert done.code == 0, done
        check_lines(done)


@each_name
@pytest.mark.parametrize(
    "args",
    [
        ("predict", "{}"),
        ("predict", "runs/{}/x"),
        ("predict", "xor-1", "{}"),
        ("predict", "xor-1", "-o", "{}/x"),
        ("evaluate", "xor-1", "{}.csv"),
        ("show", "xor-1/{}"),
        ("plot", "xor-1", "--kind", "{}"),
        ("plot", "{}"),
        ("report", "{}"),
        ("runs", "--runs-dir", "{}"),
        ("runs", "--runs-dir={}"),
        ("train", "{}"),
        ("train", XOR, "{}"),
        ("train", XOR, "{}=1"),
        ("train", XOR, "name={}"),
        ("train", XOR, "dataset.path={}"),
        ("train", "--resume", "{}"),
        ("train", XOR, "--init-from", "./{}/y"),
        ("sweep", XOR, "{}"),
        ("sweep", XOR, "seed={}"),
        ("sweep", XOR, "--from", "{}"),
        ("{}",),
        ("--{}",),
        ("runs", "{}"),
    ],
    ids=" ".join,
)
def test_a_name_that_is_typed_takes_one_line_of_a_message(args, name):
    trained(XOR, "epochs=5")
    done = call(*(word.replace("{}", name) for word in args))
    assert done.code or args[0] == "runs"
    assert done.stderr
    check_lines(done)


def test_harmless_text_is_as_it_was():
    text = "größe 日本語 🙂 e\u0301 שלום \u200d a\tb\nc ~ [x](y) \\x1b %s"
    assert harmless(text) == text
    assert one_line(text) == text.replace("\t", "\\t").replace("\n", "\\n")
    for code in [*range(9), *range(11, 32), *range(0x7F, 0xA0)]:
        assert harmless(chr(code)) == f"\\x{code:02x}"
    assert harmless("\u202e\u2028\u061c\udc9b") == "\\u202e\\u2028\\u061c\\x9b"


def test_a_line_that_is_shown_keeps_its_columns():
    Path("own.yaml").write_text("dataset: xor\nepochs: \u202eab\n", encoding="utf-8")
    done = call("check", "own.yaml")
    assert "    2 | epochs: \ufffdab\n      |         ^^^\n" in done.stderr
