"""Build a training from a configuration, and run it on its own or in a stack.

Read in this order: setup, endings, loop, stack.
"""
