"""Run directories: what is in them, and that nothing else is taken for it."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from shell import CONFIG_FILES, CONFIGS, XOR, arrays, call, facts_of, trained

from nnfs_cli.config import loading
from nnfs_cli.config.writing import dump
from nnfs_cli.errors import FileError
from nnfs_cli.runs import directory as run_directory
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record
from nnfs_cli.runs.paths import movable

FILES = ["config.yaml", "costs.npz", "run.json", "weights.npz"]
MOONS = (str(CONFIGS / "moons.yaml"), "dataset.samples=40")


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def run():
    return trained(XOR, "epochs=20")


def names(directory):
    return sorted(path.name for path in Path(directory).iterdir())


def refused(run, file="weights.npz"):
    """Return what predict and evaluate say of a run that is damaged."""
    told = set()
    for args in (("predict", str(run), "--x", "0,1"), ("evaluate", str(run))):
        done = call(*args)
        assert (done.code, done.stdout) == (6, ""), args
        assert done.stderr.startswith(f"{run / file}"), done.stderr
        told.add(done.stderr)
    (message,) = told
    return message


# What a run leaves


@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
def test_a_run_directory_is_whole_and_its_config_is_the_input(path):
    run = trained(str(path), "epochs=1")
    assert names(run) == FILES
    given = loading.load(str(path), ["epochs=1"])
    assert (run / "config.yaml").read_text() == dump(movable(given, run))
    again = trained(str(run / "config.yaml"))
    assert facts_of(again)["weights_digest"] == facts_of(run)["weights_digest"]
    assert facts_of(again)["data_digest"] == facts_of(run)["data_digest"]
    assert again.name == f"{path.stem}-2"


@pytest.mark.parametrize(
    ("epochs", "log_every", "logged"),
    [
        (0, 100, [0]),
        (1, 100, [0, 1]),
        (10, 4, [0, 4, 8, 10]),
        (8, 4, [0, 4, 8]),
        (3, 1, [0, 1, 2, 3]),
        (7, 10**20, [0, 7]),
    ],
)
@pytest.mark.parametrize("given", [(XOR,), MOONS], ids=["xor", "moons"])
def test_costs_are_those_before_the_update_of_each_logged_epoch(given, epochs, log_every, logged):
    run = trained(*given, f"epochs={epochs}", f"log_every={log_every}")
    costs, facts = arrays(run / "costs.npz"), facts_of(run)
    figures = ["cost", "accuracy", *(["test_cost", "test_accuracy"] if given == MOONS else [])]
    assert list(costs) == ["epoch", *figures]
    assert costs["epoch"].tolist() == logged
    assert {array.shape for array in costs.values()} == {(len(logged),)}
    assert {key: costs[key][-1] for key in figures} == {key: facts[key] for key in figures}
    for i, epoch in enumerate(logged):
        shorter = facts_of(trained(*given, f"epochs={epoch}"))
        assert {key: costs[key][i] for key in figures} == {key: shorter[key] for key in figures}


def test_the_first_cost_is_that_of_the_initial_parameters():
    run = trained(str(CONFIGS / "or-by-hand.yaml"), "epochs=1", "log_every=1")
    assert arrays(run / "costs.npz")["cost"].round(4).tolist() == [0.0889, 0.0840]
    run = trained(str(CONFIGS / "or-by-hand.yaml"), "epochs=0")
    assert {key: array.tolist() for key, array in arrays(run / "weights.npz").items()} == {
        "W1": [[0.1, 0.6]],
        "b1": [0.0],
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_are_units_by_inputs_in_the_dtype_of_the_configuration(dtype):
    weights = arrays(trained(*MOONS, "epochs=1", f"dtype={dtype}") / "weights.npz")
    assert {key: array.shape for key, array in weights.items()} == {
        **{"W1": (16, 2), "b1": (16,)},
        **{"W2": (16, 16), "b2": (16,)},
        **{"W3": (1, 16), "b3": (1,)},
    }
    assert {array.dtype for array in weights.values()} == {np.dtype(dtype)}


def test_run_json_tells_what_is_no_input():
    facts = facts_of(trained(*MOONS, "epochs=20", "--name", "a"))
    assert list(facts) == [
        *("status", "epochs", "cost", "accuracy", "test_cost", "test_accuracy"),
        *(
            "command",
            "started",
            "seconds",
            "data_digest",
            "versions",
            "costs_digest",
            "weights_digest",
            "identity",
        ),
        "encoding",
    ]
    assert (facts["status"], facts["epochs"]) == ("finished", 20)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", facts["started"])
    assert facts["seconds"] >= 0
    assert facts["command"] == f"nnfs train -q {MOONS[0]} {MOONS[1]} epochs=20 --name a"
    assert list(facts["versions"]) == [
        *("nnfs", "python", "numpy", "blas", "kernels", "instructions", "blas_threads"),
        *("machine", "processor"),
    ]
    for key in "data_digest", "weights_digest":
        assert re.fullmatch("[0-9a-f]{64}", facts[key])


def test_a_digest_tells_what_differs():
    def digests(*overrides):
        facts = facts_of(trained(*MOONS, "epochs=1", *overrides))
        return facts["data_digest"], facts["weights_digest"]

    data, weights = digests()
    assert digests() == (data, weights)
    assert digests("log_every=7", "name=other") == (data, weights)
    other = digests("seed=1")
    assert (other[0] == data, other[1] == weights) == (True, False)
    for override in (
        "dataset.seed=1",
        "dataset.split_seed=1",
        "dataset.test_size=0.5",
        "features=[x2, x1]",
        "dtype=float32",
    ):
        assert digests(override)[0] != data, override


def test_a_configuration_that_is_large_when_written_is_refused_or_can_be_read_again():
    row, rows = [-1] * 400, ", ".join(["*r"] * 499)
    Path("large.yaml").write_text(
        "dataset: xor\nloss: squared_error\nlayers:\n"
        "  - {units: 400, activation: tanh}\n"
        f"  - {{units: 500, activation: tanh, weights: [&r {row}, {rows}]}}\n"
        "  - {units: 1, activation: sigmoid}\n"
    )
    done = call("train", "-q", "large.yaml", "epochs=0")
    assert done.code in (0, 3)
    assert done.code == 3 or call("show", "large-1")[::2] == (0, "")


# Directories


@pytest.mark.parametrize(
    ("name", "taken", "number"),
    [
        ("a", [], 1),
        ("a", ["a-1"], 2),
        ("a", ["a-1", "a-3"], 4),
        ("a", ["a-9", "a-10"], 11),
        ("a", ["b-5", "a", "a-", "a-x", "a-1-7", "aa-8", ".a-9", "a-1x"], 1),
        ("a-1", ["a-1", "a-1-4"], 5),
        ("a.b+c", ["aXb+c-5", "a.bbc-6"], 1),
        ("a", ["a-" + "9" * 18], 10**18),
        ("größe", ["größe-1"], 2),
    ],
)
def test_the_next_run_takes_the_next_number(name, taken, number, tmp_path):
    for other in taken:
        (tmp_path / other).mkdir()
    assert run_directory.claim(tmp_path, name) == tmp_path / f"{name}-{number}"
    assert names(tmp_path) == sorted([*taken, f"{name}-{number}"])


@pytest.mark.parametrize("kind", ["file", "dangling link", "link", "directory"])
def test_whatever_has_a_run_s_name_stays(kind):
    Path("runs").mkdir()
    Path("elsewhere").mkdir()
    make = {
        "file": lambda path: path.write_text("kept"),
        "dangling link": lambda path: path.symlink_to("nowhere"),
        "link": lambda path: path.symlink_to("../elsewhere"),
        "directory": Path.mkdir,
    }
    make[kind](Path("runs/xor-1"))
    assert trained(XOR, "epochs=1") == Path("runs/xor-2")
    assert names("elsewhere") == []
    assert kind != "file" or Path("runs/xor-1").read_text() == "kept"


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"

    def fail(file):
        file.write(b"half of")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record.write(path, fail)
    assert names(tmp_path) == []
    record.write(path, lambda file: file.write(b"first"))
    with pytest.raises(KeyboardInterrupt):
        record.write(path, fail)
    assert path.read_bytes() == b"first"
    record.write(path, lambda file: file.write(b"second"))
    assert (path.read_bytes(), names(tmp_path)) == (b"second", ["file"])


@pytest.mark.parametrize("full", ["costs", "weights"])
def test_a_run_that_cannot_be_written_is_a_line_and_no_run(full, monkeypatch):
    savez = np.savez

    def fail(file, **arrays):
        if {"costs": "cost", "weights": "W1"}[full] in arrays:
            raise OSError(28, "No space left on device")
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", fail)
    done = call("train", "-q", XOR, "epochs=1")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == f"runs/xor-1/{full}.npz: cannot be written: No space left on device\n"
    assert not list(Path("runs").glob("*/run.json"))
    assert call("predict", "runs/xor-1").code == 6


@pytest.mark.parametrize("given", ["runs/xor-1", "runs/xor-1/", "xor-1", "./runs/xor-1", "{run}"])
def test_a_run_is_found_by_its_path_or_by_its_name(run, given):
    assert call("predict", given.format(run=run.absolute()), "--x", "0,1").code == 0


def test_a_run_that_is_not_there_is_told_with_those_that_are(run):
    Path("runs/unfinished-1").mkdir()
    for name in "runs/xor-2", "runs/unfinished-2":
        done = call("predict", name)
        assert done.code == 6
        assert done.stderr.startswith(f"{name}: no such run; existing runs:")
        assert "xor-1" in done.stderr
        assert "unfinished-1" not in done.stderr
    done = call("predict", "runs/unfinished-1")
    assert (done.code, done.stderr) == (
        6,
        "runs/unfinished-1: is not a finished run: it has no run.json\n",
    )


# Damage


def changed(weights, key="W1"):
    weights = {name: array.copy() for name, array in weights.items()}
    weights[key].flat[0] = np.nextafter(weights[key].flat[0], 9)
    return weights


def without(weights, key):
    return {name: array for name, array in weights.items() if name != key}


DAMAGED_WEIGHTS = {
    "changed": (changed, "digest"),
    "changed-bias": (lambda w: changed(w, "b2"), "digest"),
    "nan": (lambda w: w | {"W1": w["W1"] * np.nan}, "digest"),
    "negative-zero": (lambda w: w | {"b2": -w["b2"] * 0}, "digest"),
    "missing-array": (lambda w: without(w, "b2"), "W1 3x2, b1 3, W2 1x3; config.yaml requires"),
    "one-more-array": (lambda w: w | {"W3": w["W2"]}, "W3 1x3; config.yaml requires"),
    "renamed-array": (
        lambda w: {k.upper(): a for k, a in w.items()},
        "config.yaml requires W1 3x2",
    ),
    "other-shape": (lambda w: w | {"W1": w["W1"].T}, "holds W1 2x3"),
    "other-dtype": (lambda w: w | {"W1": w["W1"].astype("f4")}, "W1 should be float64"),
    "other-byte-order": (
        lambda w: w | {"W1": w["W1"].astype(">f8")},
        "W1 should be float64|digest",
    ),
    "integers": (lambda w: {k: a.astype(int) for k, a in w.items()}, "should be float64"),
    "texts": (lambda w: w | {"W1": w["W1"].astype("U9")}, "W1 should be float64"),
    "nothing": (lambda w: {}, "config.yaml requires W1 3x2"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGED_WEIGHTS.values(), ids=DAMAGED_WEIGHTS.keys())
def test_weights_that_the_run_did_not_write_are_refused(run, damage, told):
    path = run / "weights.npz"
    np.savez(path, **damage(arrays(path)))
    assert re.search(told, refused(run))


def as_bytes(save, *args, **arrays):
    file = io.BytesIO()
    save(file, *args, **arrays)
    return file.getvalue()


BROKEN_FILES = {
    "empty": b"",
    "text": b"W1: [[1, 2]]\n",
    "npy": as_bytes(np.save, np.zeros((3, 2))),
    "npy-of-objects": as_bytes(np.save, np.array([{}, print], object), allow_pickle=True),
    "objects": as_bytes(np.savez, W1=np.array([{}, print], object)),
    "pickle": b"cos\nsystem\n(S'touch owned'\ntR.",
    "zip-without-arrays": b"PK\x05\x06" + b"\0" * 18,
    "half": slice(0, 500),
    "all-but-a-byte": slice(0, -1),
    "without-a-head": slice(10, None),
}


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_weights_file_that_is_broken_is_refused(run, content):
    path = run / "weights.npz"
    path.write_bytes(path.read_bytes()[content] if isinstance(content, slice) else content)
    refused(run)
    assert not Path("owned").exists()


def test_weights_that_are_not_there_are_refused(run):
    (run / "weights.npz").unlink()
    assert "No such file" in refused(run)
    (run / "weights.npz").mkdir()
    assert refused(run).endswith(": cannot be read: is not a file\n")


def test_weights_of_another_run_are_refused(run):
    other = trained(XOR, "epochs=21")
    shutil.copy(other / "weights.npz", run / "weights.npz")
    assert "digest" in refused(run)
    other = trained(*MOONS, "epochs=1")
    shutil.copy(other / "weights.npz", run / "weights.npz")
    assert "holds W1 16x2" in refused(run)


def test_weights_written_in_another_way_are_the_same(run):
    before = call("predict", str(run)).stdout
    weights = arrays(run / "weights.npz")
    with zipfile.ZipFile(run / "weights.npz", "w") as archive:
        for key, array in weights.items():
            archive.writestr(f"{key}.npy", as_bytes(np.save, array))
    assert call("predict", str(run)).stdout == before


def test_weights_that_are_compressed_are_refused_for_they_might_be_huge(run):
    np.savez_compressed(run / "weights.npz", **arrays(run / "weights.npz"))
    assert "is compressed; nnfs stores arrays uncompressed" in refused(run)


def test_a_flipped_byte_is_refused_or_changes_nothing(run, request):
    path = run / "weights.npz"
    content = path.read_bytes()
    read = record.read(run)
    model = models.load(read)
    step = 1 if request.config.getoption("--full", default=False) else 3
    for position in range(0, len(content), step):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            params = models.load(read).params
        except FileError as error:
            told = str(error)
        else:
            told = str(path)
            np.testing.assert_array_equal(params, model.params, strict=True)
        assert told.startswith(str(path))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("run.json", None, "is not a finished run: it has no run.json"),
        ("run.json", "", "cannot be read"),
        ("run.json", "[]", "cannot be read"),
        ("run.json", '{"status": ', "cannot be read"),
        ("run.json", "\0", "cannot be read"),
        ("run.json", "directory", "is not a file"),
        ("config.yaml", None, "No such file or directory"),
        ("config.yaml", "", "is empty"),
        ("config.yaml", "seed: one", "seed: must be an integer"),
        ("config.yaml", "\0", "is a binary file"),
        ("config.yaml", "directory", "is not a file"),
    ],
)
def test_a_run_whose_files_cannot_be_read_is_refused(run, file, content, message):
    (run / file).unlink()
    if content == "directory":
        (run / file).mkdir()
    elif content is not None:
        (run / file).write_text(content)
    done = call("predict", str(run))
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith(str(run))
    assert re.search(message, done.stderr)
    assert "nothing was trained" not in done.stderr
    assert call("show", str(run)).code == 6
    assert call("evaluate", str(run)).code == 6


def test_a_changed_configuration_does_not_fit_the_weights(run):
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("units: 3", "units: 4"))
    assert "holds W1 3x2, b1 3, W2 1x3, b2 1; config.yaml requires W1 4x2" in refused(run)
    path.write_text(path.read_text().replace("units: 4", "units: 3").replace("t64", "t32"))
    assert "W1, W2, b1, b2 should be float32" in refused(run)


@pytest.mark.parametrize("digest", ["", "0" * 64, None, 5])
def test_a_changed_digest_does_not_fit_the_weights(run, digest):
    facts = facts_of(run)
    (run / "run.json").write_text(json.dumps(facts | {"weights_digest": digest}))
    assert "digest" in refused(run)
    del facts["weights_digest"]
    (run / "run.json").write_text(json.dumps(facts))
    assert "digest" in refused(run)
