"""diagnose: each finding is shown by a configuration built for it, and absent on another."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import shell

from nnfs_cli.analysis import advice, symptoms
from nnfs_cli.analysis import findings as analysis_findings
from nnfs_cli.config import loading
from nnfs_cli.errors import FileError
from nnfs_cli.runs import record

XOR = (shell.XOR,)
OR = (str(shell.CONFIGS / "or.yaml"),)
MOONS = (str(shell.CONFIGS / "moons.yaml"), "dataset.samples=200", "epochs=400", "log_every=10")
CANCER = (str(shell.CONFIGS / "breast-cancer.yaml"), "log_every=10")
HOUSES = (str(shell.CONFIGS / "diabetes.yaml"), "epochs=100", "log_every=5")
NOISY_MOONS = (
    *(*MOONS, "dataset.samples=60", "dataset.noise=0.6"),
    *("dataset.test_size=0.5", "epochs=2000"),
)
SOFTMAX = ("layers.1.units=3", "layers.1.activation=softmax", "loss=cross_entropy")
DEEP = ", ".join(["{units: 6, activation: sigmoid}"] * 7 + ["{units: 1, activation: sigmoid}"])


class Case(NamedTuple):
    """What shows a finding and what does not; `cured` if the advice ends it in one go."""

    ill: tuple[str, ...]
    well: tuple[str, ...]
    cured: bool = True


CASES = {
    "diverged": Case((*HOUSES, "learning_rate=30"), HOUSES),
    "not_trained": Case((*XOR, "epochs=0"), XOR),
    "learning_rate_zero": Case((*XOR, "learning_rate=1e-46", "dtype=float32"), XOR),
    "learning_rate_high": Case((*MOONS, "learning_rate=20"), MOONS, cured=False),
    "learning_rate_low": Case((*XOR, "learning_rate=0.1"), XOR),
    "not_converged": Case((*XOR, "epochs=2000"), XOR),
    "initial_cost_high": Case(
        (*HOUSES, "seed=2", "dataset.scale_target=none", "learning_rate=0.001"),
        (*HOUSES, "seed=2"),
    ),
    "majority_class": Case((*OR, "dataset=xor", "loss=binary_cross_entropy", "epochs=1000"), OR),
    "missed_class": Case(
        (*CANCER, "dataset={path: rare.csv, scale: standard}", *SOFTMAX), CANCER, cured=False
    ),
    "linear_network": Case((*XOR, "layers.0.activation=identity"), XOR),
    "underfitting": Case((*XOR, "layers.0.units=1"), XOR),
    "overfitting": Case(NOISY_MOONS, MOONS, cured=False),
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


QUICK = (
    "and",
    "breast-cancer",
    "diabetes",
    "digits",
    "flowers",
    "iris",
    "moons",
    "or",
    "or-by-hand",
)
QUICK += ("wine", "xor", "xor-cross", "xor-deep")
CLOUDS = ((150, -2, "left"), (150, 2, "right"), (6, 0, "between"))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a directory of its own, with a regression on large numbers in far.csv, and with a
    class among others in rare.csv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(advice, "SECONDS", 3600)  # the clock decides nothing here
    rng = np.random.RandomState(0)
    clouds = [(rng.standard_normal((n, 2)) + at, name) for n, at, name in CLOUDS]
    rare = "".join(f"{a},{b},{name}\n" for points, name in clouds for a, b in points)
    (tmp_path / "rare.csv").write_text("a,b,class\n" + rare)
    rows = "".join(f"{1000 + 50 * i},{i * i}\n" for i in range(20))
    (tmp_path / "far.csv").write_text("x,y\n" + rows)


def train(args):
    """Train, whatever comes of it, and return the run."""
    done = shell.call("train", "-q", *args)
    assert done.code in (0, 4), done.stderr
    path = max(Path("runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns).parent
    return record.read(path)


def findings(args):
    """Return the findings of a training, by code."""
    found = analysis_findings.findings(symptoms.gather(train(args), None))
    return {finding.code: finding for finding in found}


def test_every_check_has_its_case():
    assert set(CASES) == set(analysis_findings.CHECKS)


@pytest.mark.parametrize("code", analysis_findings.CHECKS)
def test_a_finding_is_there_when_it_should_be_and_its_advice_is_valid(code):
    found = findings(CASES[code].ill)
    assert code in found
    finding = found[code]
    assert finding.figures
    assert finding.change
    changed = loading.load(CASES[code].ill[0], [*CASES[code].ill[1:], *finding.change])
    assert changed != loading.load(CASES[code].ill[0], CASES[code].ill[1:])


@pytest.mark.parametrize("code", analysis_findings.CHECKS)
def test_a_finding_is_absent_when_it_should_be(code):
    assert code not in findings(CASES[code].well)


@pytest.mark.parametrize("code", [code for code, case in CASES.items() if case.cured])
def test_a_finding_goes_away_if_its_advice_is_taken(code, tmp_path, monkeypatch):
    change = findings(CASES[code].ill)[code].change
    (tmp_path / "again").mkdir()
    for name in ("far.csv", "rare.csv"):
        (tmp_path / name).rename(tmp_path / "again" / name)
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
    text = shell.call("diagnose", "--no-trial", str(path)).stdout
    told = json.loads(shell.call("diagnose", "--no-trial", "--json", str(path)).stdout)
    assert not told["healthy"]
    assert told["trial"] is None
    finding = next(f for f in told["findings"] if f["code"] == "learning_rate_high")
    untried = "\n  could be tried: learning_rate=6; learning_rate=2\n"
    assert f"learning_rate_high: {finding['seen']}{untried}" in text
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
    log = record.read_log(run)
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
        with pytest.raises(FileError, match="is not a log of costs"):
            record.read_log(run)
    assert shell.call("diagnose", str(run.path)).code == 6


def test_readme_lists_every_finding():
    readme = (shell.CONFIGS.parent / "README.md").read_text()
    table = readme.partition("| finding | what was seen |\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == list(analysis_findings.CHECKS)


# --- findings are true -----------------------------------------------------------------------


def table(path, X, y):
    rows = np.c_[X, y]
    names = [*(f"x{i}" for i in range(X.shape[1])), "y"]
    np.savetxt(path, rows, delimiter=",", header=",".join(names), comments="")


def noisy(kind, seed):
    """Return inputs and targets of a noisy table whose cost has a floor."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((300, 4))
    score = X @ rng.standard_normal(4) + 2 * rng.standard_normal(300)
    return X, {"numbers": score, "classes": score > 0, "rare": score > 4.5}[kind]


