"""Overrides that may cure a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nnfs_cli.analysis.symptoms import Evidence


class Found(NamedTuple):
    """The result of a check: a Finding without its code."""

    seen: str
    change: Sequence[str]
    figures: dict[str, Any]
    others: Sequence[Sequence[str]] = ()


def rate_times(e: Evidence, factor: float) -> list[str]:
    """Return an override that multiplies the learning rate by `factor`."""
    return [f"learning_rate={min(max(e.config.learning_rate * factor, 1e-300), 1e300):.2g}"]


def scaling(e: Evidence) -> Iterator[str]:
    """Yield overrides that scale the data, if it is large and not scaled."""
    parameters = e.config.dataset.parameters
    if parameters["scale"] == "none" and e.size > 10:
        yield "dataset.scale=standard"
    if e.majority is None and parameters["scale_target"] == "none" and e.chance > 10:
        yield "dataset.scale_target=standard"


def calmer(e: Evidence, i: int, initializer: str = "") -> list[str]:
    """Return overrides that draw layer i's parameters as suits its activation, if they are not."""
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
    """Return `change` with four times the units in each hidden layer, and at least 8."""
    if any(layer.weights or layer.biases for layer in e.config.layers):
        return []
    hidden = enumerate(e.config.layers[:-1])
    return [*change, *(f"layers.{i}.units={max(8, 4 * h.units)}" for i, h in hidden)]


def suggested_rate(e: Evidence) -> str:
    """Return a learning rate well below the overshooting one, with one digit."""
    usual = 0.5 / e.sharpness if 0 < e.sharpness < 1e300 else 0.1
    return f"{usual:.1g}"


def narrower(e: Evidence) -> list[str]:
    """Return overrides that halve the hidden layers; none if a layer has explicit parameters."""
    hidden = e.config.layers[:-1]
    if any(layer.weights or layer.biases for layer in e.config.layers):
        return []
    return [f"layers.{i}.units={-(-h.units // 2)}" for i, h in enumerate(hidden) if h.units > 1]
