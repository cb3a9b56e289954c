"""Train small neural networks from a YAML file, in plain NumPy, from the shell."""

__version__ = "0.1.0"