def on(path, kind, **changes):
    """Return the arguments of a usual training on a table."""
    base = HOUSES if kind == "numbers" else CANCER
    target = ", scale_target: standard" if kind == "numbers" else ""
    given = {"epochs": 1000, "layers.0.units": 8, **changes}
    overrides = [f"{key}={value}" for key, value in given.items()]
    return (*base, f"dataset={{path: {path}, scale: standard{target}}}", *overrides)


@pytest.mark.parametrize("kind", ["numbers", "classes", "rare"])
@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_table_whose_cost_has_a_floor_does_not_ask_for_a_larger_rate(tmp_path, kind, seed):
    table(tmp_path / "t.csv", *noisy(kind, seed))
    found = findings(on("t.csv", kind))
    assert not {"learning_rate_low", "underfitting", "linear_network"} & set(found)


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_a_rate_that_is_too_low_is_found_on_a_noisy_table(tmp_path, kind):
    table(tmp_path / "t.csv", *noisy(kind, 0))
    assert "learning_rate_low" in findings(on("t.csv", kind, learning_rate=1e-4))


@pytest.mark.parametrize("rate", [1e-12, 1e-300, 1e-320])
def test_a_rate_that_learns_nothing_is_found(rate):
    assert {"learning_rate_low", "learning_rate_zero"} & set(
        findings((*XOR, f"learning_rate={rate}"))
    )


