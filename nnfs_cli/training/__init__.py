"""A configuration becomes a training, alone or in a stack, and is trained.

Read in this order: setup, loop, stack.
"""
