"""Formulas of the parts, as plain text and as LaTeX, and why short forms are short."""

from __future__ import annotations

import re
from typing import NamedTuple

from nnfs_cli.config.schema import Part
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES


class Formula(NamedTuple):
    """The same formula twice."""

    text: str
    latex: str


# What a docstring of the core says in words, for a page that has room for it. A part that is not
# here is shown as its docstring has it.
LATEX = {
    "identity": (r"z", r"1"),
    "sigmoid": (r"\frac{1}{1 + e^{-z}}", r"a (1 - a)"),
    "tanh": (r"\tanh z", r"1 - a^2"),
    "relu": (r"\max(z, 0)", r"[z > 0]"),
    "leaky_relu": (r"\max(z, s z)", r"[z > 0] + s [z \le 0]"),
    "elu": (r"\max(z, 0) + e^{\min(z, 0)} - 1", r"\min(a, 0) + 1"),
    "softplus": (r"\log(1 + e^z)", r"1 - e^{-a}"),
    "sin": (r"\sin z", r"\cos z"),
    "cos": (r"\cos z", r"-\sin z"),
    "softmax": (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", r"a_i ([i = j] - a_j)"),
    "squared_error": (r"\frac{1}{2} (\hat y - y)^2", r"\hat y - y"),
    "binary_cross_entropy": (
        r"-y \log \hat y - (1 - y) \log(1 - \hat y)",
        r"\frac{\hat y - y}{\hat y (1 - \hat y)}",
    ),
    "cross_entropy": (r"-\sum y \log \hat y", r"-\frac{y}{\hat y}"),
}
WHY_SHORT = {
    "squared_error": "the identity's derivative is 1, so that the loss's own, y_hat - y, is all.",
    "binary_cross_entropy": (
        "the loss's derivative is (y_hat - y) / (y_hat (1 - y_hat)) and the sigmoid's is "
        "y_hat (1 - y_hat): what one divides by, the other multiplies with."
    ),
    "cross_entropy": (
        "the loss's derivative is -y / y_hat and softmax's y_hat_i ([i = j] - y_hat_j): summed "
        "over units, whose y sum to 1, no more than y_hat - y is left."
    ),
}


def activation(part: Part) -> tuple[Formula, Formula]:
    """Return f(z), and its derivative with a = f(z)."""
    text = ACTIVATIONS[part.name].__doc__ or ""
    match = re.match(r"(.*?); (?:derivative )?(.*?)\.( |$)", text)
    told = (match[1], match[2]) if match else (f"{part.name}(z)", f"{part.name}'(z)")
    for key, value in part.parameters.items():
        told = (told[0].replace(key, f"{value:g}"), told[1].replace(key, f"{value:g}"))
    return _formulas(part.name, told)


def loss(name: str) -> tuple[Formula, Formula]:
    """Return the loss of a sample, and its derivative with respect to y_hat."""
    value, grad = (
        re.sub(r"^\w+ |(, for .*)?\.$", "", (function.__doc__ or "").partition("\n")[0])
        for function in (LOSSES[name].loss, LOSSES[name].grad)
    )
    return _formulas(name, (value, grad))


def _formulas(name: str, told: tuple[str, str]) -> tuple[Formula, Formula]:
    written = LATEX.get(name, tuple(rf"\text{{{text}}}" for text in told))
    return Formula(told[0], written[0]), Formula(told[1], written[1])


def why_short(name: str) -> str:
    """Return why a loss with its own output activation has y_hat - y for its derivative."""
    return WHY_SHORT.get(name, "of the two derivatives no more than y_hat - y is left.")


def is_elementwise(name: str) -> bool:
    """Return whether each unit's a depends on its own z alone."""
    return ACTIVATIONS[name]().elementwise
