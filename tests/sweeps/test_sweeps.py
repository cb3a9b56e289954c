"""Sweeps: every run is the one that train makes, whatever else happens to the sweep."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import shell
from shell import CONFIGS, XOR, arrays, call, facts_of, matches, nnfs, start, trained

from nnfs_cli.errors import NnfsError
from nnfs_cli.runs import record as run_record
from nnfs_cli.sweeps import execution, stacking, store
from nnfs_cli.sweeps import members as sweeps_members
from nnfs_cli.sweeps import plan as sweeps_plan
from nnfs_cli.sweeps import points as sweeps_points
from nnfs_cli.training import setup

SWEEP = Path("runs/xor-sweep-1")
SMALL = (XOR, "epochs=20")
DIVERGING = """\
dataset: xor
layers:
  - {units: 8, activation: relu}
  - {units: 1, activation: identity}
loss: squared_error
log_every: 3
epochs: 30
"""


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere):
    Path("diverging.yaml").write_text(DIVERGING)


def sweep(*args, code=0, jobs=1):
    """Sweep in this process, or in several, and return the directory."""
    args = ("sweep", "-q", *args)
    done = call(*args, "-j1") if jobs == 1 else nnfs(*args, "-j", str(jobs))
    assert done.code == code, done
    return Path(done.stdout.strip())


def rows_of(path):
    """Return the rows of results.csv."""
    with (Path(path) / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def bits_of(path, number):
    """Return the bits of a sweep's run."""
    return bits(sweeps_members.read_run(Path(path), number))


def bits(run):
    """Return the bits of a sweep's run like those of single(): weights and log."""
    network = setup.network_of(run.config, run.encoding.facts)
    weights = run_record.weights_of(network, run.params)
    return tuple({k: a.tobytes() for k, a in part.items()} for part in (weights, run.log))


def single(*args, code=0):
    """Return the bits of a run that train makes."""
    done = call("train", "-q", *args)
    assert done.code == code, done
    run = Path(done.stdout.strip())
    found = arrays(run / "weights.npz"), arrays(run / "costs.npz")
    return tuple({k: a.tobytes() for k, a in part.items()} for part in found)


def all_bits(path):
    """Return the bits of all of a sweep's runs, in order."""
    found = {
        number: bits(sweeps_members._run_of(Path(path), trained_, i))
        for trained_ in store.everything(Path(path))
        for i, number in enumerate(trained_.numbers.tolist())
    }
    assert sorted(found) == list(range(facts_of(path)["runs"]))
    return [found[number] for number in sorted(found)]


def stamps(path):
    """Return the stack files, each with the time of its writing."""
    return {file.name: file.stat().st_mtime_ns for file in store.stack_files(Path(path))}


def same(path, other):
    """Check that two directories hold the same sweep, to the bit."""
    assert (path / "results.csv").read_bytes() == (other / "results.csv").read_bytes()
    assert all_bits(path) == all_bits(other)


# The bits of train


def random_trials(count, seed):
    """Return trials of four shapes; all else, the data among it, differs from one to the next."""
    rng = np.random.RandomState(seed)
    for i in range(count):
        yield {
            "layers.0.units": [3, 8][i % 2],
            "layers.1.activation": ["tanh", "relu"][i // 2 % 2],
            "layers.0.initializer": ["he", "plain", "{name: uniform, low: -1, high: 1}"][i % 3],
            "learning_rate": repr(10 ** rng.uniform(-2, 0)),
            "gradient_clip": "null" if rng.randint(2) else repr(rng.uniform(0.01, 0.1)),
            "seed": rng.randint(2**32, dtype=np.uint32),
            "dataset.seed": rng.randint(4),
            "dataset.noise": [0.1, 0.3][rng.randint(2)],
            "dataset.split_seed": rng.randint(3),
        }


def write_trials(trials, path="trials.csv"):
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, trials[0])
        writer.writeheader()
        writer.writerows(trials)
    return path


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_of_a_sweep_has_the_bits_that_train_gives(dtype, cases):
    for rng in cases(1, 20):
        trials = list(random_trials(20, rng.randint(1000)))
        base = (str(CONFIGS / "moons.yaml"), f"dtype={dtype}", "epochs=30", "log_every=7")
        base += ("dataset.samples=40", "dataset.test_size=0.25", "dataset.scale=standard")
        given = (*base, "--from", write_trials(trials))
        alone = [single(*base, *(f"{k}={v}" for k, v in trial.items())) for trial in trials]
        for jobs in (1, 2):
            path = sweep(*given, "--fresh", jobs=jobs)
            assert len(stamps(path)) >= 4
            assert all_bits(path) == alone


@pytest.mark.parametrize("config", ["wine", "diabetes", "xor-cross"])
def test_classes_numbers_and_features_are_swept_to_the_same_bits(config):
    base = (str(CONFIGS / f"{config}.yaml"), "epochs=15", "log_every=4")
    path = sweep(*base, "seed=0..2", "learning_rate=0.05,0.2")
    alone = [
        single(*base, f"seed={s}", f"learning_rate={r}") for s in range(3) for r in (0.05, 0.2)
    ]
    assert all_bits(path) == alone


def test_many_samples_are_swept_to_the_same_bits():
    base = (str(CONFIGS / "moons.yaml"), "dataset.samples=5000", "epochs=3", "log_every=2")
    assert all_bits(sweep(*base, "seed=0..2")) == [single(*base, f"seed={s}") for s in range(3)]


def test_own_data_are_swept_to_the_same_bits(tmp_path):
    rng = np.random.RandomState(0)
    for name in "ab":
        X = rng.standard_normal((30, 3))
        np.savetxt(f"{name}.csv", np.column_stack([X, X.sum(axis=1) > 0]), delimiter=",")
    text = "dataset: {path: a.csv, test_size: 0.2, scale: standard}\nlog_every: 9\n"
    text += "layers: [{units: 1, activation: sigmoid}]\nloss: squared_error\nepochs: 20\n"
    Path("own.yaml").write_text(text)
    path = sweep("own.yaml", "dataset.path=a.csv,b.csv", "dataset.split_seed=0..1")
    points = [(name, seed) for name in "ab" for seed in range(2)]
    alone = [
        single("own.yaml", f"dataset.path={n}.csv", f"dataset.split_seed={s}") for n, s in points
    ]
    assert all_bits(path) == alone
    assert sweep(f"{path}/config.yaml") == path
    first = sweep("own.yaml", "seed=0..1")
    assert sweep(f"{first}/config.yaml") == first
    assert sweep("own.yaml", "seed=0..1") == first
    shutil.copy("b.csv", "a.csv")
    other = sweep("own.yaml", "seed=0..1")
    assert other != first, "other data are another sweep"
    assert all_bits(other) == [single("own.yaml", f"seed={seed}") for seed in range(2)]
    assert call("evaluate", f"{other}/1").code == 0
    assert "has changed since" in call("evaluate", f"{first}/1").stderr


