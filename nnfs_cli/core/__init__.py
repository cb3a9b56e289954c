"""The numerical core. It uses only NumPy and the standard library, and does no input or output.

Read in this order: activations, losses, initializers, metrics, products, network, blocks, lanes,
backprop, optimizers, descent.

Arrays are `(..., units, samples)`. The leading axes are networks: a single run has none, a stack
of runs has one, and the same code trains both.
"""