UNABLE = {
    "identity": ((*XOR, "layers.0.activation=identity"), "linear_network"),
    "identities": (
        (*MOONS, "layers.0.activation=identity", "layers.1.activation=identity"),
        "linear_network",
    ),
    "one unit": ((*XOR, "layers.0.units=1"), "underfitting"),
    "one unit, cross-entropy": (
        (*XOR, "layers.0.units=1", "loss=binary_cross_entropy"),
        "underfitting",
    ),
    "one unit, relu": ((*XOR, "layers.0.units=1", "layers.0.activation=relu"), "underfitting"),
    "one unit on moons": ((*MOONS, "layers.0.units=1", "epochs=2000"), "underfitting"),
    "no hidden layer": ((*OR, "dataset=xor"), "underfitting"),
    "plain": ((*XOR, "layers.0.initializer=plain", "layers.1.initializer=plain"), "underfitting"),
}


@pytest.mark.parametrize("name", UNABLE)
def test_a_network_that_cannot_learn_its_data_is_found(name):
    args, code = UNABLE[name]
    assert code in findings(args)


def test_a_target_that_has_nothing_to_do_with_the_inputs_is_found_not_learned(tmp_path):
    rng = np.random.RandomState(0)
    table(tmp_path / "t.csv", rng.standard_normal((300, 4)), rng.standard_normal(300))
    assert set(findings(on("t.csv", "numbers", epochs=100))) == {"underfitting"}


def test_accuracy_is_judged_on_the_test_part_too(tmp_path):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 4))
    table(tmp_path / "t.csv", X[:100], rng.uniform(size=100) < 0.3)  # learned by heart
    table(tmp_path / "u.csv", X[100:], rng.uniform(size=100) < 0.1)
    args = on("t.csv", "classes", learning_rate=1)
    tested = "dataset={path: t.csv, test_path: u.csv, scale: standard}"
    assert "majority_class" not in findings(args)
    found = findings((*args, tested))["majority_class"]
    assert set(found.figures) == {"test_accuracy", "test majority"}
    assert found.seen.startswith("test accuracy is ")


def test_a_test_part_of_one_class_that_is_always_right_is_no_finding(tmp_path):
    X = np.random.RandomState(0).standard_normal((100, 2))
    table(tmp_path / "t.csv", X, X[:, 0] > 0)
    table(tmp_path / "u.csv", np.abs(X) + 1, np.ones(100))
    args = on("t.csv", "classes")
    tested = "dataset={path: t.csv, test_path: u.csv, scale: standard}"
    assert "majority_class" not in findings((*args, tested))


@pytest.mark.parametrize("name", QUICK)
def test_the_configurations_are_healthy(name):
    assert findings((str(shell.CONFIGS / f"{name}.yaml"),)) == {}


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.ill], ids=CASES)
def test_findings_do_not_contradict_each_other(case):
    found = findings(case.ill)
    assert not {"learning_rate_low", "learning_rate_high"} <= set(found)
    assert not {"not_converged", "overfitting"} <= set(found)


def test_overfitting_takes_nothing_from_the_test_part():
    found = findings(NOISY_MOONS)["overfitting"]
    assert found.change == ["layers.0.units=8", "layers.1.units=8"]
    assert found.others == [["epochs=500"], ["epochs=125"]]


def test_numbers_close_to_the_largest_are_diagnosed():
    path = train((*HOUSES, "learning_rate=5", "epochs=64", "log_every=4")).path
    done = shell.call("diagnose", str(path))
    assert done.code == 0
    assert float(json.loads(shell.call("diagnose", "--json", str(path)).stdout)["cost"]) > 1e100
    assert "\ntry learning_rate=0.5: cost 0.2" in done.stdout


# --- advice is tried -------------------------------------------------------------------------


def trial(args, *options):
    """Return the trial of a run's advice, as JSON says it."""
    path = train(args).path
    return json.loads(shell.call("diagnose", "--json", str(path), *options).stdout)["trial"]


