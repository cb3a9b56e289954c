"""A run trained again: the same bits, or where and by how much they are others."""

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from shell import CONFIG_FILES, CONFIGS, XOR, arrays, call, facts_of, start, trained

from nnfs_cli.analysis import reproduction
from nnfs_cli.runs import record
from nnfs_cli.storage.digest import digest

DIVERGING = (XOR, "learning_rate=1e6", "layers.1.activation=identity", "layers.0.activation=relu")


pytestmark = pytest.mark.usefixtures("elsewhere")


def write_facts(run, **changes):
    (run / "run.json").write_text(json.dumps(facts_of(run) | changes))


def write_arrays(run, file, change):
    """Change an .npz file of a run, and its digest with it."""
    found = arrays(run / file)
    change(found)
    np.savez(run / file, **found)
    write_facts(run, **{f"{Path(file).stem}_digest": digest(found)})


def identical(run, entries=None):
    """Check that a run is reproduced."""
    files = {path: path.read_bytes() for path in Path(run).rglob("*") if path.is_file()}
    done = call("reproduce", str(run))
    assert (done.code, done.stderr) == (0, ""), done
    told = re.fullmatch(rf"{run}: identical: weights, and (\d+) logged epochs\n", done.stdout)
    assert entries is None or int(told[1]) == entries
    shown = json.loads(call("reproduce", str(run), "--json").stdout)
    assert (shown["run"], shown["identical"], shown["weights"]) == (str(run), True, 0)
    assert files == {path: path.read_bytes() for path in files}


def different(run):
    """Check that a run is not reproduced, and return what is said."""
    done = call("reproduce", str(run))
    assert (done.code, done.stderr) == (1, ""), done
    first, *lines = done.stdout.splitlines()
    assert first == f"{run}: not the same"
    shown = json.loads(call("reproduce", str(run), "--json").stdout)
    assert shown["identical"] is False
    return lines, shown


@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
def test_a_run_of_each_configuration_is_identical(path):
    identical(trained(str(path), "epochs=12", "log_every=5"), 4)


@pytest.mark.parametrize(
    "overrides",
    [
        ["epochs=0"],
        ["epochs=1"],
        ["dtype=float32"],
        ["gradient_clip=0.001"],
        ["log_every=1"],
        ["log_every=1000"],
        ["features=[x1*x2, x2]"],
        ["layers.0.initializer=zeros"],
        ["layers.0.bias_initializer={name: uniform, low: -1, high: 1}"],
    ],
    ids=" ".join,
)
def test_so_is_one_of_any_setting(overrides):
    identical(trained(XOR, "epochs=150", *overrides))


def test_so_are_the_runs_of_a_sweep():
    assert call("sweep", XOR, "seed=0..3", "learning_rate=0.1,1", "epochs=150", "-q").code == 0
    for number in (0, 5, 7, "best"):
        done = call("reproduce", "-q", f"xor-sweep-1/{number}")
        assert (done.code, done.stderr) == (0, ""), done
        assert "identical: weights, and 3 logged epochs" in done.stdout
    done = call("reproduce", "xor-sweep-1/best", "--by", "accuracy")
    assert done.code == 0
    assert re.fullmatch(
        r"xor-sweep-1/best is run \d, with the largest accuracy: [\d.]+\n", done.stderr
    )


@pytest.mark.parametrize("kind", ["train", "sweep"])
def test_so_is_one_that_diverged(kind):
    done = call("train", *DIVERGING)
    assert (done.code, done.stdout) == (4, "runs/xor-1\n")
    identical(Path("runs/xor-1"))
    spec = "learning_rate=1e6,0.01" if kind == "sweep" else ""
    if spec:
        assert call("sweep", *DIVERGING[:1], *DIVERGING[2:], spec).code == 1
        for number in (0, 1):
            assert call("reproduce", f"xor-sweep-1/{number}").code == 0


def test_so_is_one_that_was_interrupted_and_again_when_it_was_resumed():
    process = start("train", XOR, "epochs=100000", "log_every=1000")
    assert ": 2-3-1" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    run = Path("runs/xor-1")
    reached = facts_of(run)["epochs"]
    assert 0 <= reached < 100000
    identical(run)
    (run / "checkpoint.npz").unlink()
    trained("--resume", str(run), "-q")
    identical(run, 101)


def test_so_is_one_whose_epochs_were_raised():
    run = trained(XOR, "epochs=130")
    identical(trained("--resume", str(run), "epochs=270"), 4)


# --- what is different -----------------------------------------------------------------------


@pytest.mark.parametrize(("entry", "epoch"), [(0, 0), (1, 100), (2, 200), (3, 250)])
@pytest.mark.parametrize("figure", ["cost", "accuracy"])
def test_a_cost_that_is_another_is_told_with_its_epoch(entry, epoch, figure):
    run = trained(XOR, "epochs=250")
    before = arrays(run / "costs.npz")[figure].copy()

    def change(log):
        log[figure][entry:] += 0.5

    write_arrays(run, "costs.npz", change)
    lines, shown = different(run)
    was, now = float(before[entry] + 0.5), float(before[entry])
    assert lines == [
        f"  from epoch {epoch} on: {figure} was {was!r}, is {now!r}",
        "  versions and machine are the same",
    ]
    assert (shown["epoch"], shown["figure"], shown["was"], shown["now"]) == (
        *(epoch, figure),
        *(was, now),
    )


