"""The steps of the forward pass: data, features, Z and A of each layer, the cost."""

from __future__ import annotations

import numpy as np

from nnfs_cli.core.activations import Formula
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.explain.iteration import Iteration, LayerPass, Report
from nnfs_cli.explain.records import (
    Matrix,
    Names,
    Remark,
    Step,
    activation_of,
    escape,
    listed,
    named,
)


def data(report: Report) -> Step:
    """Return the step that shows the samples and their targets."""
    samples = f"one column for each of {report.y.shape[1]} samples"
    if report.sample is not None:
        samples = f"the only column is sample {report.sample}"
    x, rows = Matrix(Formula("X", "X"), report.x), report.inputs
    if report.terms:
        x, rows = Matrix(named("columns"), report.column_values), report.columns
    return Step(
        "data",
        f"{x.name.text} and Y",
        (),
        (x, Matrix(Formula("Y", "Y"), report.y)),
        (Remark(f"{x.name.text}: one row for each of {listed(rows)}; {samples}."),),
        ("columns", "x", "y"),
    )


def crosses(report: Report) -> Step:
    """Return the step that computes features from columns."""
    products = [i for i, name in enumerate(report.inputs) if name not in report.columns]
    return Step(
        "forward",
        "features",
        (),
        (
            *(Matrix(named(report.inputs[i]), report.x[[i]], "forward") for i in products),
            Matrix(Formula("X", "X"), report.x, "forward"),
        ),
        (
            Remark(
                f"X: one row for each of {listed(report.inputs)}. Features have no parameters, so "
                "the backward pass stops here."
            ),
        ),
        ("columns", "x"),
    )


def weigh(names: Names, number: int, layer: LayerPass) -> Step:
    """Return the step Z = W.A + b of a layer."""
    W, b, Z = (names.of(letter, number) for letter in "WbZ")
    below = names.of("A", number - 1)
    return Step(
        "forward",
        f"layer {number}",
        (
            Formula(
                f"{Z.text} = {W.text}.{below.text} + {b.text}",
                f"{Z.latex} = {W.latex} {below.latex} + {b.latex}",
            ),
        ),
        (Matrix(W, layer.W), Matrix(b, layer.b), Matrix(Z, layer.z, "forward")),
        (),
        (f"z{number}",),
    )


def activate(report: Report, names: Names, number: int, layer: LayerPass) -> Step:
    """Return the step A = f(Z) of a layer."""
    name, activation = activation_of(report, number)
    Z, A = names.of("Z", number), names.of("A", number)
    value = activation.formula
    remark = (Remark(f"{A.text} is y_hat, the network's output."),)
    return Step(
        "forward",
        f"layer {number}",
        (
            Formula(
                f"{A.text} = {name}({Z.text}), a = {value.text}",
                rf"{A.latex} = \text{{{escape(name)}}}({Z.latex}),\quad a = {value.latex}",
            ),
        ),
        (Matrix(A, layer.a, "forward"),),
        remark if number == names.layers else (),
        (f"a{number}",),
    )


def cost(report: Report, names: Names, iteration: Iteration) -> Step:
    """Return the step to the loss of each sample and their mean, the cost."""
    value = LOSSES[report.config.loss].formula
    mean = Formula("C = sum of L / m", r"C = \frac{1}{m} \sum L")
    formula = Formula(f"L = {value.text}", f"L = {value.latex}")
    losses = Matrix(Formula("L", "L"), iteration.losses, "forward")
    total = Matrix(Formula("C", "C"), np.array([[iteration.cost]]), "forward")
    if names.single:
        return Step("forward", f"the loss, {report.config.loss}", (formula,), (losses,), (), ("C",))
    title = f"the cost, {report.config.loss}"
    return Step("forward", title, (formula, mean), (losses, total), (), ("C",))