def test_paths_are_relative_to_where_they_are_written(monkeypatch):
    Path("deep").mkdir()
    for name in "ab":
        Path(f"deep/{name}.csv").write_text("x,y\n1,0\n2,1\n" + f"{ord(name)},1\n")
    text = "dataset: {path: a.csv}\nlayers: [{units: 1, activation: sigmoid}]\n"
    text += "loss: squared_error\nepochs: 5\n"
    Path("deep/own.yaml").write_text(text + "sweep: {dataset.path: [a.csv, b.csv], seed: 0..1}\n")
    Path("deep/trials.csv").write_text("dataset.path,seed\na.csv,0\na.csv,1\nb.csv,0\nb.csv,1\n")
    Path("deep/plain.yaml").write_text(text)
    path = sweep("deep/own.yaml")
    paths = [f"dataset.path=deep/{name}.csv" for name in "ab"]
    alone = [single("deep/own.yaml", p, f"seed={seed}") for p in paths for seed in range(2)]
    assert all_bits(path) == alone
    typed = ("dataset.path=deep/a.csv,deep/b.csv", "seed=0..1")
    assert sweep("deep/plain.yaml", *typed) == path
    assert sweep("deep/plain.yaml", "--from", "deep/trials.csv") == path
    fresh = sweep("deep/plain.yaml", "--from", "deep/trials.csv", "--fresh")
    assert sweep(f"{fresh}/config.yaml") == fresh
    assert sweep(f"{path}/config.yaml") == fresh
    for args in ("deep/own.yaml",), ("deep/plain.yaml", "--from", "deep/trials.csv"):
        lines = call("sweep", *args, "--print-commands").stdout.splitlines()
        assert [single(*shlex.split(line)[3:]) for line in lines] == alone


def test_a_run_that_diverges_leaves_its_neighbours_as_they_are():
    rates = ["0.01", "1e6", "0.03", "1e154", "0.02"]
    path = sweep("diverging.yaml", f"learning_rate={','.join(rates)}", code=1)
    assert len(stamps(path)) == 1
    statuses = [row["status"] for row in rows_of(path)]
    assert statuses == ["finished", "diverged", "finished", "diverged", "finished"]
    for number, (rate, status) in enumerate(zip(rates, statuses, strict=True)):
        code = 4 if status == "diverged" else 0
        weights, log = bits_of(path, number)
        assert (weights, log) == single("diverging.yaml", f"learning_rate={rate}", code=code)
        assert rows_of(path)[number]["epochs"] == str(np.frombuffer(log["epoch"], int)[-1])


def test_xor_is_solved_from_48_of_50_seeds():
    path = sweep(XOR, "seed=0..49")
    assert [row["seed"] for row in rows_of(path) if row["accuracy"] != "1.0"] == ["0", "47"]
    (record,) = json.loads(call("show", str(path), "--over", "seed", "--format", "json").stdout)
    assert (record["runs"], record["solved"]) == (50, "48/50")


# What a sweep leaves


def test_results_come_in_the_order_of_the_points():
    path = sweep(*SMALL, "layers.0.units=4,2", "seed=3..5", "dtype=float64,float32", jobs=2)
    rows = rows_of(path)
    keys = ["layers.0.units", "seed", "dtype"]
    assert list(rows[0]) == ["index", *keys, "status", "epochs", "cost", "accuracy"]
    points = [(u, s, d) for u in "42" for s in "345" for d in ("float64", "float32")]
    assert [tuple(row[key] for key in keys) for row in rows] == points
    assert [row["index"] for row in rows] == [str(i) for i in range(12)]
    for row, point in zip(rows, points, strict=True):
        run = trained(*SMALL, *(f"{key}={v}" for key, v in zip(keys, point, strict=True)))
        facts = facts_of(run)
        assert (row["status"], row["epochs"]) == ("finished", "20")
        assert (float(row["cost"]), float(row["accuracy"])) == (facts["cost"], facts["accuracy"])
    names = {file.name for file in path.iterdir() if file.name[0] != "."}
    assert names == {"config.yaml", "results.csv", "run.json", *stamps(path)}
    facts = facts_of(path)
    assert (facts["kind"], facts["status"], facts["runs"]) == ("sweep", "finished", 12)
    assert (facts["finished"], facts["diverged"], facts["failed"]) == (12, 0, 0)


@pytest.mark.parametrize(
    ("specs", "code", "told"),
    [
        (["0.01,0.02"], 0, "2 finished"),
        (["0.01,1e6"], 1, "1 finished, 1 diverged"),
        (["1e5,1e6"], 4, "2 diverged"),
    ],
)
def test_an_exit_code_says_what_became_of_the_runs(specs, code, told):
    args = ("sweep", "diverging.yaml", f"learning_rate={specs[0]}", "-j1")
    done = call(*args)
    assert (done.code, done.stdout) == (code, "runs/diverging-sweep-1\n")
    assert done.stderr.splitlines()[0] == "runs/diverging-sweep-1: 2 runs"
    assert done.stderr.splitlines()[-1] == f"runs/diverging-sweep-1: {told}"
    again = call(*args)
    assert (again.code, again.stdout) == (code, done.stdout)
    assert again.stderr.splitlines()[0] == "runs/diverging-sweep-1: 2 runs, 2 already done"
    assert call(*args, "-q").stderr == ""
    assert json.loads(call(*args, "--json").stdout)["run"] == "runs/diverging-sweep-1"


def test_a_terminal_gets_a_line_that_moves():
    leader, follower = os.openpty()
    with start("sweep", XOR, "layers.0.units=2..5", "epochs=50", "-j1", stderr=follower) as process:
        os.close(follower)
        shown = b""
        with os.fdopen(leader, "rb", buffering=0) as terminal, suppress(OSError):
            while piece := terminal.read(1000):  # Linux says EIO at the end
                shown += piece
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, f"{SWEEP}\n")
    for done in b"1234":
        assert re.search(rb"\r\x1b\[K%c/4  best cost 0\.\d+  \d+ s left" % done, shown)
    assert shown.endswith(b"\r\x1b[K" + f"{SWEEP}: 4 finished\r\n".encode())


def test_a_failed_run_leaves_the_others_as_they_are():
    base = (XOR, "epochs=20", "dataset.test_size=0.5")
    path = sweep(*base, "dataset.split_seed=0..9", code=1)
    statuses = [row["status"] for row in rows_of(path)]
    assert set(statuses) == {"finished", "failed"}
    for seed, status in enumerate(statuses):
        override = f"dataset.split_seed={seed}"
        if status == "finished":
            assert bits_of(path, seed) == single(*base, override)
            continue
        alone = call("train", *base, override)
        assert alone.code == 6
        done = call("show", f"{path}/{seed}")
        assert (done.code, done.stderr) == (6, f"{path}/{seed}: failed: {alone.stderr}")
        assert rows_of(path)[seed]["cost"] == ""
    done = call("sweep", *base, "dataset.split_seed=0..9", "--fresh", "-j1")
    assert len(re.findall(r"/\d: the test part has samples of class", done.stderr)) == (
        statuses.count("failed")
    )


