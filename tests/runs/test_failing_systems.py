"""Disks, rights, clocks and memory that fail: a line, exit 1, and what was there is there."""

import json
import os
import re
import resource
import shutil
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime
from errno import EIO
from pathlib import Path

import numpy as np
import pytest
import yaml
from shell import MIB, XOR, arrays, call, forked, limit_memory, powerless, trained
from specimens import answer, contents, stop

from nnfs_cli.runs import session
from nnfs_cli.sweeps import execution
from nnfs_cli.training import loop

pytestmark = pytest.mark.usefixtures("elsewhere")


def failed(done, reason):
    """Check that a command said in a line that it could not go on, and why."""
    assert (done.code, done.stdout) == (1, ""), done
    begin, last = ["", *done.stderr.splitlines()][-2:]
    assert re.search(f"(^|: )({reason})$", last), done
    assert "Traceback" not in done.stderr
    assert begin == "" or re.match(r"runs/[\w-]+: ", begin), done


# --- whatever fails, and whenever ------------------------------------------------------------

LARGE = "layers.0.units={units}"
ALWAYS = ("--checkpoint-every", "0")
JOBS = {
    "train": ("train", XOR, "epochs=40", LARGE, *ALWAYS),
    "resume": ("train", "--resume", "runs/old-1", "epochs=40", *ALWAYS),
    "sweep": ("sweep", XOR, "seed=0..39", "layers.0.units=2..3", LARGE, "epochs=5", "-j1"),
    "predict": ("predict", "runs/old-1", "input.csv", "-o", "answers.csv"),
    "npz": ("predict", "runs/old-1", "input.csv", "-o", "answers.npz", "--format", "npz"),
}


def full_disk(pages):
    """Leave some pages free on this disk."""
    taken = os.statvfs(".").f_bavail - pages
    Path("filler").write_bytes(bytes(max(taken, 0) * 4096))


