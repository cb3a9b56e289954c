"""diagnose: each finding is shown by a configuration built for it, and absent on another."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import shell

from nnfs_cli import config as configuration
from nnfs_cli import diagnosis, evidence, runs
from nnfs_cli.errors import FileError

XOR = (shell.XOR,)
OR = (str(shell.CONFIGS / "or.yaml"),)
MOONS = (str(shell.CONFIGS / "moons.yaml"), "dataset.samples=200", "epochs=400", "log_every=10")
CANCER = (str(shell.CONFIGS / "breast-cancer.yaml"), "log_every=10")
HOUSES = (str(shell.CONFIGS / "diabetes.yaml"), "epochs=100", "log_every=5")
DEEP = ", ".join(["{units: 6, activation: sigmoid}"] * 7 + ["{units: 1, activation: sigmoid}"])


class Case(NamedTuple):
    """What shows a finding and what does not; `cured` if the advice ends it in one go."""

    ill: tuple[str, ...]
    well: tuple[str, ...]
    cured: bool = True


CASES = {
    "diverged": Case((*HOUSES, "learning_rate=30"), HOUSES),
    "not_trained": Case((*XOR, "epochs=0"), XOR),
    "learning_rate_high": Case((*MOONS, "learning_rate=20"), MOONS, cured=False),
    "learning_rate_low": Case((*XOR, "learning_rate=0.1"), XOR),
    "not_converged": Case((*XOR, "epochs=2000"), XOR),
    "initial_cost_high": Case(
        (*HOUSES, "seed=2", "dataset.scale_target=none", "learning_rate=0.001"),
        (*HOUSES, "seed=2"),
    ),
    "majority_class": Case((*OR, "dataset=xor", "loss=binary_cross_entropy", "epochs=1000"), OR),
    "overfitting": Case(
        (*MOONS, "dataset.samples=60", "dataset.noise=0.6", "dataset.test_size=0.5", "epochs=2000"),
        MOONS,
    ),
    "dead_units": Case(
        (
            *XOR,
            "layers.0.activation=relu",
            "layers.0.bias_initializer={name: normal, mean: -9, std: 1}",
        ),
        (*MOONS, "layers.0.activation=relu"),
    ),
    "saturated_units": Case((*CANCER, "dataset.scale=none"), CANCER),
    "symmetric_units": Case(
        (*XOR, "layers.0.initializer=zeros", "layers.1.initializer=zeros"), XOR
    ),
    "vanishing_gradients": Case((*XOR, f"layers=[{DEEP}]", "epochs=100"), MOONS),
    "exploding_gradients": Case(
        (*HOUSES, "dataset={path: far.csv}", "layers.0.activation=relu", "epochs=2"), HOUSES
    ),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a directory of its own, with a regression on large numbers in far.csv."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{1000 + 50 * i},{i * i}\n" for i in range(20))
    (tmp_path / "far.csv").write_text("x,y\n" + rows)


def train(args):
    """Train, whatever comes of it, and return the run."""
    done = shell.call("train", "-q", *args)
    assert done.code in (0, 4), done.stderr
    path = max(Path("runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns).parent
    return runs.read(path)


def findings(args):
    """Return the findings of a training, by code."""
    found = diagnosis.findings(evidence.gather(train(args), None))
    return {finding.code: finding for finding in found}


def test_every_check_has_its_case():
    assert set(CASES) == set(diagnosis.CHECKS)


@pytest.mark.parametrize("code", diagnosis.CHECKS)
def test_a_finding_is_there_when_it_should_be_and_its_advice_is_valid(code):
    found = findings(CASES[code].ill)
    assert code in found
    finding = found[code]
    assert finding.figures
    assert finding.change
    changed = configuration.load(CASES[code].ill[0], [*CASES[code].ill[1:], *finding.change])
    assert changed != configuration.load(CASES[code].ill[0], CASES[code].ill[1:])


@pytest.mark.parametrize("code", diagnosis.CHECKS)
def test_a_finding_is_absent_when_it_should_be(code):
    assert code not in findings(CASES[code].well)


@pytest.mark.parametrize("code", [code for code, case in CASES.items() if case.cured])
def test_a_finding_goes_away_if_its_advice_is_taken(code, tmp_path, monkeypatch):
    change = findings(CASES[code].ill)[code].change
    (tmp_path / "again").mkdir()
    (tmp_path / "far.csv").rename(tmp_path / "again/far.csv")
    monkeypatch.chdir(tmp_path / "again")
    assert code not in findings([*CASES[code].ill, *change])


def test_a_healthy_run_is_said_to_be():
    path = train(XOR).path
    done = shell.call("diagnose", str(path))
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"{path}: finished, healthy"
    told = json.loads(shell.call("diagnose", "--json", path.name).stdout)
    assert (told["healthy"], told["findings"], told["rises"]) == (True, [], 0)
    assert [layer["dead"] for layer in told["layers"]] == [0, 0]


def test_findings_are_told_in_words_and_as_json():
    path = train(CASES["learning_rate_high"].ill).path
    text = shell.call("diagnose", str(path)).stdout
    told = json.loads(shell.call("diagnose", "--json", str(path)).stdout)
    assert not told["healthy"]
    finding = next(f for f in told["findings"] if f["code"] == "learning_rate_high")
    assert f"learning_rate_high: {finding['seen']}\n  try: learning_rate=6\n" in text
    figures = finding["figures"]
    assert f"in {figures['rises']} of {figures['steps']} logged steps" in finding["seen"]


def test_a_diverged_run_is_told_without_its_numbers():
    path = train((*HOUSES, "learning_rate=1e300")).path
    assert shell.call("diagnose", str(path)).stdout.startswith(f"{path}: diverged, ")
    told = json.loads(shell.call("diagnose", "--json", str(path)).stdout)
    assert told["layers"][0]["dead"] is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_cost_that_never_was_finite_is_told(dtype):
    huge = "layers.1.initializer={name: normal, mean: 1e200, std: 0}"
    found = findings((*HOUSES, huge, f"dtype={dtype}"))
    assert found["diverged"].seen == "the cost was not finite before the first update"
    assert found["diverged"].change == ["layers.1.initializer=xavier"]
    (path,) = Path("runs").glob("*-1")
    assert shell.call("diagnose", str(path)).code == 0


def test_a_run_of_a_sweep_is_diagnosed_as_one_alone():
    assert shell.call("sweep", "-q", *XOR, "learning_rate=0.1,1").code == 0
    alone = train(CASES["learning_rate_low"].ill)
    told = {
        name: json.loads(shell.call("diagnose", "--json", name).stdout)
        for name in (str(alone.path), "runs/xor-sweep-1/0", "runs/xor-sweep-1/best")
    }
    single, stacked, best = ({**what, "run": ""} for what in told.values())
    assert single == stacked
    assert single["findings"]
    assert best["healthy"]


def test_a_run_on_a_mapped_file_is_diagnosed(tmp_path):
    X = np.random.RandomState(0).standard_normal((3000, 3))
    np.save(tmp_path / "far.npy", np.c_[X, X @ [1, 2, 3]])
    run = train((*HOUSES, "dataset={path: far.npy}"))
    told = json.loads(shell.call("diagnose", "--json", str(run.path)).stdout)
    assert told["cost"] == run.facts["cost"]
    assert shell.call("evaluate", str(run.path), "--require", "r2>0.9").code == 0


def test_a_log_is_read_as_it_was_written_or_refused():
    run = train(XOR)
    log = runs.read_log(run)
    assert list(log) == ["epoch", "cost", "accuracy"]
    assert log["epoch"].tolist() == list(range(0, 5001, 100))
    for broken in (
        {"epoch": log["epoch"]},
        {**log, "cost": log["cost"][1:]},
        {**log, "cost": log["cost"].astype(str)},
        {key: values[:0] for key, values in log.items()},
        {key: values[0] for key, values in log.items()},
    ):
        np.savez(run.path / "costs.npz", **broken)
        with pytest.raises(FileError, match="is no log of costs"):
            runs.read_log(run)
    assert shell.call("diagnose", str(run.path)).code == 6


def test_readme_lists_every_finding():
    readme = (shell.CONFIGS.parent / "README.md").read_text()
    table = readme.partition("| finding | what was seen |\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == list(diagnosis.CHECKS)