def test_failed_runs_are_done_again_when_that_is_asked_for(monkeypatch):
    base = (XOR, "epochs=20", "dataset.test_size=0.25")
    encode, out_of_order = setup.encode, {1, 3}

    def fail(given, *args, **keys):
        if given.dataset.parameters["split_seed"] in out_of_order:
            raise NnfsError("out of order")
        return encode(given, *args, **keys)

    monkeypatch.setattr(setup, "encode", fail)
    args = (*base, "dataset.split_seed=0..5")
    path = sweep(*args, code=1)
    before = {i: bits_of(path, i) for i in (0, 2, 4, 5)}
    out_of_order -= {3}
    assert sweep(*args, code=1) == path
    assert [row["status"] for row in rows_of(path)].count("failed") == 2
    assert sweep(*args, "--retry-failed", code=1) == path
    assert [row["status"] for row in rows_of(path)].count("failed") == 1
    out_of_order.clear()
    assert sweep(*args, "--retry-failed") == path
    assert {row["status"] for row in rows_of(path)} == {"finished"}
    assert {i: bits_of(path, i) for i in before} == before
    assert all_bits(path) == [single(*base, f"dataset.split_seed={seed}") for seed in range(6)]


def test_diverged_runs_that_are_done_again_leave_the_finished_ones():
    args = ("diverging.yaml", "learning_rate=1e6,0.01,1e154,0.02")
    path = sweep(*args, code=1)
    before = all_bits(path), rows_of(path)
    assert sweep(*args, "--retry-failed", code=1) == path
    assert (all_bits(path), rows_of(path)) == before


# Which sweep it is


def test_the_same_points_are_the_same_sweep():
    args = (*SMALL, "seed=0..3", "learning_rate=0.5,1")
    path = sweep(*args)
    before = stamps(path)
    text = Path(XOR).read_text().replace("epochs: 5000", "epochs: 20")
    block = "sweep: {seed: 0..3, learning_rate: [0.5, 1]}\n"
    Path("with-block.yaml").write_text(text + block)
    (path.parent / "deep").mkdir()
    shutil.copy(path / "config.yaml", path.parent / "deep" / "saved.yaml")
    for same_points in (
        args,
        (*args, "--name", "other"),
        (*SMALL, "seed=0,1,2,3", "learning_rate=lin:0.5..1:2"),
        ("with-block.yaml",),
        ("with-block.yaml", "dataset=xor"),
        ("runs/xor-sweep-1/config.yaml",),
        ("runs/deep/saved.yaml",),
    ):
        assert sweep(*same_points) == path
    assert stamps(path) == before
    for other in ("seed=0..4", "learning_rate=0.5", "dtype=float32", "epochs=21"):
        assert sweep(*args, other) != path
    assert sweep("with-block.yaml", "seed=0..2") != path
    fresh = sweep(*args, "--fresh")
    assert fresh != path
    assert sweep(*args) == fresh, "the last one that was asked for"


def test_a_sweep_that_was_removed_is_made_anew():
    first = sweep(*SMALL, "seed=0..3")
    wanted = all_bits(first)
    shutil.rmtree(first)
    assert sweep(*SMALL, "seed=0..3") == first
    assert all_bits(first) == wanted
    shutil.rmtree(first)
    other = sweep(*SMALL, "seed=0..2")
    assert other == first, "which has its name"
    again = sweep(*SMALL, "seed=0..3")
    assert again != other
    assert (all_bits(again), len(all_bits(other))) == (wanted, 3)


def test_a_configuration_with_a_sweep_in_it_can_be_trained_and_checked():
    Path("both.yaml").write_text(Path(XOR).read_text() + "sweep: {seed: 0..3}\n")
    assert single("both.yaml", "epochs=5") == single(XOR, "epochs=5")
    assert "sweep" not in call("check", "both.yaml").stdout


@pytest.mark.parametrize(
    "args",
    [
        ("seed=0..3", "learning_rate=0.1,1", "dataset=and", "layers.0.units=2"),
        ("seed=0..3", "learning_rate=0.1,0.2,0.3,1", "--zip", "seed,learning_rate"),
        ("learning_rate=log:1e-3..1", "layers.0.activation=tanh,relu", "--random", "4"),
        ("learning_rate=log:1e-3..1", "--random", "4", "--sweep-seed", "5"),
        ("--from", "trials.csv", "epochs=4", "name=tried"),
        ("features=[x1],[x1,x2],[x1^2,x2]", "dataset={name: or, test_size: 0.25}"),
        ("gradient_clip=null,0.1", "layers.0.activation={name: leaky_relu, slope: 0.2},tanh"),
        ("layers=[{units: 1, activation: tanh}],[{units: 1, activation: sin}]",),
    ],
    ids=" ".join,
)
def test_a_saved_sweep_and_the_commands_printed_for_it_are_the_sweep(args):
    write_trials([{"seed": 3, "learning_rate": 0.2}, {"seed": 4, "learning_rate": 2}])
    path = sweep(XOR, "epochs=6", *args)
    assert sweep(f"{path}/config.yaml") == path
    done = call("sweep", XOR, "epochs=6", *args, "--print-commands")
    assert (done.code, done.stderr) == (0, "")
    commands = [shlex.split(line) for line in done.stdout.splitlines()]
    assert all(command[:3] == ["nnfs", "train", "-q"] for command in commands)
    assert [single(*command[3:]) for command in commands] == all_bits(path)
    dry = call("sweep", XOR, "epochs=6", *args, "--dry-run")
    assert (dry.code, dry.stderr) == (0, f"{len(commands)} runs\n")
    keys = ["index", *facts_of(path)["keys"]]
    points = list(csv.DictReader(io.StringIO(dry.stdout)))
    assert points == [{key: row[key] for key in keys} for row in rows_of(path)]
    assert (path / "trials.csv").exists() == ("--from" in args)
    assert path.name.startswith("tried-" if "name=tried" in args else "xor-")


def test_nothing_is_made_where_nothing_is_to_be_done():
    for option in "--dry-run", "--print-commands":
        assert call("sweep", *SMALL, "seed=0..3", option).code == 0
    assert not Path("runs").exists()


