"""Stacks that are stopped go on where they were, to the bits that they would have come to."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from shell import XOR, call, nnfs, start

from nnfs_cli.storage.arrays import read_arrays, write_arrays
from nnfs_cli.sweeps import directory as sweep_directory
from nnfs_cli.sweeps import execution, members, progress, stacking
from nnfs_cli.training import loop

SWEEP = Path("runs/xor-sweep-1")
MANY = ("sweep", XOR, "seed=0..9", "layers.0.units=2..3", "epochs=930", "log_every=70")
LONG = ("sweep", XOR, "seed=0..199", "layers.0.units=2..3", "epochs=25000", "log_every=3000")
DIVERGING = ("sweep", XOR, "layers.0.activation=relu", "layers.1.activation=identity")
DIVERGING += ("learning_rate=0.1,1e4,0.5,3", "seed=0..1", "epochs=930", "log_every=70")


pytestmark = pytest.mark.usefixtures("elsewhere")


@contextmanager
def signalled(number, at):
    """Let the signal come when a stack reaches an epoch; yield where stacks began."""
    begun, due = [], [number]

    def watched(method, stops, *, start, descend=loop.descend):
        begun.append(start)
        for epoch in descend(method, stops, start=start):
            if due and epoch >= at:
                signal.raise_signal(due.pop())
            yield epoch

    with patch.object(loop, "descend", watched):
        yield begun


def states_of(path):
    return sorted(file.name for file in Path(path).glob(".state-*"))


def same(path, whole):
    """Check that a sweep has come to what another has, and keeps no state."""
    for file in "results.csv", "config.yaml":
        assert (path / file).read_bytes() == (whole / file).read_bytes()
    assert states_of(path) == []
    count = len((path / "results.csv").read_text().splitlines()) - 1
    for number in range(0, count, max(1, count // 20)):
        mine, other = (members.read_run(directory, number) for directory in (path, whole))
        assert mine.params.tobytes() == other.params.tobytes()
        assert {k: v.tobytes() for k, v in mine.log.items()} == {
            k: v.tobytes() for k, v in other.log.items()
        }


def swept(*args, code=0):
    done = call(*args, "-q", "-j1")
    assert done.code == code, done
    return Path(done.stdout.strip())


@pytest.mark.parametrize("args", [MANY, DIVERGING], ids=["xor", "diverging"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("at", [0, 1, 70, 500, 929])
def test_a_sweep_that_is_stopped_goes_on_where_its_stack_was(args, number, at):
    code = 0 if args is MANY else 1
    whole = swept(*args, "--runs-dir", "whole", code=code)
    if args is DIVERGING:
        assert {row.status for row in execution.done(whole).values()} == {"finished", "diverged"}
    with signalled(number, at) as begun:
        path = swept(*args, code=128 + number)
    assert (begun, len(states_of(path))) == ([0], 1)
    with signalled(number, 10**9) as begun:
        assert swept(*args, code=code) == path
    assert at <= begun[0] <= 930
    assert begun[1:] == [0] * (len(begun) - 1)
    same(path, whole)


def test_it_goes_on_however_often_it_is_stopped_and_with_other_stacks(monkeypatch):
    whole = swept(*MANY, "--runs-dir", "whole")
    largest = stacking.max_networks
    for i, at in enumerate([100, 400, 50, 700]):
        monkeypatch.setattr(
            stacking, "max_networks", lambda *args, i=i: largest(*args) if i % 2 else 4
        )
        with signalled(signal.SIGINT, at):
            swept(*MANY, code=130)
    same(swept(*MANY), whole)


def test_a_share_leaves_the_states_of_others_alone():
    whole = swept(*MANY, "--runs-dir", "whole")
    with signalled(signal.SIGINT, 100):
        path = swept(*MANY, "--shard", "1/2", code=130)
    before = states_of(path)
    swept(*MANY, "--shard", "2/2")
    assert states_of(path) == before != []
    swept(*MANY, "--shard", "1/2")
    same(path, whole)


def spoil(change):
    def spoilt(path):
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(content)

    return spoilt


def altered(key, value):
    """Return what gives a state another array, and a digest to it."""

    def alter(path):
        arrays = progress.unsealed(read_arrays(path))
        write_arrays(path, progress.sealed({**arrays, key: np.array(value)}))

    return alter


@pytest.mark.parametrize(
    "change",
    [
        spoil(lambda content: content.clear()),
        spoil(lambda content: content.__delitem__(slice(300, None))),
        spoil(lambda content: content.__setitem__(700, content[700] ^ 1)),
        lambda path: shutil.copy(next(Path("other").rglob(".state-*")), path),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to(path.name)),
        lambda path: (path.unlink(), os.mkfifo(path)),
        altered("epoch", [1, 2]),
        altered("epoch", 10**6),
        altered("params", np.zeros((2, 2))),
        altered("log/cost", np.zeros(3)),
        altered("log/epoch", np.arange(5)),
        altered("diverged", False),
        altered("diverged", np.zeros(20)),
        altered("entries", np.full(20, 10**6)),
        altered("epoch", 0.5),
        altered("log/cost", "text"),
        altered("numbers", [10**9]),
    ],
)
def test_a_state_that_cannot_be_used_is_as_good_as_none(change):
    whole = swept(*MANY, "--runs-dir", "whole")
    for directory, rate in (("other", 0.5), ("runs", 1.0)):
        with signalled(signal.SIGINT, 500):
            args = (*MANY, f"learning_rate={rate}", "--runs-dir", directory)
            path = swept(*(args if rate != 1 else MANY), code=130)
    change(next(path.glob(".state-*")))
    assert swept(*MANY) == path
    assert (path / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


@pytest.fixture(scope="module")
def long_whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    assert nnfs(*LONG, "--runs-dir", str(path)).code == 0
    return path / SWEEP.name


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
@pytest.mark.parametrize("everyone", [False, True], ids=["alone", "with its workers"])
def test_a_process_that_is_stopped_saves_its_stacks_and_goes_on(jobs, everyone, long_whole):
    args = (*LONG, jobs, "--checkpoint-every", "0.05")
    with start(*args, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        wait_for(process, lambda: under_way(SWEEP) == int(jobs[2:]))
        (os.killpg if everyone else os.kill)(process.pid, signal.SIGTERM)
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (143, f"{SWEEP}\n")
    assert len(states_of(SWEEP)) == int(jobs[2:])
    for _, state in progress.saved(SWEEP):
        assert 0 < state.epoch < 25000
    assert nnfs(*LONG, jobs).code == 0
    same(SWEEP, long_whole)


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
@pytest.mark.parametrize("ask", [True, False], ids=["SIGUSR1", "every so often"])
def test_what_is_saved_outlives_sigkill(jobs, ask):
    args = LONG if ask else (*LONG, "--checkpoint-every", "0.2")
    with start(*args, jobs, stderr=subprocess.DEVNULL) as process:
        wait_for(process, lambda: SWEEP.exists())
        time.sleep(0.3)
        if ask:
            assert states_of(SWEEP) == []
            process.send_signal(signal.SIGUSR1)
        wait_for(process, lambda: len(states_of(SWEEP)) == int(jobs[2:]))
        process.kill()
    assert len(list(progress.saved(SWEEP))) == int(jobs[2:])


def under_way(path):
    """Return how many stacks have begun to train, as their states say."""
    return sum(state.epoch > 0 for _, state in progress.saved(path))


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None
        time.sleep(0.01)


def test_a_sweep_that_is_short_saves_no_state():
    with patch.object(progress, "_write", side_effect=AssertionError):
        swept(*MANY)


def test_a_second_signal_ends_a_sweep_at_once():
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        at_once = patch.object(progress, "_write", lambda *_: signal.raise_signal(signal.SIGTERM))
        with at_once, signalled(signal.SIGINT, 100):
            call(*MANY, "-j1")
        os._exit(99)
    assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def test_states_that_nobody_took_are_removed_in_the_end():
    with signalled(signal.SIGINT, 500):
        path = swept(*MANY, code=130)
    (state,) = path.glob(".state-*")
    state.rename(path / ".state-7.npz")
    (path / ".state-7.npz").write_bytes(b"")
    swept(*MANY)
    assert states_of(path) == []


@pytest.mark.parametrize(
    ("mine", "other", "works"),
    [
        (("1", "1"), ("1", "1"), False),
        (("1", "2"), ("1", "2"), False),
        (("1", "1"), ("1", "2"), False),
        (("2", "2"), ("1", "1"), False),
        (("2", "2"), ("1", "2"), True),
    ],
)
def test_no_two_processes_do_the_same_share_of_a_sweep(mine, other, works):
    path = swept(*MANY)
    with sweep_directory.lock(path, tuple(map(int, other))):
        done = call(*MANY, "-j1", "--shard", "/".join(mine))
    refused = f"{path}: another process is training this sweep\n"
    assert (done.code, refused in done.stderr) == ((0, False) if works else (1, True))
