"""What somebody else put into a runs directory: links, pipes and names lead nowhere else."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from shell import XOR, call, forked, trained
from specimens import stop

from nnfs_cli.errors import NnfsError
from nnfs_cli.storage import files
from nnfs_cli.storage.arrays import write_arrays

OURS = "all that I have\n"
SWEEP = ("sweep", "-q", XOR, "seed=0..1", "epochs=5", "-j1")


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere):
    Path("precious").write_text(OURS)
    Path("home").mkdir()


def untouched():
    """Check that nothing came of following a link."""
    assert Path("precious").read_text() == OURS
    assert not list(Path("home").iterdir())
    assert not Path("new").exists()


LINKS = {
    "a file": lambda path: path.symlink_to(Path("precious").absolute()),
    "a hard link": lambda path: path.hardlink_to("precious"),
    "nothing": lambda path: path.symlink_to(Path("new").absolute()),
    "a pipe": os.mkfifo,
    "a link to a pipe": lambda path: (os.mkfifo("pipe"), path.symlink_to(Path("pipe").absolute())),
    "a device": lambda path: path.symlink_to("/dev/full"),
    "itself": lambda path: path.symlink_to(path.name),
}
each_link = pytest.mark.parametrize("plant", LINKS.values(), ids=LINKS.keys())


OUTPUTS = {
    "plot xor-1": "xor-1/cost.png",
    "plot xor-sweep-1": "xor-sweep-1/sweep.png",
    "plot xor-sweep-1/1 --kind weights": "xor-sweep-1/1-weights.png",
    "report xor-1": "xor-1/report.html",
}


@pytest.mark.parametrize(
    ("line", "kind"),
    [("plot xor-1", kind) for kind in LINKS] + [(line, "a file") for line in OUTPUTS],
)
def test_a_default_output_replaces_what_is_planted_under_its_name(line, kind):
    pytest.importorskip("matplotlib")
    trained(XOR, "epochs=5")
    assert call(*SWEEP).code == 0
    path = Path("runs") / OUTPUTS[line]
    LINKS[kind](path)
    done = forked(*line.split())  # which ends if it waits for a pipe
    assert (done.code, done.stdout) == (0, f"{path}\n"), done
    assert path.is_file()
    assert not path.is_symlink()
    assert path.stat().st_size > 1000
    assert path.stat().st_nlink == 1
    untouched()


def test_an_output_that_is_typed_follows_a_link():
    run = trained(XOR, "epochs=5")
    Path("answers.csv").symlink_to("precious")
    assert call("predict", str(run), "-o", "answers.csv").code == 0
    assert Path("answers.csv").is_symlink()
    assert Path("precious").read_text().startswith("x1,x2,")


@pytest.mark.parametrize("job", ["resume", "sweep"])
def test_planted_temporary_names_are_passed_over(job, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 4242)
    stop(XOR, "epochs=40", "--name", "stopped")
    assert call(*SWEEP).code == 0
    line, directory, names = {
        "resume": (
            ("train", "-q", "--resume", "stopped-1"),
            Path("runs/stopped-1"),
            ["config.yaml", "costs.npz", "weights.npz", "run.json", "checkpoint.npz"],
        ),
        "sweep": (
            (*SWEEP, "--retry-failed"),
            Path("runs/xor-sweep-1"),
            ["stacks-0-0.npz", "results.csv", "run.json"],
        ),
    }[job]
    for file in directory.glob("stacks-*"):
        file.unlink()
    for name in names:
        LINKS["a file"](directory / f".{name}.4242")
    assert call(*line).code == 0
    untouched()
    assert not any((directory / name).is_symlink() for name in names)


@each_link
def test_a_file_is_written_beside_whatever_has_its_temporary_name(plant):
    plant(Path(f".file.{os.getpid()}"))
    before = os.lstat(f".file.{os.getpid()}")
    files.write(Path("file"), lambda file: file.write(b"content"))
    assert Path("file").read_bytes() == b"content"
    assert os.lstat(f".file.{os.getpid()}").st_ino == before.st_ino, "it is not ours to remove"
    assert sorted(path.name for path in Path().glob(".file*")) == [f".file.{os.getpid()}"]
    untouched()


def test_a_file_that_cannot_be_written_leaves_nothing():
    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(NnfsError, match="file: cannot be written: No space left on device"):
        files.write(Path("file"), fail)
    assert not list(Path().glob("*file*"))


def test_a_sweep_that_goes_on_removes_what_a_killed_one_left_and_nothing_else():
    assert call(*SWEEP).code == 0
    directory = Path("runs/xor-sweep-1")
    left = [".stacks-0-0.npz.77", "..state-0.npz.77", ".results.csv.77", ".run.json.77-0a1b2c3d"]
    kept = [".my.npz.2", ".stacks-0-0.npz.bak", ".sweep.png.77", ".state.npz.7", "stacks-9.npz.7"]
    for name in (*left, *kept):
        (directory / name).write_text(OURS)
    assert call(*SWEEP).code == 0
    assert {path.name for path in directory.iterdir()} & {*left, *kept} == set(kept)


def test_an_output_that_is_a_link_to_itself_is_a_line():
    run = trained(XOR, "epochs=5")
    Path("loop").symlink_to("loop")
    done = call("predict", str(run), "-o", "loop")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("loop: cannot be written: ")


# --- locks -----------------------------------------------------------------------------------

LOCKS = [".sweeps/.lock", *(f"xor-sweep-1/.lock{end}" for end in ("", "-1-1", "-results"))]


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("kind", ["a file", "nothing", "itself"])
def test_a_lock_that_is_a_link_is_refused(name, kind):
    assert call(*SWEEP).code == 0
    path = Path("runs") / name
    path.unlink()
    LINKS[kind](path)
    done = call(*SWEEP)
    assert (done.code, done.stdout) == (1, ""), done
    assert f"{path}: " in done.stderr
    assert f"is a link, which nnfs does not follow; remove it: rm {path}\n" in done.stderr
    untouched()
    path.unlink()
    assert call(*SWEEP).code == 0


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_keeps_what_is_in_its_file(name):
    assert call(*SWEEP).code == 0
    path = Path("runs") / name
    path.unlink()
    path.hardlink_to("precious")
    assert call(*SWEEP).code == 0
    untouched()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_that_is_a_pipe_is_refused(name):
    assert call(*SWEEP).code == 0
    path = Path("runs") / name
    path.unlink()
    os.mkfifo(path)
    done = forked(*SWEEP)
    assert (done.code, done.stdout) == (1, ""), done
    assert "is not a file" in done.stderr


@pytest.mark.parametrize("kind", ["a directory", "a file", "nothing"])
def test_an_index_that_is_a_link_is_refused(kind):
    Path("runs").mkdir()
    if kind == "a directory":
        Path("runs/.sweeps").symlink_to(Path("home").absolute())
    else:
        LINKS[kind](Path("runs/.sweeps"))
    done = call(*SWEEP)
    assert (done.code, done.stdout) == (1, ""), done
    assert "runs/.sweeps: is not a directory; remove it: rm runs/.sweeps" in done.stderr
    untouched()


# --- a runs directory that is a link ---------------------------------------------------------


@pytest.mark.parametrize(
    "args", [("train", "-q", XOR, "epochs=5"), SWEEP, ("runs",)], ids=lambda args: args[0]
)
def test_a_runs_directory_that_is_a_link_to_nothing_is_told_with_what_mends_it(args):
    Path("runs").symlink_to("new place")
    done = call(*args)
    assert (done.code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done
    assert done.stderr.startswith("runs: is a link to new place, which does not exist; create it (")
    assert not Path("new place").exists()
    os.system(done.stderr.partition("(")[2].partition(")")[0])
    assert call(*args).code == 0


def test_a_runs_directory_may_be_a_link():
    Path("far/away").mkdir(parents=True)
    Path("runs").symlink_to("far/away")
    run = trained(XOR, "epochs=5")
    done = call(*SWEEP)
    assert done.code == 0
    assert sorted(path.name for path in Path("far/away").iterdir()) == [
        *(".sweeps", "xor-1", "xor-sweep-1")
    ]
    for name in run, f"{done.stdout.strip()}/1":
        assert call("evaluate", str(name)).code == 0


# --- archives --------------------------------------------------------------------------------


def test_an_archive_has_its_arrays_and_nothing_else(tmp_path):
    arrays = {"W1": np.eye(2), "text": np.array(["a"])}
    write_arrays(Path("some.npz"), arrays)
    with np.load("some.npz") as file:
        assert file.files == list(arrays)


@pytest.mark.parametrize(
    "args",
    [
        ("train", "-q", XOR, "epochs=2", "--checkpoint-every", "0"),
        SWEEP,
        ("predict", "xor-1", "-o", "answers.npz", "--format", "npz"),
    ],
    ids=lambda args: args[0],
)
def test_nothing_but_arrays_is_given_to_savez(args, monkeypatch):
    """Before NumPy 2.2, each keyword is an array."""
    trained(XOR, "epochs=5")
    savez = np.savez

    def old_savez(file, *unnamed, **arrays):
        assert not unnamed
        assert all(isinstance(array, np.ndarray | np.generic) for array in arrays.values()), list(
            arrays
        )
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", old_savez)
    assert call(*args).code == 0


def test_an_archive_of_objects_is_not_written():
    with pytest.raises(TypeError, match="W1 holds objects"):
        write_arrays(Path("some.npz"), {"W1": np.array([{}], object)})
    assert not list(Path().glob("*some*"))


def test_a_run_written_with_numpy_2_1_can_be_read():
    """Its savez took the keyword allow_pickle=False for one more array."""
    run = trained(XOR, "epochs=5")
    stop(XOR, "epochs=40", "--name", "stopped")
    assert call(*SWEEP).code == 0
    wanted = call("predict", str(run)).stdout
    for path in Path("runs").rglob("*.npz"):
        with zipfile.ZipFile(path, "a") as archive, archive.open("allow_pickle.npy", "w") as member:
            np.lib.format.write_array(member, np.array(False))
    assert call("predict", str(run)).stdout == wanted
    for args in (
        ("evaluate", str(run)),
        ("reproduce", str(run)),
        ("predict", "xor-sweep-1/1"),
        ("train", "-q", "--resume", "stopped-1"),
    ):
        done = call(*args)
        assert done.code == 0, (args, done)
    assert json.loads(Path("runs/stopped-1/run.json").read_bytes())["status"] == "finished"