HELPED = {
    "plain": (UNABLE["plain"][0], ["layers.0.initializer=xavier", "layers.1.initializer=xavier"]),
    "zeros": (CASES["symmetric_units"].ill, ["layers.0.initializer=xavier"]),
    "identity": (UNABLE["identity"][0], ["layers.0.activation=tanh"]),
    "one unit": (UNABLE["one unit"][0], ["layers.0.units=8"]),
    "slow": ((*XOR, "learning_rate=0.1"), ["learning_rate=1"]),
    "none": ((*XOR, "learning_rate=1e-46", "dtype=float32"), ["learning_rate=5"]),
    "diverged": ((*HOUSES, "learning_rate=30"), ["learning_rate=0.3"]),
    "unscaled": (
        (*HOUSES, "dataset.scale_target=none", "seed=2"),
        ["dataset.scale_target=standard"],
    ),
    "unit": (
        (*OR, "dataset=xor"),
        ["layers=[{units: 8, activation: tanh}, {units: 1, activation: sigmoid}]"],
    ),
}


@pytest.mark.parametrize("name", HELPED)
def test_the_change_that_helps_is_found_by_trying(name):
    args, change = HELPED[name]
    tried = trial(args)
    assert tried["best"] == change
    assert tried["by"] == "cost"
    best = next(t for t in tried["tried"] if t["change"] == change)
    assert best["helps"]
    path = max(Path("runs").glob("*/"))
    text = shell.call("diagnose", str(path)).stdout.splitlines()[-1]
    assert text.startswith("try ")
    assert f"cost {best['cost']:.3g} instead of " in text


@pytest.mark.parametrize("name", ["plain", "identity", "one unit", "slow", "diverged"])
def test_a_training_keeps_what_the_trial_of_it_promised(name):
    args, _ = HELPED[name]
    tried = trial(args)
    for one in (t for t in tried["tried"] if t["helps"] and "epochs" not in str(t["change"])):
        again = train((*args, *one["change"], f"epochs={one['epoch']}", "name=again"))
        assert again.facts["cost"] == one["cost"]


def test_costs_of_targets_in_another_scale_are_compared_in_the_same_units():
    args, (change,) = HELPED["unscaled"]
    tried = trial(args)
    (best,) = (t for t in tried["tried"] if t["change"] == [change])
    again = train((*args, change, f"epochs={best['epoch']}", "name=again"))
    factor = again.encoding.targets.factor[0]
    assert best["cost"] == pytest.approx(again.facts["cost"] * factor**2)


def test_more_epochs_are_tried_from_the_end_of_the_run():
    args = (*XOR, "epochs=2000")
    tried = trial(args)
    (longer,) = (t for t in tried["tried"] if t["change"] == ["epochs=6000"])
    assert longer["epoch"] == 6000
    assert longer["cost"] == train((*args, "epochs=6000", "name=again")).facts["cost"]


def test_what_helps_against_overfitting_is_judged_by_training_samples_kept_out():
    path = train((*NOISY_MOONS, "dataset.noise=0.3")).path
    told = json.loads(shell.call("diagnose", "--json", str(path)).stdout)
    assert "overfitting" in {finding["code"] for finding in told["findings"]}
    tried = told["trial"]
    assert (tried["by"], tried["best"]) == ("kept_out_cost", ["epochs=125"])
    assert {t["instead"] for t in tried["tried"]} == {tried["cost"]}
    text = shell.call("diagnose", str(path)).stdout
    assert text.endswith(" at epoch 125 of 2000, cross-validated on the training samples\n")


def test_nothing_that_helps_is_an_answer(tmp_path):
    rng = np.random.RandomState(0)
    table(tmp_path / "t.csv", rng.standard_normal((300, 4)), rng.standard_normal(300))
    path = train(on("t.csv", "numbers", epochs=100)).path
    last = shell.call("diagnose", str(path)).stdout.splitlines()[-1]
    assert re.fullmatch(r"no change helped: tried \d+ changes up to epoch 100", last)
    assert json.loads(shell.call("diagnose", "--json", str(path)).stdout)["trial"]["best"] is None