def test_points_drawn_at_random_begin_alike():
    args = ("sweep", XOR, "learning_rate=log:1e-3..1", "layers.0.units=2..9", "--dry-run")
    few, many = (call(*args, "--random", n).stdout for n in ("5", "50"))
    assert many.startswith(few)
    other = call(*args, "--random", "5", "--sweep-seed", "1").stdout
    assert other.splitlines()[0] == few.splitlines()[0]
    assert other != few
    Path("block.yaml").write_text(
        Path(XOR).read_text()
        + "sweep: {learning_rate: 'log:1e-3..1', layers.0.units: 2..9, random: 5, sweep_seed: 1}\n"
    )
    assert call("sweep", "block.yaml", "--dry-run").stdout == other
    assert call("sweep", "block.yaml", "--random", "6", "--dry-run").stdout.startswith(other)


# What is wrong

BLOCK = Path(XOR).read_text() + "sweep:\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["seed"], "on the command line: seed: a specification is written KEY=SPEC"),
        (["=1,2"], "on the command line: =1,2: a specification is written KEY=SPEC"),
        (["seed=3..1"], "on the command line: seed=3..1: a range goes up: lo..hi or lo..hi..step"),
        (["seed=1,,2"], "on the command line: seed=1,,2: a value is missing between commas"),
        (
            ["seed=0..99999999999999999999"],
            "on the command line: seed=0..9...: a range has fewer ...",
        ),
        (["sed=1,2"], "on the command line: sed=1: unknown key 'sed'; did you mean 'seed'?"),
        (["sed=1"], "on the command line: sed=1: unknown key 'sed'; did you mean 'seed'?"),
        (["seed=1,x"], "on the command line: seed=x: must be an integer, not 'x'"),
        (["learning_rate=1,-1"], "on the command line: learning_rate=-1: must be more than 0"),
        (["layers.0.units=2,0"], "on the command line: layers.0.units=0: must be 1 or more"),
        (
            ["layers.5.units=2,3"],
            "on the command line: layers.5.units=2: layers has no item '5'; ...",
        ),
        (
            ["loss=squared_error,cross_entropy"],
            "on the command line: loss=cross_entropy: ...softmax...",
        ),
        (
            ["learning_rate=lin:0..1"],
            "on the command line: ...: needs a number of values, ...",
        ),
        (["--zip", "seed,x", "seed=1,2"], "--zip: 'x' has no list of values to go in step"),
        (
            ["--zip", "seed,epochs", "seed=1..3", "epochs=1,2"],
            "--zip: the lists differ in length: seed 3, epochs 2",
        ),
        (
            ["--zip", "seed,epochs", "seed=1,2", "epochs=1,2", "--random", "3"],
            "--zip: cannot be combined with --random, which draws each key by itself",
        ),
        (["--from", "none.csv"], "none.csv: cannot be read: No such file or directory"),
        (["--from", "empty.csv"], "empty.csv: has no rows under its header"),
        (["--from", "bad.csv"], "bad.csv:3:3: epochs: must be an integer, not 'ten'"),
        (["--from", "unknown.csv"], "unknown.csv:2:3: unknown key 'epoch'; did you mean 'epochs'?"),
        (
            ["--from", "good.csv", "seed=1"],
            "on the command line: seed=1: 'seed' is also a column of the file of trials",
        ),
        (
            ["--from", "good.csv", "learning_rate=1,2"],
            "on the command line: learning_rate=1,2: with a file of trials, a key has one ...",
        ),
        (["seed=0..9", "--max-runs", "9"], "sweep: 10 runs; more than 9 need --max-runs 10"),
        (
            [f"k{i}=0..99999999999" for i in range(400)],
            "sweep: more than 10^12 runs; more than 10,000 need --max-runs",
        ),
        (["seed=0..10000"], "sweep: 10,001 runs; more than 10,000 need --max-runs 10001"),
        (["block.yaml", "  sed: 1,2"], "block.yaml:12:8: unknown key 'sed'; did you mean 'seed'?"),
        (["block.yaml", "  seed: [1, x]"], "block.yaml:12:9: seed: must be an integer, not 'x'"),
        (["block.yaml", "  seed: 5..1"], "block.yaml:12:9: seed: a range goes up: lo..hi or ..."),
        (["block.yaml", "  seed: {a: 1}"], "block.yaml:12:3: seed: must be a value or a list ..."),
        (["block.yaml", "  [1, 2]"], "block.yaml:12:3: sweep: must be a mapping of keys to values"),
        (["block.yaml", "  random: 0"], "block.yaml:12:11: random: must be 1 or more"),
        (["block.yaml", "  sweep_seed: -1"], "block.yaml:12:15: sweep_seed: must be 0 or more"),
        (["block.yaml", "  zip: seed"], "block.yaml:12:8: zip: must be a list, not 'seed'"),
        (["block.yaml", "  from: none.csv"], "none.csv: cannot be read: No such file or directory"),
        (["empty.yaml"], "empty.yaml:1:1: the file is empty; a configuration is needed"),
        (["none.yaml"], "none.yaml: cannot be read: No such file or directory"),
        (
            ["list.yaml"],
            "list.yaml:1:1: the configuration: must be a mapping of keys to values, ...",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_with_a_sweep_is_told_where_it_is(args, message):
    for name, content in {
        "empty.csv": "seed,epochs\n",
        "bad.csv": "seed,epochs\n1,10\n2,ten\n",
        "unknown.csv": "seed,epoch\n1,10\n",
        "good.csv": "seed,epochs\n1,10\n",
        "empty.yaml": "",
        "list.yaml": "- 1\n",
    }.items():
        Path(name).write_text(content)
    before = sorted(Path().iterdir())
    given = [XOR, *args]
    if args[0].endswith(".yaml"):
        given = args[:1]
        if args[1:]:
            Path("block.yaml").write_text(BLOCK + f"{args[1]}\n")
            before.append(Path("block.yaml"))
    done = call("sweep", *given)
    assert (done.code, done.stdout) == (3, "")
    first, *_, last = done.stderr.splitlines()
    assert matches(first, message), done.stderr
    assert re.fullmatch(r"(1 error|\d+ errors); nothing was (swept|trained)", last)
    assert sorted(Path().iterdir()) == sorted(before)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--shard", "0/3"], "'0/3' should be I/N with I from 1 to N, such as 2/8"),
        (["--shard", "4/3"], "'4/3' should be I/N"),
        (["--shard", "1"], "'1' should be I/N"),
        (["--random", "0"], "0 is not in the range"),
        (["-j", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_option_is_told(args, message):
    done = call("sweep", XOR, "seed=0..3", *args)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr


def test_all_that_is_wrong_is_told_at_once():
    done = call("sweep", XOR, "seed=1,x", "learning_rate=0,1", "layers.0.units=1,y")
    told = {line.split(": ")[1] for line in done.stderr.splitlines()[:-1]}
    assert told == {"seed=x", "learning_rate=0", "layers.0.units=y"}


def test_one_more_run_than_allowed_is_allowed_by_saying_so():
    assert call("sweep", XOR, "seed=0..10000", "--max-runs", "10001", "--dry-run").code == 0


# Its runs


def test_a_run_of_a_sweep_is_a_run_for_other_commands():
    path = sweep(*SMALL, "seed=0..9", "learning_rate=0.5,3")
    alone = str(trained(*SMALL, "seed=8", "learning_rate=3"))
    predict = ("--x", "0,1", "--x", "1,1")
    for name in f"{path}/17", "xor-sweep-1/17", f"{path.absolute()}/17":
        assert call("predict", name, *predict).stdout == call("predict", alone, *predict).stdout
        assert call("predict", name).stdout == call("predict", alone).stdout
        found, wanted = (json.loads(call("evaluate", n).stdout) for n in (name, alone))
        assert found.items() - wanted.items() == {("run", found["run"])}
    shown = json.loads(call("show", f"{path}/17", "--json").stdout)
    again = json.loads(call("show", alone, "--json").stdout)
    assert {key: shown[key] for key in ("layers", "cost", "accuracy", "epochs", "status")} == {
        key: again[key] for key in ("layers", "cost", "accuracy", "epochs", "status")
    }
    assert shown["config"] == again["config"]
    assert call("show", f"{path}/17").code == 0


def test_the_best_run_is_that_of_the_smallest_cost_or_the_largest_figure():
    base = (str(CONFIGS / "moons.yaml"), "dataset.samples=40", "epochs=30")
    path = sweep(*base, "seed=0..9", "learning_rate=1e-3,0.3")
    rows = rows_of(path)
    for figure, sign in {"cost": 1, "test_cost": 1, "accuracy": -1, "test_accuracy": -1}.items():
        best = min(range(20), key=lambda i: sign * float(rows[i][figure]))
        by = ("--by", figure)
        shown = json.loads(call("show", f"{path}/best", *by, "--json").stdout)
        assert shown["run"] == f"{path}/{best}"
        for command in ("predict", "--x", "0,1"), ("evaluate",):
            name, *rest = command
            found, wanted = (call(name, f"{path}/{n}", *rest, *by) for n in ("best", best))
            assert (found.code, found.stdout, wanted.stderr) == (0, wanted.stdout, "")
            least = "smallest" if sign == 1 else "largest"
            value = f"{float(rows[best][figure]):.6g}"
            told = f"{path}/best is run {best}, with the {least} {figure}: {value}"
            if not figure.startswith("test_"):
                told += f" on the training part; --by test_{figure} compares on the test part"
            assert found.stderr == f"{told}\n"
    done = call("predict", f"{path}/best", "--by", "test_acuracy")
    assert done.code == 6
    assert (
        "no finished run has a figure 'test_acuracy'; did you mean 'test_accuracy'?" in done.stderr
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("runs/xor-sweep-1/4", "runs/xor-sweep-1/4: the sweep has runs 0 to 3"),
        ("runs/xor-sweep-1/x", "runs/xor-sweep-1/x: no such run"),
        ("runs/xor-sweep-1/-1", "runs/xor-sweep-1/-1: no such run"),
        ("runs/xor-sweep-2/0", "runs/xor-sweep-2: is not a sweep"),
        ("runs/xor-1/0", "runs/xor-1: is not a sweep"),
        ("runs/xor-1/best", "runs/xor-1: is not a sweep"),
        ("best", "best: no such run"),
        ("17", "17: no such run"),
        ("runs/xor-sweep-1/0/0", "runs/xor-sweep-1/0: is not a sweep"),
    ],
)
def test_a_run_that_a_sweep_has_not_is_refused(name, message):
    sweep(*SMALL, "seed=0..3")
    trained(*SMALL)
    done = call("predict", name, "--x=0,1")
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith(message)


def test_a_sweep_is_no_run():
    path = sweep(*SMALL, "seed=0..3")
    for command in "predict", "evaluate":
        done = call(command, str(path))
        assert (done.code, done.stdout) == (6, "")
        assert done.stderr.startswith(str(path))
    assert "runs/xor-sweep-1  finished 4/4" in call("runs").stdout


# Shown


@pytest.fixture
def shown():
    """Return a function that shows a sweep of 12 runs, two of which diverged."""
    path = sweep(
        "diverging.yaml", "seed=0..3", "learning_rate=0.01,1e+100,0.03", "epochs=20,10", code=1
    )

    def show(*args):
        done = call("show", str(path), *args)
        assert (done.code, done.stderr) == (0, "")
        return done.stdout

    return show


def test_a_sweep_is_shown_in_any_format(shown):
    records = json.loads(shown("--format", "json"))
    rows = rows_of("runs/diverging-sweep-1")
    assert "nan" in {row["cost"] for row in rows}
    known = [{k: v.replace("nan", "") for k, v in row.items()} for row in rows]
    assert [{k: "" if v is None else str(v) for k, v in r.items()} for r in records] == known
    assert records == json.loads(shown("--json"))
    assert list(csv.DictReader(io.StringIO(shown("--format", "csv")))) == rows
    table = [re.split(" {2,}", line) for line in shown().splitlines()]
    assert table[0] == [name.replace("_", " ") for name in rows[0]]
    assert [line[:5] for line in table[1:]] == [list(row.values())[:5] for row in rows]
    md = [line.strip("| ").split(" | ") for line in shown("--format", "md").splitlines()]
    assert md[0] == list(rows[0])
    assert set(md[1]) == {"---"}
    assert len(md) == len(rows) + 2


def test_a_sweep_is_sorted_and_cut(shown):
    def sort(column, *args):
        return json.loads(shown("--format", "json", "--sort", column, *args))

    finished = [r for r in json.loads(shown("--json")) if r["status"] == "finished"]
    by_cost = sorted(finished, key=lambda record: record["cost"])
    assert sort("cost", "--top", "3") == by_cost[:3]
    assert sort("-cost")[: len(by_cost)] == by_cost[::-1]
    assert {record["status"] for record in sort("cost")[len(by_cost) :]} == {"diverged"}
    assert [r["seed"] for r in sort("-seed", "--top", "7")] == [3] * 6 + [2]
    assert len(json.loads(shown("--json", "--top", "100"))) == 24
    assert {r["status"] for r in sort("status", "--top", "8")} == {"diverged"}


@pytest.mark.parametrize("over", ["seed", "learning_rate", "epochs"])
def test_statistics_are_over_one_key_and_for_each_of_the_others(shown, over):
    records = json.loads(shown("--json"))
    assert {(r["epochs"], r["status"]) for r in records} == {
        (epochs, status) for epochs in (10, 20) for status in ("finished", "diverged")
    }, "the epochs of a run that diverged are those that were asked for"
    groups = json.loads(shown("--over", over, "--format", "json"))
    others = [key for key in ("seed", "learning_rate", "epochs") if key != over]
    columns = [*others, "runs", "finished", "diverged", "failed", "missing", "solved"]
    assert [list(group)[: len(columns)] for group in groups] == [columns] * len(groups)
    points = [tuple(group[key] for key in others) for group in groups]
    assert points == list(dict.fromkeys(tuple(r[key] for key in others) for r in records))
    for point, group in zip(points, groups, strict=True):
        members = [r for r in records if tuple(r[key] for key in others) == point]
        done = [r for r in members if r["status"] == "finished"]
        solved = sum(r["accuracy"] == 1 for r in done)
        assert (group["runs"], group["solved"]) == (len(members), f"{solved}/{len(members)}")
        assert (group["finished"], group["diverged"]) == (len(done), len(members) - len(done))
        assert (group["failed"], group["missing"]) == (0, 0)
        costs = [r["cost"] for r in done]
        assert group["cost_mean"] == (pytest.approx(statistics.fmean(costs)) if costs else None)
        assert group["cost_median"] == (statistics.median(costs) if costs else None)
        assert group["cost_best"] == (min(costs) if costs else None)
        spread = statistics.stdev(costs) if len(costs) > 1 else None
        assert group["cost_sd"] == (None if spread is None else pytest.approx(spread))
        assert group["accuracy_best"] == (max(r["accuracy"] for r in done) if costs else None)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--sort", "costs"], 6, "no column 'costs'; choose from index, ...; did you mean 'cost'?"),
        (["--over", "sed"], 6, "'sed' was not swept; seed, ... were; did you mean 'seed'?"),
        (["--over", "cost"], 6, "'cost' was not swept; seed, learning_rate, epochs were"),
        (["--top", "0"], 2, "0 is not in the range"),
        (["--format", "xml"], 2, "'xml' is not one of"),
    ],
)
def test_what_cannot_be_shown_is_told(shown, args, code, message):
    done = call("show", "diverging-sweep-1", *args)
    assert (done.code, done.stdout) == (code, "")
    assert matches(done.stderr.rstrip(), f"...{message}..."), done.stderr


