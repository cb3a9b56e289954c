"""Imports point one way: a module imports only what comes after it in ORDER."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nnfs_cli"
ORDER = [
    "__main__", "cli", "execution", "plots", "explain", "advice", "diagnosis", "learning", "checks",
    "concerns", "cures", "evidence", "baselines", "gradients", "reproduction", "prediction",
    "summaries", "sweeps", "index", "states", "stackfiles", "stacks", "plans", "planfiles",
    "trials", "grid", "executors", "cluster", "processes", "signals", "checkpoints", "listing",
    "experiment", "runs", "paths", "config", "writing", "checker", "footprint", "data", "encoding",
    "labels", "schema", "datasets", "files", "machine", "headers", "notices", "tables", "document",
    "features", "cache", "digest", "disk", "errors", "core.descent", "core.backprop", "core.blocks",
    "core.network", "core.products", "core.metrics", "core.losses", "core.initializers",
    "core.activations", "core", "__version__",
]  # fmt: skip
HEAVY = {"joblib", "matplotlib", "pandas", "scipy", "sklearn"}
PACKAGES = {"cli", "plots", "explain"}  # whose modules may import each other
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}
each_module = pytest.mark.parametrize("module", MODULES)


def known_as(name):
    """Return what a dotted name of the package is called in ORDER; all of the shell is cli."""
    parts = name.removesuffix(".__init__").split(".")[1:]
    return ".".join(parts[: 2 if parts[0] == "core" and name in MODULES else 1])


def imports(module):
    """Yield each dotted name that a module imports, and whether a function does it."""
    tree = ast.parse(MODULES[module].read_text())
    late = {n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
            names = ["nnfs_cli.__version__" if name == "nnfs_cli" else name for name in names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from ((name, node in late) for name in names)


def test_every_module_has_its_place():
    assert {known_as(module) for module in MODULES} == set(ORDER) - {"__version__"}


@each_module
def test_imports_point_one_way(module):
    here = known_as(module)
    for name, _ in imports(module):
        root = name.partition(".")[0]
        if root == "nnfs_cli":
            there = known_as(name)
            assert ORDER.index(there) > ORDER.index(here) or there == here in PACKAGES, name
        elif here.startswith("core"):
            assert root == "numpy" or root in sys.stdlib_module_names, name


@each_module
def test_what_is_slow_to_load_is_loaded_by_the_function_that_needs_it(module):
    assert HEAVY.isdisjoint(name.partition(".")[0] for name, late in imports(module) if not late)


@each_module
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(MODULES[module].read_text().splitlines()) <= 330
