"""The command line: what goes where, what a code means, what is loaded for it."""

import importlib
import json
import os
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import numpy as np
import pytest
from shell import CONFIGS, XOR, call, facts_of, nnfs, shell, start, trained

from nnfs_cli import __version__, cli, machine
from nnfs_cli.config import loading
from nnfs_cli.config.writing import dump, to_plain
from nnfs_cli.training import setup

MOONS = str(CONFIGS / "moons.yaml")
DIVERGING = """\
dataset: xor
layers:
  - {units: 8, activation: relu}
  - {units: 1, activation: identity}
loss: squared_error
"""
ALL_KINDS = [("--help",), ("check", XOR), ("show", "xor-1"), ("predict", "xor-1")]


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere):
    Path("diverging.yaml").write_text(DIVERGING)
    Path("bad.yaml").write_text(
        DIVERGING.replace("relu", "rely") + "learnin_rate: 1\ndtype: float16\n"
    )
    Path("file.txt").write_text("")


def log_of(path):
    with np.load(Path(path) / "costs.npz", allow_pickle=False) as file:
        return dict(file)


def told(done):
    """Return what a command said on stderr, which is never a traceback."""
    assert "Traceback" not in done.stderr
    return done.stderr


# Exit codes


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        (0, "--help", ""),
        (0, "--version", ""),
        (0, "train {xor} epochs=0", "runs/xor-2: finished at epoch 0: cost"),
        (0, "check {xor}", ""),
        (0, "runs", ""),
        (0, "show {run}", ""),
        (0, "evaluate {run} --require accuracy>=0.5", ""),
        (0, "evaluate {run} --require accuracy<=0.5", ""),
        (0, "evaluate {run} --require accuracy==0.5", ""),
        (0, "evaluate {run} --require ' cost < 1 ' --require cost>1e-9", ""),
        (0, "predict {run} --x 0,1 --x 1,1", ""),
        (1, "train {xor} --runs-dir file.txt/runs", "Not a directory"),
        (1, "train {xor} --runs-dir /proc/none", "No such file or directory"),
        (2, "", "Usage: nnfs"),
        (2, "trian {xor}", "no such command 'trian'; did you mean 'train'?"),
        (2, "train", "Missing argument 'CONFIG'"),
        (2, "train {xor} --nmae x", "--name"),
        (2, "train {xor} --name", "requires an argument"),
        (2, "train {xor} -z", "No such option"),
        (2, "train {xor} --runs-dir file.txt", "is a file"),
        (2, "predict", "Missing argument 'RUN'"),
        (2, "predict {run} data.csv --x 0,1", "give INPUT or --x, not both"),
        (2, "predict {run} --format xml", "'xml' is not one of"),
        (2, "evaluate {run} --require accuracy", "'accuracy' should be of the form"),
        (2, "evaluate {run} --require accuracy>=much", "should be of the form"),
        (2, "evaluate {run} --require acuracy>=1", "; did you mean 'accuracy'?"),
        (2, "evaluate {run} --require test_cost<=1", "no figure 'test_cost'"),
        (3, "train bad.yaml", "did you mean 'relu'"),
        (3, "check bad.yaml", "did you mean 'relu'"),
        (3, "train none.yaml", "none.yaml: cannot be read: No such file or directory"),
        (3, "train {xor} epochs=-1", "on the command line: epochs=-1: must be 0 or more"),
        (3, "train {xor} --name ../x", "name=../x: must start with a letter"),
        (4, "train diverging.yaml learning_rate=1e6", "runs/diverging-1: diverged"),
        (5, "evaluate {run} --require accuracy>=0.95", "accuracy is 0.5, not >= 0.95"),
        (5, "evaluate {run} --require accuracy>=nan", "accuracy is 0.5, not >= nan"),
        (5, "evaluate {run} --require accuracy>0.5", "accuracy is 0.5, not > 0.5"),
        (5, "evaluate {run} --require accuracy<0.5", "accuracy is 0.5, not < 0.5"),
        (5, "evaluate {run} --require cost==0", "not == 0"),
        (6, "predict none", "none: no such run"),
        (6, "predict runs/none", "runs/none: no such run; existing runs: runs/"),
        (6, "evaluate none", "none: no such run"),
        (6, "show none", "none: no such run"),
        (6, "show file.txt", "file.txt: is not a run, but a file"),
        (6, "show ''", "is no"),
        (6, "show {long}", "no such run"),
        (6, "predict {run} none.csv", "none.csv: cannot be read: No such file or directory"),
        (6, "predict {run} .", ".: cannot be read: Is a directory"),
        (6, "predict {run} --x 0,1,2", "--x:1: 3 columns; the run has 2: x1, x2"),
        (6, "predict {run} --x 0,one", "--x:1:2: 'one' is not a number"),
    ],
)
def test_an_exit_code_says_what_happened(code, line, message):
    run = str(trained(XOR, "epochs=1"))
    args = re.findall(r"'([^']*)'|(\S+)", line)
    places = {"xor": XOR, "run": run, "long": "x" * 300}
    done = call(*(("".join(arg)).format(**places) for arg in args))
    assert done.code == code, done
    assert message in told(done)
    if not code:
        assert done.stdout
    elif code not in (4, 5) and "--require" not in line:
        assert done.stdout in ("", "x1,x2,y_hat,class\n")