def results_file(path, rows):
    """Write results.csv of a sweep as rows of (status, cost, accuracy), seeds from 0."""
    lines = [f"{i},{i},{status},9,{cost},{hit}" for i, (status, cost, hit) in enumerate(rows)]
    header = "index,seed,status,epochs,cost,accuracy"
    (path / "results.csv").write_text("\n".join([header, *lines, ""]))


def test_every_format_counts_the_runs_that_did_not_finish():
    path = sweep(*SMALL, "seed=0..5")
    lost = [("diverged", "inf", 0.5), ("failed", "", ""), ("missing", "", ""), ("missing", "", "")]
    results_file(path, [("finished", 0.1, 1), ("finished", 0.3, 0.5), *lost])
    counts = {"runs": "6", "finished": "2", "diverged": "1", "failed": "1", "missing": "2"}

    def over_seed(form):
        done = call("show", str(path), "--over", "seed", "--format", form)
        assert (done.code, done.stderr) == (0, "")
        return done.stdout

    (group,) = json.loads(over_seed("json"))
    assert {key: str(group[key]) for key in counts} == counts
    assert (group["cost_mean"], group["cost_best"], group["solved"]) == (0.2, 0.1, "1/6")
    (row,) = csv.DictReader(io.StringIO(over_seed("csv")))
    assert {key: row[key] for key in counts} == counts
    head, values = over_seed("table").splitlines()
    assert list(zip(head.split()[:5], values.split()[:5], strict=True)) == [*counts.items()]
    head, _, values = (line.strip("| ").split(" | ") for line in over_seed("md").splitlines())
    assert dict(list(zip(head, values, strict=True))[:5]) == counts


