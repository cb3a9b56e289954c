"""The mathematics: NumPy and the standard library only; opens no file, prints nothing.

Read in this order: activations, losses, initializers, metrics, products, network, blocks, lanes,
backprop, optimizers, descent.

Arrays are `(..., units, samples)`. The leading axes are networks: a single run has none, a stack
of runs has one, and the same lines of code serve both.
"""