def test_the_process_exits_with_the_code():
    assert nnfs("check", "bad.yaml").code == 3
    assert nnfs("train", XOR, "epochs=0").code == 0


def test_three_mistakes_are_three_located_errors():
    done = nnfs("train", "bad.yaml", "epochs=-5")
    assert (done.code, done.stdout) == (3, "")
    places = re.findall(r"^(bad\.yaml:\d+:\d+|on the command line): ", done.stderr, re.MULTILINE)
    assert places == ["bad.yaml:3:28", "bad.yaml:6:1", "bad.yaml:7:8", "on the command line"]
    assert done.stderr.endswith("\n4 errors; nothing was trained\n")
    assert not Path("runs").exists()


def test_a_run_is_required_to_be_as_good_as_it_has_to_be():
    script = f"run=$(nnfs train {XOR}) && nnfs evaluate $run --require 'accuracy>={{}}'"
    done = shell(script.format(1))
    assert done.code == 0
    assert json.loads(done.stdout)["accuracy"] == 1.0
    done = shell(script.format(1.1))
    assert done.code == 5
    assert re.fullmatch(r"accuracy is 1(\.0)?, not >= 1\.1", done.stderr.splitlines()[-1])
    assert json.loads(done.stdout)["accuracy"] == 1.0


def test_all_that_is_unmet_is_told():
    run = str(trained(XOR, "epochs=1"))
    requirements = ("accuracy>=2", "cost<=-1", "cost>0")
    done = call("evaluate", run, *(arg for text in requirements for arg in ("--require", text)))
    assert (done.code, len(done.stderr.splitlines())) == (5, 2)


def test_what_is_unmet_is_told_to_as_many_digits_as_it_takes():
    run = str(trained(XOR, "epochs=1"))
    cost = facts_of(run)["cost"]
    below = float(np.nextafter(cost, 0))
    done = call("evaluate", run, "--require", f"cost<={below!r}")
    figure, relation, number = re.fullmatch(
        r"cost is (\S+), not (\S+) (\S+)\n", told(done)
    ).groups()
    assert (float(figure), relation, float(number)) == (cost, "<=", below)


# Divergence


def test_a_training_that_diverges_says_when_and_what_to_try():
    done = call("train", "diverging.yaml", "learning_rate=1e6", "log_every=1")
    assert (done.code, done.stdout) == (4, "runs/diverging-1\n")
    last = done.stderr.splitlines()[-1]
    epoch, cost, before = re.search(
        r"diverged by epoch (\d+): .*the last finite cost was (\S+) at epoch (\d+)", last
    ).groups()
    assert int(epoch) == int(before) + 1
    assert "Try learning_rate=100000, or gradient_clip=1" in last
    facts = facts_of("runs/diverging-1")
    assert (facts["status"], facts["epochs"]) == ("diverged", int(epoch))
    log = log_of("runs/diverging-1")
    assert log["epoch"].tolist() == list(range(int(epoch) + 1))
    assert np.isfinite(log["cost"][:-1]).all()
    np.testing.assert_allclose(log["cost"][-2], float(cost), rtol=1e-5)


