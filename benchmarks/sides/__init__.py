"""Who takes part: nnfs, and what a user would pick instead."""

from typing import NamedTuple

from benchmarks.jobs import JOBS

_ONE_BY_ONE = "trains one network at a time: 1,000 times the row of xor"


class Side(NamedTuple):
    """`skips` tells why a job is left out; `differs` how one is changed, and so reaches its own
    cost."""

    module: str
    packages: tuple[str, ...]
    skips: dict[str, str]
    differs: dict[str, str]


SIDES = {
    "nnfs": Side("nnfs", ("numpy",), {}, {}),
    "articles' style": Side("articles_style", ("numpy",), {"sweep": _ONE_BY_ONE}, {}),
    "scikit-learn": Side(
        "scikit_learn",
        ("scikit-learn",),
        {"sweep": _ONE_BY_ONE},
        {
            "xor": "log loss instead of squared error, which it has only with linear outputs",
            "moons": "relu instead of leaky relu, which it does not have",
        },
    ),
    "PyTorch": Side("pytorch", ("torch",), {}, {}),
    "JAX": Side("jax_jit", ("jax", "jaxlib"), {}, {}),
    "Keras": Side("keras_fit", ("keras", "jax", "jaxlib"), {"sweep": _ONE_BY_ONE}, {}),
    "matrix products alone": Side("products", ("numpy",), {}, dict.fromkeys(JOBS, "no training")),
}