def test_a_trial_that_has_no_time_says_so_and_claims_nothing(monkeypatch):
    monkeypatch.setattr(advice, "SECONDS", -1)
    tried = trial(UNABLE["identity"][0])
    assert (tried["tried"], tried["best"], tried["epoch"]) == ([], None, 0)
    text = shell.call("diagnose", "xor-1").stdout
    assert "\nno change could be tried: " in text


def test_changes_are_compared_at_an_epoch_that_all_came_to(monkeypatch):
    monkeypatch.setattr(advice, "WORK", 1e7)
    tried = trial(UNABLE["identity"][0])
    epochs = {t["epoch"] for t in tried["tried"] if t["change"] != ["epochs=15000"]}
    assert epochs == {tried["epoch"]}
    assert 0 < tried["epoch"] < 5000


def test_the_test_part_has_no_say_in_a_trial(tmp_path):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((100, 2))
    table(tmp_path / "t.csv", X, X[:, 0] * X[:, 1] > 0)
    trials = []
    for name, targets in (("u.csv", X[:, 0] * X[:, 1] > 0), ("v.csv", X[:, 0] < 0)):
        table(tmp_path / name, X, targets)
        given = f"dataset={{path: t.csv, test_path: {name}, scale: standard}}"
        args = (*on("t.csv", "classes", epochs=200), given, "layers.0.units=1")
        tried = trial((*args, f"name={name[0]}"))["tried"]
        trials.append({(str(t["change"]), t["cost"], t["instead"], t["helps"]) for t in tried})
    assert len(trials[0] & trials[1]) >= 3
    changes = [{change for change, *_ in tried} for tried in trials]
    assert {change for change, *_ in trials[0] & trials[1]} == changes[0] & changes[1]


def test_a_run_can_be_required_to_be_healthy():
    for args, code in ((XOR, 0), (UNABLE["identity"][0], 5)):
        path = train(args).path
        done = shell.call("diagnose", "--require", "healthy", "--no-trial", str(path))
        assert done.code == code
        assert done.stdout == shell.call("diagnose", "--no-trial", str(path)).stdout
        json.loads(shell.call("diagnose", "--require", "healthy", "--json", str(path)).stdout)
    assert done.stderr == f"{path}: is not healthy: linear_network, underfitting\n"


# --- said at the end of training -------------------------------------------------------------


def test_a_cost_that_rises_is_said_at_the_end_of_training():
    climbs = ("train", *HOUSES, "learning_rate=5", "epochs=26")
    for quiet in ([], ["-q"]):
        done = shell.call(*climbs, *quiet)
        assert done.code == 0
        assert (
            "warning: the cost ended at 4.593e+49, above 2.032 where it began. Try learn"
            in done.stderr
        )
    assert record.read(Path("runs/diabetes-1")).facts["status"] == "finished"


def test_a_cost_above_chance_is_said_at_the_end_of_training():
    done = shell.call("train", *XOR, "epochs=10")
    assert done.stderr.endswith(
        "warning: the cost ended at 0.1255; always answering the mean target costs 0.125. "
        "To see why: nnfs diagnose runs/xor-1\n"
    )
    assert "warning" not in shell.call("train", *XOR).stderr


@pytest.mark.parametrize("name", QUICK)
def test_a_training_that_learned_is_not_warned_about(name):
    assert "warning" not in shell.call("train", str(shell.CONFIGS / f"{name}.yaml")).stderr


@pytest.mark.parametrize(
    ("rate", "dtype"), [("1e-46", "float32"), ("1e-45", "float32"), ("5e-324", "float64")]
)
def test_a_rate_that_is_zero_in_its_dtype_is_said_before_training(rate, dtype):
    done = shell.call("train", *XOR, f"learning_rate={rate}", f"dtype={dtype}", "epochs=1")
    assert done.code == 0
    assert f"is 0 in {dtype}. Try learning_rate=0.1" in done.stderr
    assert "is 0 in" not in shell.call("train", *XOR, "learning_rate=1e-44", "epochs=1").stderr