def test_a_diverged_run_can_be_looked_at():
    call("train", "diverging.yaml", "learning_rate=1e6")
    run = "runs/diverging-1"
    assert "diverged" in call("runs").stdout
    assert json.loads(call("show", run, "--json").stdout)["status"] == "diverged"
    evaluated = call("evaluate", run, "--require", "cost<=1e300")
    assert (evaluated.code, json.loads(evaluated.stdout)["cost"]) == (5, None)
    assert call("predict", run, "--x", "1,1").code == 0


@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset={name: moons, noise: 1e308}"],
        ["dataset={name: moons, noise: 1e38}", "dtype=float32"],
        ["dataset={name: blobs, std: 1e308}"],
        ["dataset={name: blobs, samples: 2, test_size: 0.5}"],
        ["dataset={name: circles, samples: 3, factor: 0, noise: 0}"],
        ["dataset={name: moons, samples: 9, test_size: 1e-300}"],
        ["learning_rate=1e308"],
        ["learning_rate=1e300", "dtype=float32"],
        ["learning_rate=5e-324"],
        ["gradient_clip=1e308"],
        ["gradient_clip=1e300", "dtype=float32"],
        ["gradient_clip=5e-324", "dtype=float32"],
        ["layers.0.initializer={name: normal, mean: 1e308, std: 1e308}"],
        ["layers.0.initializer={name: normal, mean: 1e300, std: 0}", "dtype=float32"],
        ["layers.0.initializer={name: uniform, low: -1e308, high: 1e308}"],
        ["layers.0.initializer={name: uniform, low: 1, high: 1}"],
        ["layers.0.biases=[1e308, -1e308, 1e-308]"],
        ["layers.0.biases=[1e300, -1e300, 1e-300]", "dtype=float32"],
        ["features=[x1^20, x1^20*x2^20*x1^20*x2^20]", "dtype=float32"],
    ],
    ids=" ".join,
)
def test_extreme_numbers_end_in_a_run_or_in_a_plain_error(overrides):
    done = call("train", XOR, "epochs=3", *overrides)
    assert done.code in (0, 3, 4, 6)
    assert "Warning" not in told(done)
    assert bool(done.stdout) == (done.code in (0, 4))


# Signals and pipes


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_training_that_is_stopped_is_saved(number, code):
    process = start("train", XOR, "epochs=1000000000", "-v")
    with process:
        while "epoch 100:" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, "runs/xor-1\n")
    assert re.search(r"runs/xor-1: interrupted at epoch \d+: cost", stderr.splitlines()[-2])
    assert stderr.splitlines()[-1] == "to continue: nnfs train --resume runs/xor-1"
    assert "Traceback" not in stderr
    facts = facts_of("runs/xor-1")
    assert facts["status"] == "interrupted"
    log = log_of("runs/xor-1")
    assert (log["epoch"][-1], log["cost"][-1]) == (facts["epochs"], facts["cost"])
    evaluated = json.loads(call("evaluate", "runs/xor-1").stdout)
    wanted = {"run": "runs/xor-1", "cost": facts["cost"], "accuracy": facts["accuracy"]}
    assert wanted.items() <= evaluated.items()
    again = call("train", XOR, f"epochs={facts['epochs']}", "-q").stdout.strip()
    assert facts_of(again)["weights_digest"] == facts["weights_digest"]