def test_a_single_bit_is_told():
    run = trained(XOR, "epochs=250")
    was = arrays(run / "costs.npz")["cost"][2]

    def change(log):
        log["cost"][2] = np.nextafter(was, 1)

    write_arrays(run, "costs.npz", change)
    lines, _ = different(run)
    assert f"cost was {float(np.nextafter(was, 1))!r}, is {float(was)!r}" in lines[0]


def test_of_several_figures_the_first_is_told():
    run = trained(str(CONFIGS / "moons.yaml"), "dataset.samples=20", "epochs=3")

    def change(log):
        for figure in ("test_accuracy", "test_cost", "accuracy", "cost"):
            log[figure][1] += 1

    write_arrays(run, "costs.npz", change)
    for _ in range(3):
        assert different(run)[1]["figure"] == "cost"


@pytest.mark.parametrize("amount", [1e-12, 0.25, np.nan, np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_weight_that_is_another_is_told_with_its_amount(amount, dtype):
    run = trained(XOR, "epochs=250", f"dtype={dtype}")

    def change(weights):
        weights["W1"][2, 1] = 2 * weights["W1"][2, 1] if amount == 1e-12 else amount

    before = arrays(run / "weights.npz")["W1"][2, 1]
    write_arrays(run, "weights.npz", change)
    lines, shown = different(run)
    assert shown["epoch"] is None
    if np.isfinite(amount):
        gap = abs(arrays(run / "weights.npz")["W1"][2, 1] - before)
        assert shown["weights"] == pytest.approx(gap)
        assert lines[0] == f"  the weights differ by up to {gap:.3g}"
    else:
        assert re.match("  the weights differ by up to (inf|1)$", lines[0])


def own_data(*rows):
    Path("data.csv").write_text("a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in rows))
    Path("own.yaml").write_text(
        "dataset: data.csv\nlayers: [{units: 1, activation: identity}]\nloss: squared_error\n"
        "epochs: 150\n".replace("data.csv", "{path: data.csv}")
    )
    return trained("own.yaml") if not Path("runs").exists() else Path("runs/own-1")


ROWS = [(1, 2, 0.5), (3, 1, 2.5), (0, 1, -1)]


def test_data_that_is_another_is_told_with_the_epoch_from_which_it_tells():
    run = own_data(*ROWS)
    identical(run, 3)
    own_data((1, 2, 0.75), *ROWS[1:])
    lines, shown = different(run)
    assert lines[0] == "  the data set has changed"
    assert re.match(r"  from epoch 0 on: cost was \d.*, is \d", lines[1])
    assert shown["data"] is False
    own_data(*ROWS)
    identical(run, 3)


@pytest.mark.parametrize(
    "changed", [ROWS[:2], [*ROWS, (1, 1, 1)], [(1, 2, "no"), (3, 1, "yes")]], ids=str
)
def test_data_of_another_kind_is_refused(changed):
    run = own_data(*ROWS)
    own_data(*changed)
    done = call("reproduce", str(run))
    assert (done.code, done.stdout) == (6, "")


def test_versions_are_told_when_the_bits_differ():
    run = trained(XOR, "epochs=250")
    versions = facts_of(run)["versions"] | {"numpy": "1.0", "blas": "slow 0.1"}
    write_facts(run, versions=versions)
    identical(run)  # it is the bits that count

    def change(log):
        log["cost"] *= 2

    write_arrays(run, "costs.npz", change)
    done = call("reproduce", str(run))
    _, *lines = done.stdout.splitlines()
    accept = re.search(
        r"to accept this difference: nnfs (reproduce \S+ --tolerance \S+)\n$", done.stderr
    )
    assert call(*accept[1].split()).code == 0
    shown = json.loads(call("reproduce", str(run), "--json", "-q").stdout)
    now = record.versions()
    assert lines[1:] == [
        f"  numpy was 1.0, is {now['numpy']}",
        f"  blas was slow 0.1, is {now['blas']}",
    ]
    assert shown["versions"] == {
        "numpy": ["1.0", now["numpy"]],
        "blas": ["slow 0.1", now["blas"]],
    }


@pytest.mark.parametrize("file", ["weights.npz", "costs.npz"])
def test_what_cannot_be_read_is_told_before_anything_is_trained(file, monkeypatch):
    run = trained(XOR, "epochs=250")
    monkeypatch.setattr("nnfs_cli.analysis.reproduction.train", None)
    (run / file).write_bytes(b"PK")
    done = call("reproduce", str(run))
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith(f"{run / file}: cannot be read: ")


# --- --tolerance -----------------------------------------------------------------------------


def changed_by(run, amount):
    """Change all costs and weights of a run by a relative amount."""
    for file in "costs.npz", "weights.npz":
        write_arrays(
            run,
            file,
            lambda arrays: arrays.update({k: v * (1 + amount) for k, v in floats(arrays)}),
        )


def floats(arrays):
    return [(key, value) for key, value in arrays.items() if value.dtype.kind == "f"]


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(("amount", "accepted"), [(0, True), (1e-9, True), (1e-3, False)])
def test_a_tolerance_accepts_what_differs_by_less(amount, accepted, swept, monkeypatch):
    if swept:
        assert call("sweep", XOR, "seed=48,49", "epochs=250", "-q").code == 0
        run = "runs/xor-sweep-1/0"
        again = reproduction.train
        monkeypatch.setattr(
            reproduction, "train", lambda *a: {k: v * (1 + amount) for k, v in again(*a).items()}
        )
    else:
        run = trained(XOR, "epochs=250")
        changed_by(run, amount)
    done = call("reproduce", str(run), "--tolerance", "1e-6")
    assert done.code == (0 if accepted else 1)
    verdict = (
        "identical" if not amount else "not identical, but within" if accepted else "not the same"
    )
    assert done.stdout.startswith(f"{run}: {verdict}")
    assert call("reproduce", str(run)).code == (1 if amount else 0)
    shown = json.loads(call("reproduce", str(run), "--json", "--tolerance", "1e-6").stdout)
    assert (shown["identical"], shown["within"], shown["tolerance"]) == (not amount, accepted, 1e-6)


def test_no_tolerance_accepts_other_data():
    run = own_data(*ROWS)
    own_data((1, 2, 0.5 + 1e-12), *ROWS[1:])
    done = call("reproduce", str(run), "--tolerance", "1")
    assert (done.code, "the data set has changed" in done.stdout) == (1, True)


def test_a_tolerance_of_a_run_that_diverged_compares_what_is_not_finite():
    assert call("train", *DIVERGING).code == 4
    assert call("reproduce", "runs/xor-1", "--tolerance", "1e-6").code == 0


@pytest.mark.parametrize("given", ["nan", "inf", "-1", "x"])
def test_a_tolerance_is_a_finite_number(given):
    run = trained(XOR, "epochs=2")
    done = call("reproduce", str(run), "--tolerance", given)
    assert (done.code, done.stdout) == (2, "")
    assert given in done.stderr


@pytest.mark.parametrize("number", [1e-300, 3.5e-9, 0.1, 0.2, 0.3, 0.999, 1, 1.5, 9.5, 1e300])
def test_a_tolerance_is_rounded_so_that_it_is_enough(number):
    rounded = reproduction.rounded_up(number)
    assert number <= rounded <= 2 * number * (1 + 1e-9)
    assert float(f"{rounded:g}") == rounded
    assert len(f"{rounded:.3e}".partition("e")[0].rstrip("0").rstrip(".")) == 1


# --- versions --------------------------------------------------------------------------------

OTHER = {"kernels": "Prescott", "instructions": "X86_V2", "blas_threads": "8", "processor": "a Z80"}


@pytest.mark.parametrize("swept", [False, True])
def test_kernels_and_threads_are_told_as_causes_also_of_a_sweep_s_run(swept, monkeypatch):
    if swept:
        assert call("sweep", XOR, "seed=48,49", "epochs=250", "-q").code == 0
        directory, run = Path("runs/xor-sweep-1"), "runs/xor-sweep-1/1"
    else:
        directory = run = trained(XOR, "epochs=250")
    write_facts(directory, versions=facts_of(directory)["versions"] | OTHER)
    again = reproduction.train
    monkeypatch.setattr(reproduction, "train", lambda *a: {k: v * 2 for k, v in again(*a).items()})
    now = record.versions()
    told = call("reproduce", str(run)).stdout
    for key, was in OTHER.items():
        assert f"  {key.replace('_', ' ')} was {was}, is {now[key]}\n" in told


@pytest.mark.parametrize("versions", [None, {}, [], "1.0"])
def test_a_run_that_does_not_say_its_versions_is_not_said_to_have_the_same(versions, monkeypatch):
    assert call("sweep", XOR, "seed=48,49", "epochs=250", "-q").code == 0
    write_facts(Path("runs/xor-sweep-1"), versions=versions)
    monkeypatch.setattr(
        reproduction, "train", lambda *a: {"epoch": np.array([0]), "cost": np.array([9.0])}
    )
    told = call("reproduce", "runs/xor-sweep-1/1").stdout
    assert told.endswith("  the run does not say with which versions it was trained\n")


def test_versions_that_an_older_run_does_not_have_are_not_told_to_differ():
    run = trained(XOR, "epochs=250")
    versions = facts_of(run)["versions"]
    write_facts(run, versions={key: versions[key] for key in ("nnfs", "numpy", "blas")})
    assert record.changed_versions(facts_of(run)["versions"]) == {}
