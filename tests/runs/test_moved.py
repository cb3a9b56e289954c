"""A project that is moved, or reached through a link, has its runs and sweeps as before."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from shell import call, trained
from specimens import OWN, ROWS, stop

from nnfs_cli.data import source
from nnfs_cli.sweeps import members
from nnfs_cli.sweeps import workers as sweep_workers

LINES = "a,b,kind\n" + "".join(f"{a},{b},{kind}\n" for a, b, kind in ROWS)


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.delenv("NNFS_RUNS_DIR", raising=False)
    Path(tmp_path / "old/configs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "old")
    Path("data.csv").write_text(LINES)
    Path("test.csv").write_text(LINES)
    Path("configs/own.yaml").write_text(OWN.replace("data.csv", "../data.csv"))


def moved():
    """Move the project, and go there."""
    os.chdir("..")
    Path("new/place").mkdir(parents=True)
    Path("old").rename("new/place/project")
    os.chdir("new/place/project")
    source.forget_changed()


def paths_in(run):
    """Return the paths of data in a run's config.yaml."""
    dataset = yaml.safe_load((Path(run) / "config.yaml").read_text())["dataset"]
    return [dataset[key] for key in ("path", "test_path") if dataset.get(key)]


def sweep(*args):
    done = call("sweep", "-q", "-j1", *args)
    assert (done.code, done.stderr) == (0, ""), done
    return Path(done.stdout.strip())


def works(run):
    """Check that a run finds its own data."""
    for command in "evaluate", "reproduce", "predict":
        done = call(command, str(run))
        assert (done.code, done.stderr) == (0, ""), (command, done)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (["configs/own.yaml"], ["../../data.csv"]),
        (["configs/own.yaml", "dataset.path=data.csv"], ["../../data.csv"]),
        (["configs/own.yaml", "dataset.path=./configs/../data.csv"], ["../../data.csv"]),
        (["configs/own.yaml", "dataset.path={here}/data.csv"], ["{here}/data.csv"]),
        (
            [
                *("configs/own.yaml", "dataset.test_size=0"),
                *("dataset.path={here}/data.csv", "dataset.test_path=test.csv"),
            ],
            ["{here}/data.csv", "../../test.csv"],
        ),
        (["{here}/configs/own.yaml"], ["../../data.csv"]),
    ],
)
def test_a_path_of_data_is_written_relative_unless_it_was_absolute(given, written):
    here = str(Path.cwd())
    run = trained(*(word.format(here=here) for word in given), "epochs=5")
    assert paths_in(run) == [path.format(here=here) for path in written]
    works(run)
    again = trained(f"{run}/config.yaml")
    assert paths_in(again) == paths_in(run)
    assert (again / "weights.npz").read_bytes() == (run / "weights.npz").read_bytes()


@pytest.mark.parametrize("runs_dir", ["runs", "deep/er/runs", "../beside", "{here}/elsewhere"])
def test_a_path_is_relative_to_the_run_s_directory(runs_dir):
    runs_dir = runs_dir.format(here=Path.cwd())
    done = call("train", "-q", "configs/own.yaml", "epochs=5", "--runs-dir", runs_dir)
    run = Path(done.stdout.strip())
    (path,) = paths_in(run)
    assert not path.startswith("/")
    assert (run / path).resolve() == Path("data.csv").resolve()
    works(run)


def test_a_project_that_is_moved_has_its_runs_as_before():
    whole = trained("configs/own.yaml", "--name", "whole")
    stop("configs/own.yaml", "--name", "stopped")
    stop("configs/own.yaml", "--name", "again")
    sixty = trained("configs/own.yaml", "epochs=60", "--name", "sixty")
    moved()
    works(whole)
    for given in (
        ("--resume", "stopped-1"),
        ("configs/own.yaml", "--name", "again", "--resume-if-exists"),
    ):
        run = trained(*given)
        assert (run / "weights.npz").read_bytes() == (whole / "weights.npz").read_bytes()
    assert run == Path("runs/again-1")
    assert trained("--resume", "whole-1", "configs/own.yaml", "epochs=60") == whole
    assert (whole / "weights.npz").read_bytes() == (sixty / "weights.npz").read_bytes()
    assert not Path("../../../old").exists()


SPECS = {
    "its own": ("configs/own.yaml", "seed=0..3"),
    "swept": ("configs/own.yaml", "dataset.path=data.csv,test.csv", "seed=0..1"),
    "trials": ("configs/own.yaml", "--from", "trials.csv"),
}


@pytest.mark.parametrize("args", SPECS.values(), ids=SPECS.keys())
def test_a_project_that_is_moved_has_its_sweeps_as_before(args):
    Path("trials.csv").write_text("dataset.path,seed\ndata.csv,1\ntest.csv,2\n")
    path = sweep(*args, "--shard", "1/2")
    assert str(Path.cwd()) not in (path / "config.yaml").read_text()
    moved()
    assert sweep(*args) == path, "the same command does what is missing"
    assert json.loads((path / "run.json").read_bytes())["status"] == "finished"
    assert sweep(f"{path}/config.yaml") == path
    for number in range(json.loads((path / "run.json").read_bytes())["runs"]):
        works(path / str(number))


