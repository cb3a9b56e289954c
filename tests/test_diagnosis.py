"""diagnose: each finding is shown by a configuration built for it, and absent on another."""

from typing import NamedTuple

import pytest
import shell

from nnfs_cli import config as configuration
from nnfs_cli import diagnosis, evidence, runs

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
    "learning_rate_high": Case((*MOONS, "learning_rate=20"), MOONS, cured=False),
    "learning_rate_low": Case((*XOR, "learning_rate=0.01"), XOR),
    "not_converged": Case((*XOR, "epochs=3000"), XOR),
    "initial_cost_high": Case(
        (*HOUSES, "dataset.scale_target=none", "learning_rate=0.001"), (*HOUSES, "seed=2")
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
        (*MOONS, "layers.0.activation=relu", "layers.1.activation=relu"),
    ),
    "saturated_units": Case((*CANCER, "dataset.scale=none"), CANCER),
    "symmetric_units": Case(
        (*XOR, "layers.0.initializer=zeros", "layers.1.initializer=zeros"), XOR
    ),
    "vanishing_gradients": Case((*XOR, f"layers=[{DEEP}]", "epochs=100"), MOONS),
    "exploding_gradients": Case(
        (*HOUSES, "dataset={path: far.csv}", "learning_rate=1e-3", "epochs=2"), HOUSES
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
    (path,) = runs.directories(runs.Path("runs"))
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
