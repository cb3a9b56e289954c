"""JAX: the whole loop is compiled, and vmapped for a sweep.

Samples are columns, except in jobs where rows were faster.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import jobs
from benchmarks.jobs import Array, Job, Train

HIDDEN = {
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "leaky_relu": lambda z: jax.nn.leaky_relu(z, 0.05),
}
ROWS = {"long"}


def load(job: Job, x: Array, y: Array, params: Array) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    jax.config.update("jax_enable_x64", job.dtype == "float64")
    layers = jobs.unpack(job, params)
    if job.name in ROWS:
        return jnp.array(x), jnp.array(y), [(jnp.array(W.T), jnp.array(b)) for W, b in layers]
    columns = [(jnp.array(W), jnp.array(b[..., np.newaxis])) for W, b in layers]
    return jnp.array(x.T), jnp.array(y.T), columns


def build(job: Job, data: Any) -> Train:
    rows = job.name in ROWS
    hidden = HIDDEN[job.hidden]

    def outputs(layers: Any, a: Any) -> Any:
        for i, (W, b) in enumerate(layers):
            z = (a @ W if rows else W @ a) + b
            a = hidden(z) if i < len(layers) - 1 else z
        return a

    def cost(layers: Any, x: Any, y: Any) -> Any:
        z = outputs(layers, x)
        if job.loss == "cross_entropy":
            loss = jax.nn.logsumexp(z, axis=0) - (y * z).sum(axis=0)
        elif job.loss == "binary_cross_entropy":
            loss = jax.nn.softplus(z) - y * z
        else:
            loss = (jax.nn.sigmoid(z) - y) ** 2 / 2
        return loss.sum() / x.shape[0 if rows else 1]

    def loop(layers: Any, x: Any, y: Any) -> Any:
        def epoch(_: Any, layers: Any) -> Any:
            grads = jax.grad(cost)(layers, x, y)
            return jax.tree.map(lambda p, g: p - job.learning_rate * g, layers, grads)

        return jax.lax.fori_loop(0, job.epochs, epoch, layers)

    if job.networks > 1:
        loop = jax.vmap(loop, in_axes=(0, None, None))
    x, y, layers = data
    compiled = jax.jit(loop, donate_argnums=0).lower(layers, x, y).compile()

    def train() -> Array:
        trained = [(np.asarray(W), np.asarray(b)) for W, b in compiled(layers, x, y)]
        return jobs.pack([(W.T, b) if rows else (W, b[..., 0]) for W, b in trained])

    return train
