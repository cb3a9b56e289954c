"""Overrides that may mend what a check found, from a run's evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nnfs_cli.analysis.symptoms import Evidence


class Found(NamedTuple):
    """What a check returns; a Finding without its code."""

    seen: str
    change: Sequence[str]
    figures: dict[str, Any]
    others: Sequence[Sequence[str]] = ()


def rate_times(e: Evidence, factor: float) -> list[str]:
    """Return a learning rate so many times as large."""
    return [f"learning_rate={min(max(e.config.learning_rate * factor, 1e-300), 1e300):.2g}"]


def scaling(e: Evidence) -> Iterator[str]:
    """Yield how to scale the data, if that is not done and some is large."""
    given = e.config.dataset.parameters
    if given["scale"] == "none" and e.size > 10:
        yield "dataset.scale=standard"
    if e.majority is None and given["scale_target"] == "none" and e.chance > 10:
        yield "dataset.scale_target=standard"


def calmer(e: Evidence, i: int, initializer: str = "") -> list[str]:
    """Return how layer i gets parameters that suit its activation, if it has others."""
    layer = e.config.layers[i]
    usual = initializer or e.network.layers[i].activation.initializer
    change = [f"layers.{i}.weights=null"] if layer.weights is not None else []
    if layer.initializer is None or layer.initializer.name != usual:
        change.append(f"layers.{i}.initializer={usual}")
    if layer.biases is not None:
        change.append(f"layers.{i}.biases=null")
    if layer.bias_initializer.name != "zeros":
        change.append(f"layers.{i}.bias_initializer=zeros")
    return change


def bent(e: Evidence, i: int) -> list[str]:
    """Return the override that gives layer i tanh, if it is linear."""
    return [f"layers.{i}.activation=tanh"] if e.network.layers[i].activation.linear else []


def wider(e: Evidence, change: Sequence[str]) -> list[str]:
    """Return a change with four times the units, and eight at least, in each hidden layer."""
    if any(layer.weights or layer.biases for layer in e.config.layers):
        return []
    hidden = enumerate(e.config.layers[:-1])
    return [*change, *(f"layers.{i}.units={max(8, 4 * h.units)}" for i, h in hidden)]


def suggested_rate(e: Evidence) -> str:
    """Return a learning rate well below where steps overshoot, in one digit."""
    usual = 0.5 / e.sharpness if 0 < e.sharpness < 1e300 else 0.1
    return f"{usual:.1g}"


def narrower(e: Evidence) -> list[str]:
    """Return half as many units in each hidden layer that has its own parameters drawn."""
    hidden = e.config.layers[:-1]
    if any(layer.weights or layer.biases for layer in e.config.layers):
        return []
    return [f"layers.{i}.units={-(-h.units // 2)}" for i, h in enumerate(hidden) if h.units > 1]
