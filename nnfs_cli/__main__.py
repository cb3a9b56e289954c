"""`python -m nnfs_cli` is `nnfs`."""

from nnfs_cli.cli import start

start()