def test_a_table_leaves_out_failed_and_missing_where_there_are_none(shown):
    for form in "table", "md":
        head = shown("--over", "seed", "--format", form).splitlines()[0]
        assert "diverged" in head
        assert "failed" not in head
        assert "missing" not in head


@pytest.mark.parametrize(
    ("costs", "mean", "median"),
    [
        ([1.5e308, 1.5e308], 1.5e308, 1.5e308),
        ([1e308, 1.7e308, 1e308], pytest.approx(1.2333333333333333e308), 1e308),
        ([5e-324, 5e-324], 5e-324, 5e-324),
    ],
)
def test_statistics_of_the_largest_and_smallest_costs_are_numbers(costs, mean, median):
    path = sweep(*SMALL, f"seed=0..{len(costs) - 1}")
    results_file(path, [("finished", repr(cost), 1) for cost in costs])
    (group,) = json.loads(call("show", str(path), "--over", "seed", "--json").stdout)
    assert (group["cost_mean"], group["cost_median"]) == (mean, median)


def test_a_test_part_that_overflows_is_shown_as_it_is():
    rows = "".join(f"{i},{i % 3}\n" for i in range(20)) + "1e200,1\n"
    Path("far.csv").write_text("x,y\n" + rows)
    Path("far.yaml").write_text(
        "dataset: {path: far.csv, test_size: 0.3, split_seed: 0}\n"
        "layers: [{units: 1, activation: identity, weights: [[0.1]]}]\n"
        "loss: squared_error\nlearning_rate: 1e-3\n"
    )
    path = sweep("far.yaml", "epochs=1,2")
    assert {(r["status"], r["test_cost"]) for r in rows_of(path)} == {("finished", "inf")}
    assert call("show", str(path)).code == 0
    (group,) = json.loads(call("show", str(path), "--over", "epochs", "--json").stdout)
    assert group["test_cost_sd"] is None
    assert "inf" in call("show", str(path), "--over", "epochs").stdout


def test_by_a_figure_runs_that_did_not_finish_come_last():
    path = sweep(*SMALL, "seed=0..2")
    results_file(path, [("diverged", 0.01, 1), ("finished", 0.3, 0.5), ("finished", 0.2, 1)])
    for column in "cost", "-cost", "accuracy", "-accuracy":
        records = json.loads(call("show", str(path), "--sort", column, "--json").stdout)
        assert [r["status"] for r in records] == ["finished", "finished", "diverged"]


ODD = [
    "a|b",
    "<b>x</b>&amp;",
    "*bold* _soft_ `code` [a](b)",
    "a\\|b",
    "back\u202edrow",
    "two\nlines",
]


@pytest.fixture
def odd():
    """Return a sweep over files whose names mean something to Markdown or to terminals."""
    path = sweep(*SMALL, f"seed=0..{len(ODD) - 1}")
    facts = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(facts | {"keys": ["dataset.path"]}))
    text = io.StringIO()
    rows = [(i, name, "finished", 9, 0.5) for i, name in enumerate(ODD)]
    csv.writer(text).writerows([("index", "dataset.path", "status", "epochs", "cost"), *rows])
    (path / "results.csv").write_bytes(text.getvalue().encode())
    return path


