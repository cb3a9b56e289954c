"""Warnings about trainings that run but probably not as intended."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnfs_cli.training.setup import Training


def no_step(rate: float, samples: int, dtype: str) -> str:
    """Return the reason why updates are 0 in a dtype, or "" if they are not."""
    with np.errstate(all="ignore"):
        if np.asarray(rate / samples, dtype) > 0:
            return ""
    return f"learning_rate / samples = {rate:g} / {samples} is 0 in {dtype}"


def before(training: Training) -> Iterator[str]:
    """Yield warnings about a training before it begins."""
    config = training.config
    zero = no_step(config.learning_rate, training.backprop.samples, config.dtype)
    if zero and config.epochs:
        yield f"no update will change anything: {zero}. Try learning_rate=0.1"


def after(training: Training, path: Path, *, quiet: bool) -> Iterator[str]:
    """Yield warnings about a training that has ended; if quiet, only if its cost has doubled."""
    first, last = training.log["cost"][0], training.log["cost"][-1]
    if last > first * (2 if quiet else 1 + 1e-9):
        rate = f"learning_rate={training.config.learning_rate / 10:g}"
        clip = "" if training.config.gradient_clip else " or gradient_clip=1"
        yield f"the cost ended at {last:.4g}, above {first:.4g} where it began. Try {rate}{clip}"
    elif training.epoch and not quiet:
        from nnfs_cli.analysis.baselines import constant
        from nnfs_cli.core.losses import LOSSES

        answer = LOSSES[training.config.loss].best_constant
        chance = constant(training.config, training.backprop.targets)
        if last > chance * (1 + 1e-3):
            yield (
                f"the cost ended at {last:.4g}; always answering the {answer} target costs "
                f"{chance:.4g}. To see why: nnfs diagnose {shlex.quote(str(path))}"
            )
