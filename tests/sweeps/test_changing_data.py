"""A sweep is of the data that it began with, whatever becomes of the files meanwhile."""

import csv
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from shell import call

from nnfs_cli.core import descent
from nnfs_cli.data.source import Sources
from nnfs_cli.sweeps import execution, members

TEXT = """\
dataset: {path: %s, target: %s%s}
layers: [{units: 2, activation: tanh}, {units: 1, activation: sigmoid}]
loss: squared_error
epochs: 20
log_every: 10
"""
SWEPT = ("layers.0.units=2..4", "seed=0..1")  # three stacks
CHANGED = "its data are not those that the sweep began with"


pytestmark = pytest.mark.usefixtures("elsewhere")


def write(path, seed=0, rows=12):
    """Write a table of random numbers, of the type that the suffix says."""
    rng = np.random.RandomState(seed)
    table = np.column_stack([rng.standard_normal((rows, 2)), np.arange(rows) % 2])
    if path.endswith(".npy"):
        np.save(path, table)
    elif path.endswith(".npz"):
        np.savez(path, X=table[:, :2], y=table[:, 2].astype(int))
    else:
        np.savetxt(path, table, delimiter=",", header="a,b,y", comments="")


def configure(path, more=""):
    target = {".csv": "y", ".npy": "x3", ".npz": "y"}[Path(path).suffix]
    Path("own.yaml").write_text(TEXT % (path, target, more))
    write(path)


def after_the_first_stack(monkeypatch, change):
    """Have something happen once a stack is written."""
    save, due = execution.save, [change]

    def saved(*args):
        save(*args)
        if due:
            due.pop()()

    monkeypatch.setattr(execution, "save", saved)


def sweep(*args, code=0):
    done = call("sweep", "own.yaml", *SWEPT, "-j1", *args)
    assert done.code == code, done
    return Path(done.stdout.strip()), done.stderr


def statuses(path):
    with (path / "results.csv").open(newline="") as file:
        return [row["status"] for row in csv.DictReader(file)]


def bits(path):
    runs = [members.read_run(path, number) for number in range(6)]
    return [(run.params.tobytes(), run.log["cost"].tobytes()) for run in runs]


@pytest.mark.parametrize("path", ["own.csv", "own.npy", "own.npz"])
@pytest.mark.parametrize("rows", [12, 16], ids=["other numbers", "more rows"])
def test_what_is_done_when_a_file_changes_is_kept_and_the_rest_is_refused(monkeypatch, path, rows):
    configure(path)
    whole, _ = sweep("--runs-dir", "whole")
    after_the_first_stack(monkeypatch, lambda: write(path, 1, rows))
    found, told = sweep(code=1)
    assert statuses(found) == ["finished"] * 2 + ["failed"] * 4
    assert told.count(f"{path}: {CHANGED}") == 4
    assert members.read_run(found, 0).params.tobytes() == bits(whole)[0][0]
    assert call("show", f"{found}/1").code == 0
    shown = call("show", f"{found}/2")
    assert (shown.code, CHANGED in shown.stderr) == (6, True)
    other, _ = sweep()
    assert other != found, "typed again as it is, it sweeps over the new data"
    assert statuses(other) == ["finished"] * 6
    write(path)
    assert sweep(code=1)[0] == found
    assert sweep("--retry-failed")[0] == found
    assert bits(found) == bits(whole)


def test_a_test_file_that_changes_is_noticed(monkeypatch):
    configure("own.csv", ", test_path: test.csv")
    write("test.csv", 5)
    after_the_first_stack(monkeypatch, lambda: write("test.csv", 6))
    found, told = sweep(code=1)
    assert statuses(found) == ["finished"] * 2 + ["failed"] * 4
    assert told.count(CHANGED) == 4


def test_a_file_that_is_written_anew_as_it_was_is_as_good(monkeypatch):
    configure("own.csv")
    whole, _ = sweep("--runs-dir", "whole")

    def rewrite():
        Path("own.csv").unlink()
        write("own.csv")
        os.utime("own.csv", (1, 1))

    after_the_first_stack(monkeypatch, rewrite)
    found, _ = sweep()
    assert bits(found) == bits(whole)


def test_a_file_that_vanishes_fails_the_rest(monkeypatch):
    configure("own.csv")
    after_the_first_stack(monkeypatch, Path("own.csv").unlink)
    found, told = sweep(code=1)
    assert statuses(found) == ["finished"] * 2 + ["failed"] * 4
    assert told.count("own.csv: cannot be read: No such file or directory") == 4
    assert members.read_run(found, 0).facts["status"] == "finished"


def test_the_identity_of_a_sweep_stays_when_its_files_change(monkeypatch):
    configure("own.csv")
    whole, _ = sweep("--runs-dir", "whole")
    after_the_first_stack(monkeypatch, lambda: write("own.csv", 1))
    found, _ = sweep(code=1)
    identities = [json.loads((p / "run.json").read_bytes())["identity"] for p in (whole, found)]
    assert identities[0] == identities[1]


def test_a_sweep_over_files_goes_on_with_those_that_are_as_they_were(monkeypatch):
    configure("a.csv")
    write("b.csv", 3)
    after_the_first_stack(monkeypatch, lambda: write("b.csv", 4))
    done = call("sweep", "own.yaml", "dataset.path=a.csv,b.csv", *SWEPT, "-j1")
    assert done.code == 1
    with Path("runs/own-sweep-1/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    failed = [row for row in rows if row["status"] == "failed"]
    assert 2 <= len(failed) <= 6
    assert {Path(row["dataset.path"]).name for row in failed} == {"b.csv"}


def test_a_mapped_file_that_changes_as_a_network_trains_on_it_spoils_the_stack(monkeypatch):
    configure("own.npy")
    train = descent.descend
    due = [lambda: write("own.npy", 1)]

    def changing(*args, **keys):
        for epoch in train(*args, **keys):
            if due and epoch > 5:
                due.pop()()
            yield epoch

    monkeypatch.setattr("nnfs_cli.training.loop.descend", changing)
    done = call("sweep", "own.yaml", *SWEPT, "-j1")
    assert (done.code, done.stdout) == (6, "")
    assert f"own.npy: {CHANGED}" in done.stderr
    (path,) = Path("runs").glob("own-*")
    assert execution.done(path) == {}


def test_a_file_that_changes_while_it_is_read_is_no_sweep(monkeypatch):
    configure("own.csv")
    digests = Sources.digests

    def late(sources, requests):
        write("own.csv", 1)
        os.utime("own.csv", (1, 1))
        return digests(sources, requests)

    monkeypatch.setattr(Sources, "digests", late)
    done = call("sweep", "own.yaml", *SWEPT, "-j1")
    assert (done.code, done.stdout) == (6, "")
    assert "own.csv: changed while it was read; type the same command again" in done.stderr
    monkeypatch.setattr(Sources, "digests", digests)
    assert statuses(sweep()[0]) == ["finished"] * 6


def test_files_are_hashed_once(monkeypatch):
    configure("own.csv")
    hashed, real = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda f, n: hashed.append(f.name) or real(f, n))
    sweep()
    assert [Path(name).name for name in hashed] == ["own.csv"]
