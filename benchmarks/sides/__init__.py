"""The sides: nnfs and what a user might choose instead."""

from typing import NamedTuple

from benchmarks.jobs import JOBS

_ONE_BY_ONE = "trains one network at a time: 1,000 times its xor row"


class Side(NamedTuple):
    """A side: `skips` gives the reason for each job left out; `differs` describes each changed job,
    whose cost is therefore not compared."""

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
            "xor": "log loss instead of squared error, which it offers only for linear outputs",
            "moons": "relu instead of leaky relu, which it lacks",
        },
    ),
    "PyTorch": Side("pytorch", ("torch",), {}, {}),
    "JAX": Side("jax_jit", ("jax", "jaxlib"), {}, {}),
    "Keras": Side("keras_fit", ("keras", "jax", "jaxlib"), {"sweep": _ONE_BY_ONE}, {}),
    "matrix products only": Side("products", ("numpy",), {}, dict.fromkeys(JOBS, "no training")),
}