def test_predict_answers_as_the_input_comes_and_stops_quietly():
    run = str(trained(XOR, "epochs=1"))
    with start("predict", run, "-", stdin=subprocess.PIPE, bufsize=1) as process:
        process.stdin.write("0,1\n")
        process.stdin.flush()
        assert process.stdout.readline() == "x1,x2,y_hat,class\n"
        assert re.fullmatch(r"0,1,0\.\d+,[01]\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_a_closed_pipe_ends_predict_quietly():
    run = trained(XOR, "epochs=1")
    done = shell(f"yes 0,1 | nnfs predict {run} - | head -1; echo ${{PIPESTATUS[1]}}")
    assert (done.stdout, done.stderr) == ("x1,x2,y_hat,class\n141\n", "")


@pytest.mark.parametrize("args", ALL_KINDS, ids=lambda args: args[0])
def test_a_pipe_that_nobody_reads_ends_any_command_quietly(args):
    trained(XOR, "epochs=1")
    reader, writer = os.pipe()
    os.close(reader)
    done = nnfs(*args, stdout=writer)
    os.close(writer)
    assert (done.code, done.stderr) == (141, "")


@pytest.mark.parametrize("args", ALL_KINDS, ids=lambda args: args[0])
def test_a_full_disk_is_a_line_and_exit_1(args):
    trained(XOR, "epochs=1")
    with Path("/dev/full").open("wb") as full:
        done = nnfs(*args, stdout=full)
    assert (done.code, done.stderr) == (1, "No space left on device\n")


def test_a_run_is_kept_though_its_name_cannot_be_told():
    with Path("/dev/full").open("wb") as full:
        done = nnfs("train", "-q", XOR, "epochs=1", stdout=full)
    assert (done.code, done.stderr) == (1, "No space left on device\n")
    assert facts_of("runs/xor-1")["status"] == "finished"


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("train {xor} epochs=1 2>&-", {0}),
        ("train {xor} epochs=1 -v 2>&-", {0}),
        ("train {xor} epochs=1 >&-", {0, 1}),
        ("train {xor} epochs=1 2>/dev/full", {0}),
        ("train bad.yaml 2>&-", {3}),
        ("train - <&-", {3}),
        ("predict xor-1 - <&-", {6}),
        ("predict xor-1 >&-", {0, 1}),
        ("--version >&-", {0, 1}),
    ],
)
def test_a_closed_stream_is_no_reason_to_crash(line, codes):
    trained(XOR, "epochs=1")
    done = shell(f"nnfs {line.format(xor=XOR)}")
    told(done)
    assert done.code in codes
    assert "train {xor}" not in line or facts_of("runs/xor-2")["status"] == "finished"


def test_bytes_that_are_no_text_are_no_reason_to_crash():
    Path(os.fsdecode(b"caf\xe9.yaml")).write_text(Path(XOR).read_text())
    run = trained(XOR, "epochs=1")
    for code, args in {
        0: (b"train", b"caf\xe9.yaml", b"epochs=1"),
        3: (b"train", b"none\xe9.yaml"),
        6: (b"predict", str(run), b"--x", b"0,\xe9"),
    }.items():
        done = call(*map(os.fsdecode, args))
        assert done.code == code
        told(done)


def test_a_runs_dir_may_have_any_name():
    done = nnfs("train", XOR, "epochs=1", "--runs-dir", b"r\xff")
    assert (done.code, done.raw) == (0, b"r\xff/xor-1\n")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("train {xor} epochs=1", 0),
        ("train {xor} epochs=1 -v", 0),
        ("train {xor} epochs=1 --resume xor-1", 0),
        ("train --resume xor-1 epochs=0", 3),
        ("sweep {xor} epochs=1 seed=0,1 -j1", 0),
        ("train bad.yaml", 3),
        ("train diverging.yaml learning_rate=1e9", 4),
        ("evaluate xor-1 --require 'cost<0'", 5),
        ("predict none", 6),
        ("train", 2),
        ("frobnicate", 2),
        ("predict xor-1 --x", 2),
        ("train --help", 0),
    ],
)
def test_a_stderr_that_takes_nothing_changes_no_exit_code(line, code):
    trained(XOR, "epochs=1")
    done = shell(f"nnfs {line.format(xor=XOR)} 2>/dev/full")
    assert (done.code, done.stderr) == (code, "")


LOCALES = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C, no UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture
def polish():
    """Make a run whose columns, classes and directories have names outside of Latin-1."""
    rows = "".join(f"{i % 5},{i % 3},{'źle' if i % 2 else 'dobrze é'}\n" for i in range(20))
    Path("data.csv").write_text(f"żyć,łaź,kto\n{rows}", "utf-8")
    Path("łan.yaml").write_text(
        "dataset: {path: data.csv}\nlayers: [{units: 1, activation: sigmoid}]\nepochs: 5\n"
        "name: lan\nloss: binary_cross_entropy\n",
        "utf-8",
    )
    trained("łan.yaml", "--runs-dir", "łany")
    Path("in.csv").write_text("żyć,łaź,gdzie\n1,2,Łódź\n", "utf-8")


