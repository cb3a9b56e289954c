"""Commands started at once in one runs directory: all that they make is there, and all is right."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from shell import XOR, call, start, trained
from specimens import names, refused

from nnfs_cli.runs import directory
from nnfs_cli.storage import files
from nnfs_cli.sweeps import directory as sweep_directory
from nnfs_cli.sweeps import execution

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_trainings_and_sweeps_started_at_once_are_all_there_and_all_right(full):
    trainings, many = (64, 4) if full else (20, 2)
    seeds = [i % 5 for i in range(trainings)]
    swept = [start("sweep", XOR, f"seed=0..{9 + i}", "epochs=300", "-q") for i in range(many)]
    processes = [start("train", XOR, "epochs=300", f"seed={s}", "-q") for s in seeds]
    found = []
    for process in (*processes, *swept):
        stdout, stderr = process.communicate(timeout=300)
        assert (process.returncode, stderr) == (0, "")
        found.append(Path(stdout.strip()))
    assert sorted(names("runs")) == sorted([*(path.name for path in found), ".sweeps"])
    alone = [
        trained(XOR, "epochs=300", f"seed={seed}", "--runs-dir", "alone")
        for seed in range(9 + many)
    ]
    for seed, run in zip(seeds, found[:trainings], strict=True):
        assert names(run) == ["config.yaml", "costs.npz", "run.json", "weights.npz"]
        for file in "weights.npz", "costs.npz", "config.yaml":
            assert (run / file).read_bytes() == (alone[seed] / file).read_bytes()
    for i, sweep in enumerate(found[trainings:]):
        facts = json.loads((sweep / "run.json").read_bytes())
        assert (facts["status"], facts["finished"], facts["runs"]) == ("finished", 10 + i, 10 + i)
        for number in range(10 + i):
            done = call("predict", f"{sweep}/{number}", "--x", "0.2,0.9")
            assert done.stdout == call("predict", str(alone[number]), "--x", "0.2,0.9").stdout
    print(f"{trainings} trainings and {many} sweeps at once: all there, all right")


def test_a_number_that_was_taken_since_one_looked_is_not_claimed(monkeypatch):
    monkeypatch.setattr(os, "scandir", lambda path: iter(()))
    claimed = [directory.claim(Path("runs"), "xor") for _ in range(5)]
    assert len(set(claimed)) == 5


def test_a_sweep_that_is_at_work_is_not_begun_again():
    args = ("sweep", XOR, "seed=0..3", "epochs=5", "-q", "-j1")
    path = Path(call(*args).stdout.strip())
    with sweep_directory.lock(path, (1, 1)):
        refused(call(*args), 1, f"{path}: another process is training this sweep\n")


def test_a_sweep_is_locked_until_its_results_are_written(monkeypatch):
    """Whoever holds the lock removes what others left half-written."""
    taken = []
    finish = execution.finish

    def spied(plan, path, facts):
        with files.locked(path / ".lock") as free:
            taken.append(free)
        return finish(plan, path, facts)

    monkeypatch.setattr(execution, "finish", spied)
    assert call("sweep", XOR, "seed=0..1", "epochs=2", "-q", "-j1").code == 0
    assert taken == [False]


def test_the_same_sweep_started_many_times_is_done_once(full):
    args = ("sweep", XOR, "seed=0..9", "layers.0.units=2..4", "epochs=500", "-q")
    whole = Path(call(*args, "-j1", "--runs-dir", "alone").stdout.strip())
    processes = [start(*args, "-j1") for _ in range(20 if full else 6)]
    ended = Counter()
    for process in processes:
        stdout, stderr = process.communicate(timeout=300)
        ended[process.returncode, stdout, stderr] += 1
    done = (0, "runs/xor-sweep-1\n", "")
    at_work = (1, "", "runs/xor-sweep-1: another process is training this sweep\n")
    assert done in ended
    assert ended.keys() <= {done, at_work}
    assert [name for name in names("runs") if name[0] != "."] == ["xor-sweep-1"]
    for run in range(30):
        line = f"predict {{}}/{run} --x 0.2,0.9"
        told = [call(*line.format(path).split()) for path in (whole, "runs/xor-sweep-1")]
        assert told[0] == told[1]
        assert told[0].code == 0
    print(f"one sweep started {ended.total()} times: {ended[at_work]} times it was at work")