def test_cells_of_markdown_show_their_text_and_nothing_else(odd):
    lines = call("show", str(odd), "--format", "md").stdout.splitlines()
    assert len(lines) == len(ODD) + 2
    cells = [re.split(r"(?<!\\)(?:\\\\)*\|", line)[2].strip() for line in lines[2:]]
    assert cells == [
        r"a\|b",
        "&lt;b&gt;x&lt;/b&gt;&amp;amp;",
        r"\*bold\* \_soft\_ \`code\` \[a\](b)",
        r"a\\\|b",
        r"back\\u202edrow",
        r"two\\nlines",
    ]
    done = call("show", str(sweep(*SMALL, "learning_rate=1,2")), "--format", "md")
    assert "| learning_rate |" in done.stdout


def test_cells_of_a_table_stay_in_their_line_and_direction(odd):
    lines = call("show", str(odd)).stdout.splitlines()
    assert len(lines) == len(ODD) + 1
    assert r"back\u202edrow" in lines[5]
    assert r"two\nlines" in lines[6]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_csv_has_every_value_as_it_is(odd, encoding):
    done = nnfs("show", str(odd), "--format", "csv", env={"PYTHONIOENCODING": encoding})
    rows = list(csv.DictReader(io.StringIO(done.raw.decode(), newline="")))
    assert [row["dataset.path"] for row in rows] == ODD


def test_a_run_is_not_shown_as_a_sweep():
    done = call("show", str(trained(*SMALL)), "--top", "3")
    assert (done.code, done.stdout) == (2, "")
    assert "are for sweeps" in done.stderr


# Killed, shared, in pieces