@pytest.mark.parametrize("env", LOCALES.values(), ids=LOCALES.keys())
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("train łan.yaml --runs-dir łany", 0),
        ("train łan.yaml --runs-dir łany --json", 0),
        ("train łan.yaml layers.0.activation=łuk", 3),
        ("train ł.yaml", 3),
        ("predict łany/lan-1 --x ł", 6),
        ("show łany/lan-1", 0),
        ("runs --runs-dir łany", 0),
        ("explain łany/lan-1", 0),
        ("sweep łan.yaml seed=0,1 -j1 --runs-dir łany", 0),
        ("ł", 2),
    ],
)
@pytest.mark.usefixtures("polish")
def test_names_outside_the_terminal_s_encoding_are_no_reason_to_crash(line, code, env):
    done = nnfs(*line.split(), env=env)
    told(done)
    assert done.code == code


@pytest.mark.usefixtures("polish")
def test_names_outside_the_terminal_s_encoding_are_escaped_and_that_is_said():
    done = nnfs("runs", "--runs-dir", "łany", env={"PYTHONIOENCODING": "latin-1"})
    assert b"\\u0142any/lan-1" in done.raw
    assert done.stderr == (
        "stdout is latin-1, which has no \\u0142; such characters are escaped: "
        "set PYTHONIOENCODING=utf-8 to print them\n"
    )
    done = nnfs("runs", "--runs-dir", "łany", env={"PYTHONIOENCODING": "utf-8"})
    assert ("łany/lan-1" in done.stdout, done.stderr) == (True, "")


@pytest.mark.parametrize(
    "line",
    [
        "predict łany/lan-1 in.csv",
        "predict łany/lan-1 in.csv --format jsonl",
        "evaluate łany/lan-1",
        "show łany/lan-1 --json",
        "explain łany/lan-1 --format json",
        "explain łany/lan-1 --format html",
    ],
)
@pytest.mark.usefixtures("polish")
def test_data_and_pages_are_utf8_whatever_the_terminal_is(line):
    found = [nnfs(*line.split(), env={"PYTHONIOENCODING": e}) for e in ("latin-1", "utf-8")]
    assert [(done.code, done.stderr) for done in found] == [(0, "")] * 2
    assert found[0].raw == found[1].raw


@pytest.mark.usefixtures("polish")
def test_a_data_file_that_the_locale_has_no_name_for_is_said_where_it_is_written():
    Path("data.csv").rename("łóż.csv")
    env = LOCALES["C, no UTF-8 mode"]
    done = nnfs("train", "łan.yaml", "dataset.path=łóż.csv", env=env)
    assert done.code == 3
    Path("b.yaml").write_text(Path("łan.yaml").read_text("utf-8").replace("data.", "łóż."), "utf-8")
    done = nnfs("train", "b.yaml", env=env)
    assert done.code == 3
    assert "b.yaml:1:17: path: cannot be written in ascii" in told(done)
    assert nnfs("train", "b.yaml", env={**env, "PYTHONUTF8": "1"}).code == 0


@pytest.mark.parametrize("given", ["nan", "inf", "-inf", "-1", "1e999", "x"])
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_number_of_seconds_is_finite(command, given):
    done = call(command, XOR, "seed=0", "--checkpoint-every", given)
    assert (done.code, done.stdout) == (2, "")
    assert given in told(done)


@pytest.mark.parametrize("command", ["train", "reproduce"])
def test_threads_are_as_many_as_this_process_may_use(command, monkeypatch):
    trained(XOR, "epochs=1")
    used = []

    def prepare(config, cache_dir, threads=1, sources=None, prepare=setup.prepare):
        used.append(threads)
        return prepare(config, cache_dir, threads, sources)

    monkeypatch.setattr(machine, "cores", lambda: 3)
    monkeypatch.setattr(setup, "prepare", prepare)
    assert call(command, XOR if command == "train" else "xor-1").code == 0
    assert used == [3]


# What goes where


def test_stdout_carries_the_run_alone():
    done = call("train", XOR, "epochs=200")
    assert (done.code, done.stdout) == (0, "runs/xor-1\n")
    begin, end = done.stderr.splitlines()
    assert begin == "runs/xor-1: 2-3-1, 13 parameters, 4 samples, 200 epochs"
    assert re.fullmatch(r"runs/xor-1: finished at epoch 200: cost 0\.\d+, accuracy 0\.\d+", end)


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet_says_nothing_but_the_result(option):
    assert call("train", XOR, "epochs=200", option)[:3] == (0, "runs/xor-1\n", "")


