"""The steps of the backward pass: dC/dZ of each layer, then dW and db."""

from __future__ import annotations

from nnfs_cli.core.activations import Activation, Array, Formula
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.explain.iteration import LayerPass, Report
from nnfs_cli.explain.records import Matrix, Names, Remark, Step, activation_of


def back(
    report: Report, names: Names, number: int, layer: LayerPass, above: LayerPass | None
) -> Step:
    """Return the step to dC/dZ of a layer: upstream times local gradient, or the short form."""
    A, Z, dA, dZ = (f(c, number) for f in (names.of, names.grad) for c in "AZ")
    name, activation = activation_of(report, number)
    loss = LOSSES[report.config.loss]
    title = f"layer {number}, upstream gradient * local gradient"
    nodes: tuple[str, ...] = (f"a{number}", f"z{number}")
    over = "" if names.single else r"\frac{1}{m} "
    delta = Matrix(dZ, layer.delta, "backward")
    if layer.upstream is None or layer.local is None:
        text = f"{A.text} - Y" if names.single else f"({A.text} - Y) / m"
        short = Formula(f"{dZ.text} = {text}", f"{dZ.latex} = {over}({A.latex} - Y)")
        why = f"{report.config.loss} with {name} has a short form: "
        return Step(
            "backward",
            f"layer {number}",
            (short,),
            (delta,),
            (Remark(why + loss.short_forms[name].reason),),
            ("C", *nodes),
        )
    remarks = []
    if above is None:
        grad = loss.derivative
        text = grad.text if names.single else f"({grad.text}) / m"
        upstream = Formula(f"{dA.text} = {text}", f"{dA.latex} = {over}({grad.latex})")
        nodes = ("C", *nodes)
    else:
        W, dZ_above = names.of("W", number + 1), names.grad("Z", number + 1)
        upstream = Formula(
            f"{dA.text} = {W.text}^T.{dZ_above.text}", f"{dA.latex} = {W.latex}^T {dZ_above.latex}"
        )
        if number == names.layers - 1:
            remarks.append(
                Remark(
                    f"Each unit feeds every unit of layer {number + 1}, so its gradient is the sum "
                    "of weight x gradient over them."
                )
            )
    return Step(
        "backward",
        title,
        (upstream, *_local(activation, dA, dZ, A, Z)),
        (
            Matrix(dA, layer.upstream, "backward"),
            _local_matrix(A, Z, layer.local),
            delta,
        ),
        tuple(remarks),
        nodes,
    )


def _local(
    activation: Activation, dA: Formula, dZ: Formula, A: Formula, Z: Formula
) -> tuple[Formula, ...]:
    """Return the formulas of the local gradient and of its product with the upstream one."""
    local = Formula(f"d{A.text}/d{Z.text}", rf"\frac{{\partial {A.latex}}}{{\partial {Z.latex}}}")
    derivative = activation.derivative
    if not activation.elementwise:
        product = Formula(
            f"{dZ.text} = (d{A.text}/d{Z.text})^T.{dA.text}",
            rf"{dZ.latex} = \left({local.latex}\right)^T {dA.latex}",
        )
        jacobian = Formula(
            f"{local.text}[i, j] = {derivative.text}", f"{local.latex} = {derivative.latex}"
        )
        return jacobian, product
    return (
        Formula(f"{local.text} = {derivative.text}", f"{local.latex} = {derivative.latex}"),
        Formula(
            f"{dZ.text} = {dA.text} * {local.text}",
            rf"{dZ.latex} = {dA.latex} \odot "
            f"{local.latex}",
        ),
    )


def _local_matrix(A: Formula, Z: Formula, local: Array) -> Matrix:
    """Return da/dz; only the first sample if units depend on each other."""
    first = local.ndim == 3
    return Matrix(
        Formula(
            f"d{A.text}/d{Z.text}" + " of the first sample" * first,
            rf"\frac{{\partial {A.latex}}}{{\partial {Z.latex}}}"
            + r"\text{ of the first sample}" * first,
        ),
        local[..., 0] if first else local,
        "backward",
    )


def gradient(names: Names, number: int, layer: LayerPass) -> Step:
    """Return the step to dW and db of a layer."""
    below, dZ = names.of("A", number - 1), names.grad("Z", number)
    dW, db = names.grad("W", number), names.grad("b", number)
    why = "W and b are shared by all samples, so their gradients are summed: the product with the "
    why += "transposed inputs is that sum."
    sum_ = "" if names.single else "sum over samples of "
    return Step(
        "backward",
        f"layer {number}",
        (
            Formula(
                f"{dW.text} = d{names.cost}/{dW.text} = {dZ.text}.{below.text}^T",
                f"{dW.latex} = {dZ.latex} {below.latex}^T",
            ),
            Formula(
                f"{db.text} = {sum_}{dZ.text}",
                f"{db.latex} = " + r"\sum_{\text{samples}} " * (not names.single) + dZ.latex,
            ),
        ),
        (Matrix(dW, layer.dW, "backward"), Matrix(db, layer.db, "backward")),
        (Remark(why),) if number == names.layers and not names.single else (),
        (f"z{number}",),
    )