MANY = (XOR, "layers.0.units=2..6", "seed=0..5", "epochs=5000", "log_every=1000")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the sweep of MANY that nothing happened to."""
    directory = tmp_path_factory.mktemp("whole")
    done = call("sweep", "-q", *MANY, "-j1", "--runs-dir", str(directory))
    assert done.code == 0
    return Path(done.stdout.strip())


def test_a_sweep_that_is_killed_goes_on_and_does_no_stack_twice(whole, cases):
    for rng in cases(3, 50):
        shutil.rmtree("runs", ignore_errors=True)
        begun = start("sweep", *MANY, "-j2", "-q", start_new_session=True)
        with begun:
            deadline = time.monotonic() + rng.uniform(0.2, 1.5)
            while time.monotonic() < deadline and begun.poll() is None:
                time.sleep(0.02)
            begun.kill()
            begun.communicate(timeout=60)
        finished = begun.returncode == 0
        before = stamps(SWEEP) if SWEEP.exists() else {}
        path = sweep(*MANY, jobs=2)
        assert not finished or path == SWEEP
        if path == SWEEP:
            assert stamps(path).items() >= before.items()
        assert not [file for file in path.iterdir() if ".npz." in file.name]
        same(path, whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sweep_that_is_stopped_tells_what_it_has_and_goes_on(whole, number, code):
    with start("sweep", *MANY, "-j2") as process:
        while not (SWEEP.exists() and stamps(SWEEP)):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, f"{SWEEP}\n")
    *_, counts, last = stderr.splitlines()
    assert re.fullmatch(rf"{SWEEP}: \d+ finished; \d+ left", counts)
    assert last == "to continue, repeat the same command"
    statuses = [row["status"] for row in rows_of(SWEEP)]
    assert set(statuses) == {"finished", "missing"}
    assert facts_of(SWEEP)["status"] == "unfinished"
    number = statuses.index("missing")
    assert call("show", f"{SWEEP}/{number}").stderr == f"{SWEEP}/{number}: is not trained yet\n"
    before = stamps(SWEEP)
    assert sweep(*MANY, jobs=2) == SWEEP
    assert stamps(SWEEP).items() >= before.items()
    same(SWEEP, whole)


def test_a_worker_that_is_killed_is_told_and_the_sweep_goes_on_when_it_is_typed_again(whole):
    with start("sweep", *MANY, "-j2", "-q") as process:
        while not (SWEEP.exists() and stamps(SWEEP)):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)  # lest it be done too soon
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        process.send_signal(signal.SIGCONT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr.startswith("a worker was killed, possibly out of memory; ")
    assert sweep(*MANY, jobs=2) == SWEEP
    same(SWEEP, whole)


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_together_are_the_whole(whole, shards):
    for i in range(shards, 0, -1):
        done = call("sweep", *MANY, "--shard", f"{i}/{shards}", "-j1")
        assert (done.code, done.stdout) == (0, f"{SWEEP}\n")
        assert ("left" in done.stderr) == (i > 1)
        assert facts_of(SWEEP)["status"] == ("unfinished" if i > 1 else "finished")
    same(SWEEP, whole)


def test_shards_that_work_at_once_put_their_files_together_without_harm():
    args = (XOR, "layers.0.units=2..11", "seed=0..3", "epochs=2")
    path = sweep(*args, "--runs-dir", "whole")
    shards = [start("sweep", *args, "-q", "--shard", f"{i}/4", "-j1") for i in range(1, 5)]
    for shard in shards:
        stdout, stderr = shard.communicate(timeout=60)
        assert (shard.returncode, stdout, stderr) == (0, f"{SWEEP}\n", "")
    assert facts_of(SWEEP)["status"] == "finished"
    assert len(stamps(SWEEP)) <= 60
    same(SWEEP, path)


@pytest.mark.parametrize("tier", [2, 3, 16])
def test_files_are_put_together_and_no_run_is_lost(monkeypatch, tier):
    monkeypatch.setattr(store, "TIER", tier)
    monkeypatch.setattr(stacking, "CACHE_BYTES", 1)  # a stack for each run
    count = 2 * tier**2 + tier + 1 if tier < 16 else 40
    path = sweep(XOR, f"seed=0..{count - 1}", "epochs=1")
    files = stamps(path)
    digits = np.base_repr(count, min(tier, 36))  # of what is put together, as digits carry
    assert len(files) == sum(int(digit, 36) for digit in digits)
    assert [row["status"] for row in rows_of(path)] == ["finished"] * count
    monkeypatch.setattr(stacking, "CACHE_BYTES", 1 << 20)
    together = sweep(XOR, f"seed=0..{count - 1}", "epochs=1", "--fresh")
    assert len(stamps(together)) == 1
    same(path, together)


def test_even_the_largest_sweep_has_few_files():
    tiers = np.base_repr(65_535, store.TIER)
    assert sum(int(digit, 16) for digit in tiers) <= 60


def test_files_left_by_a_merge_that_was_cut_short_do_no_harm(monkeypatch):
    monkeypatch.setattr(store, "TIER", 4)
    monkeypatch.setattr(stacking, "CACHE_BYTES", 1)
    unlink = Path.unlink

    def fail(path, **keys):
        if path.name == "stacks-0-1.npz":
            raise KeyboardInterrupt
        unlink(path, **keys)

    monkeypatch.setattr(Path, "unlink", fail)
    assert call("sweep", XOR, "seed=0..8", "epochs=1", "-j1").code == 130
    monkeypatch.setattr(Path, "unlink", unlink)
    assert {"stacks-1-0.npz", "stacks-0-1.npz", "stacks-0-3.npz"} <= set(stamps(SWEEP))
    assert sweep(XOR, "seed=0..8", "epochs=1") == SWEEP
    assert all_bits(SWEEP) == [single(XOR, f"seed={seed}", "epochs=1") for seed in range(9)]
    assert len(stamps(SWEEP)) <= 5


@pytest.mark.parametrize("content", [b"", b"nonsense", slice(0, 900), slice(0, -1)], ids=str)
def test_a_damaged_stack_file_is_a_plain_error(content):
    path = sweep(*SMALL, "seed=0..3")
    (file,) = store.stack_files(path)
    whole = file.read_bytes()
    file.write_bytes(whole[content] if isinstance(content, slice) else content)
    for args in ("sweep", *SMALL, "seed=0..3"), ("predict", f"{path}/0"), ("show", f"{path}/best"):
        done = call(*args)
        assert (done.code, done.stdout) == (6, "")
        assert done.stderr.startswith(f"{file}: ")


# What is refused before anything is made


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["-j", "9" * 21], 2, "is not in the range 1<=x<=4096"),
        (["-j", "0"], 2, "is not in the range"),
        (["epochs=1e12"], 3, "log_every: 20,000,000,002 logged epochs of all runs need"),
        (["epochs=1e12", "log_every=1"], 3, "log fewer, for example with log_every=1000000000\n"),
        (["seed=0..99", "epochs=1e12"], 3, "log_every: 1,000,000,000,100 logged epochs"),
        (["epochs=1e12,5"], 3, "log_every: "),
        (["epochs=1e19", "log_every=1e18"], 3, "epochs are the most that a sweep can train"),
        (["--fresh", "--shard", "1/2"], 2, "choose another --runs-dir"),
        (["--cluster", ""], 2, "'' should be of the form tcp://HOST:8786 or tls://HOST:8786"),
        (["--cluster", " "], 2, "should be of the form tcp://HOST:8786"),
        (["--cluster", "head"], 2, "should be of the form tcp://HOST:8786"),
        (["--cluster", "http://head:8786"], 2, "should be of the form tcp://HOST:8786"),
    ],
)
def test_what_cannot_be_swept_is_refused(args, code, told):
    done = call("sweep", XOR, "seed=0..1", *args)
    assert (done.code, done.stdout) == (code, "")
    assert told in done.stderr
    assert not Path("runs").exists()


def test_many_epochs_of_which_few_are_logged_are_no_reason_to_refuse():
    plan = sweeps_plan.load(
        XOR, ["seed=0..9", "epochs=1e12", "log_every=1e9"], sweeps_points.Options()
    )
    execution.check_logs(plan)


# On a cluster


@pytest.fixture
def cluster(monkeypatch):
    """Yield the address of a Dask scheduler, its process, and those of its two workers."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    # What other libraries warn of on this version of Python is not for this test.
    ignoring = {**os.environ, "PYTHONWARNINGS": "ignore"}
    monkeypatch.setattr(shell, "environment", lambda changes: ignoring)
    where, options = Path("scheduler.json"), {"scheduler": ["--port", "0"]}
    options["worker"] = ["--nthreads", "1", "--no-nanny"]
    processes = []

    def begin(program, log):
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--host", "127.0.0.1"]
        command += ["--no-dashboard", "--scheduler-file", str(where), *options[program]]
        with log.open("w") as file:
            processes.append(subprocess.Popen(command, env=ignoring, stdout=file, stderr=file))

    def wait(ready):
        while not ready():
            assert all(process.poll() is None for process in processes)
            time.sleep(0.05)

    logs = [Path(f"worker-{number}.log") for number in range(2)]
    try:
        begin("scheduler", Path("scheduler.log"))
        wait(where.exists)
        for log in logs:
            begin("worker", log)
        wait(lambda: all("Registered to" in log.read_text() for log in logs))
        yield json.loads(where.read_text())["address"], *processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_bits_though_a_worker_is_killed(cluster, whole):
    address, scheduler, first, _ = cluster
    with start("sweep", "-q", *MANY, "--cluster", address) as process:
        while not (SWEEP.exists() and stamps(SWEEP)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        first.kill()
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (0, f"{SWEEP}\n", "")
    same(SWEEP, whole)
    args = (XOR, "layers.0.units=2..9", "epochs=2000000", "--cluster", address)
    with start("sweep", *args) as process:
        assert process.stderr.readline().endswith(": 8 runs\n")  # it is connected
        scheduler.kill()
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr == f"{address}: lost the connection to the Dask scheduler\n"


CLIENT = """
import sys
from nnfs_cli.errors import NnfsError
from nnfs_cli.sweeps import cluster
from nnfs_cli.sweeps import workers as sweep_workers
cluster.PATIENCE = 0.5
try:
    with sweep_workers.workers(1, sys.argv[1]) as workers:
        print(list(sweep_workers.results(workers, {work}, {pieces})))
except NnfsError as error:
    print(error)
"""


def test_nothing_that_a_cluster_sends_is_unpickled(cluster):
    address, *_ = cluster
    for work, pieces, told in (
        ("bytes", "[1]", f"[{bytes(1)}]"),
        ("__import__('pathlib').Path", "['x']", f"{address}: it sent an object of pathlib."),
        ("__import__('decimal').Decimal", "[1]", f"{address}: it sent an object of decimal."),
        ("str", "[1]", f"{address}: a worker sent a result that is not bytes"),
        (
            "int",
            "['x']",
            f"{address}: a worker could not do the work; every worker requires nnfs-cli",
        ),
    ):
        code = CLIENT.format(work=f"lambda piece, sources: {work}(piece)", pieces=pieces)
        done = nnfs(code, address, program=(sys.executable, "-c"))
        assert (done.code, done.stderr) == (0, ""), work
        assert done.stdout.startswith(told), work


def test_a_cluster_without_workers_says_so(cluster):
    address, _, *workers = cluster
    for worker in workers:
        worker.kill()
    code = CLIENT.format(work="bytes", pieces="[1]")
    done = nnfs(code, address, program=(sys.executable, "-c"))
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{address}: the cluster has no workers; start some with 'dask ")


def test_a_cluster_behind_tls_needs_certificates():
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    ignoring = {"PYTHONWARNINGS": "ignore"}  # see cluster
    done = nnfs("sweep", XOR, "seed=0..1", "--cluster", "tls://127.0.0.1:1", env=ignoring)
    assert (done.code, done.stdout) == (1, "")
    assert "tls:// requires certificates; set the paths of their files" in done.stderr
    assert "export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=" in done.stderr
