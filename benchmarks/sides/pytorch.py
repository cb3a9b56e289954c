"""PyTorch: autograd, then an update in place.

This was the fastest form tried. torch.optim.SGD adds 25 us to an epoch (foreach, fused or neither),
nn.Module adds more, samples as rows up to a quarter; torch.compile brings no speedup here and takes
seconds to start.
"""

from typing import Any

import torch
from torch.nn import functional as F

from benchmarks import jobs
from benchmarks.jobs import Array, Job, Train

HIDDEN = {
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.05),
}


def load(job: Job, x: Array, y: Array, params: Array) -> tuple[Any, Any, list[Any]]:
    X, Y = (torch.from_numpy(a.T.copy()) for a in (x, y))
    if job.loss == "cross_entropy":
        Y = Y.argmax(dim=0)
    layers = [
        torch.tensor(part, requires_grad=True)
        for W, b in jobs.unpack(job, params)
        for part in (W, b[..., None])
    ]
    return X, Y, layers


def build(job: Job, data: Any) -> Train:
    X, Y, params = data
    layers = list(zip(params[::2], params[1::2], strict=True))
    hidden = HIDDEN[job.hidden]
    affine = torch.addmm if job.networks == 1 else torch.baddbmm
    x0 = X if job.networks == 1 else X.expand(len(params[0]), *X.shape)

    def outputs(a: Any) -> Any:
        for W, b in layers[:-1]:
            a = hidden(affine(b, W, a))
        W, b = layers[-1]
        return affine(b, W, a)

    if job.loss == "cross_entropy":

        def cost() -> Any:
            return F.cross_entropy(outputs(x0).T, Y)
    elif job.loss == "binary_cross_entropy":

        def cost() -> Any:
            return F.binary_cross_entropy_with_logits(outputs(x0), Y)
    else:

        def cost() -> Any:
            error = torch.sigmoid(outputs(x0)) - Y
            return (error * error).sum() / (2 * X.shape[1])

    def train() -> Array:
        for _ in range(job.epochs):
            cost().backward()
            with torch.no_grad():
                for p in params:
                    p.sub_(p.grad, alpha=job.learning_rate)
                    p.grad = None
        return jobs.pack([(W.detach().numpy(), b.detach().numpy()[..., 0]) for W, b in layers])

    return train
