"""Speed of nnfs compared with its alternatives: `python -m benchmarks`."""