@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_verbose_tells_every_logged_cost(option):
    done = call("train", XOR, "epochs=250", option)
    assert done.stdout == "runs/xor-1\n"
    lines = done.stderr.splitlines()[1:-1]
    found = [re.fullmatch(r"epoch (\d+): cost (\S+), accuracy (\S+)", line) for line in lines]
    log = log_of("runs/xor-1")
    assert [int(match[1]) for match in found] == log["epoch"].tolist() == [0, 100, 200, 250]
    np.testing.assert_allclose([float(match[2]) for match in found], log["cost"], rtol=1e-5)


def test_a_terminal_gets_a_line_that_moves():
    leader, follower = os.openpty()
    with start("train", XOR, "epochs=3000", stderr=follower) as process:
        os.close(follower)
        shown = b""
        with os.fdopen(leader, "rb", buffering=0) as terminal, suppress(OSError):
            while piece := terminal.read(1000):  # Linux says EIO at the end
                shown += piece
        stdout, _ = process.communicate(timeout=60)
    assert b"Traceback" not in shown
    assert (process.returncode, stdout) == (0, "runs/xor-1\n")
    assert shown.count(b"\r") > shown.count(b"\r\n")
    assert re.search(rb"epoch .*3000.*cost 0\.\d+", shown)


def test_json_tells_what_run_json_does():
    done = call("train", XOR, "epochs=200", "--json", "-q")
    assert json.loads(done.stdout) == {"run": "runs/xor-1", **facts_of("runs/xor-1")}


def test_a_run_is_called_what_the_user_says():
    assert call("train", XOR, "epochs=0", "-q", "--name", "mine").stdout == "runs/mine-1\n"
    assert call("train", XOR, "epochs=0", "-q", "name=ours").stdout == "runs/ours-1\n"
    assert call("train", XOR, "epochs=0", "-q", "name=a", "--name=b").stdout == "runs/b-1\n"
    assert loading.load("runs/mine-1/config.yaml").name == "mine"


def test_runs_are_kept_where_the_user_says(monkeypatch):
    assert call("train", XOR, "epochs=0", "-q", "--runs-dir", "a/b").stdout == "a/b/xor-1\n"
    monkeypatch.setenv("NNFS_RUNS_DIR", "c")
    assert call("train", XOR, "epochs=0", "-q").stdout == "c/xor-1\n"
    assert call("train", XOR, "epochs=0", "-q", "--runs-dir", "a/b").stdout == "a/b/xor-2\n"
    assert "c/xor-1 " in call("runs").stdout
    assert call("evaluate", "xor-1").code == 0
    assert not Path("runs").exists()


def test_a_configuration_may_come_from_stdin():
    done = nnfs("train", "-", "epochs=10", "-q", stdin=Path(XOR).read_text())
    assert done[:3] == (0, "runs/run-1\n", "")
    done = shell(f"nnfs check {XOR} epochs=10 | nnfs train - -q")
    assert done[:3] == (0, "runs/xor-1\n", "")
    digests = {facts_of(run)["weights_digest"] for run in ("runs/run-1", "runs/xor-1")}
    assert len(digests) == 1
    done = nnfs("train", "-", stdin="seed: one\n")
    assert done.code == 3
    assert ":1:7: seed: must be an integer, not 'one'\n    1 | seed: one\n" in done.stderr


def test_check_prints_the_configuration_that_a_run_would_have():
    done = call("check", MOONS, "seed=3")
    assert (done.code, done.stderr) == (0, "")
    given = loading.load(MOONS, ["seed=3"])
    assert done.stdout == dump(given)
    assert json.loads(call("check", MOONS, "seed=3", "--json").stdout) == to_plain(given)
    assert not Path("runs").exists()


# What is loaded

LOADED = """\
import sys
from nnfs_cli.cli import main
try:
    main()
except SystemExit as exit:
    assert exit.code == 0
    slow = ["numpy", "sklearn", "scipy", "matplotlib", "pandas", "yaml", "msgspec", "hypothesis"]
    print(*(name for name in slow if name in sys.modules), file=sys.stderr)
"""


