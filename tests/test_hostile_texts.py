"""What a file or a user calls things: names that are no names, and texts that move a cursor."""

import json
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from shell import NNFS, XOR, call, environment
from specimens import CONTROLS, OWN, ROWS, refused


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNFS_RUNS_DIR", raising=False)


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

EVIL = "\x1b]2owned\x07\x1b[31m\x9b2J\x08\x7f"


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