def quota(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def broken_call(moment):
    """Make one call of fsync, rename or mkdir fail, after some others."""
    left = iter([False] * moment + [True])

    def breaking(function):
        def call_or_fail(*args, **kwargs):
            if next(left, False):
                raise OSError(EIO, os.strerror(EIO), "the file")
            return function(*args, **kwargs)

        return call_or_fail

    os.fsync, Path.replace, Path.mkdir = map(breaking, (os.fsync, Path.replace, Path.mkdir))
    loop.pauses = loop.logged_epochs  # that the calls are the same each time


def little_memory(more):
    """Leave some bytes of memory, after taking all that this process has to spare."""
    limit_memory(0)
    with suppress(MemoryError):
        while True:
            spare.append(bytearray(1 << 16))
    del spare[-4:]
    limit_memory(more)


spare = []
FAULTS = {  # how it is made, what the line ends with, in which steps it gives way, and units
    "full disk": (full_disk, "No space left on device", (1, 4), 300),
    "quota": (quota, "File too large", (512, 8192), 300),
    "broken call": (broken_call, "Input/output error", (1, 2), 300),
    "memory": (little_memory, "out of memory", (MIB, 48 * MIB), 20_000),
}


@pytest.fixture
def disk(fault, tmp_path):
    """Go to a directory; to test with a full disk, it is a small one of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    if fault != "full disk":
        os.chdir(path)
        yield
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    os.chdir(path)
    yield
    os.chdir(tmp_path)
    subprocess.run(["umount", "-l", str(path)], check=True)


def prepare(given):
    """Put what the jobs begin with, and nothing else, into this directory."""
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(given, ".", dirs_exist_ok=True)


def check_whole():
    """Check that what stands under a final name is whole, and that there is nothing else."""
    for path in (path for path in Path().rglob("*") if path.is_file() and path.name != "filler"):
        if path.name.startswith("."):
            assert path.name.startswith(".lock"), path
        elif path.suffix == ".npz":
            assert arrays(path)
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".yaml":
            assert yaml.safe_load(path.read_text())


@pytest.mark.timeout(600)  # of 306 cases with --full
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_line_and_costs_nothing_that_is_there(job, fault, disk, tmp_path, full):
    make, reason, steps, units = FAULTS[fault]
    args = [word.format(units=units) for word in JOBS[job]]

    def done_again():
        done = call(*args)
        assert done.code == 0, done
        return answer(done), Path("answers.csv").read_bytes(), Path("answers.npz").read_bytes()

    trained(XOR, "epochs=30", LARGE.format(units=units), "--name", "old")
    Path("input.csv").write_text("0.25,0.5\n" * 1000)
    Path("answers.csv").write_text("earlier")
    np.savez("answers.npz", earlier=1)
    given = tmp_path / "given"
    shutil.copytree(".", given)
    earlier, whole = contents("."), done_again()
    amounts = range(0, 1000 * steps[0], steps[0 if full else 1])
    for amount in amounts:
        prepare(given)
        done = forked(*args, before=lambda amount=amount: make(amount))
        if done.code == 0:
            break
        failed(done, reason)
        check_whole()
        Path("filler").unlink(missing_ok=True)
        kept = {name: content for name, content in contents(".").items() if name in earlier}
        assert kept == earlier or (job == "resume" and kept.keys() == earlier.keys())
        assert done_again() == whole
    print(f"{fault}, {job}: failed {amount // amounts.step} times, and then did not")
    assert amount > 0
    assert done.code == 0


# --- rights, directories that vanish, clocks -------------------------------------------------


def test_a_runs_directory_that_must_not_be_written_is_a_line():
    old = trained(XOR, "epochs=5")
    before = contents("runs")
    for path in (old, Path("runs")):
        path.chmod(0o555)
    for args in (
        ("train", XOR, "epochs=5"),
        ("train", "--resume", str(old), "epochs=9"),
        ("sweep", XOR, "seed=0..1", "epochs=5", "-j1"),
    ):
        failed(forked(*args, before=powerless), "Permission denied")
    for args in (
        ("predict", str(old)),
        ("evaluate", str(old)),
        ("show", str(old)),
        ("runs",),
        ("reproduce", str(old)),
        ("train", "--resume", str(old)),
    ):
        assert forked(*args, before=powerless).code == 0, args
    assert contents("runs") == before


@pytest.mark.parametrize("every", ["0", "10"])
@pytest.mark.parametrize("what", ["runs", "runs/xor-1"])
def test_a_run_that_vanishes_is_a_line(what, every, monkeypatch):
    train = loop.train

    def vanishing(training, until=None):
        for epoch in train(training, until):
            if epoch > 50:
                shutil.rmtree(what, ignore_errors=True)
            yield epoch

    monkeypatch.setattr(loop, "train", vanishing)
    done = call("train", XOR, "epochs=200", "--checkpoint-every", every)
    failed(done, "No such file or directory")
    assert not Path("runs/xor-1").exists()


@pytest.mark.parametrize("what", ["runs", "runs/xor-sweep-1"])
def test_a_sweep_that_vanishes_is_a_line(what, monkeypatch):
    save = execution.save

    def vanishing(path, trained):
        shutil.rmtree(what)
        save(path, trained)

    monkeypatch.setattr(execution, "save", vanishing)
    done = call("sweep", XOR, "seed=0..3", "epochs=5", "-j1")
    failed(done, "No such file or directory")
    assert not Path("runs/xor-sweep-1").exists()


def test_clocks_that_jump_change_nothing(monkeypatch):
    whole = trained(XOR, "epochs=300", "--name", "whole")
    rng = np.random.RandomState(0)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(rng.randint(1, 9999), 1, 1, tzinfo=UTC)

    monkeypatch.setattr(session, "datetime", Jumping)
    monkeypatch.setattr(time, "time", lambda: float(rng.uniform(-(2**31), 2**33)))
    monkeypatch.setattr(time, "time_ns", lambda: int(rng.uniform(-(2**61), 2**62)))
    stop(XOR, "epochs=300", "--name", "stopped")
    for path in Path("runs").rglob("*"):
        moment = float(rng.uniform(0, 2**32))
        os.utime(path, (moment, moment))
    run = trained("--resume", "stopped-1")
    for file in "weights.npz", "costs.npz":
        assert (run / file).read_bytes() == (whole / file).read_bytes()
    assert 0 <= json.loads((run / "run.json").read_bytes())["seconds"] < 60
    assert len(call("runs").stdout.splitlines()) == 3