def loaded(*args):
    """Return the slow modules that a command loads."""
    done = nnfs("-c", LOADED, *args, program=(sys.executable,))
    assert done.code == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("train", "--help")], ids=" ".join)
def test_help_loads_nothing_that_is_slow(args):
    assert loaded(*args) == set()


def test_a_gate_loads_neither_scikit_learn_nor_matplotlib():
    assert loaded("train", XOR, "epochs=1") == {"numpy", "yaml", "msgspec"}
    assert loaded("predict", "runs/xor-1", "--x", "0,1") == {"numpy", "yaml", "msgspec"}


def test_the_second_training_on_the_same_moons_does_not_load_scikit_learn():
    args = ("train", MOONS, "epochs=1", "-q")
    assert {"sklearn"} <= loaded(*args)
    assert loaded(*args) == {"numpy", "yaml", "msgspec"}
    assert loaded("evaluate", "moons-1") == {"numpy", "yaml", "msgspec"}
    first, second = (facts_of(f"runs/moons-{number}") for number in (1, 2))
    assert first["data_digest"] == second["data_digest"]
    assert first["weights_digest"] == second["weights_digest"]


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"nonsense", "truncate", "flip"], ids=repr)
def test_a_damaged_cache_is_made_anew(damage):
    args = (MOONS, "epochs=1", "dataset.samples=20")
    first = facts_of(trained(*args))
    (kept,) = Path("runs/.cache").glob("*.npy")
    content = kept.read_bytes()
    if damage == "flip":
        damage = content[:-1] + bytes([content[-1] ^ 1])
    kept.write_bytes(content[:-8] if damage == "truncate" else damage)
    second = facts_of(trained(*args))
    assert second["data_digest"] == first["data_digest"]
    assert kept.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_no_error():
    Path("runs").mkdir()
    Path("runs/.cache").write_text("in the way")
    assert facts_of(trained(MOONS, "epochs=1", "dataset.samples=20"))["status"] == "finished"


# Help


