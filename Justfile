# The commands of CONTRIBUTING.md; `just` lists them.

set positional-arguments

[private]
default:
    @just --list --unsorted

# Create the environment
setup:
    python3 -m venv .venv
    .venv/bin/pip install -e '.[test]'

# Run all tests
test:
    .venv/bin/pytest -q -n auto

# Run one file, or some of its tests: just test-one tests/core/test_losses.py -k gradient
test-one *ARGS:
    .venv/bin/pytest -q "$@"

# Lint and type-check
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy

# Run everything that CI runs
ci:
    bash .ci/run