@pytest.mark.parametrize("link", ["runs", "run", "project"])
def test_a_run_that_is_reached_through_a_link_finds_its_data(link):
    run, path = trained("configs/own.yaml", "epochs=5"), sweep("configs/own.yaml", "seed=0..1")
    Path("../deep/er").mkdir(parents=True)
    if link == "runs":
        Path("../deep/er/runs").symlink_to(Path("runs").absolute())
        found = "../deep/er/runs/own-1", f"../deep/er/runs/{path.name}/1"
    elif link == "run":
        for name in run.name, path.name:
            Path(f"../deep/er/{name}").symlink_to(Path(f"runs/{name}").absolute())
        found = "../deep/er/own-1", f"../deep/er/{path.name}/1"
    else:
        Path("../deep/er/project").symlink_to(Path.cwd())
        found = "../deep/er/project/runs/own-1", f"../deep/er/project/runs/{path.name}/1"
    for name in found:
        works(name)
    assert call("train", "-q", f"{found[0]}/config.yaml").code == 0


def test_a_runs_directory_that_is_a_link_has_runs_that_find_their_data():
    Path("../large/disk").mkdir(parents=True)
    Path("runs").symlink_to("../large/disk")
    run, path = trained("configs/own.yaml", "epochs=5"), sweep("configs/own.yaml", "seed=0..1")
    for name in (
        run,
        path / "1",
        Path("../large/disk/own-1"),
        Path("../large/disk") / path.name / "1",
    ):
        works(name)
    assert trained("configs/own.yaml", "epochs=5", "--resume-if-exists") == run
    assert sweep("configs/own.yaml", "seed=0..1") == path


# --- as runs and sweeps were written before --------------------------------------------------


@pytest.fixture
def absolute(monkeypatch):
    """Write paths as nnfs 0.1.0 did: all are absolute."""
    with monkeypatch.context() as patch:
        patch.setattr("nnfs_cli.runs.paths.os.path.relpath", lambda path, start: path)
        yield patch.undo


def test_older_runs_with_absolute_paths_go_on(absolute):
    run = trained("configs/own.yaml", "epochs=5")
    stop("configs/own.yaml", "--name", "stopped")
    assert paths_in(run) == paths_in("runs/stopped-1") == [str(Path("data.csv").absolute())]
    absolute()
    works(run)
    assert trained("configs/own.yaml", "epochs=5", "--resume-if-exists") == run
    assert trained("--resume", "stopped-1") == Path("runs/stopped-1")
    assert trained("--resume", "own-1", "configs/own.yaml", "epochs=9") == run


def test_an_older_run_is_resumed_on_data_that_were_moved(absolute):
    whole = trained("configs/own.yaml", "--name", "whole")
    stop("configs/own.yaml", "--name", "stopped")
    absolute()
    moved()
    assert call("train", "-q", "--resume", "stopped-1").code == 6
    run = trained("--resume", "stopped-1", "dataset.path=data.csv")
    assert (run / "weights.npz").read_bytes() == (whole / "weights.npz").read_bytes()
    works(run)
    Path("data.csv").write_text(LINES.replace("no", "maybe"))
    source.forget_changed()
    done = call("train", "-q", "--resume", "whole-1", "dataset.path=data.csv", "epochs=60")
    assert done.code == 6
    assert "its data set has changed" in done.stderr


def test_an_older_sweep_with_absolute_paths_goes_on(absolute):
    path = sweep("configs/own.yaml", "seed=0..3", "--shard", "1/2")
    identity = json.loads((path / "run.json").read_bytes())["identity"]
    absolute()
    assert sweep("configs/own.yaml", "seed=0..3") == path
    facts = json.loads((path / "run.json").read_bytes())
    assert (facts["status"], facts["identity"]) == ("finished", identity)
    for number in range(4):
        works(path / str(number))
    assert sweep("configs/own.yaml", "seed=0..3") == path


@pytest.mark.parametrize("first", ["data.csv", "{here}/data.csv"])
def test_the_same_data_are_the_same_run_and_sweep_however_their_path_is_typed(first):
    paths = [path.format(here=Path.cwd()) for path in (first, "data.csv", "{here}/data.csv")]
    given = [("configs/own.yaml", f"dataset.path={path}") for path in paths]
    run, path = trained(*given[0], "epochs=5"), sweep(*given[0], "seed=0..1")
    for same in given:
        assert trained(*same, "epochs=5", "--resume-if-exists") == run
        assert sweep(*same, "seed=0..1") == path


def test_workers_elsewhere_get_absolute_paths(monkeypatch):
    sent = []
    results = sweep_workers.results

    def watched(workers, work, pieces):
        for piece in pieces:
            sent.extend(config.dataset.parameters["path"] for config in piece.stack.configs)
            yield from results(workers, work, [piece])

    monkeypatch.setattr(sweep_workers, "results", watched)
    path = sweep("configs/own.yaml", "seed=0..1")
    assert sent == [str(Path("data.csv").absolute())] * 2
    (trained_,) = members.everything(path)
    assert json.loads(str(trained_.config))["dataset"]["path"] == "../../data.csv"


def test_a_path_with_a_control_character_is_refused():
    for text in '"data.csv\\n"', "|\n    data.csv\n", '"\\e[2J.csv"':
        Path("own.yaml").write_text(f"dataset:\n  path: {text}\n" + OWN.partition("\n")[2])
        done = call("check", "own.yaml")
        assert (done.code, done.stdout) == (3, "")
        assert "has a control character" in done.stderr
        assert "\x1b" not in done.stderr


def test_copies_of_a_project_have_the_same_bits(tmp_path):
    run = trained("configs/own.yaml", "epochs=5")
    shutil.copytree(".", tmp_path / "copy")
    os.chdir(tmp_path / "copy")
    shutil.rmtree(tmp_path / "old")
    works(run)
    with np.load(run / "weights.npz") as file:
        assert file.files == ["W1", "b1", "W2", "b2"]