def test_every_module_of_the_shell_is_a_command():
    modules = {module.name for module in pkgutil.iter_modules(cli.__path__)}
    shared = {"options", "inputs", "output", "prediction_formats", "progress"}
    assert modules - shared == set(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_command_says_of_itself_what_the_table_says(name):
    command = importlib.import_module(f"nnfs_cli.cli.{name}").command
    assert command.help.splitlines()[0] == cli.COMMANDS[name]
    assert f"  {name} " in call("--help").stdout
    assert cli.COMMANDS[name] in call("--help").stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_that_fits(name):
    long, short = call(name, "--help"), call(name, "-h")
    assert (long.code, long.stderr) == (0, "")
    assert long == short
    assert long.stdout.startswith(f"Usage: nnfs {name} [OPTIONS]")
    assert cli.COMMANDS[name] in long.stdout
    assert max(map(len, long.stdout.splitlines())) <= 100
    command = importlib.import_module(f"nnfs_cli.cli.{name}").command
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_the_version_is_told():
    assert call("--version").stdout == f"nnfs {__version__}\n"


# runs and show


def test_runs_lists_the_runs_oldest_first():
    assert call("runs")[:3] == (0, "", "runs: no runs yet; to train one: nnfs train CONFIG\n")
    assert call("runs", "--json")[:3] == (0, "[]\n", "")
    trained(XOR, "epochs=10")
    trained(MOONS, "epochs=10", "dataset.samples=20")
    call("train", "diverging.yaml", "learning_rate=1e6")
    Path("runs/unfinished-1").mkdir()
    Path("runs/a-file").write_text("")
    done = call("runs")
    assert (done.code, done.stderr) == (0, "")
    header, *rows = done.stdout.splitlines()
    assert re.split("  +", header) == [
        *("run", "status", "cost", "accuracy", "test cost", "test accuracy", "started")
    ]
    assert [row.split()[:2] for row in rows] == [
        ["runs/xor-1", "finished"],
        ["runs/moons-1", "finished"],
        ["runs/diverging-1", "diverged"],
        ["runs/unfinished-1", "unfinished"],
    ]
    listed = json.loads(call("runs", "--json").stdout)
    assert [row["run"] for row in listed] == [row.split()[0] for row in rows]
    for row in listed[:2]:
        facts = facts_of(row["run"])
        assert row == {key: facts[key] for key in row.keys() - {"run"}} | {"run": row["run"]}
        assert {"status", "cost", "accuracy", "started"} < row.keys()
    assert listed[3] == {"run": "runs/unfinished-1", "status": "unfinished"}


def listed_runs():
    return [Path(row["run"]).name for row in json.loads(call("runs", "--json").stdout)]


def test_runs_stay_in_their_order_whatever_is_done_with_them(tmp_path):
    for _ in range(11):
        trained(XOR, "epochs=1")
    order = [f"xor-{i}" for i in range(1, 12)]
    assert listed_runs() == order
    assert call("explain", "xor-2", "-o", "runs/xor-2/explained.md").code == 0
    (Path("runs/xor-3") / "notes.txt").write_text("mine")
    trained("--resume", "xor-4", "epochs=2")
    for moment, name in enumerate(reversed(order)):
        os.utime(Path("runs") / name, (moment, moment))
    assert listed_runs() == order
    assert trained(XOR, "epochs=1", "--resume-if-exists") == Path("runs/xor-11")
    shutil.copytree("runs", tmp_path / "copy/runs")
    os.chdir(tmp_path / "copy")
    assert listed_runs() == order


@pytest.mark.parametrize(
    ("started", "last"),
    [
        ("2026-01-02T03:04:05+00:00", False),
        ("2026-01-02T03:04:05", False),
        ("2999-01-01T00:00:00+00:00", True),
        ("2999-01-01T00:00:00+05:00", True),
        ("0001-01-01T00:00:00+23:00", False),
        ("yesterday", True),
        (None, True),
        (5, True),
        (["x"], True),
        ("9" * 5000, True),
    ],
)
def test_a_run_is_listed_by_when_it_says_it_was_started(started, last):
    for _ in range(3):
        trained(XOR, "epochs=1")
    run = trained(MOONS, "epochs=1", "dataset.samples=20")
    facts = facts_of(run) | {"started": started}
    (run / "run.json").write_text(json.dumps(facts))
    os.utime(run / "config.yaml", (2**32, 2**32))
    assert listed_runs().index("moons-1") == (3 if last else 0)


@pytest.mark.parametrize("damage", ["", "[]", "{", "null", "\0", '{"status": 1, "cost": "x"}'])
def test_a_damaged_run_does_not_hide_the_others(damage):
    (trained(XOR, "epochs=1") / "run.json").write_text(damage)
    trained(XOR, "epochs=1")
    done = call("runs")
    assert (done.code, done.stderr) == (0, "")
    assert "runs/xor-2  finished" in done.stdout
    assert call("show", "runs/xor-1").code in (0, 6)


def test_show_tells_a_run_in_full():
    run = trained(MOONS, "epochs=10", "dataset.samples=20")
    done = call("show", "moons-1")
    assert (done.code, done.stderr) == (0, "")
    assert done == call("show", str(run)) == call("show", f"{run}/")
    assert re.search(r"^run +runs/moons-1$", done.stdout, re.MULTILINE)
    assert re.search(r"^status +finished$", done.stdout, re.MULTILINE)
    assert re.search(r"^test accuracy +\d", done.stdout, re.MULTILINE)
    assert re.search(r"^2 +16 +16 +tanh +272$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +total +337$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith((run / "config.yaml").read_text())


def test_show_tells_the_same_as_json():
    run = trained(MOONS, "epochs=10", "dataset.samples=20")
    shown = json.loads(call("show", "moons-1", "--json").stdout)
    layers, given = shown.pop("layers"), shown.pop("config")
    assert shown == {"run": "runs/moons-1", **facts_of(run)}
    assert given == to_plain(loading.load(str(run / "config.yaml")))
    assert [layer["parameters"] for layer in layers] == [48, 272, 17]
    assert layers[0] == {
        **{"layer": 1, "inputs": 2, "units": 16, "activation": "tanh"},
        "parameters": 48,
    }


def test_a_directory_of_the_name_comes_before_a_run_of_the_name():
    trained(XOR, "epochs=1", "--runs-dir", ".")
    trained(XOR, "epochs=2")
    assert json.loads(call("show", "xor-1", "--json").stdout)["run"] == "xor-1"
