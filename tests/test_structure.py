"""Imports point one way, and every module can be read in one sitting."""

import ast
import sys

import pytest
from shell import ROOT

PACKAGE = ROOT / "nnfs_cli"
# A folder imports only from those below it; what stands at the top, every folder may import.
FOLDERS = [
    *("cli", "report", "plots", "analysis", "explain", "sweeps", "runs", "training", "config"),
    *("data", "storage", "core"),
]
TOP = {"errors", "machine", "interrupts", "__init__"}
# The order in which core is read, and so in which its modules import each other: upwards.
CORE = [
    *("activations", "losses", "initializers", "metrics", "products", "network", "blocks"),
    *("lanes", "backprop", "optimizers", "descent"),
]
HEAVY = {"joblib", "matplotlib", "pandas", "scipy", "sklearn", "distributed", "plotille"}
LINES = 330
CONFIG_IN_DATA = {"data/encoding", "data/labels", "data/source"}  # to be given what they need
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
each_module = pytest.mark.parametrize("module", MODULES)


def imports(module):
    """Yield the name of each module that a module imports, and whether it does so late: in a
    function, or for its types only."""
    tree = ast.parse(MODULES[module].read_text())
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CH" in ast.unparse(n)]
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    late = {n for block in (*typing, *functions) for n in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for alias in node.names:
                path = f"{node.module}.{alias.name}".replace(".", "/").removeprefix("nnfs_cli/")
                yield (path if path in MODULES else module_of(node.module)), node in late
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield module_of(alias.name), node in late


def module_of(name):
    """Return the module that a dotted name stands for: folder/module for one of the package."""
    path = name.replace(".", "/").removeprefix("nnfs_cli/")
    own = name.split(".")[0] == "nnfs_cli"
    return (path if path in MODULES else f"{path}/__init__") if own and path != "nnfs_cli" else name


def folder_of(module):
    """Return the folder that a module stands in, or "" at the top."""
    return module.rpartition("/")[0]


def is_own(module):
    return module in MODULES or module == "nnfs_cli"


def test_every_module_stands_in_a_folder_of_the_design():
    folders = {folder_of(module) for module in MODULES} - {""}
    assert folders == set(FOLDERS)
    assert {module for module in MODULES if not folder_of(module)} == TOP | {"__main__"}


@each_module
def test_imports_point_down(module):
    here = folder_of(module)
    for name, _ in imports(module):
        there = folder_of(name)
        if module in CONFIG_IN_DATA and name == "config/schema":
            continue
        if is_own(name) and there and here and there != here:
            assert FOLDERS.index(there) > FOLDERS.index(here), f"{module} imports {name}"
        elif is_own(name) and there and not here:
            assert module == "__main__", f"{module} imports {name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_modules_of_a_folder_import_each_other_in_no_circle(folder):
    left = {
        module: {name for name, late in imports(module) if folder_of(name) == folder and not late}
        for module in MODULES
        if folder_of(module) == folder and not module.endswith("__init__")
    }
    while left:
        free = [module for module, needs in left.items() if not needs & (left.keys() - {module})]
        assert free, f"a circle among {sorted(left)}"
        for module in free:
            del left[module]


@pytest.mark.parametrize("module", [m for m in MODULES if folder_of(m) == "core"])
def test_the_core_is_numpy_and_the_standard_library_in_its_order(module):
    for name, _ in imports(module):
        if is_own(name):
            here, there = (n.rpartition("/")[2] for n in (module, name))
            assert here == "__init__" or CORE.index(there) < CORE.index(here), name
        else:
            root = name.partition(".")[0]
            assert root == "numpy" or root in sys.stdlib_module_names, name


@each_module
def test_what_is_slow_to_load_is_loaded_by_the_function_that_needs_it(module):
    assert HEAVY.isdisjoint(name.partition(".")[0] for name, late in imports(module) if not late)


@each_module
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(MODULES[module].read_text().splitlines()) <= LINES
