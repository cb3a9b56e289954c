"""Workers: whatever becomes of them, the sweep ends, and nothing that they send runs as code."""

import io
import os
import pickle
import signal
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from shell import XOR, call, nnfs

from nnfs_cli import interrupts, machine
from nnfs_cli.config import loading
from nnfs_cli.errors import NnfsError
from nnfs_cli.sweeps import cluster, progress, store
from nnfs_cli.sweeps import workers as sweep_workers
from nnfs_cli.sweeps.processes import Processes
from nnfs_cli.sweeps.workers import Here
from nnfs_cli.training import stack as training_stack


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere, monkeypatch):
    monkeypatch.setattr(interrupts.asked, "stop", 0)


@pytest.fixture
def processes():
    """Return a function that makes Processes, which are closed in the end."""
    made = []

    def make(width):
        made.append(Processes(width))
        return made[-1]

    yield make
    for each in made:
        each.close()


def double(number, sources):
    return 2 * number


def rest(seconds, sources):
    time.sleep(seconds)


def die(number, sources):
    os.kill(os.getpid(), signal.SIGKILL)


def be_stopped(number, sources):
    os.kill(os.getpid(), signal.SIGTERM)
    raise interrupts.Stopped


def fail(number, sources):
    raise ZeroDivisionError(number)


def limit(monkeypatch, count):
    """Let the system allow so many more processes."""
    fork = os.fork

    def limited():
        nonlocal count
        count -= 1
        if count < 0:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", limited)


# Processes


@pytest.mark.parametrize("width", [1, 2, 5])
def test_every_piece_of_work_is_done_once(processes, width):
    found = list(sweep_workers.results(processes(width), double, range(11)))
    assert sorted(found) == list(range(0, 22, 2))


@pytest.mark.parametrize(("width", "pieces"), [(200, 4), (2, 7), (10**21, 3)])
def test_there_are_never_more_processes_than_pieces(processes, width, pieces):
    many = processes(width)
    assert len(list(sweep_workers.results(many, double, range(pieces)))) == pieces
    assert len(many._members) <= min(width, pieces)
    assert not many.shortage


def test_no_process_is_started_for_no_work(processes):
    none = processes(4)
    assert list(sweep_workers.results(none, double, [])) == []
    assert none._members == {}


@pytest.mark.parametrize("width", [1, 3])
def test_a_worker_that_is_killed_ends_the_work_with_an_error(processes, width):
    with pytest.raises(NnfsError, match="a worker was killed, possibly out of memory; to continue"):
        list(sweep_workers.results(processes(width), die, range(6)))


def test_an_idle_worker_that_is_killed_ends_the_work_with_an_error(processes):
    one = processes(1)
    assert list(sweep_workers.results(one, double, [1])) == [2]
    (member,) = one._members.values()
    member.kill()
    member.join()
    with pytest.raises(NnfsError, match="a worker was killed"):
        list(sweep_workers.results(one, double, [1]))


def test_a_worker_that_somebody_stops_ends_the_work_with_an_error(processes):
    with pytest.raises(NnfsError, match="a worker was stopped by a signal"):
        list(sweep_workers.results(processes(2), be_stopped, range(6)))


@pytest.mark.parametrize("workers", [Processes, lambda width: Here()])
def test_what_the_work_raises_is_raised(workers):
    found = workers(2)
    with pytest.raises(ZeroDivisionError):
        list(sweep_workers.results(found, fail, range(6)))
    if isinstance(found, Processes):
        found.close()


def test_idle_and_busy_workers_end_when_they_are_closed():
    found = Processes(2)
    assert list(sweep_workers.results(found, double, range(4)))
    members = list(found._members.values())
    found.give(rest, 0.01)  # nobody reads its result
    found.close()
    assert [member.exitcode for member in members] == [0] * len(members)


def test_what_is_done_when_work_stops_is_kept(processes):
    results = sweep_workers.results(processes(2), double, range(100))
    found = [next(results)]
    interrupts.asked.stop = signal.SIGINT
    found += results
    assert 2 <= len(found) < 10
    assert set(found) <= set(range(0, 200, 2))


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_fewer_processes_do_the_work_where_the_system_allows_no_more(
    monkeypatch, processes, allowed
):
    limit(monkeypatch, allowed)
    few = processes(4)
    assert sorted(sweep_workers.results(few, double, range(9))) == list(range(0, 18, 2))
    assert (few.width, few.shortage) == (allowed, "Resource temporarily unavailable")


def test_a_sweep_says_that_fewer_processes_could_be_started(monkeypatch):
    args = ("sweep", XOR, "layers.0.units=2..5", "epochs=20")
    alone = call(*args, "-j1", "--runs-dir", "alone")
    limit(monkeypatch, 1)
    done = call(*args, "-j4")
    assert (done.code, alone.code) == (0, 0)
    assert "only 1 of 4 processes could be started: Resource temporarily unavailable" in done.stderr
    results = [Path(runs, "xor-sweep-1", "results.csv").read_bytes() for runs in ("runs", "alone")]
    assert results[0] == results[1]


def test_threads_of_blas_are_no_reason_to_warn():
    args = ("sweep", "-q", XOR, "layers.0.units=2..5", "epochs=20", "-j2")
    done = nnfs(*args, env={"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"})
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.parametrize("cores", [1, 3])
def test_a_sweep_uses_the_processors_that_it_may_use(monkeypatch, cores):
    asked = []
    monkeypatch.setattr(machine, "cores", lambda: cores)
    workers = sweep_workers.workers
    monkeypatch.setattr(
        sweep_workers, "workers", lambda n, *rest: asked.append(n) or workers(1, *rest)
    )
    for runs, jobs in ((9, cores), (2, min(cores, 2))):
        assert call("sweep", XOR, f"seed=1..{runs}", "epochs=1").code == 0
        assert asked.pop() == jobs


