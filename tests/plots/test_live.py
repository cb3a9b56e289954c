"""`train --live`: a training is seen in motion, however short, and its numbers are the same."""

import io
import os
import re
from contextlib import redirect_stderr, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shell import CONFIGS, trained

from nnfs_cli.config import loading
from nnfs_cli.errors import Diverged
from nnfs_cli.plots import live
from nnfs_cli.runs import record
from nnfs_cli.storage.digest import digest
from nnfs_cli.training import loop, setup

pytest.importorskip("plotille", reason="the extra 'plot' is not installed")

CONFIG_OF = {
    "xor": ("xor.yaml",),
    "moons": ("moons.yaml", "epochs=150", "dataset.samples=200"),
    "diabetes": ("diabetes.yaml",),
    "iris": ("iris.yaml",),
    "short": ("xor.yaml", "epochs=20"),
}
HEAD = re.compile(r"\r(?:\033\[\d+A)?x: epoch ([\d,]+) of ")


@pytest.fixture(autouse=True)
def _here(tmp_path):
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


def watched(config, *, until=None):
    """Train as `--live` does; return the training, its frames with their epochs, and the rests."""
    training = setup.prepare(config, Path("cache"))
    rests, err = [], io.StringIO()
    window = live.window(training, Path("x"), Path("c"), rests.append)
    with redirect_stderr(err), window as report, suppress(Diverged):
        for epoch in loop.train(training):
            report()
            if epoch == until:
                break
    frames = err.getvalue().split(live.HIDE)[1:]
    return training, [(int(HEAD.match(f)[1].replace(",", "")), f) for f in frames], rests


def loaded(name, *overrides):
    config, *others = CONFIG_OF[name]
    return loading.load(str(CONFIGS / config), (*others, *overrides))


@pytest.mark.parametrize("name", CONFIG_OF)
def test_a_short_training_is_shown_in_motion_and_to_the_same_bits(name):
    training, frames, rests = watched(loaded(name))
    slow = [epoch for epoch, frame in frames if "slowed down" in frame]
    assert len(set(slow)) >= 4
    assert slow == sorted(slow)
    assert frames[-1][0] == training.config.epochs
    assert "slowed down" not in frames[-1][1]
    assert len(rests) == len(slow) <= 2 * live.FRAMES
    assert sum(rests) <= live.REPLAY + 1e-9
    assert len({frame.partition("\033[K")[2] for _, frame in frames}) >= 4
    config, *others = CONFIG_OF[name]
    plain = record.read(trained(str(CONFIGS / config), *others))
    weights = record.weights_of(training.network, training.params)
    assert digest(weights) == plain.facts["weights_digest"]
    assert digest({k: np.array(v) for k, v in training.log.items()}) == plain.facts["costs_digest"]


def test_what_was_interrupted_is_not_shown_again():
    _, frames, rests = watched(loaded("xor"), until=1000)
    assert rests == []
    assert frames[-1][0] == 1000


@pytest.mark.parametrize("log_every", [1, 100])
def test_a_training_that_diverges_is_shown_to_its_end(log_every):
    training, frames, rests = watched(
        loaded("diabetes", "learning_rate=5", f"log_every={log_every}")
    )
    assert not np.isfinite(training.figures["cost"])
    assert rests
    assert "Diverged" in frames[-1][1]
    assert not any("nan" in frame for _, frame in frames)


@pytest.mark.parametrize(
    ("pauses", "size"), [(5, 10), (48, 10), (49, 10), (5000, 10), (99, live.KEPT), (99, 10**7)]
)
def test_the_moments_kept_of_a_training_are_few_and_evenly_spread(pauses, size):
    training = SimpleNamespace(params=np.zeros(size), epoch=0, log={"epoch": [0]})
    moments = live.Moments(training)
    for training.epoch in range(pauses):
        training.params[0] = training.epoch
        moments.note()
    epochs = [moment.epoch for moment in moments.kept]
    assert all(moment.params[0] == moment.epoch for moment in moments.kept)
    assert min(pauses, live.FRAMES) <= len(epochs) <= 2 * live.FRAMES or size >= live.KEPT
    assert len(epochs) * size <= max(live.KEPT, size)
    assert len(set(np.diff(epochs).tolist())) <= 1
