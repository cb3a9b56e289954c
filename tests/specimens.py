"""One of each file that nnfs reads, and the commands that read it."""

import re
import shutil
import signal
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from shell import CONFIGS, XOR, call, trained

from nnfs_cli.training import loop

OWN = """\
dataset: {path: data.csv, target: kind, test_size: 0.25}
layers: [{units: 3, activation: tanh}, {units: 1, activation: sigmoid}]
loss: binary_cross_entropy
epochs: 40
"""
ROWS = [(i % 5 / 4, i % 3 / 2, "yes" if i % 2 else "no") for i in range(24)]
RUN, SWEEP, STOPPED = "runs/xor-1", "runs/xor-sweep-1", "runs/stopped-1"
CONTROLS = re.compile(  # what a terminal obeys, and what turns a line's text or ends it
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
POINT = "--x 0.3,0.8"


class Target(NamedTuple):
    """A file that is read: by which commands, and what they exit with if it is spoilt."""

    path: str
    commands: tuple[str, ...]
    code: int = 6
    same: bool = True  # is it held to a digest? then it is refused, or read as it was written


TARGETS = {
    "configuration": Target("given.yaml", ("train given.yaml -q", "check given.yaml"), 3, False),
    "sweep-configuration": Target("swept.yaml", ("sweep swept.yaml -q -j1",), 3, False),
    "trials": Target("trials.csv", (f"sweep {XOR} --from trials.csv -q -j1",), 3, False),
    "csv": Target("data.csv", ("train own.yaml -q",), 6, False),
    "npy": Target("data.npy", ("train npy.yaml -q",), 6, False),
    "npz": Target("data.npz", ("train npz.yaml -q",), 6, False),
    "input": Target(
        "input.csv", (f"predict {RUN} input.csv", f"evaluate {RUN} input.csv"), 6, False
    ),
    "weights": Target(
        f"{RUN}/weights.npz",
        (
            f"predict {RUN} {POINT}",
            f"evaluate {RUN}",
            f"reproduce {RUN}",
            f"diagnose {RUN}",
            f"train {XOR} -q epochs=0 --name x --init-from {RUN}",
        ),
    ),
    "costs": Target(f"{RUN}/costs.npz", (f"reproduce {RUN}", f"diagnose {RUN}")),
    "run.json": Target(f"{RUN}/run.json", (f"predict {RUN} {POINT}", f"evaluate {RUN}")),
    "config.yaml": Target(f"{RUN}/config.yaml", (f"predict {RUN} {POINT}",)),
    "checkpoint": Target(f"{STOPPED}/checkpoint.npz", ("train --resume stopped-1 -q",)),
    "checkpoint's run.json": Target(f"{STOPPED}/run.json", ("train --resume stopped-1 -q",)),
    "results": Target(
        f"{SWEEP}/results.csv", (f"show {SWEEP}", f"show {SWEEP} --over seed"), same=False
    ),
    "stack": Target(
        f"{SWEEP}/stacks-0-0.npz",
        (f"predict {SWEEP}/1 {POINT}", f"evaluate {SWEEP}/best", f"reproduce {SWEEP}/2"),
    ),
    "sweep's run.json": Target(f"{SWEEP}/run.json", (f"predict {SWEEP}/1 {POINT}",)),
}
AGAIN = {  # what is made anew if it cannot be read
    "cache": ("runs/.cache", "train moons.yaml -q epochs=3"),
    "index": ("runs/.sweeps", f"sweep {XOR} seed=0..3 epochs=40 learning_rate=1.0 -q -j1"),
}


def make(directory, rate=1.0, noise=0.2):
    """Make one of each file in a directory; another rate and noise are in every run's files."""
    directory.mkdir()
    texts = {
        "given.yaml": Path(XOR).read_text(),
        "own.yaml": OWN,
        "npy.yaml": OWN.replace("csv, target: kind", "npy"),
        "npz.yaml": OWN.replace("csv, target: kind", "npz"),
        "swept.yaml": Path(XOR).read_text() + "sweep: {seed: 0..3, epochs: [5]}\n",
        "moons.yaml": (CONFIGS / "moons.yaml").read_text(),
        "data.csv": "a,b,kind\n" + "".join(f"{a},{b},{kind}\n" for a, b, kind in ROWS),
        "input.csv": "x1,x2,y\n0,1,1\n0.5,0.25,0\n1,1,0\n",
        "trials.csv": "seed,learning_rate\n1,0.5\n2,1.0\n",
    }
    for name, text in texts.items():
        (directory / name).write_text(text)
    rows = np.array([(a, b, kind == "yes") for a, b, kind in ROWS], float)
    np.save(directory / "data.npy", rows)
    np.savez(directory / "data.npz", X=rows[:, :2], y=rows[:, 2])
    given = ("epochs=40", f"learning_rate={rate}")
    with chdir(directory):
        trained(XOR, *given, "log_every=15")
        stop(XOR, *given, "log_every=15", "--name", "stopped")
        assert call("sweep", XOR, "seed=0..3", *given, "-q", "-j1").code == 0
        trained("moons.yaml", "epochs=1", f"dataset.noise={noise}")


def stop(*args):
    """Train to about half, leaving a run that is to be resumed."""
    train = loop.train

    def stopping(training, until=None):
        for epoch in train(training, until):
            if epoch >= 20:
                signal.raise_signal(signal.SIGTERM)
            yield epoch

    with patch.object(loop, "train", stopping):
        assert call("train", "-q", *args).code == 143


def reset(here, originals):
    """Put back what commands changed."""
    shutil.rmtree(here / "runs")
    shutil.copytree(originals / "here" / "runs", here / "runs")


def answer(done):
    """Return what a command told, and the bits of the run or sweep that it names."""
    directory = Path(done.stdout.strip()[:100] or "none")
    files = (directory / name for name in ("weights.npz", "costs.npz", "results.csv"))
    if directory.is_dir():
        return [file.read_bytes() for file in files if file.exists()]
    return re.sub(r'"seconds": .*', "", done.stdout)


def refused(done, code, *told):
    """Check that a command refused a file in plain words, of which some are told."""
    assert (done.code, done.stdout) == (code, ""), done
    for words in told:
        assert words in done.stderr, done
    assert "Traceback" not in done.stderr, done
    assert not CONTROLS.search(done.stderr), done
    assert len(done.stderr) < 4000
    assert len(done.stderr.splitlines()) <= 60, done


def names(directory):
    return sorted(path.name for path in Path(directory).iterdir())


def contents(directory):
    files = (path for path in sorted(Path(directory).rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