# What a cluster sends


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("was-here"),)


@pytest.mark.parametrize(
    "value",
    [Code(), [Code()], Path("x"), os.system, Code, np.zeros(2), np.float64(1), ValueError("x")],
    ids=lambda value: type(value).__name__,
)
def test_nothing_but_plain_values_and_bytes_is_unpickled(value):
    with pytest.raises(TypeError, match="such objects are not unpickled"):
        cluster._Pickle("pickle").loads(pickle.dumps(value))
    assert not Path("was-here").exists()


@pytest.mark.parametrize("value", [b"bytes", bytes, 1, 1.5, "text", None, [1], {"a": (2,)}])
def test_plain_values_are_unpickled(value):
    ours = cluster._Pickle("pickle")
    assert ours.loads(pickle.dumps(value)) == value
    assert ours.loads(memoryview(pickle.dumps(value))) == value
    assert ours.loads(ours.dumps(value)) == value


def stack():
    """Return a stack of two XOR networks."""
    config = loading.parse(Path(XOR).read_text(), XOR)
    configs = [msgspec.structs.replace(config, seed=seed, epochs=20) for seed in range(2)]
    return training_stack.Stack([0, 1], configs, None)


def fields(trained):
    arrays = store._arrays_of([trained])
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_a_stack_that_was_packed_is_what_it_was():
    trained = training_stack.train(stack())
    content = progress.train_for_afar(progress.Piece(stack(), None, None, np.inf))
    assert type(content) is bytes
    assert fields(store.unpacked(content)) == fields(trained)


def spoilt(**arrays):
    trained = training_stack.train(stack())
    changed = {**store._arrays_of([trained]), **arrays}
    return packed({name: array for name, array in changed.items() if array is not None})


def packed(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **store.sealed(arrays))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"nonsense",
        lambda: pickle.dumps(Code()),
        lambda: b"{",
        lambda: b'{"error": 1}',
        lambda: packed({}),
        lambda: packed({"0/numbers": np.arange(2)}),
        lambda: packed({"numbers": np.arange(2)}),
        lambda: spoilt(**{"0/params": None}),
        lambda: spoilt(**{"0/params": np.zeros((1, 13))}),
        lambda: spoilt(**{"0/log/epoch": np.array("text")}),
        lambda: spoilt(**{"0/log/epoch": np.zeros((2, 2), int)}),
        lambda: spoilt(**{"0/entries": np.array([2, 10**9])}),
        lambda: spoilt(**{"0/other": np.zeros(2)}),
        lambda: spoilt(**{"1/numbers": np.zeros(2, int)}),
        lambda: progress.train_for_afar(progress.Piece(stack(), None, None, np.inf))[:-30],
    ],
)
def test_an_answer_that_is_no_stack_is_refused(make):
    with pytest.raises(ValueError, match=r"\w"):
        store.unpacked(make())
    assert not Path("was-here").exists()


def test_an_answer_may_say_why_there_is_none():
    with pytest.raises(NnfsError, match="a worker failed: the disk is full"):
        store.unpacked(msgspec.json.encode(store.Failure("the disk is full")))


class Afar(Here):
    """A worker of a cluster, that may do other work than it was given."""

    remote = True

    def __init__(self, change):
        super().__init__()
        self.change = change

    def give(self, work, piece):
        super().give(work, self.change(piece))


def other_stack(piece, **changes):
    return piece._replace(stack=replace(piece.stack, **changes))


def other_numbers(piece):
    return other_stack(piece, numbers=[number + 1 for number in piece.stack.numbers])


def other_configs(piece):
    configs = [msgspec.structs.replace(c, learning_rate=0.5) for c in piece.stack.configs]
    return other_stack(piece, configs=configs)


def other_data(piece):
    return other_stack(piece, digests=dict.fromkeys(piece.stack.digests, "0"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_numbers, "a worker's answer is refused: it has runs that were not requested"),
        (other_configs, "a worker's answer is refused: it has other configurations; every worker"),
    ],
)
def test_an_answer_to_another_question_is_refused(monkeypatch, change, told):
    monkeypatch.setattr(sweep_workers, "workers", lambda *_: nullcontext(Afar(change)))
    done = call("sweep", XOR, "seed=0..3", "epochs=20")
    assert (done.code, done.stdout) == (1, "")
    assert told in done.stderr


def test_a_worker_afar_gives_the_same_bits(monkeypatch):
    args = ("sweep", XOR, "seed=0..3", "layers.0.units=2..3", "epochs=20")
    assert call(*args, "-j1", "--runs-dir", "alone").code == 0
    monkeypatch.setattr(sweep_workers, "workers", lambda *_: nullcontext(Afar(lambda piece: piece)))
    assert call(*args).code == 0
    results = [Path(runs, "xor-sweep-1", "results.csv").read_bytes() for runs in ("runs", "alone")]
    assert results[0] == results[1]


def test_a_worker_whose_file_differs_fails_its_runs(monkeypatch):
    Path("own.csv").write_text("a,y\n1,0\n2,1\n3,1\n")
    text = "dataset: {path: own.csv}\nlayers: [{units: 1, activation: sigmoid}]\n"
    Path("own.yaml").write_text(text + "loss: squared_error\nepochs: 20\n")
    monkeypatch.setattr(sweep_workers, "workers", lambda *_: nullcontext(Afar(other_data)))
    done = call("sweep", "own.yaml", "seed=0..1")
    assert done.code == 1
    assert done.stderr.count("own.csv: its data are not those that the sweep began with") == 2
    assert done.stderr.endswith(": 2 failed\n")
